package stacktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// What a program inside a service, and one beside it, is promised.

func (s *story) tool(t *testing.T) {
	var out bytes.Buffer
	cmd := command.Cmd{Args: []string{"pg_restore", "--version"}, Stdout: &out}
	if err := s.Runtime.Tool(s.DB).Run(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "pg_restore (PostgreSQL)") {
		t.Errorf("pg_restore calls itself %q", out.String())
	}
	if got := s.state(t, s.DB); got.State != stack.Absent {
		t.Errorf("the database is %s afterwards, want absent", got.State)
	}
}

func (s *story) exitCodes(t *testing.T) {
	for place, runner := range map[string]command.Runner{"In": s.Runtime.In(s.DB), "Tool": s.Runtime.Tool(s.DB)} {
		err := runner.Run(t.Context(), command.Cmd{Args: []string{"sh", "-c", "echo 'no space left' >&2; exit 7"}})
		var failed *command.Error
		if !errors.As(err, &failed) {
			t.Fatalf("%s: error is %T (%v), want *command.Error", place, err, err)
		}
		if failed.ExitCode != 7 || !failed.Says("no space left") {
			t.Errorf("%s: exit code %d, error stream %q; want 7, no space left", place, failed.ExitCode, failed.Stderr)
		}
	}
}

func (s *story) missing(t *testing.T) {
	for place, runner := range map[string]command.Runner{"In": s.Runtime.In(s.DB), "Tool": s.Runtime.Tool(s.DB)} {
		err := runner.Run(t.Context(), command.Cmd{Args: []string{"no-such-program-here"}})
		if !command.IsMissing(err) {
			t.Errorf("%s: error is %v, want one that says the program is missing", place, err)
		}
	}
}

func (s *story) secrets(t *testing.T) {
	cmd := command.Cmd{Args: []string{"true"}, Secrets: map[string]secret.String{"PGPASSWORD": secret.New("hunter2-hunter2")}}
	for place, runner := range map[string]command.Runner{"In": s.Runtime.In(s.DB), "Tool": s.Runtime.Tool(s.DB)} {
		if err := runner.Run(t.Context(), cmd); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error is %v, want one that does not show the secret", place, err)
		}
	}
}

func (s *story) stream(t *testing.T) {
	const size = 20 << 20
	sent, got := sha256.New(), sha256.New()
	source := io.LimitReader(rand.NewChaCha8([32]byte{}), size)
	cmd := command.Cmd{Args: []string{"cat"}, Stdin: io.TeeReader(source, sent), Stdout: got}
	if err := s.Runtime.In(s.DB).Run(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	if a, b := hex.EncodeToString(sent.Sum(nil)), hex.EncodeToString(got.Sum(nil)); a != b {
		t.Errorf("sha256 of what came back is %s, want %s", b, a)
	}
}

func (s *story) interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.Runtime.In(s.DB).Run(ctx, command.Cmd{
		Args: []string{"sh", "-c", "echo begun >&2; sleep 600"},
		Line: func(string) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
}

// query runs SQL inside the database service, as its own user.
func (s *story) query(ctx context.Context, t *testing.T, sql string, args ...string) (string, error) {
	t.Helper()
	p, err := s.Runtime.Project(ctx)
	if err != nil {
		return "", err
	}
	spec, _ := p.Spec(s.DB)

	var out bytes.Buffer
	psql := []string{"psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
		"-U", secret.Reveal(spec.Environment["POSTGRES_USER"]), "-d", secret.Reveal(spec.Environment["POSTGRES_DB"])}
	err = s.Runtime.In(s.DB).Run(ctx, command.Cmd{
		Args:   append(psql, args...),
		Stdin:  strings.NewReader(sql),
		Stdout: &out,
	})

	return strings.TrimSpace(out.String()), err
}
