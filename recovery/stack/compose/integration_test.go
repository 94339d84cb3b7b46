package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/stacktest"
)

// databaseImage is the image of the database, which .ci/setup builds.
const databaseImage = "firmflow-recovery-test/postgres:15"

// installation is a project on the real engine, with a name of its own.
type installation struct {
	dir, name string
	port      int
	values    map[string]string // what .env says
}

const configuration = `name: NAME
services:
  db:
    image: firmflow-recovery-test/postgres:15
    environment:
      POSTGRES_USER: firmflow
      POSTGRES_DB: firmflow
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}
    volumes: ["pgdata:/var/lib/postgresql/data"]
    healthcheck: {test: ["CMD", "pg_isready", "-U", "firmflow"], interval: 1s, retries: 60}
    restart: unless-stopped
  app:
    image: firmflow-recovery-test/postgres:15
    entrypoint: ["sleep", "infinity"]
    tmpfs: ["/var/lib/postgresql/data"] # or each recreation would leave the volume of the image
    init: true
    restart: always
    depends_on: {db: {condition: service_healthy}}
    environment:
      AUTH_SECRET: ${AUTH_SECRET}
      MULTI: "first\nsecond=third"
    ports: ["127.0.0.1:PORT:9002"]
  absent:
    image: firmflow-recovery-test/no-such-image:0
volumes:
  pgdata:
`

// install writes a project's files. Nothing runs yet; whatever will is removed
// at the end.
func install(t *testing.T) *installation {
	t.Helper()
	stacktest.Need(t, "docker", available(t))
	i := &installation{
		dir: t.TempDir(), port: freePort(t), name: fmt.Sprintf("ffrcompose%d", time.Now().UnixNano()),
		values: map[string]string{"POSTGRES_PASSWORD": "made-up-password", "AUTH_SECRET": "made$up-secret"},
	}
	i.configure(t, configuration)
	i.save(t)
	t.Cleanup(func() {
		cmd := command.Cmd{Args: []string{"docker", "compose", "--project-directory", i.dir, "-p", i.name, "down", "--volumes", "--timeout", "2"}}
		if err := (command.Local{Env: Environment(os.Environ())}).Run(context.WithoutCancel(t.Context()), cmd); err != nil {
			t.Errorf("remove the project: %v", err)
		}
	})

	return i
}

func (i *installation) configure(t *testing.T, text string) {
	t.Helper()
	write(t, i.dir, "compose.yaml", strings.NewReplacer("NAME", i.name, "PORT", fmt.Sprint(i.port)).Replace(text))
}

// save writes .env, where a single-quoted value means itself.
func (i *installation) save(t *testing.T) {
	t.Helper()
	var text strings.Builder
	for name, value := range i.values {
		fmt.Fprintf(&text, "%s='%s'\n", name, strings.ReplaceAll(value, "'", `\'`))
	}
	write(t, i.dir, ".env", text.String())
}

func (i *installation) set(t *testing.T, key, value string) {
	t.Helper()
	i.values[key] = value
	i.save(t)
}

func (i *installation) runtime(shell ...string) *Runtime {
	return New(Options{Dir: i.dir, Environment: Environment(append(os.Environ(), shell...)), Scrub: &secret.Scrubber{}})
}

// available tells what is wanting for a test on the real engine.
func available(t *testing.T) error {
	t.Helper()
	r := New(Options{Dir: t.TempDir(), Environment: Environment(os.Environ())})
	if _, err := r.Probe(t.Context()); err != nil {
		return err
	}
	found, err := r.image(t.Context(), databaseImage)
	if err == nil && !found.present {
		err = &stack.ImageError{Service: "db", Image: databaseImage}
	}

	return err
}

func freePort(t *testing.T) int {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("the address is %T", l.Addr())
	}

	return addr.Port
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}

	return l
}

func state(t *testing.T, r *Runtime, name string) stack.Service {
	t.Helper()
	services, err := r.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return stack.Find(services, name)
}

