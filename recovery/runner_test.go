package recovery_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
)

var (
	pending = recovery.Assessment{Changes: []string{"something"}}
	done    = recovery.Assessment{Standing: recovery.Done, Summary: "it is there", Findings: []recovery.Finding{recovery.OK("thing", "is there")}}
)

func yes() map[recovery.QuestionID][]recovery.Answer {
	return map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go}}}
}

func answers(id recovery.QuestionID, a ...recovery.Answer) map[recovery.QuestionID][]recovery.Answer {
	return map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go}}, id: a}
}

func runner(o recovery.Operator, steps ...recovery.Step) recovery.Runner {
	return recovery.Runner{Steps: steps, Operator: o, Now: recoverytest.Clock(), Run: "20261123-030107", Host: "ffhost-01", Backup: "2026-11-22", Target: "firmflow"}
}

func works(name recovery.StepID) *recoverytest.Step {
	return &recoverytest.Step{Name: name, Checks: []recovery.Assessment{pending, pending, done}}
}

func TestRecoverChecksRunsChecksAndProves(t *testing.T) {
	o := &recoverytest.Operator{Answers: yes()}
	journal := &recoverytest.Journal{}
	r := runner(o, works("one"), works("two"))
	r.Journal = journal
	v := r.Recover(t.Context())

	if v.Outcome != recovery.Verified || v.Exit != recovery.ExitOK || len(v.Proofs) != 2 {
		t.Errorf("verdict %+v, want VERIFIED with two proofs", v)
	}
	want := []recovery.Kind{
		recovery.RunOpened, recovery.CheckStarted, recovery.CheckStarted, recovery.PlanMade, recovery.QuestionAsked, recovery.Answered,
		recovery.RunStarted, recovery.StepStarted, recovery.StepProof, recovery.StepFinished, recovery.StepStarted, recovery.StepProof,
		recovery.StepFinished, recovery.RunEnded,
	}
	if d := cmp.Diff(want, o.Kinds()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if d := cmp.Diff(o.Events(), journal.Events); d != "" {
		t.Errorf("journal differs from what was told:\n%s", d)
	}
}

func TestNothingRunsWithoutTheConsentThatFits(t *testing.T) {
	replacing := recovery.Assessment{Replaces: []string{"database firmflow"}}
	for name, c := range map[string]struct {
		check   recovery.Assessment
		answers []recovery.Answer
		exit    recovery.ExitCode
		ran     int
	}{
		"nobody to ask":                        {pending, nil, recovery.ExitNotConfirmed, 0},
		"zero answer":                          {pending, []recovery.Answer{{}}, recovery.ExitNotConfirmed, 0},
		"yes on an empty target":               {pending, []recovery.Answer{{Choice: recovery.Go}}, recovery.ExitOK, 1},
		"bare yes over live data":              {replacing, []recovery.Answer{{Choice: recovery.Go}}, recovery.ExitNotConfirmed, 0},
		"F5 another host's name":               {replacing, []recovery.Answer{{Choice: recovery.Go, Typed: "ffhost-02"}}, recovery.ExitNotConfirmed, 0},
		"the name on an empty target":          {pending, []recovery.Answer{{Choice: recovery.Go, Typed: "ffhost-01"}}, recovery.ExitOK, 1},
		"F5 another's name on an empty target": {pending, []recovery.Answer{{Choice: recovery.Go, Typed: "ffhost-02"}}, recovery.ExitNotConfirmed, 0},
		"the host's name":                      {replacing, []recovery.Answer{{Choice: recovery.Go, Typed: "ffhost-01"}}, recovery.ExitOK, 1},
		"the name without a go":                {replacing, []recovery.Answer{{Typed: "ffhost-01"}}, recovery.ExitNotConfirmed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			step := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{c.check, c.check, done}}
			o := &recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: c.answers}}
			v := runner(o, step).Recover(t.Context())
			if v.Exit != c.exit || step.Ran != c.ran {
				t.Errorf("exit %d after %d runs, want %d after %d", v.Exit, step.Ran, c.exit, c.ran)
			}
			if c.ran == 0 && v.Outcome != recovery.NothingChanged {
				t.Errorf("outcome %s, want NOTHING CHANGED", v.Outcome)
			}
		})
	}
}

