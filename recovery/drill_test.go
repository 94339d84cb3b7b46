package recovery_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
)

// drillOf walks one step as a drill.
func drillOf(t *testing.T, step *recoverytest.Step, closing ...recovery.Finding) (recovery.Verdict, *recoverytest.Operator) {
	t.Helper()
	op := &recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go}}}}
	r := recovery.Runner{
		Steps: []recovery.Step{step}, Operator: op, Journal: &recoverytest.Journal{}, Now: recoverytest.Clock(), Run: "20261123-030107", Host: "ffhost-01",
		Purpose: recovery.Drilling, Intact: "only read",
		Closing: func(context.Context) []recovery.Finding { return closing },
	}

	return r.Recover(t.Context()), op
}

func TestADrillsVerdicts(t *testing.T) {
	lost := recovery.Diagnosis{Code: "dump.truncated", Summary: "cut", Intact: "previous live", Remedies: []recovery.Remedy{
		{Command: "firmflow-recovery resume 20261123-030107"}, {Command: "firmflow-recovery restore --fix"}, {Command: "firmflow-recovery restore --backup 2026-11-22 --backups /b"},
	}}
	done := recovery.Assessment{Standing: recovery.Done, Replaces: []string{"a vault"}, Findings: []recovery.Finding{recovery.OK("vault", "whole")}}
	for name, c := range map[string]struct {
		assessed recovery.Assessment
		closing  []recovery.Finding
		outcome  recovery.Outcome
		exit     recovery.ExitCode
	}{
		"well":                    {done, []recovery.Finding{recovery.OK("installation", "untouched")}, recovery.Verified, 0},
		"installation not proven": {done, []recovery.Finding{recovery.Problem("installation", recovery.Unproven, recovery.Diagnosis{Code: "drill.x"})}, recovery.NotVerified, 8},
		"too slow":                {done, []recovery.Finding{recovery.Problem("time", recovery.Failed, recovery.Diagnosis{Code: recovery.CodeTargetMissed})}, recovery.DrillFailed, 9},
		"backup damaged":          {recovery.Assessment{Standing: recovery.Blocked, Findings: []recovery.Finding{recovery.Problem("dump", recovery.Failed, lost)}}, nil, recovery.DrillFailed, 9},
	} {
		v, op := drillOf(t, &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{c.assessed}}, c.closing...)
		if v.Outcome != c.outcome || v.Exit != c.exit {
			t.Errorf("%s: %s with %d, want %s with %d", name, v.Outcome, v.Exit, c.outcome, c.exit)
		}
		state := op.State()
		if state.Purpose != recovery.Drilling || len(state.Past) > 0 {
			t.Errorf("%s: the fold has purpose %q and past %v", name, state.Purpose, state.Past)
		}
		spoken := []recovery.Remedy{{Command: "firmflow-recovery drill"}, {Command: "firmflow-recovery drill --fix"}, {Command: "firmflow-recovery drill 2026-11-22 --backups /b"}}
		if d := v.Diagnosis; name == "backup damaged" && (d.Intact != "only read" || !slices.Equal(d.Remedies, spoken)) {
			t.Errorf("the diagnosis of a drill speaks of a recovery: %+v", d)
		}
		if !strings.HasPrefix(state.Plan.String(), "Plan: drill of backup ") || strings.Contains(state.Plan.String(), "REPLACED") {
			t.Errorf("the plan of a drill is\n%s", state.Plan)
		}
	}
}
