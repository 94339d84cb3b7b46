package recovery_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
)

// verified is a run that has ended well, as its journal tells it.
func verified(t *testing.T) (recovery.State, *recoverytest.Journal) {
	t.Helper()
	journal := &recoverytest.Journal{}
	r := runner(&recoverytest.Operator{Answers: yes()}, works("one"))
	r.Journal = journal
	if v := r.Recover(t.Context()); v.Outcome != recovery.Verified {
		t.Fatalf("outcome %s", v.Outcome)
	}

	return folded(journal), journal
}

func folded(j *recoverytest.Journal) recovery.State {
	var s recovery.State
	for _, e := range j.Events {
		s.Apply(e)
	}

	return s
}

// then goes on with a run for another purpose, in the same journal.
func then(p recovery.Purpose, j *recoverytest.Journal, typed string, steps ...recovery.Step) recovery.Runner {
	o := &recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{}}
	if typed != "" {
		o.Answers[recovery.AskStart] = []recovery.Answer{{Choice: recovery.Go, Typed: typed}}
	}
	r := runner(o, steps...)
	r.Purpose, r.Journal, r.Earlier = p, j, folded(j)

	return r
}

func TestAnUndoNeedsTheHostsNameAndEndsTheRun(t *testing.T) {
	_, j := verified(t)
	for _, typed := range []string{"", "ffhost-02"} {
		step := works("undo")
		v := then(recovery.Undoing, j, typed, step).Recover(t.Context())
		s := folded(j)
		if v.Outcome != recovery.NothingChanged || v.Exit != recovery.ExitNotConfirmed || step.Ran != 0 {
			t.Errorf("typed %q: %s, exit %d after %d runs", typed, v.Outcome, v.Exit, step.Ran)
		}
		if s.Unfinished() || s.Undoing || s.Undone() || s.Settled.Outcome != recovery.Verified {
			t.Errorf("typed %q: a refused undo changed what stands: %+v", typed, s.Settled)
		}
		sum := s.Summarise(s.Last)
		if !strings.Contains(s.Report(), "**VERIFIED**") || sum.Outcome != recovery.Verified || sum.Title != "do one" {
			t.Errorf("a refused undo has taken the recovery's verdict away: %+v", sum)
		}
	}
	v := then(recovery.Undoing, j, "ffhost-01", works("undo")).Recover(t.Context())
	s := folded(j)
	if v.Outcome != recovery.Undone || v.Exit != recovery.ExitOK || s.Unfinished() || !s.Undone() {
		t.Errorf("%s, exit %d, unfinished %v, undone %v", v.Outcome, v.Exit, s.Unfinished(), s.Undone())
	}
	if !strings.HasPrefix(s.Report(), "# Undo of recovery") {
		t.Errorf("report %q", s.Report())
	}
}

func TestAnUndoThatFailsIsGoneOnWithByAnUndo(t *testing.T) {
	_, j := verified(t)
	step := works("undo")
	step.Checks = step.Checks[:2]
	step.Do = func(context.Context, recovery.Progress) error {
		return recovery.Fail(recovery.Diagnosis{Code: "secrets.different", Summary: "It failed", Remedies: []recovery.Remedy{
			{Do: "Continue", Command: "firmflow-recovery resume"}, {Do: "Look", Command: "firmflow-recovery preflight --app-url URL"},
		}}, nil)
	}
	v := then(recovery.Undoing, j, "ffhost-01", step).Recover(t.Context())
	s := folded(j)
	if v.Outcome != recovery.UndoUnfinished || v.Exit != recovery.ExitUndo || !s.Unfinished() || !s.Undoing || s.Undone() {
		t.Errorf("%s, exit %d, unfinished %v, undoing %v", v.Outcome, v.Exit, s.Unfinished(), s.Undoing)
	}
	for i, want := range []string{"firmflow-recovery undo 20261123-030107", "firmflow-recovery undo 20261123-030107 --app-url URL"} {
		if got := v.Diagnosis.Remedies[i].Command; got != want {
			t.Errorf("remedy %q, want %q", got, want)
		}
	}
	// Consent is to a run: it goes on without being asked again.
	if v := then(recovery.Undoing, j, "", works("undo")).Recover(t.Context()); v.Outcome != recovery.Undone {
		t.Errorf("gone on with: %s", v.Outcome)
	}
}