func TestSuccessIsOnlyWhatCheckSaw(t *testing.T) {
	liar := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{pending}}
	v := runner(&recoverytest.Operator{Answers: yes()}, liar).Recover(t.Context())
	if v.Outcome != recovery.PreviousLive || v.Diagnosis == nil || v.Diagnosis.Code != recovery.CodeNotDone {
		t.Errorf("verdict %+v, want FAILED with %s", v, recovery.CodeNotDone)
	}
}

func TestOneOpenProofIsNotVerified(t *testing.T) {
	for _, status := range []recovery.Status{recovery.Unproven, recovery.Failed} {
		half := done
		half.Findings = []recovery.Finding{recovery.OK("a", "a"), {Subject: "b", Status: status}}
		step := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{half}}
		v := runner(&recoverytest.Operator{Answers: yes()}, step).Recover(t.Context())
		if v.Outcome != recovery.NotVerified || v.Exit != recovery.ExitNotVerified {
			t.Errorf("%s: %s, exit %d; want NOT VERIFIED, 8", status, v.Outcome, v.Exit)
		}
	}
}

func TestNoProofAtAllIsNotVerified(t *testing.T) {
	step := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{{Standing: recovery.Done}}}
	if v := runner(&recoverytest.Operator{Answers: yes()}, step).Recover(t.Context()); v.Outcome != recovery.NotVerified {
		t.Errorf("outcome %s without any proof", v.Outcome)
	}
}

func TestAFailedStepIsRetriedWhenTheOperatorSaysSo(t *testing.T) {
	step := works("one")
	step.Checks = []recovery.Assessment{pending, pending, pending, done}
	step.Do = func(context.Context, recovery.Progress) error {
		if step.Ran == 1 {
			return errors.New("disk full")
		}

		return nil
	}
	o := &recoverytest.Operator{Answers: answers(recovery.AskFailure, recovery.Answer{Choice: recovery.Retry})}
	v := runner(o, step).Recover(t.Context())
	if v.Outcome != recovery.Verified || step.Ran != 2 || o.State().Step("one").Attempt != 2 {
		t.Errorf("%s after %d runs", v.Outcome, step.Ran)
	}
}

func TestAFailureHasItsStepsExitCodeUnlessItsCodeHasOne(t *testing.T) {
	for _, c := range []struct {
		err  error
		exit recovery.ExitCode
	}{
		{errors.New("any"), 12},
		{recovery.Fail(recovery.Diagnosis{Code: "vault.archive.truncated"}, nil), recovery.ExitBackup},
		{recovery.Fail(recovery.Diagnosis{Code: "secrets.different"}, nil), recovery.ExitSecrets},
		{recovery.Fail(recovery.Diagnosis{Code: "vault.disk.full"}, nil), 12},
	} {
		two := works("two")
		two.Do = func(context.Context, recovery.Progress) error { return c.err }
		v := runner(&recoverytest.Operator{Answers: yes()}, works("one"), two).Recover(t.Context())
		if v.Exit != c.exit || v.Outcome != recovery.PreviousLive {
			t.Errorf("%v: %s, exit %d; want exit %d", c.err, v.Outcome, v.Exit, c.exit)
		}
	}
}

func TestAFailureAfterTheSwitchDoesNotClaimThePreviousData(t *testing.T) {
	step := works("restart")
	step.Swaps = true
	step.Do = func(context.Context, recovery.Progress) error { return errors.New("app ended") }
	v := runner(&recoverytest.Operator{Answers: yes()}, step).Recover(t.Context())
	if v.Outcome != recovery.NotVerified || v.Exit != recovery.ExitNotVerified {
		t.Errorf("%s, exit %d; want RESTORED, NOT VERIFIED, 8", v.Outcome, v.Exit)
	}
}

