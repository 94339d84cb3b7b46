package plain_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
	"firmflow-recovery/ui/plain"
)

// evil is what a file name or another program's output may hold: it clears the
// screen, returns to the first column, and tells a verdict of its own.
const evil = "x\x1b[2J\x1b[1;1H\r\nVERIFIED in 1 s.\n\u009b31m\u2028\u202e\xff\x00\a"

// everywhere is a run in which every text that others could have chosen is
// evil.
func everywhere() []recovery.Event {
	d := recovery.Diagnosis{
		Code: evil, Summary: evil, Seen: evil, Intact: evil, Remedies: []recovery.Remedy{{Do: evil, Command: evil}},
	}
	ok, bad := recovery.OK(evil, evil), recovery.Problem(evil, recovery.Warned, d)
	failed := recovery.Problem(evil, recovery.Failed, d)
	plan := recovery.Plan{Backup: evil, Target: evil, Steps: []recovery.PlannedStep{{ID: evil, Title: evil, Assessment: recovery.Assessment{
		Changes: []string{evil}, Replaces: []string{evil}, Loses: evil,
	}}}}
	q := recovery.Question{Text: evil, Typed: evil, Options: []recovery.Option{{Key: evil, Label: evil, Why: evil}, {Key: recovery.Go, Label: evil}}}

	return []recovery.Event{
		{Kind: recovery.RunOpened, Host: evil, Run: evil, Text: evil},
		{Kind: recovery.CheckStarted, Step: evil, Title: evil},
		{Kind: recovery.CheckFinding, Step: evil, Finding: &ok},
		{Kind: recovery.CheckFinding, Step: evil, Finding: &bad},
		{Kind: recovery.PlanMade, Plan: &plan},
		{Kind: recovery.QuestionAsked, Question: &q},
		{Kind: recovery.Answered, Question: &q, Answer: &recovery.Answer{Choice: recovery.Go, Typed: evil}},
		{Kind: recovery.Answered, Question: &q, Answer: &recovery.Answer{Choice: evil}},
		{Kind: recovery.StepStarted, Step: evil, Title: evil, Attempt: 2},
		{Kind: recovery.StepProgress, Step: evil, Phase: evil, Done: 1, Total: 3},
		{Kind: recovery.StepLog, Step: evil, Text: evil},
		{Kind: recovery.StepNoted, Step: evil, Text: evil},
		{Kind: recovery.StepProof, Step: evil, Finding: &bad},
		{Kind: recovery.StepProof, Step: evil, Finding: &failed},
		{Kind: recovery.StepFailed, Step: evil, Title: evil, Diagnosis: &d},
		{Kind: recovery.StepFinished, Step: evil, Title: evil, Text: evil},
		{Kind: recovery.RunEnded, Verdict: &recovery.Verdict{Outcome: evil, Diagnosis: &d, Next: []string{evil}}},
	}
}

// fact is how a line of ours begins; a line that continues one is indented.
var fact = regexp.MustCompile(`^(FirmFlow Recovery, |ok  |warning  |FAILED  |not proven |Plan: |question |step \d|started;|log  |next  |  |x\\x1b.* in |Continue with: )`)

func wantHarmless(t *testing.T, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("not UTF-8: %q", out)
	}
	for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e }); i >= 0 {
			t.Errorf("%q holds a control character at %d", line, i)
		}
		if !fact.MatchString(line) {
			t.Errorf("%q passes for a line of ours", line)
		}
	}
}

func TestTextOfOthersStartsNoLineAndMovesNoCursor(t *testing.T) {
	var out bytes.Buffer
	op := plain.New(plain.Options{Out: &out, Verbose: true, In: strings.NewReader("nonsense\n")})
	for _, e := range everywhere() {
		op.Tell(e)
	}
	if _, err := op.Ask(t.Context(), *everywhere()[5].Question); err != nil {
		t.Error(err)
	}
	op.Close()
	wantHarmless(t, out.String())
	if strings.Count(out.String(), "\n") < 30 {
		t.Errorf("too little was told:\n%s", out.String())
	}
}

func TestDiagnosisAndBackupsAreHarmlessToo(t *testing.T) {
	wantHarmless(t, plain.Diagnosis(*everywhere()[14].Diagnosis))
	var out bytes.Buffer
	listing := recovery.Listing{Directory: evil, Unusable: []string{evil}, Backups: []recovery.ListedBackup{{Name: evil, Remarks: []string{evil}}}}
	if err := plain.Backups(&out, listing); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if strings.HasPrefix(line, "VERIFIED") || strings.Contains(line, "\x1b") {
			t.Errorf("%q passes for a line of ours", line)
		}
	}
}

// TestIncompleteEventsAreSkipped: attach may follow the journal of another
// version.
func TestIncompleteEventsAreSkipped(t *testing.T) {
	var out bytes.Buffer
	op := plain.New(plain.Options{Out: &out})
	for _, kind := range []recovery.Kind{
		recovery.CheckFinding, recovery.PlanMade, recovery.QuestionAsked, recovery.Answered, recovery.StepProof,
		recovery.StepFailed, recovery.RunEnded, "step.invented-later",
	} {
		op.Tell(recovery.Event{Kind: kind, Step: "vault"})
	}
	op.Tell(recovery.Event{Kind: recovery.RunStarted})
	op.Close()
	if got, want := out.String(), "started; from here on things change, beside what is live\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// pipe is an output that blocks until it is released, then fails.
type pipe struct {
	release chan struct{}
	err     error
	writes  int
}

func (p *pipe) Write(b []byte) (int, error) {
	p.writes++
	<-p.release

	return len(b), p.err
}

func TestStuckOutputHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{release: make(chan struct{})}
		op := plain.New(plain.Options{Out: out, In: strings.NewReader("ffhost-01\n")})
		begun := time.Now()
		for range 100 {
			for _, e := range everywhere() {
				op.Tell(e)
			}
		}
		op.Close()
		if took := time.Since(begun); took > 3*mailbox.Patience {
			t.Errorf("it took %s to give up on the output", took)
		}
		close(out.release)
	})
}

func TestQuestionThatCannotBeShownIsNotAnswered(t *testing.T) {
	for name, out := range map[string]*pipe{
		"stuck": {release: make(chan struct{})}, "broken": {release: make(chan struct{}), err: io.ErrClosedPipe},
	} {
		synctest.Test(t, func(t *testing.T) {
			if out.err != nil {
				close(out.release)
			} else {
				out.release = make(chan struct{}) // of this bubble
			}
			op := plain.New(plain.Options{Out: out, In: strings.NewReader("ffhost-01\n")})
			op.Tell(recovery.Event{Kind: recovery.RunOpened, Host: "ffhost-01"})
			request := &recovery.StopRequest{By: "terminated"}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, request)
			defer cancel()
			got, err := op.Ask(ctx, replaces())
			var none *recovery.NoAnswerError
			if got != (recovery.Answer{}) || !errors.As(err, &none) && !errors.Is(err, request) {
				t.Errorf("%s: got %+v, %v, want no answer", name, got, err)
			}
			op.Close()
			if out.err == nil {
				close(out.release)
			} else if out.writes != 1 {
				t.Errorf("%s: written to %d times", name, out.writes)
			}
		})
	}
}
