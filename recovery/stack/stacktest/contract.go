// Package stacktest is the contract that both runtimes keep: one story, told to
// stack/compose and to stack/sandbox alike, so that a drill in the sandbox says
// something about the real installation.
package stacktest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// Case is an installation to tell the story to. Nothing in it was created yet.
//
// The app is any program that runs until it is told to end. Its environment
// takes AUTH_SECRET from the AUTH_SECRET of .env. The database is PostgreSQL,
// with POSTGRES_USER and POSTGRES_DB in its environment.
type Case struct {
	Runtime stack.Runtime
	Scrub   *secret.Scrubber // the one the runtime was given
	DB, App string           // the services' names

	// SetEnv gives a variable of .env another value, written as .env needs it.
	SetEnv func(t *testing.T, key, value string)
}

// key is the variable that the story turns on.
const key = "AUTH_SECRET"

// The values it takes, with what .env files trip over.
const (
	firstValue  = "first$value '#\" c2VjcmV0=="
	secondValue = "second value \\ $${x} c2VjcmV0"
)

// patience is how long a story waits for what a runtime does not wait for.
const patience = 60 * time.Second

// story is a Case while the contract is checked.
type story struct {
	Case
	made stack.Service // the app, as it was created first
}

// Contract checks what a runtime promises, chapter by chapter. Later ones build
// on earlier ones, so the first that fails ends it.
func Contract(t *testing.T, begin func(t *testing.T) Case) {
	t.Helper()

	leaks := goleak.IgnoreCurrent()
	s := &story{Case: begin(t)}
	t.Cleanup(func() {
		if err := s.Runtime.Stop(context.Background(), s.App, s.DB); err != nil {
			t.Errorf("stop at the end: %v", err)
		}
		goleak.VerifyNone(t, leaks)
	})

	for _, chapter := range []struct {
		name string
		tell func(*testing.T)
	}{
		{"a project names its services and resolves their environments", s.project},
		{"at first every service is absent", s.absent},
		{"a service that is not configured is refused", s.unknown},
		{"no command runs in a service that does not run", s.notRunning},
		{"an app that was never made holds nothing", s.holdsNothing},
		{"a tool needs no service", s.tool},
		{"a cancelled context ends every method at once", s.cancelled},
		{"a database that was started answers", s.startDatabase},
		{"exit codes and the error stream pass through", s.exitCodes},
		{"a program that is not there is told from one that fails", s.missing},
		{"a secret is not handed to a program in a service", s.secrets},
		{"20 MB pass through whole", s.stream},
		{"a command under way is ended by its context", s.interrupted},
		{"logs are scrubbed", s.logs},
		{"create makes the app, holds it and leaves the database alone", s.createApp},
		{"start runs the app that was created", s.startApp},
		{"create again takes the .env of now", s.createAgain},
		{"stop ends a service, and again is fine", s.stop},
		{"what is typed names the service's work", s.typed},
	} {
		if !t.Run(chapter.name, chapter.tell) {
			return
		}
	}
}

func (s *story) project(t *testing.T) {
	s.SetEnv(t, key, firstValue)
	p, err := s.Runtime.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name == "" || p.Dir == "" || p.Tool == "" || len(p.Files) == 0 {
		t.Errorf("name %q, directory %q, tool %q, files %q; want all of them told", p.Name, p.Dir, p.Tool, p.Files)
	}
	if _, ok := p.Spec(s.DB); !ok {
		t.Errorf("the database %s is not among the specs", s.DB)
	}
	app, ok := p.Spec(s.App)
	if !ok {
		t.Fatalf("the app %s is not among the specs", s.App)
	}
	if !app.Environment[key].Equal(secret.New(firstValue)) {
		t.Errorf("%s is resolved to something else than .env says", key)
	}
}

func (s *story) absent(t *testing.T) {
	services, err := s.Runtime.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{s.DB, s.App} {
		at := slices.IndexFunc(services, func(service stack.Service) bool { return service.Name == name })
		if at < 0 {
			t.Errorf("%s is not listed", name)
			continue
		}
		if services[at].State != stack.Absent {
			t.Errorf("%s is %s, want absent", name, services[at].State)
		}
	}
}