func TestF2AStopRequestLeavesTheRunResumable(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	step := works("one")
	step.Do = func(ctx context.Context, _ recovery.Progress) error {
		stop(&recovery.StopRequest{By: "SIGTERM", Exit: recovery.ExitTerminated})
		return ctx.Err()
	}
	o := &recoverytest.Operator{Answers: yes()}
	v := runner(o, step).Recover(ctx)
	if v.Outcome != recovery.Interrupted || v.Exit != recovery.ExitTerminated || !o.State().Unfinished() {
		t.Errorf("%s, exit %d, unfinished %v", v.Outcome, v.Exit, o.State().Unfinished())
	}
}

func TestF2AStopBeforeTheStartChangesNothing(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(&recovery.StopRequest{By: "SIGINT", Exit: recovery.ExitInterrupt})
	step := works("one")
	v := runner(&recoverytest.Operator{Answers: yes()}, step).Recover(ctx)
	if v.Outcome != recovery.NothingChanged || v.Exit != recovery.ExitInterrupt || step.Ran != 0 {
		t.Errorf("%s, exit %d after %d runs", v.Outcome, v.Exit, step.Ran)
	}
}

func TestAJournalThatCannotBeWrittenEndsTheRun(t *testing.T) {
	for full := 1; full < 12; full++ {
		one, two := works("one"), works("two")
		r := runner(&recoverytest.Operator{Answers: yes()}, one, two)
		r.Journal = &recoverytest.Journal{Full: full}
		v := r.Recover(t.Context())
		if v.Exit == recovery.ExitOK || v.Diagnosis == nil || v.Diagnosis.Code != recovery.CodeJournalWrite {
			t.Errorf("full after %d events: %+v", full, v)
		}
	}
}

func TestAPanicInAStepIsADiagnosis(t *testing.T) {
	step := works("one")
	step.Do = func(context.Context, recovery.Progress) error { panic("nil map") }
	v := runner(&recoverytest.Operator{Answers: yes()}, step).Recover(t.Context())
	if v.Diagnosis == nil || v.Diagnosis.Code != recovery.CodeStepPanicked || !strings.Contains(v.Diagnosis.Seen, "nil map") {
		t.Errorf("verdict %+v", v)
	}
}

func blockedBy(d recovery.Diagnosis) recovery.Assessment {
	return recovery.Assessment{Standing: recovery.Blocked, Findings: []recovery.Finding{recovery.Problem("secrets", recovery.Failed, d)}}
}

func TestABlockedPlanStopsWithItsOwnExitCode(t *testing.T) {
	for code, want := range map[recovery.Code]recovery.ExitCode{
		"engine.unreachable": recovery.ExitBlocked, "backup.none": recovery.ExitBackup, "dump.truncated": recovery.ExitBackup,
		"secrets.different": recovery.ExitSecrets, "run.locked": recovery.ExitLocked,
	} {
		step := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{blockedBy(recovery.Diagnosis{Code: code})}}
		if v := runner(&recoverytest.Operator{Answers: yes()}, step).Recover(t.Context()); v.Exit != want || step.Ran != 0 || v.Outcome != recovery.NothingChanged {
			t.Errorf("%s: exit %d, %d runs", code, v.Exit, step.Ran)
		}
		if _, v := runner(&recoverytest.Operator{}, step).Preflight(t.Context()); v.Exit != want || v.Outcome != recovery.NothingChanged {
			t.Errorf("%s in preflight: %s, exit %d", code, v.Outcome, v.Exit)
		}
	}
}

