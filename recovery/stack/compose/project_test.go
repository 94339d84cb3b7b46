package compose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// sameSecrets compares values without showing them.
var sameSecrets = cmp.Comparer(func(a, b secret.String) bool { return a.Equal(b) })

func TestProjectTellsWhatIsConfigured(t *testing.T) {
	r, _ := scripted(t)
	got, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const (
		image   = "firmflow-recovery-test/postgres:15"
		imageID = "sha256:b81f21c3b41e3d3b2cf6a5b5536e347cea66bfd758d7f2694c259ac4bdd4b4dc"
	)
	want := stack.Project{
		Name: "firmflow", Dir: r.options.Dir, Files: []string{filepath.Join(r.options.Dir, "compose.yaml")},
		Tool:    "Docker 20.10.24+dfsg1, Compose 2.40.3",
		DataDir: "/var/lib/docker/volumes/firmflow_pgdata/_data", HasData: true,
		Specs: []stack.Spec{
			{
				Name: "app", Image: image, ImagePresent: true, ImageID: imageID, User: "1000:1000", Restart: "always",
				Environment: map[string]secret.String{
					"AUTH_SECRET": secret.New(madeUpSecret), "LICENSE_KEY": secret.New("FF-MADE-UP-LICENSE"),
					"DATABASE_URL": secret.New("postgresql://firmflow:" + madeUpPassword + "@db:5432/firmflow"),
					"MULTI":        secret.New("first\nsecond=third"), "DOLLARS": secret.New("x$y$$z"), "PORT": secret.New("9002"),
				},
				Ports:  []stack.Port{{Host: "127.0.0.1", Published: 49002, Target: 9002}},
				Mounts: []stack.Mount{{Kind: "bind", Source: "/opt/firmflow/uploads", Target: "/app/uploads", ReadOnly: true}},
			},
			{
				Name: "db", Image: image, ImagePresent: true, ImageID: imageID, Healthcheck: true, Restart: "unless-stopped",
				Environment: map[string]secret.String{
					"POSTGRES_USER": secret.New("firmflow"), "POSTGRES_DB": secret.New("firmflow"), "POSTGRES_PASSWORD": secret.New(madeUpPassword),
				},
				Mounts: []stack.Mount{{Kind: "volume", Source: "firmflow_pgdata", Target: "/var/lib/postgresql/data"}},
			},
			{Name: "web-proxy", Image: "firmflow-web-proxy", Restart: "no"},
		},
	}
	if diff := cmp.Diff(want, got, sameSecrets); diff != "" {
		t.Errorf("Project (-want +got):\n%s", diff)
	}
}

func TestE5NoConfiguration(t *testing.T) {
	for _, said := range []string{
		"no configuration file provided: not found",
		"open /opt/firmflow/other.yaml: no such file or directory",
		"stat /opt/firmflow/other.yaml: no such file or directory",
	} {
		r, _ := scripted(t, reply{when: "config", code: 1, stderr: said})
		if _, err := r.Project(t.Context()); !errors.Is(err, stack.ErrNoConfiguration) {
			t.Errorf("%s: Project = %v, want %v", said, err, stack.ErrNoConfiguration)
		}
	}
}

