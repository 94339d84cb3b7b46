package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/entry"
)

// program is the binary under test, built once.
var program string

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == benchWork {
		debug.SetMemoryLimit(sparing) // as the program has it
		if err := benchWorks(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(withProgram(m))
}

func withProgram(m *testing.M) int {
	dir, err := os.MkdirTemp("", "firmflow-recovery-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o711); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "firmflow-recovery")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}

	return m.Run()
}

// installationOf gives what the steps of a run touch, for a test that calls them
// itself.
func installationOf(in cli.Invocation, run recovery.RunID) *steps.Stack {
	return entry.Program{Environ: os.Environ(), Getenv: os.Getenv, Now: time.Now}.Installation(in, run)
}

// need skips a test that lacks what it needs, except where CI says that it must
// be there.
func need(t *testing.T, what string, there bool) {
	t.Helper()
	if there {
		return
	}
	if strings.Contains(os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE"), what) {
		t.Fatalf("%s is required here, and is not there", what)
	}
	t.Skipf("%s is not there", what)
}

// result is what a run of the program gave.
type result struct {
	out  string
	exit int
}

// firmflow runs the program without a terminal, as cron would.
func firmflow(t *testing.T, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatalf("run %v: %v", args, err)
	}

	return result{out: string(out), exit: cmd.ProcessState.ExitCode()}
}

func (r result) want(t *testing.T, exit int, texts ...string) {
	t.Helper()
	missing := slices.DeleteFunc(texts, func(text string) bool { return strings.Contains(r.out, text) })
	if r.exit != exit || len(missing) > 0 {
		t.Errorf("exit code %d, want %d; the output lacks %q\n%s", r.exit, exit, missing, r.out)
	}
}

// must runs a command that the test itself needs.
func must(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, stderr.String())
	}

	return string(out)
}

// normalised is a plain dump in a form that can be compared: pg_dump writes a
// key of its own into each, and rows in whatever order they lie.
func normalised(dump string) string {
	lines := slices.DeleteFunc(strings.Split(dump, "\n"), func(l string) bool {
		return strings.HasPrefix(l, `\restrict`) || strings.HasPrefix(l, `\unrestrict`)
	})
	sort.Strings(lines)

	return strings.Join(lines, "\n")
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return response.StatusCode, body
}

// freePort gives one below those of outgoing connections, which could take it.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 28_000 + rand.IntN(4_000) // above a demo's
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = l.Close()

			return port
		}
	}
	t.Fatal("no port is free")

	return 0
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}