func TestARemedyIsAppliedOnlyWithConsent(t *testing.T) {
	d := recovery.Diagnosis{Code: "secrets.different", Summary: "AUTH_SECRET differs", Remedies: []recovery.Remedy{{Do: "Put the original line", Action: "env.apply"}}}
	for name, c := range map[string]struct {
		answers []recovery.Answer
		took    int
		exit    recovery.ExitCode
	}{
		"apply":  {[]recovery.Answer{{Choice: recovery.Apply}}, 1, recovery.ExitOK},
		"stop":   {[]recovery.Answer{{}}, 0, recovery.ExitSecrets},
		"nobody": {nil, 0, recovery.ExitSecrets},
	} {
		t.Run(name, func(t *testing.T) {
			step := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{blockedBy(d), pending, pending, done}}
			o := &recoverytest.Operator{Answers: answers(recovery.AskRemedy, c.answers...)}
			v := runner(o, step).Recover(t.Context())
			if v.Exit != c.exit || len(step.Took) != c.took {
				t.Errorf("exit %d, %d remedies taken; want %d, %d", v.Exit, len(step.Took), c.exit, c.took)
			}
			if got := o.State().Accepted; len(got) != c.took {
				t.Errorf("the state remembers %v", got)
			}
		})
	}
}

func TestAResumedRunKeepsItsConsentAndItsRemedies(t *testing.T) {
	step := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{pending, pending, done}}
	o := &recoverytest.Operator{}
	r := runner(o, step)
	r.Earlier = recovery.State{Run: r.Run, Seq: 41, Confirmed: true, Accepted: []recovery.Action{"env.apply"}}
	v := r.Recover(t.Context())
	if v.Outcome != recovery.Verified || len(step.Took) != 1 {
		t.Errorf("%s, took %v", v.Outcome, step.Took)
	}
	if first := o.Events()[0]; first.Seq != 42 || first.Kind != recovery.RunResumed {
		t.Errorf("first event is %d %s, want 42 run.resumed", first.Seq, first.Kind)
	}
}

func TestPreflightChangesNothing(t *testing.T) {
	step := works("one")
	plan, v := runner(&recoverytest.Operator{}, step).Preflight(t.Context())
	if v.Outcome != recovery.Ready || v.Exit != recovery.ExitOK || step.Ran != 0 || len(plan.Steps) != 1 {
		t.Errorf("%+v after %d runs", v, step.Ran)
	}
}

func TestProgressOfAFinishedPhaseIsAlwaysTold(t *testing.T) {
	step := works("one")
	step.Do = func(_ context.Context, p recovery.Progress) error {
		p.Phase("stage", recovery.Bytes)
		for i := range int64(1001) {
			p.Advance(i, 1000)
		}

		return nil
	}
	o := &recoverytest.Operator{Answers: yes()}
	runner(o, step).Recover(t.Context())
	var last recovery.Event
	for _, e := range o.Events() {
		if e.Kind == recovery.StepProgress {
			last = e
		}
	}
	if last.Done != 1000 || last.Phase != "stage" {
		t.Errorf("last progress %+v", last)
	}
}

func TestEnoughEndsARunBetweenSteps(t *testing.T) {
	o := &recoverytest.Operator{Answers: yes()}
	one, two := works("one"), works("two")
	r := runner(o, one, two)
	r.Enough = func() error { return &recovery.StopRequest{By: "the operator", Exit: recovery.ExitInterrupt} }
	v := r.Recover(t.Context())
	if v.Outcome != recovery.Interrupted || v.Exit != recovery.ExitInterrupt || !o.State().Unfinished() {
		t.Errorf("verdict %+v, want a resumable one", v)
	}
	if one.Ran != 1 || two.Ran != 0 {
		t.Errorf("the steps ran %d and %d times, want once and never", one.Ran, two.Ran)
	}
}

// showing is a journal that others follow.
type showing struct {
	recoverytest.Journal
	shown []recovery.Event
}

func (s *showing) Show(e recovery.Event) { s.shown = append(s.shown, e) }