func TestD3D10ConfigurationThatIsRefused(t *testing.T) {
	for said, want := range map[string]string{
		"failed to read /opt/firmflow/.env: line 1: key cannot contain a space":                                                      "failed to read /opt/firmflow/.env: line 1: key cannot contain a space",
		"error while interpolating services.app.environment.S: required variable AUTH_SECRET is missing a value: must be set":        "error while interpolating services.app.environment.S: required variable AUTH_SECRET is missing a value: must be set",
		"env file /opt/firmflow/app.env not found: stat /opt/firmflow/app.env: no such file or directory":                            "env file /opt/firmflow/app.env not found: stat /opt/firmflow/app.env: no such file or directory",
		"validating /opt/firmflow/compose.yaml: services.a additional properties 'bogus' not allowed":                                "validating /opt/firmflow/compose.yaml: services.a additional properties 'bogus' not allowed",
		"time=\"2026-11-23T09:39:36Z\" level=warning msg=\"other\"\nyaml: line 1: did not find expected ',' or '}'":                  "yaml: line 1: did not find expected ',' or '}'",
		"failed to read /opt/fire flow/.env: line 3: unterminated quoted value \"abcSECRETxyz":                                       "failed to read /opt/fire flow/.env: line 3: unterminated quoted value [redacted]",
		"failed to read /opt/firmflow/.env: line 3: unterminated quoted value 'abcSECRETxyz\nSECRETmore":                             "failed to read /opt/firmflow/.env: line 3: unterminated quoted value [redacted]",
		"failed to read /opt/firmflow/.env: Invalid template: \"abc${DEFSECRET\"":                                                    "failed to read /opt/firmflow/.env: Invalid template: [redacted]",
		"failed to read /opt/firmflow/.env: line 1: unexpected character \"+\" in variable name \"AUTH+SECRETVALUE=abc\"":            "failed to read /opt/firmflow/.env: line 1: unexpected character [redacted]",
		"failed to read /opt/firmflow/.env: required variable X is missing a value: SECRETMSG":                                       "failed to read /opt/firmflow/.env: required variable X is missing a value: [redacted]",
		"invalid interpolation format for services.a.environment.A.\nYou may need to escape any $ with another $.\nSECRETPW${x":      "invalid interpolation format for services.a.environment.A.: [redacted] (a $ that is meant is written $$)",
		"invalid interpolation format for services.a.environment.A: \"SECRETPW${x\". You may need to escape any $ with another $":    "invalid interpolation format for services.a.environment.A: [redacted] (a $ that is meant is written $$)",
		"error while interpolating services.a.environment.A: Invalid template: \"SECRETPW${x\"\nYou may need to escape any $ SECRET": "error while interpolating services.a.environment.A: Invalid template: [redacted]",
	} {
		r, _ := scripted(t, reply{when: "config", code: 1, stderr: said})
		_, err := r.Project(t.Context())
		var refused *stack.ConfigurationError
		if !errors.As(err, &refused) {
			t.Errorf("%s: Project = %v, want a *ConfigurationError", said, err)
			continue
		}
		if refused.Text != want {
			t.Errorf("text %q, want %q", refused.Text, want)
		}
		holdsNo(t, fmt.Sprintf("%v %+v", err, err), "SECRETxyz", "SECRETmore", "DEFSECRET", "SECRETVALUE", "SECRETMSG", "SECRETPW")
	}
}

func TestD1D3WarningsAreToldOnceAndWithoutPiecesOfValues(t *testing.T) {
	const line = `time="2026-11-23T09:39:36Z" level=warning msg="The \"%s\" variable is not set. Defaulting to a blank string."`
	said := fmt.Sprintf(line+"\n"+line+"\n"+line+"\nsomething else", "AUTH_SECRET", "AUTH_SECRET", "pieceOfASecret")
	r, _ := scripted(t, reply{when: "config", stderr: said, out: found(t, "config.json")})
	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`The "AUTH_SECRET" variable is not set. Defaulting to a blank string.`,
		`a variable that no configuration file names is not set: a value in an environment file holds a $ and is cut there`,
	}
	if !slices.Equal(p.Warnings, want) {
		t.Errorf("warnings %q, want %q", p.Warnings, want)
	}
	if got := r.scrub.Scrub("a pieceOfASecret"); got != "a [redacted]" {
		t.Errorf("the scrubber gives %q", got)
	}
}

func TestD14WhatComposePrintsIsLearntAndNeverInAnError(t *testing.T) {
	r, _ := scripted(t)
	if _, err := r.Project(t.Context()); err != nil {
		t.Fatal(err)
	}
	holdsNo(t, r.scrub.Scrub("a "+madeUpSecret+" b "+madeUpPassword+" c FF-MADE-UP-LICENSE"), madeUpSecret, madeUpPassword, "FF-MADE-UP")

	broken := strings.Replace(found(t, "config.json"), `"9002",`, `9002,`, 1)
	for _, out := range []string{broken, broken[:900], "", "[]", madeUpSecret} {
		r, _ := scripted(t, reply{when: "config", out: out})
		_, err := r.Project(t.Context())
		if err == nil {
			t.Errorf("an answer of %d bytes is taken for a configuration", len(out))
			continue
		}
		holdsNo(t, fmt.Sprintf("%+v", err), "made", "MADE")
	}
}