func start(t *testing.T, r *Runtime, names ...string) {
	t.Helper()
	if err := r.Start(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
}

func TestContract(t *testing.T) {
	stacktest.Contract(t, func(t *testing.T) stacktest.Case {
		t.Helper()
		i := install(t)
		r := i.runtime()

		return stacktest.Case{Runtime: r, Scrub: r.scrub, DB: "db", App: "app", SetEnv: i.set}
	})
}

func TestD2D16OnTheEngineTheShellDoesNotCount(t *testing.T) {
	i := install(t)
	shell := []string{"AUTH_SECRET=", "COMPOSE_PROJECT_NAME=other", "COMPOSE_FILE=/nonexistent.yaml"}
	r := i.runtime(shell...)
	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	app, _ := p.Spec("app")
	if p.Name != i.name || !app.Environment["AUTH_SECRET"].Equal(secret.New("made$up-secret")) {
		t.Errorf("project %s, want %s with the .env's secret", p.Name, i.name)
	}

	got, err := r.Resolved(t.Context(), append(os.Environ(), shell[0]), "app")
	if err != nil || !got["AUTH_SECRET"].Empty() {
		t.Errorf("an empty exported secret is not seen: %v", err)
	}
	if _, err := r.Resolved(t.Context(), append(os.Environ(), shell[2]), "app"); !errors.Is(err, stack.ErrNoConfiguration) {
		t.Errorf("another file in the shell: %v, want %v", err, stack.ErrNoConfiguration)
	}
}

func TestD1D10OnTheEngineNoMessageShowsPartOfASecret(t *testing.T) {
	i := install(t)
	for _, line := range []string{
		`AUTH_SECRET="pieceOfASecret`, `AUTH_SECRET='pieceOfASecret`, `AUTH_SECRET=x${pieceOfASecret`, `AUTH_SECRET=x${X:?pieceOfASecret}`,
		`AUTH+pieceOfASecret=x`, "AUTH_SECRET=x\npieceOfASecret and more", `AUTH_SECRET=x$pieceOfASecret`, `{"AUTH_SECRET": "pieceOfASecret"}`,
	} {
		write(t, i.dir, ".env", line+"\n")
		r := i.runtime()
		p, err := r.Project(t.Context())
		var refused *stack.ConfigurationError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: %v, want a *ConfigurationError", line, err)
		}
		if err == nil && len(p.Warnings) == 0 {
			t.Errorf("%s: neither an error nor a warning", line)
		}
		holdsNo(t, fmt.Sprintf("%v %q %+v", err, p.Warnings, p), "pieceOfASecret")
	}
}

func TestD11StartTakesTheEnvOfNow(t *testing.T) {
	i := install(t)
	r := i.runtime()
	start(t, r, "db", "app")
	first, db := state(t, r, "app"), state(t, r, "db")
	start(t, r, "app")
	if again := state(t, r, "app"); again.ID != first.ID || !again.StartedAt.Equal(first.StartedAt) {
		t.Error("a start without a change made another container")
	}

	i.set(t, "AUTH_SECRET", "another$secret")
	start(t, r, "app")
	if after := state(t, r, "app"); after.ID == first.ID {
		t.Error("a changed .env made no other container")
	}
	if after := state(t, r, "db"); after.ID != db.ID || !after.StartedAt.Equal(db.StartedAt) {
		t.Error("the database was touched")
	}
	held, err := r.Holds(t.Context(), "app")
	if err != nil || !held["AUTH_SECRET"].Equal(secret.New("another$secret")) || !held["MULTI"].Equal(secret.New("first\nsecond=third")) {
		t.Errorf("the container holds something else than configured: %v", err)
	}
}

func TestE6OnTheEngineARenamedProjectHasARival(t *testing.T) {
	i := install(t)
	r := i.runtime()
	if p, err := r.Project(t.Context()); err != nil || p.HasData || p.DataDir == "" || len(p.Specs) != 3 {
		t.Fatalf("before the first start: data %v in %q, %v", p.HasData, p.DataDir, err)
	}
	start(t, r, "db")
	p, err := r.Project(t.Context())
	if err != nil || !p.HasData || !strings.Contains(p.DataDir, i.name+"_pgdata") {
		t.Errorf("after the first start: data %v in %q, %v", p.HasData, p.DataDir, err)
	}

	other := New(Options{Dir: i.dir, Project: i.name + "-renamed", Environment: Environment(os.Environ())})
	p, err = other.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var named bool
	for _, rival := range p.Rivals {
		named = named || rival == stack.Rival{Project: i.name, Volume: i.name + "_pgdata"}
	}
	if !named || p.HasData {
		t.Errorf("rivals %v, data %v; want %s among them, and none", p.Rivals, p.HasData, i.name)
	}
}

