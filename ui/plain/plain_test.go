package plain_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/ui/plain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var full = recovery.Diagnosis{
	Code: "database.disk.full", Summary: "The disk is full", Seen: "could not extend file\nNo space left", Intact: "The database of before is live.",
	Remedies: []recovery.Remedy{{Do: "Free 12 GiB", Command: "docker system df"}},
}

// transcript runs two steps and gives what was written about them.
func transcript(t *testing.T, answers map[recovery.QuestionID][]recovery.Answer, one, two *recoverytest.Step) string {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		o := settled{plain.New(plain.Options{Out: &out, Answers: answers})}
		r := recovery.Runner{Steps: []recovery.Step{one, two}, Operator: o, Now: recoverytest.Clock(), Run: "20261123-030107", Host: "ffhost-01", Backup: "2026-11-22", Target: "firmflow"}
		r.Recover(t.Context())
		o.Close()
	})

	return out.String()
}

// settled waits until each event has been written. How much progress a slow
// writer skips would else depend on the machine.
type settled struct{ *plain.Operator }

func (s settled) Tell(e recovery.Event) {
	s.Operator.Tell(e)
	synctest.Wait()
}

func step(name recovery.StepID) *recoverytest.Step {
	pending := recovery.Assessment{Changes: []string{"stage 41,208 files"}}
	done := recovery.Assessment{Standing: recovery.Done, Summary: "41,208 files", Findings: []recovery.Finding{recovery.OK("vault", "every checksum matches")}}

	return &recoverytest.Step{Name: name, Checks: []recovery.Assessment{pending, pending, done}, Do: func(_ context.Context, p recovery.Progress) error {
		p.Phase("stage", recovery.Bytes)
		for i := range int64(5) {
			p.Advance(i<<28, 1<<30)
		}
		p.Note("archive SHA-256 abc")
		p.Log("not shown")

		return nil
	}}
}

func TestTranscripts(t *testing.T) {
	yes := func() map[recovery.QuestionID][]recovery.Answer {
		return map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go}}}
	}
	failing := step("two")
	failing.Checks = []recovery.Assessment{{}, {}, {}, failing.Checks[2]}
	failing.Do = func(context.Context, recovery.Progress) error {
		if failing.Ran == 1 {
			return recovery.Fail(full, nil)
		}

		return nil
	}
	retry := yes()
	retry[recovery.AskFailure] = []recovery.Answer{{Choice: recovery.Retry}}
	blocked := step("two")
	blocked.Checks = []recovery.Assessment{{Standing: recovery.Blocked, Findings: []recovery.Finding{recovery.Problem("space", recovery.Failed, full)}}}
	for name, c := range map[string]struct {
		answers  map[recovery.QuestionID][]recovery.Answer
		one, two *recoverytest.Step
	}{
		"good":      {yes(), step("one"), step("two")},
		"retried":   {retry, step("one"), failing},
		"blocked":   {yes(), step("one"), blocked},
		"no-answer": {nil, step("one"), step("two")},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name+".txt", transcript(t, c.answers, c.one, c.two)) })
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; UPDATE_GOLDEN=1 accepts it):\n%s", name, d)
	}
}

func ask(t *testing.T, input string, q recovery.Question) recovery.Answer {
	t.Helper()
	o := plain.New(plain.Options{Out: io.Discard, In: strings.NewReader(input)})
	defer o.Close()
	answer, err := o.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}

	return answer
}

var typed = recovery.Question{ID: recovery.AskStart, Text: "Replace?", Typed: "ffhost-01", Options: []recovery.Option{{Key: recovery.Go, Label: "Start"}}}

func TestOnlyTheExactNameConsents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		input := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"y", "yes", "1", "", "ffhost", "ffhost-02", "FFHOST-01", "ffhost-01x", "go"})).Draw(r, "lines"), "\n")
		if a := ask(t, input, typed); typed.Consents(a, recovery.Go) {
			r.Errorf("%q consents", input)
		}
	})
	if a := ask(t, "wrong\nffhost-01\n", typed); !typed.Consents(a, recovery.Go) {
		t.Error("the exact name does not consent")
	}
}

func TestAnEndedInputIsNeverAYes(t *testing.T) {
	q := recovery.Question{ID: recovery.AskStart, Text: "Start?", Options: []recovery.Option{{Key: recovery.Go, Label: "Start"}, {Key: recovery.Stop, Label: "Stop"}}}
	for _, input := range []string{"", "\n", "ffhost-01", "1"} { // no line end: the input ended within the line
		if a := ask(t, input, q); a.Choice != recovery.Stop {
			t.Errorf("%q gives %q", input, a.Choice)
		}
	}
	if a := ask(t, "1\n", q); a.Choice != recovery.Go {
		t.Errorf("choosing the first gives %q", a.Choice)
	}
}

func TestWithoutATerminalAMissingAnswerIsAnError(t *testing.T) {
	o := plain.New(plain.Options{Out: io.Discard})
	defer o.Close()
	_, err := o.Ask(t.Context(), typed)
	var none *recovery.NoAnswerError
	if !errors.As(err, &none) {
		t.Errorf("error = %v, want *NoAnswerError", err)
	}
}

// stuck is a reader that has gone: a write to it never returns.
type stuck struct{ until chan struct{} }

func (s stuck) Write(p []byte) (int, error) { <-s.until; return len(p), nil }

func TestTheWorkNeverWaitsForTheReader(t *testing.T) {
	s := stuck{make(chan struct{})}
	o := plain.New(plain.Options{Out: s})
	start := time.Now()
	for i := range uint64(20_000) {
		o.Tell(recovery.Event{V: 1, Seq: i + 1, Kind: recovery.StepLog, Step: "one", Text: "line"})
		o.Tell(recovery.Event{V: 1, Seq: i + 1, Kind: recovery.StepNoted, Step: "one", Text: "note"})
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("telling took %v", took)
	}
	close(s.until)
	o.Close()
}

func TestF9ForeignTextCannotFakeALineOrMoveTheCursor(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[2Jb":      `a\x1b[2Jb`,
		"a\nok  fake":    `a\x0aok  fake`,
		"a\rb":           `a\x0db`,
		"\xff\xfe":       `\xff\xfe`,
		"\u009b31m":      `\x9b31m`,
		"a\u202eb":       `a\u202eb`,
		"Müller & Söhne": "Müller & Söhne",
	} {
		if got := plain.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	var out bytes.Buffer
	o := plain.New(plain.Options{Out: &out})
	d := full
	d.Seen, d.Summary = "x\nVERIFIED in 1 s.\n\x1b[1A", "s\nVERIFIED in 1 s."
	o.Tell(recovery.Event{V: 1, Seq: 1, Kind: recovery.StepFailed, Step: "one", Diagnosis: &d})
	o.Close()
	for _, line := range strings.Split(out.String(), "\n") {
		if strings.HasPrefix(line, "VERIFIED") || strings.Contains(line, "\x1b") {
			t.Errorf("a faked line: %q", line)
		}
	}
}