func TestD16TheProjectIsPinnedOnceResolved(t *testing.T) {
	r, s := scripted(t)
	if err := r.Stop(t.Context(), "db"); err != nil {
		t.Fatal(err)
	}
	dir := r.options.Dir
	want := []string{
		"docker ps --all --quiet --no-trunc --filter label=com.docker.compose.project=firmflow",
		"docker compose --ansi never --project-directory " + dir + " --project-name firmflow --file " + dir + "/compose.yaml stop db",
	}
	if lines := s.lines(); lines[1] != want[0] || lines[3] != want[1] {
		t.Errorf("after the configuration: %q and %q, want %q", lines[1], lines[3], want)
	}
	if env := s.last().Env; !slices.Equal(env, []string{"PWD=" + dir}) {
		t.Errorf("environment %q, want the project directory as PWD", env)
	}
}

func TestD16AProjectThatWouldMoveStaysAndIsToldOf(t *testing.T) {
	r, s := scripted(t)
	if _, err := r.Project(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(found(t, "config.json"), `"name": "firmflow"`, `"name": "other"`, 1)
	s.replies = append([]reply{{when: r.options.Dir + " config", out: moved}}, s.replies...)

	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "firmflow" || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "now names project other") {
		t.Errorf("name %s, warnings %q; want firmflow, and the other one told of", p.Name, p.Warnings)
	}
}

func TestD16FilesInForce(t *testing.T) {
	for name, c := range map[string]struct {
		there []string
		env   string
		given []string
		want  []string
	}{
		"default":                {there: []string{"docker-compose.yml", "compose.yml"}, want: []string{"compose.yml"}},
		"override":               {there: []string{"compose.yaml", "compose.override.yaml"}, want: []string{"compose.yaml", "compose.override.yaml"}},
		"named by .env":          {there: []string{"compose.yaml", "a.yaml", "b.yaml"}, env: "X=1\r\nCOMPOSE_FILE='a.yaml:b.yaml'\r\n", want: []string{"a.yaml", "b.yaml"}},
		"named, other separator": {there: []string{"a.yaml", "b.yaml"}, env: "COMPOSE_PATH_SEPARATOR=;\nexport COMPOSE_FILE=a.yaml;b.yaml # both\n", want: []string{"a.yaml", "b.yaml"}},
		"named, cannot be told":  {there: []string{"compose.yaml"}, env: "COMPOSE_FILE=${STAGE}.yaml\n"},
		"given":                  {there: []string{"compose.yaml"}, env: "COMPOSE_FILE=a.yaml", given: []string{"prod.yaml"}, want: []string{"prod.yaml"}},
		"an empty line in .env":  {there: []string{"compose.yaml"}, env: "COMPOSE_FILE=\n", want: []string{"compose.yaml"}},
	} {
		dir := t.TempDir()
		for _, file := range c.there {
			write(t, dir, file, "")
		}
		write(t, dir, ".env", c.env)
		var got []string
		for _, file := range New(Options{Dir: dir, Files: c.given}).findFiles() {
			got = append(got, strings.TrimPrefix(file, dir+"/"))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: files %q, want %q", name, got, c.want)
		}
	}
}

func TestD16FilesAreFoundAboveAsComposeDoes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "compose.yaml", "")
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := New(Options{Dir: below}).findFiles(); !slices.Equal(got, []string{filepath.Join(dir, "compose.yaml")}) {
		t.Errorf("files %q, want the one above", got)
	}
}

func TestD2ResolvedAsksInTheShellsEnvironment(t *testing.T) {
	r, s := scripted(t)
	got, err := r.Resolved(t.Context(), []string{"AUTH_SECRET=exported", "COMPOSE_FILE=x.yaml", "PWD=/elsewhere"}, "app")
	if err != nil {
		t.Fatal(err)
	}
	if !got["AUTH_SECRET"].Equal(secret.New(madeUpSecret)) {
		t.Error("what Compose resolved is not what is told")
	}
	call := s.last()
	if !call.Secrets["AUTH_SECRET"].Equal(secret.New("exported")) || !call.Secrets["PWD"].Equal(secret.New(r.options.Dir)) {
		t.Error("Compose did not get the shell's environment, or not the project directory")
	}
	holdsNo(t, strings.Join(append(call.Args, call.Env...), " "), "exported")
	if _, err := r.Resolved(t.Context(), nil, "nobody"); !errors.Is(err, stack.ErrUnknownService) {
		t.Errorf("Resolved(nobody) = %v, want %v", err, stack.ErrUnknownService)
	}
}