func TestE7E8AVolumeThatDoesNotFitIsKept(t *testing.T) {
	i := install(t)
	start(t, i.runtime(), "db")
	awaitDatabase(t, i.runtime())
	if err := i.runtime().In("db").Run(t.Context(), command.Cmd{Args: []string{"touch", "/var/lib/postgresql/data/kept"}}); err != nil {
		t.Fatal(err)
	}

	i.configure(t, strings.Replace(configuration, "\n  pgdata:\n", "\n  pgdata: {labels: {other: one}, driver_opts: {type: none, o: bind, device: /nonexistent}}\n", 1))
	r := i.runtime()
	start(t, r, "db")
	if err := r.In("db").Run(t.Context(), command.Cmd{Args: []string{"test", "-e", "/var/lib/postgresql/data/kept"}}); err != nil {
		t.Errorf("what was in the volume is gone: %v", err)
	}
}

func TestE9OnTheEngineAPortThatIsTaken(t *testing.T) {
	i := install(t)
	l := listen(t, fmt.Sprintf("127.0.0.1:%d", i.port))
	r := i.runtime()
	var taken *stack.PortError
	if err := r.Start(t.Context(), "app"); !errors.As(err, &taken) || taken.Service != "app" {
		t.Errorf("Start = %v, want a *PortError of app", err)
	}
	if got := state(t, r, "app"); got.State != stack.Created {
		t.Errorf("the app is %s, want created", got.State)
	}
	_ = l.Close()
	start(t, r, "app")
}

func TestE10OnTheEngineNothingIsPulled(t *testing.T) {
	i := install(t)
	r := i.runtime()
	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if spec, _ := p.Spec("absent"); spec.ImagePresent {
		t.Error("an image that does not exist is present")
	}
	for method, err := range map[string]error{
		"Start":  r.Start(t.Context(), "absent"),
		"Create": r.Create(t.Context(), "absent"),
		"Tool":   r.Tool("absent").Run(t.Context(), command.Cmd{Args: []string{"true"}}),
	} {
		var missing *stack.ImageError
		if !errors.As(err, &missing) || missing.Service != "absent" || missing.Image != "firmflow-recovery-test/no-such-image:0" {
			t.Errorf("%s = %v, want an *ImageError", method, err)
		}
	}
}

func TestE15OnTheEngineServicesThatCannotRunPrograms(t *testing.T) {
	i := install(t)
	r := i.runtime()
	start(t, r, "app")
	cmd := command.Cmd{Args: []string{"true"}}
	container := state(t, r, "app").ID
	if err := r.do(t.Context(), "docker", "pause", container); err != nil {
		t.Fatal(err)
	}
	if err := r.In("app").Run(t.Context(), cmd); !errors.Is(err, stack.ErrNotRunning) {
		t.Errorf("In a paused service = %v, want %v", err, stack.ErrNotRunning)
	}
	if got := state(t, r, "app"); got.State != stack.Paused {
		t.Errorf("the app is %s, want paused", got.State)
	}
	if err := r.do(t.Context(), "docker", "unpause", container); err != nil {
		t.Fatal(err)
	}
	if err := r.In("app").Run(t.Context(), cmd); err != nil {
		t.Errorf("In = %v after the pause", err)
	}
}

func TestE23OnTheEngineAProgramThatIsMissing(t *testing.T) {
	i := install(t)
	r := i.runtime()
	start(t, r, "app")
	for place, runner := range map[string]command.Runner{"In": r.In("app"), "Tool": r.Tool("app")} {
		if err := runner.Run(t.Context(), command.Cmd{Args: []string{"no-such-program"}}); !command.IsMissing(err) {
			t.Errorf("%s = %v, want a missing program", place, err)
		}
	}
}

