package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/recovery/stack/stacktest"
)

// eventually looks until it is so. Each look takes its own time.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !so(); {
		if time.Now().After(end) {
			t.Fatalf("it did not come about that %s", what)
		}
	}
}

func serviceOf(t *testing.T, r *sandbox.Runtime, name string) stack.Service {
	t.Helper()
	services, err := r.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return stack.Find(services, name)
}

func start(t *testing.T, r *sandbox.Runtime, names ...string) {
	t.Helper()
	if err := r.Start(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
}

func pidOf(t *testing.T, p *place) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "run", "app.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}

	return pid
}

func sql(t *testing.T, r *sandbox.Runtime, statement string) string {
	t.Helper()
	var out bytes.Buffer
	err := r.In("db").Run(t.Context(), command.Cmd{
		Args:   []string{"psql", "-XAtq", "-U", "firmflow", "-d", "firmflow", "-c", statement},
		Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}

	return strings.TrimSpace(out.String())
}

func TestAFirstStartMakesTheDatabaseAsTheImageDoes(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	for _, left := range []string{"pgdata", "pgdata.initializing/base"} { // an empty volume, an interrupted start
		if err := os.MkdirAll(filepath.Join(p.dir, left), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	start(t, r, "db")

	got := sql(t, r, `SELECT current_setting('server_encoding'), datcollate, rolsuper, rolname
		FROM pg_database, pg_roles WHERE datname = 'firmflow' AND rolname = current_user`)
	if want := "UTF8|C.UTF-8|t|firmflow"; got != want {
		t.Errorf("the database is %s, want %s", got, want)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "pgdata.initializing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("staging is left behind: %v", err)
	}
}

func TestAStopKeepsTheDataAndAStartFindsIt(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	start(t, r, "db")
	sql(t, r, `CREATE TABLE "Kept" AS SELECT 42 AS n`)
	if err := r.Stop(t.Context(), "db"); err != nil {
		t.Fatal(err)
	}

	again := p.open(t) // another program, later
	start(t, again, "db")
	if got := sql(t, again, `SELECT n FROM "Kept"`); got != "42" {
		t.Errorf("the table holds %q, want 42", got)
	}
}

func TestE9APortThatIsTakenIsToldBeforeTheStart(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.app)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()

	var taken *stack.PortError
	if err := r.Start(t.Context(), "app"); !errors.As(err, &taken) || taken.Service != "app" {
		t.Fatalf("error is %v, want *PortError of app", err)
	}
	if got := serviceOf(t, r, "app"); got.State != stack.Created {
		t.Errorf("the app is %s, want created", got.State)
	}
}

func TestADatabaseThatCannotStartSaysWhy(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	start(t, r, "db")
	if err := r.Stop(t.Context(), "db"); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(p.dir, "pgdata", "postgresql.conf")
	if err := os.WriteFile(conf, []byte("no_such_setting = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	var failed *stack.StartError
	if err := r.Start(t.Context(), "db"); !errors.As(err, &failed) || failed.Text == "" {
		t.Fatalf("error is %v, want *StartError with a reason", err)
	}
	if got := serviceOf(t, r, "db"); got.State != stack.Exited || got.ExitCode != -1 {
		t.Errorf("state %s, exit code %d; want exited, unknown (-1)", got.State, got.ExitCode)
	}
}

// Whoever is killed between the start of an app and its record leaves one that runs,
// and a record that only says that a start was begun.
func TestAnAppThatNobodyLivedToRecordIsFoundAgain(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	start(t, r, "app")
	pid, file := pidOf(t, p), filepath.Join(p.dir, "run", "app.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]any
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	for _, later := range []string{"pid", "ticks", "startedAt", "started"} {
		delete(known, later)
	}
	known["starting"] = true
	left, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	leave := func() {
		t.Helper()
		if err := os.WriteFile(file, left, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	leave()
	again := p.open(t)
	if got := serviceOf(t, again, "app"); got.State != stack.Running || got.StartedAt.IsZero() {
		t.Errorf("the app is %s since %s, want running", got.State, got.StartedAt)
	}
	start(t, again, "app")
	if now := pidOf(t, p); now != pid {
		t.Errorf("process %d was started beside %d", now, pid)
	}
	leave()
	if err := p.open(t).Stop(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process is gone", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	if got := serviceOf(t, again, "app"); got.State != stack.Exited {
		t.Errorf("the stopped app is %s, want exited", got.State)
	}
	leave() // killed before it was started
	if got := serviceOf(t, again, "app"); got.State != stack.Created {
		t.Errorf("the app that was never started is %s, want created", got.State)
	}
	start(t, again, "app")
}

func TestAnAppThatDiedIsExitedAndStartsAgain(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	start(t, r, "app")
	if err := syscall.Kill(pidOf(t, p), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the app is exited", func() bool { return serviceOf(t, r, "app").State == stack.Exited })
	if got := serviceOf(t, r, "app"); got.ExitCode != -1 {
		t.Errorf("exit code %d, want unknown (-1)", got.ExitCode)
	}
	if err := r.In("app").Run(t.Context(), command.Cmd{Args: []string{"true"}}); !errors.Is(err, stack.ErrNotRunning) {
		t.Errorf("error is %v, want %v", err, stack.ErrNotRunning)
	}

	start(t, r, "app")
	if got := serviceOf(t, r, "app"); got.State != stack.Running {
		t.Errorf("the app is %s, want running", got.State)
	}
}

func TestAnAppThatDoesNotListenIsKilled(t *testing.T) {
	p := newPlace(t)
	p.setEnv(t, "TEST_APP", "deaf")
	r := p.open(t)
	sandbox.SetGrace(r, 200*time.Millisecond)
	start(t, r, "app")
	eventually(t, "the app answers", func() bool { return serviceOf(t, r, "app").Health == stack.Healthy })
	if err := r.Stop(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	pid := pidOf(t, p)
	eventually(t, "the process is gone", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}

func TestD14NoValueIsWrittenOrArgued(t *testing.T) {
	const value = "hunter2-hunter2-hunter2"
	p := newPlace(t)
	p.setEnv(t, "AUTH_SECRET", value)
	r := p.open(t)
	if err := r.Create(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	start(t, r, "db", "app")
	eventually(t, "the app answers", func() bool { return serviceOf(t, r, "app").Health == stack.Healthy })

	argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pidOf(t, p)))
	if err != nil || bytes.Contains(argv, []byte(value)) {
		t.Errorf("the arguments are %q, %v", argv, err)
	}
	for _, file := range []string{"sandbox.json", "run/app.json", "run/db.json", "log/db.log"} {
		text, err := os.ReadFile(filepath.Join(p.dir, file))
		if err != nil || bytes.Contains(text, []byte(value)) {
			t.Errorf("%s holds the value, or %v", file, err)
		}
	}
	lines, err := r.Logs(t.Context(), "app", 10) // the app itself says it
	if text := strings.Join(lines, "\n"); err != nil || text != "the app's AUTH_SECRET is [redacted]" {
		t.Errorf("the log reads %q, %v", text, err)
	}
}

func TestACommandInTheAppHasItsEnvironment(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	start(t, r, "app")
	p.setEnv(t, "AUTH_SECRET", "changed-meanwhile")

	var out bytes.Buffer
	cmd := command.Cmd{Args: []string{"printenv", "AUTH_SECRET", "EXTRA"}, Env: []string{"EXTRA=more"}, Stdout: &out}
	if err := r.In("app").Run(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	if out.String() != "to begin with\nmore\n" {
		t.Errorf("the environment gives %q", out.String())
	}
}

func TestWhatIsTypedWorksWhenPasted(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	shell := command.Local{Env: os.Environ()}
	paste := func(text string) string {
		t.Helper()
		var out bytes.Buffer
		if err := shell.Run(t.Context(), command.Cmd{Args: []string{"bash", "-c", text}, Stdout: &out}); err != nil {
			t.Fatalf("%s\n%v", text, err)
		}

		return strings.TrimSpace(out.String())
	}

	paste(r.Typed(stack.Start, "db", "app"))
	if got := serviceOf(t, r, "db").State; got != stack.Running {
		t.Errorf("the database is %s, want running", got)
	}
	query := r.TypedIn("db", "psql", "-XAt", "-U", "firmflow", "-d", "firmflow", "-c", "SELECT 'it''s ' || 42")
	if got := paste(query); got != "it's 42" {
		t.Errorf("the query gives %q, want it's 42", got)
	}

	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pidOf(t, p)))
	for _, want := range []string{"\x00AUTH_SECRET=to begin with\x00", "\x00GREETING=say \"$5\" to firmflow\x00"} {
		if err != nil || !bytes.Contains(environ, []byte(want)) {
			t.Errorf("the app's environment lacks %q, %v", want, err)
		}
	}
	pid := pidOf(t, p)
	paste(r.Typed(stack.Start, "db")) // it runs already
	for range 2 {
		paste(r.Typed(stack.Stop, "app", "db"))
	}
	eventually(t, "the app is gone", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	if got := serviceOf(t, r, "db").State; got == stack.Running {
		t.Error("the database still runs")
	}
}

func TestALongPathStartsAndLeavesNoSocketDirectory(t *testing.T) {
	p := newPlaceIn(t, filepath.Join(stacktest.Dir(t), strings.Repeat("long/", 20)))
	r := p.open(t)
	start(t, r, "db")
	if got := sql(t, r, "SELECT 42"); got != "42" {
		t.Errorf("the query gives %q, want 42", got)
	}
	var out bytes.Buffer
	if err := r.In("db").Run(t.Context(), command.Cmd{Args: []string{"printenv", "PGHOST"}, Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(out.String())
	if err := r.Stop(t.Context(), "db"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(dir, "/tmp/firmflow-sandbox-") {
		t.Errorf("%s is left behind: %v", dir, err)
	}
}

func TestADirectoryThatPostgresCannotPassIsNamed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("PostgreSQL runs as we are")
	}
	p := newPlace(t)
	r := p.open(t)
	closed := filepath.Dir(p.dir)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	var blocked *sandbox.TraverseError
	if err := r.Start(t.Context(), "db"); !errors.As(err, &blocked) || blocked.Dir != closed {
		t.Errorf("error is %v, want *TraverseError of %s", err, closed)
	}
}

func TestHealthFollowsTheApp(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	start(t, r, "app")
	eventually(t, "the app is healthy", func() bool { return serviceOf(t, r, "app").Health == stack.Healthy })
	if err := r.Stop(context.Background(), "app"); err != nil {
		t.Fatal(err)
	}
	if got := serviceOf(t, r, "app"); got.Health != stack.NoCheck || got.ExitCode != 0 {
		t.Errorf("health %q, exit code %d; want none, 0", got.Health, got.ExitCode)
	}
}

func TestAProjectTellsWhatASandboxHas(t *testing.T) {
	p := newPlace(t)
	r := p.open(t)
	project, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	app, _ := project.Spec("app")
	db, _ := project.Spec("db")
	uploads := filepath.Join(p.dir, "uploads")
	switch {
	case !strings.HasPrefix(project.Tool, "sandbox, PostgreSQL 1"):
		t.Errorf("the tool is %q", project.Tool)
	case project.DataDir != filepath.Join(p.dir, "pgdata") || project.HasData:
		t.Errorf("the data is in %s, there: %v", project.DataDir, project.HasData)
	case app.Mounts[0] != stack.Mount{Kind: "bind", Source: uploads, Target: uploads}:
		t.Errorf("the app's mount is %+v", app.Mounts[0])
	case app.Ports[0].Published != p.app || !app.Healthcheck || !app.ImagePresent:
		t.Errorf("the app is %+v", app)
	case !db.Environment["POSTGRES_DB"].Equal(secret.New("firmflow")) || !db.ImagePresent:
		t.Errorf("the database is %+v", db)
	}
	start(t, r, "db")
	if project, err = r.Project(t.Context()); err != nil || !project.HasData {
		t.Errorf("after the start the data is there: %v, %v", project.HasData, err)
	}
}