func (s *story) unknown(t *testing.T) {
	const name = "no-such-service"
	cmd := command.Cmd{Args: []string{"true"}}
	_, holds := s.Runtime.Holds(t.Context(), name)
	_, logs := s.Runtime.Logs(t.Context(), name, 1)
	for method, err := range map[string]error{
		"Holds":  holds,
		"Logs":   logs,
		"Create": s.Runtime.Create(t.Context(), name),
		"Start":  s.Runtime.Start(t.Context(), name),
		"Stop":   s.Runtime.Stop(t.Context(), name),
		"In":     s.Runtime.In(name).Run(t.Context(), cmd),
		"Tool":   s.Runtime.Tool(name).Run(t.Context(), cmd),
	} {
		if !errors.Is(err, stack.ErrUnknownService) {
			t.Errorf("%s: error is %v, want %v", method, err, stack.ErrUnknownService)
		}
	}
}

func (s *story) notRunning(t *testing.T) {
	for _, name := range []string{s.DB, s.App} {
		err := s.Runtime.In(name).Run(t.Context(), command.Cmd{Args: []string{"true"}})
		if !errors.Is(err, stack.ErrNotRunning) {
			t.Errorf("in %s: error is %v, want %v", name, err, stack.ErrNotRunning)
		}
	}
}

func (s *story) holdsNothing(t *testing.T) {
	if _, err := s.Runtime.Holds(t.Context(), s.App); !errors.Is(err, stack.ErrNotRunning) {
		t.Errorf("error is %v, want %v", err, stack.ErrNotRunning)
	}
}

func (s *story) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	cmd := command.Cmd{Args: []string{"true"}}
	_, project := s.Runtime.Project(ctx)
	_, services := s.Runtime.Services(ctx)
	_, holds := s.Runtime.Holds(ctx, s.App)
	_, logs := s.Runtime.Logs(ctx, s.App, 1)
	for method, err := range map[string]error{
		"Project":  project,
		"Services": services,
		"Holds":    holds,
		"Logs":     logs,
		"Create":   s.Runtime.Create(ctx, s.App),
		"Start":    s.Runtime.Start(ctx, s.DB),
		"Stop":     s.Runtime.Stop(ctx, s.DB),
		"In":       s.Runtime.In(s.DB).Run(ctx, cmd),
		"Tool":     s.Runtime.Tool(s.DB).Run(ctx, cmd),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error is %v, want %v", method, err, context.Canceled)
		}
	}
	if got := s.state(t, s.DB); got.State != stack.Absent {
		t.Errorf("the database is %s after a cancelled start, want absent", got.State)
	}
}

func (s *story) startDatabase(t *testing.T) {
	if err := s.Runtime.Start(t.Context(), s.DB); err != nil {
		t.Fatal(err)
	}
	s.awaitDatabase(t)

	got := s.state(t, s.DB)
	if got.State != stack.Running || got.ID == "" || got.StartedAt.IsZero() {
		t.Errorf("state %s, id %q, started %v; want running, and both told", got.State, got.ID, got.StartedAt)
	}
	if out, err := s.query(t.Context(), t, "SELECT 40 + 2;"); err != nil || out != "42" {
		t.Errorf("the query gave %q, %v; want 42", out, err)
	}
	if err := s.Runtime.Start(t.Context(), s.DB); err != nil {
		t.Errorf("start again: %v", err)
	}
	if again := s.state(t, s.DB); again.ID != got.ID || !again.StartedAt.Equal(got.StartedAt) {
		t.Errorf("starting a running service made another: %+v, before %+v", again, got)
	}
}

