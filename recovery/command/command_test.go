package command

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"firmflow-recovery/recovery/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func local() Local { return Local{Env: []string{"PATH=/usr/bin:/bin"}} }

func TestRunGivesOutputAndLines(t *testing.T) {
	var out bytes.Buffer
	var lines []string
	err := local().Run(t.Context(), Cmd{
		Args:   []string{"sh", "-c", "cat; printf 'one\\ntwo' >&2"},
		Stdin:  strings.NewReader("in"),
		Stdout: &out,
		Line:   func(l string) { lines = append(lines, l) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != "in" || strings.Join(lines, "|") != "one|two" {
		t.Errorf("output %q, lines %q; want in, one|two", out.String(), lines)
	}
}

func TestRunSaysHowAProgramFailed(t *testing.T) {
	err := local().Run(t.Context(), Cmd{Args: []string{"sh", "-c", "echo first >&2; echo 'no space left' >&2; exit 3"}})

	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("error is %T, want *Error", err)
	}
	if failed.ExitCode != 3 || failed.LastLine() != "no space left" || !failed.Says("first") {
		t.Errorf("got exit code %d, last line %q", failed.ExitCode, failed.LastLine())
	}
}

func TestRunKnowsAProgramThatIsMissing(t *testing.T) {
	err := local().Run(t.Context(), Cmd{Args: []string{"no-such-program-here"}})
	if !IsMissing(err) {
		t.Errorf("IsMissing(%v) = false", err)
	}
}

func TestD14SecretsReachTheChildButNoErrorAndNoLine(t *testing.T) {
	const value = "hunter2-hunter2"
	scrub := &secret.Scrubber{}
	scrub.Learn(secret.New(value))
	l := local()
	l.Scrub = scrub
	var line string
	var out bytes.Buffer
	cmd := Cmd{
		Args:    []string{"sh", "-c", `printf %s "$KEY"; echo "key is $KEY" >&2; exit 1`},
		Secrets: map[string]secret.String{"KEY": secret.New(value)},
		Stdout:  &out,
		Line:    func(l string) { line = l },
	}
	err := l.Run(t.Context(), cmd)

	if out.String() != value {
		t.Errorf("the child got %q", out.String())
	}
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	for _, text := range []string{err.Error(), failed.Stderr, line, cmd.String()} {
		if strings.Contains(text, value) {
			t.Errorf("the secret is shown: %s", text)
		}
	}
	if line != "key is [redacted]" {
		t.Errorf("line = %q", line)
	}
}

func TestCancelEndsTheWholeProcessGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	var once bool
	go func() { <-begun; cancel() }()

	start := time.Now()
	err := local().Run(ctx, Cmd{
		Args: []string{"sh", "-c", "sleep 60 & echo begun >&2; wait"},
		Line: func(string) {
			if !once {
				once = true
				close(begun)
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if took := time.Since(start); took > grace {
		t.Errorf("the group was not ended: %v", took)
	}
}

func TestErrorKeepsTheLast64KiB(t *testing.T) {
	var got tail
	long := strings.Repeat("x", 1000)
	for range 200 {
		_, _ = got.Write([]byte(long + "\n"))
	}
	_, _ = got.Write([]byte("the end"))
	got.flush()

	if text := got.text(); len(text) > kept || !strings.HasSuffix(text, "the end") {
		t.Errorf("kept %d bytes ending in %q", len(text), text[len(text)-10:])
	}
}

func TestALineWithoutEndIsCut(t *testing.T) {
	var got tail
	for range 100 {
		_, _ = got.Write(bytes.Repeat([]byte("y"), 4096))
	}
	if len(got.begun) > longest {
		t.Errorf("%d bytes are held for one line", len(got.begun))
	}
}

func TestQuote(t *testing.T) {
	for _, c := range []struct{ arg, want string }{
		{"plain-1.2/x", "plain-1.2/x"},
		{"", "''"},
		{"two words", "'two words'"},
		{"it's", `'it'\''s'`},
		{"$HOME", "'$HOME'"},
		{"a\nb", "'a\nb'"},
	} {
		if got := Quote(c.arg); got != c.want {
			t.Errorf("Quote(%q) = %s, want %s", c.arg, got, c.want)
		}
	}
}

// A line that drops while a program is being started must not end it: the
// program is not in a process group of its own yet.
func TestF1NoHangupEndsAProgram(t *testing.T) {
	var out bytes.Buffer
	if err := local().Run(t.Context(), Cmd{Args: []string{"sh", "-c", "kill -HUP $$; echo goes on"}, Stdout: &out}); err != nil || out.String() != "goes on\n" {
		t.Errorf("output %q, %v", out.String(), err)
	}
	// Ours is not held back: the thread has its mask again.
	masks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(masks) == 0 {
		t.Fatalf("threads %q, %v", masks, err)
	}
	for _, path := range masks {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if m := regexp.MustCompile(`(?m)^SigBlk:\s+[0-9a-f]*[13579bdf]$`).Find(text); err != nil || m != nil {
			t.Errorf("%s: %s, %v; SIGHUP is held back", path, m, err)
		}
	}
}