func TestA8FiftyMegabytesArriveWhole(t *testing.T) {
	i := install(t)
	r := i.runtime()
	start(t, r, "app")
	const size = 50_000_000
	for place, runner := range map[string]command.Runner{"In": r.In("app"), "Tool": r.Tool("app")} {
		sent := sha256.New()
		var got strings.Builder
		source := io.LimitReader(rand.NewChaCha8([32]byte{1}), size)
		err := runner.Run(t.Context(), command.Cmd{Args: []string{"sha256sum"}, Stdin: io.TeeReader(source, sent), Stdout: &got})
		if err != nil {
			t.Fatal(err)
		}
		if want := hex.EncodeToString(sent.Sum(nil)); !strings.HasPrefix(got.String(), want) {
			t.Errorf("%s: sha256 inside %s, want %s", place, got.String(), want)
		}
	}
}

func TestE24AProgramFedByInputEndsWithIt(t *testing.T) {
	i := install(t)
	r := i.runtime()
	start(t, r, "app")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	input, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	reading := &signal{seen: make(chan struct{})}
	done := make(chan error, 1)
	// The program answers what it is sent, so that it is known to read.
	go func() {
		done <- r.In("app").Run(ctx, command.Cmd{Args: []string{"cat", "-", "/dev/null"}, Stdin: input, Stdout: reading})
	}()
	if _, err := io.WriteString(feed, "begin\n"); err != nil {
		t.Fatal(err)
	}
	<-reading.seen
	cancel()
	_ = feed.CloseWithError(context.Canceled) // a caller's file is at hand or at its end; a pipe must be closed
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("In = %v, want %v", err, context.Canceled)
	}

	await(t, "the program in the container", func(ctx context.Context) bool {
		var found bytes.Buffer
		_ = r.In("app").Run(ctx, command.Cmd{Args: []string{"sh", "-c", "cat /proc/[0-9]*/cmdline"}, Stdout: &found})
		return found.Len() > 0 && !strings.Contains(found.String(), "cat\x00-\x00/dev/null")
	})
}

func TestAToolLeavesNothingBehind(t *testing.T) {
	i := install(t)
	r := i.runtime()
	if _, err := r.Services(t.Context()); err != nil {
		t.Fatal(err)
	}

	t.Run("after its end", func(t *testing.T) {
		var out bytes.Buffer
		cmd := command.Cmd{Args: []string{"cat", "/etc/hostname", "/proc/self/mountinfo", "/proc/net/dev"}, Stdout: &out}
		if err := r.Tool("db").Run(t.Context(), cmd); err != nil {
			t.Fatal(err)
		}
		container, _, _ := strings.Cut(out.String(), "\n")
		volume := regexp.MustCompile(`volumes/([0-9a-f]{64})/_data /var/lib/postgresql/data`).FindStringSubmatch(out.String())
		if volume == nil {
			t.Fatalf("no volume of the image is mounted:\n%s", out.String())
		}
		if strings.Contains(out.String(), "eth0") {
			t.Error("the tool has a network")
		}
		gone(t, r, container, volume[1])
	})

	t.Run("after it was cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		started := &signal{seen: make(chan struct{})}
		done := make(chan error, 1)
		go func() {
			done <- r.Tool("db").Run(ctx, command.Cmd{Args: []string{"tail", "-f", "/etc/hostname"}, Stdout: started})
		}()
		<-started.seen
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Tool = %v, want %v", err, context.Canceled)
		}
		gone(t, r, strings.TrimSpace(started.text()), "")
	})
}

// gone checks that a container and a volume are not there any more. The engine
// may be about to remove them.
func gone(t *testing.T, r *Runtime, container, volume string) {
	t.Helper()
	await(t, "the removal of container "+container, func(ctx context.Context) bool {
		_, err := r.ask(ctx, "docker", "container", "inspect", container)
		return says(err, "no such container")
	})
	if volume == "" {
		return
	}
	found, err := r.volumes(t.Context(), volume)
	if err != nil || len(found) > 0 {
		t.Errorf("volume %s is left: %v, %v", volume, found, err)
	}
}

func awaitDatabase(t *testing.T, r *Runtime) {
	t.Helper()
	await(t, "the database", func(ctx context.Context) bool {
		return r.In("db").Run(ctx, command.Cmd{Args: []string{"psql", "-h", "127.0.0.1", "-U", "firmflow", "-c", "SELECT 1"}}) == nil
	})
}

// await asks until it is so. Asking docker takes long enough not to hurry it.
func await(t *testing.T, what string, so func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for !so(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("still waiting for %s", what)
		}
	}
}
