package jsonl_test

import (
	"bytes"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/ui/jsonl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a journal that keeps what the file would hold.
type lines struct{ bytes.Buffer }

func (l *lines) Append(e recovery.Event) error {
	line, err := recovery.Encode(e)
	l.Write(line)

	return err
}

func TestTheStreamIsTheJournalsBytesAndProgress(t *testing.T) {
	var out bytes.Buffer
	kept := &lines{}
	done := recovery.Assessment{Standing: recovery.Done, Findings: []recovery.Finding{recovery.OK("a", "b <c> & d")}}
	o := jsonl.New(&out, map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go}}})
	v := recovery.Runner{
		Steps: []recovery.Step{&recoverytest.Step{Name: "one", Checks: []recovery.Assessment{{}, {}, done}}}, Journal: kept, Operator: o,
		Now: recoverytest.Clock(), Run: "20261123-030107", Host: "h",
	}.Recover(t.Context())
	o.Close()
	if v.Outcome != recovery.Verified || out.String() != kept.String() {
		t.Errorf("%s; stream and journal differ:\n%s\n%s", v.Outcome, out.String(), kept.String())
	}
}

func TestNobodyCanBeAsked(t *testing.T) {
	o := jsonl.New(&bytes.Buffer{}, nil)
	defer o.Close()
	_, err := o.Ask(t.Context(), recovery.Question{ID: recovery.AskStart})
	var none *recovery.NoAnswerError
	if !errors.As(err, &none) {
		t.Errorf("error = %v, want *NoAnswerError", err)
	}
}
