package envfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
)

// project passes one variable on to an app, as FirmFlow's passes AUTH_SECRET.
const project = `services:
  app:
    image: none
    environment:
      V: ${V}
`

// The D-table's readings are those of one release. This asks the Compose that
// is installed.
func TestReadAgreesWithTheComposeThatIsInstalled(t *testing.T) {
	requireCompose(t)
	for _, row := range dTable {
		if row.name[:2] == "22" || row.name[:2] == "52" {
			continue // no text; and a NUL, with which nothing can be started
		}
		t.Run(row.name, func(t *testing.T) {
			path := write(t, row.text)
			got, err := resolve(t, path)
			if got := reading(err, got); got != row.compose {
				t.Errorf("docker compose config gives %q (%v), want %q", got, err, row.compose)
			}
			file, err := Read(path)
			if got := reading(err, secret.Reveal(file.Value("V"))); got != row.compose {
				t.Errorf("Read gives %q (%v), want %q", got, err, row.compose)
			}
		})
	}
}

func TestTheComposeThatIsInstalledReadsOurLines(t *testing.T) {
	requireCompose(t)
	for _, value := range []string{
		"", "plain+/==", "abc$def", "$$", "${X:-y}", "a'b", `a"b`, `a\`, `a\'b$c`, `\$x\n`, "a #b", " a ", "a\nb", "a\r\nb", "grün\u200b", "#x", "'", `"`, "${", "`id`$(id)",
	} {
		line, err := Line("V", secret.New(value))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := resolve(t, write(t, secret.Reveal(line)+"\n")); err != nil || got != value {
			t.Errorf("docker compose config gives %q (%v), want %q", got, err, value)
		}
	}
}

// rawly passes the same variable on in the raw format.
const rawly = `services:
  app:
    image: none
    env_file:
      - path: .env
        format: raw
`

// An env_file in the raw format is told by what it makes of quotes, and the help
// of that says how the same value is written otherwise.
func TestD9ARawEnvFileKeepsQuotes(t *testing.T) {
	requireCompose(t)
	const value = `'a$b'`
	if got, err := resolveIn(t, rawly, write(t, "V='a$b'\n")); err != nil || got != value {
		t.Errorf("in the raw format Compose gives %q (%v), want %q", got, err, value)
	}
	path := write(t, `V="'a\$b'"`+"\n")
	if got, err := resolve(t, path); err != nil || got != value {
		t.Errorf("written as the help says, Compose gives %q (%v), want %q", got, err, value)
	}
	if got := secret.Reveal(mustRead(t, `V="'a\$b'"`+"\n").Value("V")); got != value {
		t.Errorf("written as the help says, Read gives %q, want %q", got, value)
	}
}

// resolve asks Compose what it gives the app as V with this .env.
func resolve(t *testing.T, path string) (string, error) {
	t.Helper()

	return resolveIn(t, project, path)
}

func resolveIn(t *testing.T, project, path string) (string, error) {
	t.Helper()
	dir := filepath.Dir(path)
	mustDo(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(project), 0o600))

	var out bytes.Buffer
	err := installed(dir).Run(t.Context(), command.Cmd{
		Args:   []string{"docker", "compose", "--project-directory", dir, "config", "--format", "json"},
		Stdout: &out,
	})
	if err != nil {
		return "", err
	}
	var config struct {
		Services map[string]struct{ Environment map[string]string }
	}
	if err := json.Unmarshal(out.Bytes(), &config); err != nil {
		t.Fatal(err)
	}

	return strings.ReplaceAll(config.Services["app"].Environment["V"], "$$", "$"), nil
}

// installed runs Compose with nothing of this process's environment but
// where programs are found.
func installed(dir string) command.Local {
	return command.Local{Dir: dir, Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "COMPOSE_PROJECT_NAME=firmflow"}}
}

// requireCompose skips a test where there is no Compose, and fails it where
// there must be one.
func requireCompose(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("asks the installed Compose")
	}
	err := installed(t.TempDir()).Run(t.Context(), command.Cmd{Args: []string{"docker", "compose", "version"}})
	if err == nil {
		return
	}
	if strings.Contains(os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE"), "docker") {
		t.Fatalf("Compose is required: %v", err)
	}
	if _, ok := errors.AsType[*command.Error](err); ok {
		t.Skipf("Compose is not installed: %v", err)
	}
	t.Fatal(err)
}
