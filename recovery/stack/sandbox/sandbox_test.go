package sandbox_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/recovery/stack/stacktest"
)

// TestMain makes the test binary the app, too: with TEST_APP in the environment
// it serves until it is told to end.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_APP") != "" {
		serve()
		return
	}
	goleak.VerifyTestMain(m)
}

func serve() {
	fmt.Println("the app's AUTH_SECRET is", os.Getenv("AUTH_SECRET"))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if os.Getenv("TEST_APP") == "deaf" {
		ctx = context.Background()
	}

	server := http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), ReadHeaderTimeout: time.Second}
	http.HandleFunc("/api/health", func(http.ResponseWriter, *http.Request) {})
	go func() { _ = server.ListenAndServe() }()
	<-ctx.Done()
}

// place is a sandbox for a test: a database and an app that is this binary.
type place struct {
	dir   string
	env   map[string]string
	app   int
	scrub *secret.Scrubber
}

func newPlace(t *testing.T) *place {
	t.Helper()

	return newPlaceIn(t, stacktest.Dir(t))
}

func newPlaceIn(t *testing.T, dir string) *place {
	t.Helper()
	_, err := sandbox.Programs(os.Environ())
	stacktest.Need(t, "postgres", err)
	p := &place{dir: dir, app: freePort(t), scrub: &secret.Scrubber{}}
	p.env = map[string]string{"AUTH_SECRET": "'to begin with'", "POSTGRES_USER": "firmflow", "POSTGRES_DB": "firmflow", "TEST_APP": "1"}
	p.write(t, sandbox.Config{Project: "test", Services: map[string]sandbox.Service{
		"db": {Kind: sandbox.Postgres, Data: "pgdata", Port: freePort(t), User: "${POSTGRES_USER}", Database: "${POSTGRES_DB:-firmflow}"},
		"app": {Kind: sandbox.App, Command: []string{os.Args[0]}, Port: p.app, Health: "/api/health", Environment: map[string]string{
			"AUTH_SECRET": "${AUTH_SECRET}",
			"PORT":        fmt.Sprint(p.app),
			"TEST_APP":    "${TEST_APP}",
			"GREETING":    "say \"$$5\" to ${POSTGRES_USER:-nobody}",
		}},
	}})

	return p
}

func (p *place) write(t *testing.T, c sandbox.Config) {
	t.Helper()
	if err := sandbox.Write(p.dir, c); err != nil {
		t.Fatal(err)
	}
	p.setEnv(t, "COMPOSE_PROJECT_NAME", "test")
}

func (p *place) setEnv(t *testing.T, key, raw string) {
	t.Helper()
	p.env[key] = raw
	var text strings.Builder
	for k, v := range p.env {
		fmt.Fprintf(&text, "%s=%s\n", k, v)
	}
	if err := os.WriteFile(filepath.Join(p.dir, ".env"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// open opens the sandbox, and stops all of it when the test ends.
func (p *place) open(t *testing.T) *sandbox.Runtime {
	t.Helper()
	r := sandbox.New(sandbox.Options{Dir: p.dir, Environment: []string{"PATH=" + os.Getenv("PATH")}, Scrub: p.scrub})
	t.Cleanup(func() {
		if err := r.Stop(context.Background(), "app", "db"); err != nil {
			t.Errorf("stop at the end: %v", err)
		}
	})

	return r
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()

	return listener.Addr().(*net.TCPAddr).Port //nolint:errcheck // it is one
}

func TestContract(t *testing.T) {
	stacktest.Contract(t, func(t *testing.T) stacktest.Case {
		p := newPlace(t)
		return stacktest.Case{Runtime: p.open(t), Scrub: p.scrub, DB: "db", App: "app", SetEnv: func(t *testing.T, key, value string) {
			p.setEnv(t, key, "'"+strings.ReplaceAll(value, "'", `\'`)+"'")
		}}
	})
}
