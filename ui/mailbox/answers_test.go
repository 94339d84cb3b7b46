package mailbox_test

import (
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
)

func TestAnswersAreUsedUpInOrder(t *testing.T) {
	given := map[recovery.QuestionID][]recovery.Answer{
		recovery.AskFailure: {{Choice: recovery.Retry}, {Choice: recovery.Go}},
	}
	s := mailbox.Prepared(given)
	given[recovery.AskFailure][0] = recovery.Answer{Choice: recovery.Apply}

	for i, want := range []recovery.Choice{recovery.Retry, recovery.Go} {
		if got, ok := s.Take(recovery.AskFailure); !ok || got.Choice != want {
			t.Errorf("answer %d: got %+v, %v, want %s", i+1, got, ok, want)
		}
	}
	if got, ok := s.Take(recovery.AskFailure); ok || got != (recovery.Answer{}) {
		t.Errorf("after the last: got %+v, %v, want none", got, ok)
	}
}

func TestWithoutAnswersThereIsNone(t *testing.T) {
	if got, ok := mailbox.Prepared(nil).Take(recovery.AskStart); ok || got.Choice != recovery.Stop {
		t.Errorf("got %+v, %v, want none", got, ok)
	}
}
