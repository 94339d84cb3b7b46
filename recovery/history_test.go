package recovery_test

import (
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
)

func took(d time.Duration, bytes, items int64) recovery.Account {
	return recovery.Account{Steps: []recovery.AccountedStep{{ID: "vault", Took: d, Bytes: bytes, Items: items, Done: true}}}
}

func TestAnEstimateSpansWhatGrowsWithTheWorkAndWhatDoesNot(t *testing.T) {
	resumed, failed := took(time.Millisecond, 100, 10), took(time.Millisecond, 100, 10)
	resumed.Resumed, failed.Steps[0].Done = true, false
	old := took(time.Hour, 100, 10)
	for name, c := range map[string]struct {
		history      recovery.History
		bytes, items int64
		low, high    time.Duration
		runs         int
	}{
		"nothing known":         {recovery.History{}, 100, 10, 0, 0, 0},
		"the same again":        {recovery.History{took(10*time.Second, 100, 10)}, 100, 10, 10 * time.Second, 10 * time.Second, 1},
		"ten times the bytes":   {recovery.History{took(10*time.Second, 100, 10)}, 1000, 10, 10 * time.Second, 100 * time.Second, 1},
		"five times the items":  {recovery.History{took(10*time.Second, 100, 10)}, 200, 50, 10 * time.Second, 50 * time.Second, 1},
		"half of it":            {recovery.History{took(10*time.Second, 100, 10)}, 50, 5, 5 * time.Second, 10 * time.Second, 1},
		"amount not known":      {recovery.History{took(10*time.Second, 100, 10)}, 0, 0, 10 * time.Second, 10 * time.Second, 1},
		"two runs":              {recovery.History{took(10*time.Second, 100, 10), took(14*time.Second, 100, 10)}, 100, 10, 10 * time.Second, 14 * time.Second, 2},
		"resumed or failed":     {recovery.History{resumed, failed}, 100, 10, 0, 0, 0},
		"only the last of many": {recovery.History{took(1, 1, 1), took(1, 1, 1), took(1, 1, 1), took(1, 1, 1), took(1, 1, 1), old}, 1, 1, 1, 1, 5},
	} {
		e, known := c.history.Of("vault", c.bytes, c.items)
		if e.Low != c.low || e.High != c.high || e.Runs != c.runs || known != (c.runs > 0) {
			t.Errorf("%s: %v to %v from %d runs, want %v to %v from %d", name, e.Low, e.High, e.Runs, c.low, c.high, c.runs)
		}
	}
}

func TestAPlanSaysHowLongItTakesOrThatNobodyKnows(t *testing.T) {
	for name, c := range map[string]struct {
		history recovery.History
		want    string
	}{
		"nobody looked":   {nil, ""},
		"none":            {recovery.History{}, "not known: there is no earlier run and no drill"},
		"of another step": {recovery.History{{Steps: []recovery.AccountedStep{{ID: "other", Done: true}}}}, "not known: no earlier run or drill on this host tells it of every step"},
		"one":             {recovery.History{took(10*time.Second, 100, 0)}, "about 10 s to 20 s, by the one earlier run or drill on this host"},
	} {
		step := &recoverytest.Step{Name: "vault", Checks: []recovery.Assessment{{Findings: []recovery.Finding{recovery.OK("vault", "an archive").Of(200, 0)}}}}
		plan, _ := recovery.Runner{
			Steps: []recovery.Step{step}, Operator: &recoverytest.Operator{}, Now: recoverytest.Clock(), Run: "20261123-030107", History: c.history,
		}.Preflight(t.Context())
		if got := plan.Duration(); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if strings.Contains(plan.String(), "TAKES") != (c.want != "") {
			t.Errorf("%s: the plan is\n%s", name, plan)
		}
	}
}

func TestTheTimeLeftComesFromTheEstimatesAndFromThePhaseInHand(t *testing.T) {
	began := time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)
	second := func(n int) *recovery.Estimate {
		return &recovery.Estimate{Low: time.Duration(n) * time.Second, High: time.Duration(n) * time.Second}
	}
	s := recovery.State{
		Plan: &recovery.Plan{Steps: []recovery.PlannedStep{{ID: "a", Estimate: second(5)}, {ID: "b", Estimate: second(10)}, {ID: "c", Estimate: second(20)}}},
		Steps: []recovery.StepState{
			{ID: "a", Status: recovery.Finished}, {ID: "b", Status: recovery.Working, Started: began},
		},
	}
	at := func(want time.Duration) {
		t.Helper()
		if left, known := s.TimeLeft(began.Add(4 * time.Second)); !known || left != want {
			t.Errorf("%v left, known: %t; want %v", left, known, want)
		}
	}
	at(26 * time.Second)
	s.Steps[1].Rate, s.Steps[1].Total = 1, 60 // it is slower than any time before
	at(80 * time.Second)
	s.Plan.Steps[2].Estimate = nil
	if left, known := s.TimeLeft(began); known {
		t.Errorf("%v left, although a step was never seen", left)
	}
}
