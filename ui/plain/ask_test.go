package plain_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/plain"
)

func replaces() recovery.Question {
	return recovery.Question{
		ID: recovery.AskStart, Text: "This replaces the data of a running installation", Typed: "ffhost-01", Flag: "--confirm ffhost-01",
		Options: []recovery.Option{{Key: recovery.Go, Label: "Start"}, {Key: recovery.Stop, Label: "Go back"}},
	}
}

func failure() recovery.Question {
	return recovery.Question{
		ID: recovery.AskFailure, Text: "The disk is full", Flag: "--retries N",
		Options: []recovery.Option{
			{Key: "skip", Label: "Skip", Why: "step 5 needs the database"}, {Key: recovery.Retry, Label: "Retry"}, {Key: recovery.Stop, Label: "Stop"},
		},
	}
}

func asked(t *testing.T, q recovery.Question, in string) (recovery.Answer, string, error) {
	var out bytes.Buffer
	op := plain.New(plain.Options{Out: &out, In: strings.NewReader(in)})
	answer, err := op.Ask(t.Context(), q)
	op.Close()

	return answer, out.String(), err
}

func TestAskUnderstandsOnlyWhatWasAskedFor(t *testing.T) {
	host := recovery.Answer{Choice: recovery.Go, Typed: "ffhost-01"}
	retry := recovery.Answer{Choice: recovery.Retry}
	stop := recovery.Answer{}
	long := strings.Repeat("x", 100_000) + "\n"
	for _, c := range []struct {
		name, in string
		question recovery.Question
		want     recovery.Answer
	}{
		{"the host's name", "ffhost-01\n", replaces(), host},
		{"from Windows", "ffhost-01\r\n", replaces(), host},
		{"at the third try", "yes\ny\nffhost-01\n", replaces(), host},
		{"too late", "yes\ny\ngo\nffhost-01\n", replaces(), stop},
		{"in capitals", "FFHOST-01\n\n", replaces(), stop},
		{"with a space", "ffhost-01 \n\n", replaces(), stop},
		{"an option's number", "1\n\n", replaces(), stop},
		{"an empty line", "\nffhost-01\n", replaces(), stop},
		{"nothing", "", replaces(), stop},
		{"the input ends within the name", "ffhost-0", replaces(), stop},
		{"the input ends after the name", "ffhost-01", replaces(), stop},
		{"after a line without end", long + "ffhost-01\n", replaces(), host},
		{"a line without end that ends with the name", long[:8192] + "ffhost-01\n", replaces(), stop},
		{"a number", "2\n", failure(), retry},
		{"a number with spaces", " 2 \n", failure(), retry},
		{"what is not possible", "1\n\n", failure(), stop},
		{"the number of Stop", "3\n2\n", failure(), stop},
		{"numbers that are none", "0\n4\n-1\n2\n", failure(), stop},
		{"yes is no answer", "y\nyes\nretry\n2\n", failure(), stop},
		{"an empty line is not the first option", "\n2\n", failure(), stop},
	} {
		got, out, err := asked(t, c.question, c.in)
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v, want %+v\n%s", c.name, got, err, c.want, out)
		}
		if !strings.HasSuffix(out, "\n") || !strings.Contains(out, "[stop]") {
			t.Errorf("%s: the question does not name its default on a whole line:\n%s", c.name, out)
		}
	}
}

// TestNothingButTheExactNameConsents: whatever is typed, short of the very name on a
// line within the first three, nothing is replaced.
func TestNothingButTheExactNameConsents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		line := rapid.OneOf(
			rapid.SampledFrom([]string{"", "y", "yes", "1", "go", "ffhost-0", "ffhost-011", "FFHOST-01", " ffhost-01", "ffhost-01\t", "ffhost-01\x00", "--yes"}),
			rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\n") }),
		).Filter(func(s string) bool { return strings.TrimSuffix(s, "\r") != "ffhost-01" })
		lines := rapid.SliceOf(line).Draw(rt, "lines")
		in := strings.Join(lines, "\n")
		if rapid.Bool().Draw(rt, "ended") {
			in += "\n"
		}
		got, _, err := asked(t, replaces(), in)
		if err != nil || got != (recovery.Answer{}) || replaces().Consents(got, recovery.Go) {
			rt.Fatalf("%q gave %+v, %v, want Stop", in, got, err)
		}
	})
}

