package steps

import (
	"context"
	"errors"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/stack"
)

// undoHold is the undo's step 1: what it needs is proven to be there, and the
// app is held, before anything that is live is touched.
type undoHold struct {
	*undo
}

func (h *undoHold) ID() recovery.StepID { return UndoHoldID }
func (h *undoHold) Title() string       { return "prove what was before, hold the app" }

// Check is satisfied when all that is to be put back is there and nothing that
// uses the data runs; or when nothing is left to put back.
func (h *undoHold) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	findings, err := h.look(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	a := recovery.Assessment{Standing: standing(findings), Findings: findings}
	if a.Standing == recovery.Blocked {
		return a, nil
	}
	o, err := h.outlook(ctx)
	if err == nil {
		err = h.alone(ctx, o)
	}
	if err != nil {
		return a, err
	}
	now, err := h.stand(ctx)
	if err != nil {
		return a, err
	}
	alone := h.stands(ctx)
	if now.done() && alone {
		a.Standing, a.Summary = recovery.Done, "nothing is left to put back"
		return a, nil
	}
	if !alone {
		a.Changes = append(a.Changes, "end whatever the recovery may have left at work on the database")
	}
	if now.done() {
		return a, nil
	}
	a.Commands = []string{h.Runtime.Typed(stack.Stop, h.held()...), h.Runtime.Typed(stack.Start, h.DBService)}
	running, err := h.runs(ctx)
	if err != nil {
		return a, err
	}
	if len(running) > 0 {
		a.Changes = append(a.Changes, "stop what runs on the restored data: "+join(running))
	}
	if !now.asked {
		a.Changes = append(a.Changes, "start "+h.DBService+", to see whether the database of before is there")
	}
	if h.project != nil && !o.raised() {
		a.Changes = append(a.Changes, "close database "+h.Database+", so that nobody is served until this is done")
	}
	if len(a.Changes) > 0 {
		return a, nil
	}
	a.Standing, a.Summary = recovery.Done, "all that was live before is there; "+join(h.held())+" held"
	a.Findings = append(a.Findings, recovery.OK("kept", a.Summary))

	return a, nil
}

// runs names what runs of the services that use the data.
func (u *undo) runs(ctx context.Context) ([]string, error) {
	now, err := u.Runtime.Services(ctx)
	if err != nil {
		return nil, err
	}

	return (&services{Stack: u.Stack}).running(now), nil
}

// Run holds what uses the data, and starts the database.
func (h *undoHold) Run(ctx context.Context, p recovery.Progress) error {
	if now, err := h.stand(ctx); err == nil && now.done() && h.project != nil {
		return h.engage(ctx) // what was still at work may have changed that: Check looks again
	}
	if err := h.raise(ctx, p); err != nil {
		return h.notBegun(err)
	}
	p.Note(join(h.held()) + " held until what was live before is live again")
	if h.project == nil || h.project.HasData {
		return nil
	}

	return h.notBegun(h.startDatabase(ctx, p))
}

// notBegun says of a failure that nothing was put back yet.
func (u *undo) notBegun(err error) error {
	var failure *recovery.Failure
	if errors.As(err, &failure) {
		d := failure.Diagnosis
		d.Intact = undoNotBegun

		return recovery.Fail(d, failure.Err)
	}

	return err
}

// unready is a database that does not answer, so that nothing is put back.
func (u *undo) unready(ctx context.Context, err error) recovery.Diagnosis {
	d := u.databaseUnready(ctx, err)
	d.Intact = undoNotBegun

	return d
}

// Diagnose gives the errors of the step their meaning.
func (h *undoHold) Diagnose(err error) recovery.Diagnosis { return h.diagnose(err, undoNotBegun) }
