package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
)

// tiny is an installation on which a recovery takes a second or two.
var tiny = sample.Volume{Firms: 2, Users: 3, Documents: 8, AuditRows: 20, DocumentBytes: 2048}

// victim is the installation that a campaign is about.
type victim struct {
	vault, dotenv, notice, url string
	secret                     [2]string                                        // the beginning of a line of .env, as backed up and as changed since
	args, back                 func(command string, more ...string) []string    // with a backup, and without
	sql                        func(t *testing.T, database, text string) string // of somebody else
	start                      func(t *testing.T)                               // everything, as a colleague would
	stop                       func(t *testing.T)                               // the app
}

// inSandbox is the demo's installation as a victim.
func inSandbox(t *testing.T, i *demo.Installation) victim {
	t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	runtime := sandbox.New(sandbox.Options{Dir: i.Project, Environment: compose.Environment(os.Environ())})
	project, err := runtime.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	app, _ := project.Spec("app")
	port := databasePort(t, i)
	quick := []string{"--settle", "40ms", "--json"}

	return victim{
		vault: i.Vault, dotenv: filepath.Join(i.Project, ".env"), notice: notice(i), url: fmt.Sprintf("http://127.0.0.1:%d/api/health", app.Ports[0].Published),
		secret: [2]string{"AUTH_SECRET='d$mo-", "AUTH_SECRET='d$mp-"},
		args: func(command string, more ...string) []string {
			return strip(args(i, command, i.Backups, append(more, quick...)...), "--plain")
		},
		back: func(command string, more ...string) []string {
			return strip(taking(i, command, append(more, quick...)...), "--plain")
		},
		sql: func(t *testing.T, database, text string) string {
			t.Helper()
			cmd := exec.Command(filepath.Join(bin, "psql"), "-X", "-h", "127.0.0.1", "-p", port, "-U", "firmflow", "-d", database, "-v", "ON_ERROR_STOP=1", "-At")

			return answered(t, cmd, text)
		},
		start: func(t *testing.T) {
			t.Helper()
			if err := runtime.Start(t.Context(), "db", "app"); err != nil {
				t.Logf("the app does not even start: %v", err)
			}
		},
		stop: func(t *testing.T) {
			t.Helper()
			if err := runtime.Stop(t.Context(), "app"); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// onCompose is a site as a victim.
func onCompose(i *site) victim {
	quick := []string{"--settle", "500ms", "--json"}

	return victim{
		vault: i.vault, dotenv: filepath.Join(i.dir, ".env"), notice: i.notice(), url: i.url("/api/health"),
		secret: [2]string{"FIELD_ENCRYPTION_KEY=fedc", "FIELD_ENCRYPTION_KEY=fedd"},
		args:   func(command string, more ...string) []string { return i.args(command, append(more, quick...)...) },
		back: func(command string, more ...string) []string {
			return strip(i.taking(command, append(more, quick...)...), "--plain")
		},
		sql: func(t *testing.T, database, text string) string {
			t.Helper()

			return answered(t, i.command("exec", "-T", "db", "psql", "-X", "-U", "firmflow", "-d", database, "-v", "ON_ERROR_STOP=1", "-At"), text)
		},
		start: func(t *testing.T) { t.Helper(); i.compose(t, "up", "-d", "--pull", "never") },
		stop:  func(t *testing.T) { t.Helper(); i.compose(t, "stop", "--timeout", "1", "web") },
	}
}

// answered gives psql SQL, and what it says to it.
func answered(t *testing.T, psql *exec.Cmd, text string) string {
	t.Helper()
	psql.Stdin = strings.NewReader(text)
	out, err := psql.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", text, err, out)
	}

	return strings.TrimSpace(string(out))
}