func TestQuestionShowsWhatIsNotPossible(t *testing.T) {
	_, out, _ := asked(t, failure(), "\n")
	want := `question The disk is full
  1      Skip (not possible: step 5 needs the database)
  2      Retry
  3      Stop
         type a number, or an empty line to stop [stop]
`
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestWithoutInputOnlyFlagsAnswer(t *testing.T) {
	op := plain.New(plain.Options{Out: io.Discard, Answers: map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go, Typed: "elsewhere"}}}})
	defer op.Close()
	if got, err := op.Ask(t.Context(), replaces()); err != nil || got.Typed != "elsewhere" || replaces().Consents(got, recovery.Go) {
		t.Errorf("got %+v, %v; want what the flag said, which does not consent", got, err)
	}
	var none *recovery.NoAnswerError
	if _, err := op.Ask(t.Context(), replaces()); !errors.As(err, &none) || none.Question.Flag != "--confirm ffhost-01" {
		t.Errorf("got %v, want a NoAnswerError that knows the flag", err)
	}
}

// TestEndedContextEndsTheQuestion, and what is typed for it does not answer the
// next one.
func TestEndedContextEndsTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, keyboard := io.Pipe()
		op := plain.New(plain.Options{Out: io.Discard, In: in})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, &recovery.StopRequest{By: "terminated"})
		defer cancel()
		var request *recovery.StopRequest
		if got, err := op.Ask(ctx, failure()); !errors.As(err, &request) || got != (recovery.Answer{}) {
			t.Errorf("got %+v, %v, want the context's cause", got, err)
		}
		if _, err := io.WriteString(keyboard, "2\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_ = keyboard.Close()
		if got, err := op.Ask(t.Context(), failure()); err != nil || got != (recovery.Answer{}) {
			t.Errorf("got %+v, %v, want Stop", got, err)
		}
		op.Close()
	})
}

func TestClosedOperatorHasNobodyToAsk(t *testing.T) {
	op := plain.New(plain.Options{Out: io.Discard, In: strings.NewReader("ffhost-01\n")})
	op.Close()
	var none *recovery.NoAnswerError
	if _, err := op.Ask(t.Context(), replaces()); !errors.As(err, &none) {
		t.Errorf("got %v, want a NoAnswerError", err)
	}
}

func TestALetterLooksAtAnOption(t *testing.T) {
	q := recovery.Question{
		ID: recovery.AskBackup, Text: "Which backup?",
		Options: []recovery.Option{{Key: "a", Label: "a", Why: "it is incomplete"}, {Key: "b", Label: "b"}, {Key: recovery.Back, Label: "Back"}},
		Letters: []recovery.Letter{{Key: "v", Choice: recovery.Verify, Label: "verify in full"}},
	}
	for line, want := range map[string]recovery.Answer{
		"v 1\n": {Choice: recovery.Verify, Typed: "a"}, "v2\n": {Choice: recovery.Verify, Typed: "b"}, "2\n": {Choice: "b"},
		"v 3\n2\n": {Choice: "b"}, "v 4\n2\n": {Choice: "b"}, "v\n2\n": {Choice: "b"}, "\n": {Choice: recovery.Back},
	} {
		got, out, err := asked(t, q, line)
		if err != nil || got != want || !strings.Contains(out, "  v N    verify in full: the one of number N\n") {
			t.Errorf("%q: %+v, %v; want %+v\n%s", line, got, err, want, out)
		}
	}
}
