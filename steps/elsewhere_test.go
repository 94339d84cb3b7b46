package steps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// composed is a runtime with an engine somewhere.
type composed struct {
	*still
	endpoint string
	err      error
}

func (c composed) Endpoint(context.Context) (string, error) { return c.endpoint, c.err }

func (composed) Resolved(context.Context, []string, string) (map[string]secret.String, error) {
	return nil, nil
}

func TestD16AnEngineOfAnotherHostIsRefused(t *testing.T) {
	for endpoint, here := range map[string]bool{
		"unix:///var/run/docker.sock": true, "unix:///run/user/1000/docker.sock": true, "": true, "npipe:////./pipe/docker": true,
		"tcp://127.0.0.1:2375": true, "tcp://localhost:2375": true, "tcp://[::1]:2375": true,
		"tcp://10.0.4.7:2376": false, "ssh://root:s3cr3t@prod-02": false, "https://docker.example": false, "tcp://127.0.0.1.example:1": false,
	} {
		s := stopped(t)
		s.Runtime = composed{still: &still{}, endpoint: endpoint}
		s.Shell = []string{"DOCKER_HOST=" + endpoint}
		err := s.engineHere(t.Context())
		if here {
			if err != nil {
				t.Errorf("%q: %v", endpoint, err)
			}
			continue
		}
		d := carried(t, err)
		if d.Code != CodeEngineElsewhere || !strings.Contains(d.Text(), "unset DOCKER_HOST") || strings.Contains(d.Text(), "s3cr3t") {
			t.Errorf("%q: %+v", endpoint, d)
		}
	}
	s := stopped(t)
	s.Runtime = composed{still: &still{}, err: errors.New("no docker")}
	if err := s.engineHere(t.Context()); err != nil {
		t.Errorf("an engine that cannot be asked is told of elsewhere: %v", err)
	}
}

func TestD16VariablesThatLeadComposeElsewhereBlock(t *testing.T) {
	for name, c := range map[string]struct {
		shell            []string
		original, target string
		pin              bool
		want             []recovery.Status
	}{
		"nothing set":                        {},
		"the same project":                   {shell: []string{"COMPOSE_PROJECT_NAME=firmflow"}},
		"another project":                    {shell: []string{"COMPOSE_PROJECT_NAME=other"}, want: []recovery.Status{recovery.Failed}},
		"another project, and that is meant": {shell: []string{"COMPOSE_PROJECT_NAME=other", "COMPOSE_FILE=other.yaml"}, pin: true},
		"the last one counts":                {shell: []string{"COMPOSE_PROJECT_NAME=other", "COMPOSE_PROJECT_NAME=firmflow"}},
		"an empty one":                       {shell: []string{"COMPOSE_PROJECT_NAME=", "COMPOSE_FILE=", "COMPOSE_ENV_FILES=", "COMPOSE_PROFILES="}},
		"the same file":                      {shell: []string{"COMPOSE_FILE=compose.yaml"}},
		"other files":                        {shell: []string{"COMPOSE_FILE=compose.yaml:test.yaml"}, want: []recovery.Status{recovery.Failed}},
		"other files, other separator":       {shell: []string{"COMPOSE_FILE=compose.yaml;test.yaml", "COMPOSE_PATH_SEPARATOR=;"}, want: []recovery.Status{recovery.Failed}},
		"another .env":                       {shell: []string{"COMPOSE_ENV_FILES=.env.test"}, want: []recovery.Status{recovery.Failed}},
		"the same .env":                      {shell: []string{"COMPOSE_ENV_FILES=.env"}},
		"profiles":                           {shell: []string{"COMPOSE_PROFILES=debug"}, want: []recovery.Status{recovery.Warned}},
		"a name that begins like it":         {shell: []string{"COMPOSE_PROJECT_NAMES=x"}},
		"lines as in the original":           {original: "COMPOSE_PROJECT_NAME=a\nCOMPOSE_FILE=b\n", target: "COMPOSE_FILE='b'\nCOMPOSE_PROJECT_NAME=\"a\"\n"},
		"another project in .env":            {original: "COMPOSE_PROJECT_NAME=a\n", target: "COMPOSE_PROJECT_NAME=b\n", want: []recovery.Status{recovery.Failed}},
		"a project in .env only":             {target: "COMPOSE_PROJECT_NAME=b\n", want: []recovery.Status{recovery.Failed}},
		"other files in .env":                {original: "COMPOSE_FILE=a\n", target: "COMPOSE_FILE=b\nCOMPOSE_PROFILES=x\n", want: []recovery.Status{recovery.Failed, recovery.Warned}},
		"meant, in .env":                     {target: "COMPOSE_PROJECT_NAME=b\nCOMPOSE_FILE=c\n", pin: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := stopped(t)
			s.Runtime = composed{still: &still{}}
			s.project = &stack.Project{Name: "firmflow", Files: []string{filepath.Join(s.ProjectDir, "compose.yaml")}}
			s.Shell, s.PinProject, s.PinFile = c.shell, c.pin, c.pin
			found := s.composeElsewhere(envOf(t, c.original), envOf(t, c.target))
			if len(found) != len(c.want) {
				t.Fatalf("%d findings, want %d: %+v", len(found), len(c.want), found)
			}
			for i, f := range found {
				if f.Status != c.want[i] {
					t.Errorf("%s: %s, want %s", f.Text, f.Status, c.want[i])
				}
			}
		})
	}
}

func envOf(t *testing.T, text string) envfile.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := envfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}

	return file
}
