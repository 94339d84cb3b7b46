package plain

import (
	"strings"
	"testing"

	"firmflow-recovery/recovery"
)

func TestOnlyWhatChangedNothingIsToldAsGoneBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		verdict recovery.Verdict
		text    string
	}{
		{recovery.Verdict{Outcome: recovery.NothingChanged, Turn: recovery.Back}, "nothing was changed"},
		{recovery.Verdict{Outcome: recovery.PreviousLive, Turn: recovery.Undo}, string(recovery.PreviousLive)},
	} {
		if got := Verdict(c.verdict); !strings.Contains(got, c.text) {
			t.Errorf("%s, turned to %s: got %q, want %q in it", c.verdict.Outcome, c.verdict.Turn, got, c.text)
		}
	}
}