func (s *story) logs(t *testing.T) {
	const value = "aSecretThatTheDatabaseLogs"
	s.Scrub.Learn(secret.New(value))
	if _, err := s.query(t.Context(), t, "DO $$ BEGIN RAISE LOG 'the value is "+value+"'; END $$;"); err != nil {
		t.Fatal(err)
	}

	// The engine may take a moment to pass on what the database wrote.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		lines, err := s.Runtime.Logs(ctx, s.DB, 20)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(lines, "\n")
		if strings.Contains(text, value) || len(lines) > 20 {
			t.Fatalf("%d lines, or the value is shown:\n%s", len(lines), text)
		}
		if strings.Contains(text, "the value is [redacted]") {
			return
		}
	}
}

func (s *story) createApp(t *testing.T) {
	before := s.state(t, s.DB)
	if err := s.Runtime.Create(t.Context(), s.App); err != nil {
		t.Fatal(err)
	}
	s.made = s.state(t, s.App)
	if s.made.State != stack.Created || s.made.ID == "" {
		t.Errorf("the app is %s with id %q, want created, and an id", s.made.State, s.made.ID)
	}
	if after := s.state(t, s.DB); after.ID != before.ID || !after.StartedAt.Equal(before.StartedAt) || after.State != stack.Running {
		t.Errorf("the database was touched: %+v, before %+v", after, before)
	}
	s.holds(t, firstValue)
}

func (s *story) startApp(t *testing.T) {
	if err := s.Runtime.Start(t.Context(), s.App); err != nil {
		t.Fatal(err)
	}
	got := s.state(t, s.App)
	if got.State != stack.Running || got.ID != s.made.ID || got.StartedAt.IsZero() {
		t.Errorf("state %s, id %s, started %v; want running, %s, and a time", got.State, got.ID, got.StartedAt, s.made.ID)
	}
	s.holds(t, firstValue)
}

func (s *story) createAgain(t *testing.T) {
	s.SetEnv(t, key, secondValue)
	s.holds(t, firstValue) // a running service keeps what it was started with
	if err := s.Runtime.Create(t.Context(), s.App); err != nil {
		t.Fatal(err)
	}
	if got := s.state(t, s.App); got.State != stack.Created || got.ID == s.made.ID {
		t.Errorf("the app is %s with id %s, want created, and another id", got.State, got.ID)
	}
	s.holds(t, secondValue)

	if err := s.Runtime.Start(t.Context(), s.App); err != nil {
		t.Fatal(err)
	}
	s.holds(t, secondValue)
}

func (s *story) stop(t *testing.T) {
	for range 2 {
		if err := s.Runtime.Stop(t.Context(), s.App, s.DB); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{s.App, s.DB} {
			if got := s.state(t, name); got.State != stack.Exited && got.State != stack.Created {
				t.Errorf("%s is %s, want exited or created", name, got.State)
			}
		}
	}
	s.notRunning(t)

	if err := s.Runtime.Start(t.Context(), s.DB); err != nil {
		t.Fatalf("start the database again: %v", err)
	}
	s.awaitDatabase(t)
}

func (s *story) typed(t *testing.T) {
	for _, action := range []stack.Action{stack.Create, stack.Start, stack.Stop} {
		text := s.Runtime.Typed(action, s.DB, s.App)
		if text == "" || strings.Contains(text, secondValue) {
			t.Errorf("%s is typed %q", action, text)
		}
	}
	if text := s.Runtime.TypedIn(s.DB, "psql", "-c", "select 'two words'"); !strings.Contains(text, "psql") {
		t.Errorf("a command in the database is typed %q", text)
	}
}

// holds checks what the app was created or started with.
func (s *story) holds(t *testing.T, want string) {
	t.Helper()
	environment, err := s.Runtime.Holds(t.Context(), s.App)
	if err != nil {
		t.Fatal(err)
	}
	if !environment[key].Equal(secret.New(want)) {
		t.Errorf("%s holds another %s than it should", s.App, key)
	}
}

func (s *story) state(t *testing.T, name string) stack.Service {
	t.Helper()
	services, err := s.Runtime.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return stack.Find(services, name)
}

// awaitDatabase asks over TCP, which the temporary server of a first start does
// not answer.
func (s *story) awaitDatabase(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, err := s.query(ctx, t, "SELECT 1;", "-h", "127.0.0.1")
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the database does not answer: %v", err)
		}
	}
}