func TestAnUndoWhoseAppIsDownSaysThatTheDataIsBack(t *testing.T) {
	_, j := verified(t)
	step := works("undo")
	step.Swaps = true
	step.Do = func(context.Context, recovery.Progress) error { return errors.New("app ended") }
	v := then(recovery.Undoing, j, "ffhost-01", step).Recover(t.Context())
	s := folded(j)
	if v.Outcome != recovery.UndoneNotVerified || v.Exit != recovery.ExitUndo || s.Unfinished() || s.Undone() || !s.Undoing {
		t.Errorf("%s, exit %d, unfinished %v, undone %v", v.Outcome, v.Exit, s.Unfinished(), s.Undone())
	}
	if v := then(recovery.Undoing, j, "", works("undo")).Recover(t.Context()); v.Outcome != recovery.Undone {
		t.Errorf("gone on with: %s", v.Outcome)
	}
}

func TestF2AStoppedUndoKeepsTheSignalsExitCode(t *testing.T) {
	_, j := verified(t)
	ctx, stop := context.WithCancelCause(t.Context())
	step := works("undo")
	step.Do = func(ctx context.Context, _ recovery.Progress) error {
		stop(&recovery.StopRequest{By: "SIGTERM", Exit: recovery.ExitTerminated})
		return ctx.Err()
	}
	v := then(recovery.Undoing, j, "ffhost-01", step).Recover(ctx)
	if v.Outcome != recovery.UndoUnfinished || v.Exit != recovery.ExitTerminated || len(v.Next) == 0 || !strings.Contains(v.Next[0], "firmflow-recovery undo") {
		t.Errorf("%+v", v)
	}
}

func TestABlockedUndoChangesNothingAndHasItsOwnExitCode(t *testing.T) {
	_, j := verified(t)
	step := &recoverytest.Step{Name: "undo", Checks: []recovery.Assessment{blockedBy(recovery.Diagnosis{Code: "engine.unreachable"})}}
	v := then(recovery.Undoing, j, "ffhost-01", step).Recover(t.Context())
	if v.Outcome != recovery.NothingChanged || v.Exit != recovery.ExitUndo || folded(j).Undoing {
		t.Errorf("%s, exit %d", v.Outcome, v.Exit)
	}
}

func TestARunKilledWhileItsUndoIsAskedForStaysVerified(t *testing.T) {
	_, j := verified(t)
	r := then(recovery.Undoing, j, "ffhost-01", works("undo"))
	r.Recover(t.Context())
	var s recovery.State
	for i, e := range j.Events {
		s.Apply(e)
		if started := s.Undoing; !started && s.Settled != nil && s.Unfinished() {
			t.Errorf("after event %d (%s) the verified run counts as unfinished", i, e.Kind)
		}
		if s.Undoing && !s.Undone() && !s.Unfinished() {
			t.Errorf("after event %d (%s) the undo counts as ended", i, e.Kind)
		}
	}
}

func TestACleanupAsksForWhatFitsAndLeavesTheVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		phrase, typed string
		exit          recovery.ExitCode
	}{
		"the host's name":                        {"", "ffhost-01", recovery.ExitOK},
		"nothing typed":                          {"", "", recovery.ExitNotConfirmed},
		"not verified, with the host's name":     {"ffhost-01 not verified", "ffhost-01", recovery.ExitNotConfirmed},
		"not verified, with what was asked for":  {"ffhost-01 not verified", "ffhost-01 not verified", recovery.ExitOK},
		"another host's name with the same rest": {"ffhost-01 not verified", "ffhost-02 not verified", recovery.ExitNotConfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			_, j := verified(t)
			r := then(recovery.CleaningUp, j, c.typed, works("clean"))
			r.Phrase = c.phrase
			v := r.Recover(t.Context())
			s := folded(j)
			if done := c.exit == recovery.ExitOK; v.Exit != c.exit || s.Cleaning != done || s.Cleaned != done {
				t.Errorf("%s, exit %d, cleaning %v, cleaned %v", v.Outcome, v.Exit, s.Cleaning, s.Cleaned)
			}
			if s.Unfinished() || s.Settled.Outcome != recovery.Verified {
				t.Errorf("the recovery's verdict is %+v", s.Settled)
			}
		})
	}
}