func TestWhoFollowsSeesWhatIsNotJournalled(t *testing.T) {
	step := works("one")
	step.Do = func(_ context.Context, p recovery.Progress) error {
		p.Phase("copy", recovery.Bytes)
		p.Log("a line")
		return nil
	}
	kept := &showing{}
	r := runner(&recoverytest.Operator{Answers: yes()}, step)
	r.Journal = kept
	r.Recover(t.Context())
	if len(kept.shown) != 2 || kept.shown[0].Kind != recovery.StepProgress || kept.shown[1].Kind != recovery.StepLog {
		t.Errorf("shown: %+v", kept.shown)
	}
	for _, e := range kept.Events {
		if e.Kind.Lossy() {
			t.Errorf("a lossy event is journalled: %+v", e)
		}
	}
}

// TestWhatIsDeletedForGoodTakesItsWords: neither a choice alone nor the answers of
// --fix agree to it.
func TestWhatIsDeletedForGoodTakesItsWords(t *testing.T) {
	d := recovery.Diagnosis{Code: "space.disk", Summary: "too small", Remedies: []recovery.Remedy{{Do: "Give up undo", Action: "undo.give-up.vault", Consent: "ffhost-01 without undo"}}}
	apply := recovery.Answer{Choice: recovery.Apply}
	for name, c := range map[string]struct {
		answers []recovery.Answer
		took    int
		exit    recovery.ExitCode
	}{
		"its words":     {[]recovery.Answer{apply, {Choice: recovery.Go, Typed: "ffhost-01 without undo"}}, 1, recovery.ExitOK},
		"the name":      {[]recovery.Answer{apply, {Choice: recovery.Go, Typed: "ffhost-01"}}, 0, recovery.ExitNotConfirmed},
		"a choice":      {[]recovery.Answer{apply, {Choice: recovery.Go}}, 0, recovery.ExitNotConfirmed},
		"back and stop": {[]recovery.Answer{apply, {Choice: recovery.Back}, {}}, 0, recovery.ExitBlocked},
		"half":          {[]recovery.Answer{apply}, 0, recovery.ExitBlocked},
		"nobody":        {nil, 0, recovery.ExitBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			checks := []recovery.Assessment{blockedBy(d), blockedBy(d)}
			if c.took > 0 {
				checks = []recovery.Assessment{blockedBy(d), pending, pending, done}
			}
			step := &recoverytest.Step{Name: "one", Checks: checks}
			all := answers(recovery.AskGiveUp, c.answers...)
			all[recovery.AskRemedy] = []recovery.Answer{apply, apply, apply}
			o := &recoverytest.Operator{Answers: all}
			v := runner(o, step).Recover(t.Context())
			if v.Exit != c.exit || len(step.Took) != c.took || len(o.State().Accepted) != c.took {
				t.Errorf("exit %d, %d remedies taken, the state remembers %v; want %d, %d", v.Exit, len(step.Took), o.State().Accepted, c.exit, c.took)
			}
		})
	}
}

// spent is a step that fails after it has deleted what was live.
type spent struct{ *recoverytest.Step }

func (spent) GivenUp() string { return "vault /srv/uploads" }

func TestAVerdictNeverSaysThatWhatWasGivenUpIsLive(t *testing.T) {
	step := spent{&recoverytest.Step{Name: "one", Checks: []recovery.Assessment{pending}, Do: func(context.Context, recovery.Progress) error {
		return recovery.Fail(recovery.Diagnosis{Code: "vault.disk.full", Summary: "full", Intact: "The vault of before is live."}, nil)
	}}}
	v := runner(&recoverytest.Operator{Answers: yes()}, step).Recover(t.Context())
	if v.Outcome != recovery.PreviousGone || !strings.Contains(v.Diagnosis.Intact, "deleted is vault /srv/uploads") || strings.Contains(strings.Join(v.Next, " "), "undo ") {
		t.Errorf("%s: %+v, next %q", v.Outcome, v.Diagnosis, v.Next)
	}
}
