package compose

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The values that testdata/config.json was made with.
const (
	madeUpSecret   = "made$up/auth+secret=="
	madeUpPassword = "made-up-password"
)

var errExit = errors.New("exit status 1")

// reply is what docker says to a command line that holds a text.
type reply struct {
	when   string
	out    string
	stderr string
	code   int
	err    error // instead of an exit code
}

// script is docker: the first reply that fits is given. What is asked for
// without a reply fails the test.
type script struct {
	t       *testing.T
	replies []reply

	mu    sync.Mutex
	calls []command.Cmd
}

func (s *script) Run(_ context.Context, c command.Cmd) error {
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()

	line := strings.Join(c.Args, " ")
	for _, r := range s.replies {
		if strings.Contains(line, r.when) {
			return r.give(c)
		}
	}
	s.t.Errorf("no reply to: %s", line)

	return &command.Error{Args: c.Args, ExitCode: 1, Err: errExit}
}

func (r reply) give(c command.Cmd) error {
	if c.Stdout != nil {
		if _, err := io.WriteString(c.Stdout, r.out); err != nil {
			return err
		}
	}
	if c.Line != nil && r.stderr != "" {
		for line := range strings.SplitSeq(r.stderr, "\n") {
			c.Line(line)
		}
	}
	if r.err != nil {
		return &command.Error{Args: c.Args, ExitCode: -1, Err: r.err}
	}
	if r.code != 0 {
		return &command.Error{Args: c.Args, ExitCode: r.code, Stderr: r.stderr, Err: errExit}
	}

	return nil
}

// lines are the command lines of docker so far.
func (s *script) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()

	lines := make([]string, len(s.calls))
	for i, c := range s.calls {
		lines[i] = strings.Join(c.Args, " ")
	}

	return lines
}

// last is the last command.
func (s *script) last() command.Cmd {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.calls[len(s.calls)-1]
}

// found reads a file of testdata: what Docker 20.10.24 and Compose 2.40.3 said.
func found(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}

	return string(data)
}

// healthy are the replies of an installation in which nothing is wrong.
func healthy(t *testing.T) []reply {
	t.Helper()

	return []reply{
		{when: "docker version", out: found(t, "version.json")},
		{when: "compose version --short", out: "2.40.3\n"},
		{when: "config --format json", out: found(t, "config.json")},
		{when: "image inspect firmflow-recovery-test/postgres:15", out: found(t, "image.json")},
		{when: "image inspect", code: 1, stderr: "Error response from daemon: no such image: x: No such image: x"},
		{when: "volume inspect", out: found(t, "volume.json")},
		{when: "docker info", out: `"/var/lib/docker"`},
		{when: "ps --all", out: found(t, "ps.txt")},
		{when: "container inspect", out: found(t, "containers.json")},
		{when: " stop "},
	}
}

// scripted gives a runtime whose docker replies so, and where nothing else is
// said, as a healthy installation does.
func scripted(t *testing.T, replies ...reply) (*Runtime, *script) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "compose.yaml", "services: {app: {environment: {AUTH_SECRET: \"${AUTH_SECRET}\"}}}\n")
	s := &script{t: t, replies: append(replies, healthy(t)...)}

	return New(Options{Dir: dir, Run: s, Scrub: &secret.Scrubber{}}), s
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// holdsNo fails a test in which a text shows one of some values.
func holdsNo(t *testing.T, text string, values ...string) {
	t.Helper()
	for _, value := range values {
		if strings.Contains(text, value) {
			t.Errorf("%q is shown in: %s", value, text)
		}
	}
}

// signal is an output that tells when something arrived.
type signal struct {
	seen chan struct{}

	mu   sync.Mutex
	kept strings.Builder
}

func (s *signal) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.kept.Len() == 0 && len(p) > 0 {
		close(s.seen)
	}

	return s.kept.Write(p)
}

func (s *signal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.kept.String()
}