func TestACleanupThatFailsIsGoneOnWith(t *testing.T) {
	_, j := verified(t)
	step := works("clean")
	step.Do = func(context.Context, recovery.Progress) error { return errors.New("read-only") }
	v := then(recovery.CleaningUp, j, "ffhost-01", step).Recover(t.Context())
	if v.Outcome != recovery.CleanupUnfinished || v.Exit != recovery.ExitUnexpected || !folded(j).Cleaning || folded(j).Cleaned {
		t.Errorf("%s, exit %d", v.Outcome, v.Exit)
	}
	if v := then(recovery.CleaningUp, j, "", works("clean")).Recover(t.Context()); v.Outcome != recovery.CleanedUp {
		t.Errorf("gone on with: %s", v.Outcome)
	}
}

func TestAPlanSaysWhatItIsFor(t *testing.T) {
	for purpose, texts := range map[recovery.Purpose][]string{
		recovery.Recovering: {"Plan: backup 2026-11-22 -> firmflow\n", "LOST\n", "# Recovery of firmflow", "Nothing here deletes"},
		recovery.Undoing:    {"Plan: undo of the recovery from backup 2026-11-22", "LOST\n", "# Back to firmflow", "Nothing here deletes"},
		recovery.CleaningUp: {"Plan: cleanup of the recovery from backup 2026-11-22", "DELETED, FOR GOOD\n", "# Cleanup of firmflow", "is gone"},
	} {
		p := recovery.Plan{Backup: "2026-11-22", Target: "firmflow", Purpose: purpose, Steps: []recovery.PlannedStep{{Assessment: recovery.Assessment{Loses: "something"}}}}
		for _, text := range texts {
			if all := p.String() + p.Runbook(); !strings.Contains(all, text) {
				t.Errorf("%q: the plan lacks %q:\n%s", purpose, text, all)
			}
		}
	}
}

func TestAFailureMayBeAnsweredWithAnUndo(t *testing.T) {
	for name, c := range map[string]struct {
		undoable bool
		turn     recovery.Choice
	}{"offered": {true, recovery.Undo}, "not offered": {false, ""}} {
		step := works("one")
		step.Do = func(context.Context, recovery.Progress) error { return errors.New("disk full") }
		o := &recoverytest.Operator{Answers: answers(recovery.AskFailure, recovery.Answer{Choice: recovery.Undo})}
		r := runner(o, step)
		r.Undoable = c.undoable
		v := r.Recover(t.Context())
		if v.Turn != c.turn || v.Outcome != recovery.PreviousLive || step.Ran != 1 {
			t.Errorf("%s: turn %q, %s after %d runs", name, v.Turn, v.Outcome, step.Ran)
		}
	}
}

// A backup changes nothing that is live: it asks nothing, and what it says of
// itself is not the last word on what is live.
func TestABackupAsksNothingAndLeavesNothingUnfinished(t *testing.T) {
	back := func(step *recoverytest.Step) (recovery.Verdict, recovery.State) {
		j := &recoverytest.Journal{}
		r := runner(&recoverytest.Operator{}, step)
		r.Purpose, r.Journal = recovery.BackingUp, j

		return r.Recover(t.Context()), folded(j)
	}
	v, s := back(works("dump"))
	if v.Outcome != recovery.BackedUp || v.Exit != recovery.ExitOK || !s.Making || s.Confirmed || s.Unfinished() || s.Settled != nil {
		t.Errorf("%s, exit %d, %+v", v.Outcome, v.Exit, s)
	}
	if !strings.HasPrefix(s.Report(), "# Backup, run ") || !strings.HasPrefix(s.Plan.String(), "Plan: ") {
		t.Errorf("report %q, plan %q", s.Report(), s.Plan)
	}
	step := works("dump")
	step.Do = func(context.Context, recovery.Progress) error {
		return recovery.Fail(recovery.Diagnosis{Code: "take.dump.failed", Summary: "It failed", Remedies: []recovery.Remedy{{Do: "Again", Command: "firmflow-recovery resume"}}}, nil)
	}
	v, s = back(step)
	if v.Outcome != recovery.BackupUnfinished || v.Exit != recovery.ExitBackup || s.Unfinished() {
		t.Errorf("failed: %s, exit %d, unfinished %v", v.Outcome, v.Exit, s.Unfinished())
	}
	if got := v.Diagnosis.Remedies[0].Command; got != "firmflow-recovery backup" {
		t.Errorf("failed: remedy %q", got)
	}
}
