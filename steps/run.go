package steps

import (
	"context"
	"errors"
	"fmt"
	"os"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
)

// Execution is where runs are kept, and how one begins.
type Execution struct {
	Home    journal.Home
	Program string       // the version, for the report
	Drills  journal.Home // whose times tell how long a recovery takes, too
	Anew    bool         // begin although an earlier run is unfinished; what it put beside the live data stays there
	// TakeBack builds the undo of a run; nil: none is offered.
	TakeBack func(of recovery.State) (recovery.Runner, error)
}

// Execute carries out a run under the lock, with its journal, and writes its
// report, whatever the outcome. Its error is about what comes before a run or
// after its verdict, and carries a diagnosis where one is known.
//
// Where the operator answers a failure with an undo, that follows at once. If it
// is not confirmed, the failed run has the last word.
func (e Execution) Execute(ctx context.Context, r recovery.Runner) (v recovery.Verdict, report string, err error) {
	r.Undoable = e.TakeBack != nil
	v, report, err = e.carryOut(ctx, r)
	if err != nil || v.Turn != recovery.Undo {
		return v, report, err
	}
	v.Turn = ""
	of, err := ToUndo(e.Home, r.Run)
	if err != nil {
		return v, report, err
	}
	back, err := e.TakeBack(of)
	if err != nil {
		return v, report, err
	}
	back.Operator = r.Operator
	undone, told, err := e.carryOut(ctx, back)
	if err != nil || undone.Outcome == recovery.NothingChanged {
		return v, report, err
	}

	return undone, told, nil
}

// keptBackupRuns is of how many backups journal and report are kept: three months
// of nights. More would hide the recoveries among them.
const keptBackupRuns = 90

func (e Execution) carryOut(ctx context.Context, r recovery.Runner) (v recovery.Verdict, report string, err error) {
	lock, err := e.Home.Lock(journal.Holder{PID: os.Getpid(), Host: r.Host, Run: r.Run, Since: r.Now()})
	if err != nil {
		return v, "", unkept(e.Home, locked(err))
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	kept, err := e.open(&r)
	if err != nil {
		return v, "", unkept(e.Home, err)
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	r.Journal, r.Program = kept, e.Program
	if r.Purpose == recovery.Recovering {
		r.History = e.history()
	}
	v = r.Recover(ctx)
	if r.Purpose == recovery.BackingUp {
		defer func() { err = errors.Join(err, e.Home.Thin(keptBackupRuns)) }()
	}
	state, err := e.Home.Read(r.Run)
	if err != nil {
		return v, "", noResume(err)
	}
	if r.Purpose != recovery.Recovering && v.Outcome == recovery.NothingChanged {
		return v, "", nil // the report that is there says more
	}
	if report, err = writeReport(e.Home, state); err != nil {
		err = &ReportError{Run: r.Run, Err: err}
	}

	return v, report, err
}

// ReportError is a report that could not be written. The verdict stands in the
// journal, from which the report can be had at any time.
type ReportError struct {
	Run recovery.RunID
	Err error
}

func (e *ReportError) Error() string {
	return fmt.Sprintf("%v; the report can be had with: firmflow-recovery report %s", e.Err, e.Run)
}

func (e *ReportError) Unwrap() error { return e.Err }

// history is what earlier runs of this host took.
func (e Execution) history() recovery.History {
	return Reports{Live: e.Home, Drills: e.Drills}.History()
}

// open begins a journal, or goes on with one if nothing differs. Where an
// earlier run is unfinished, no new one begins unless that was asked for.
func (e Execution) open(r *recovery.Runner) (*journal.Journal, error) {
	if r.Purpose == recovery.BackingUp { // what is live can be backed up while a recovery waits to be gone on with
		return e.Home.Create(r.Run)
	}
	if r.Earlier.Run == "" {
		state, err := e.Home.Unfinished()
		if errors.Is(err, journal.ErrNoRun) || err == nil && e.Anew {
			return e.Home.Create(r.Run)
		}

		return nil, unfinished(state, err)
	}
	if changed := recovery.Differences(r.Earlier.Inputs, r.Inputs); len(changed) > 0 {
		return nil, otherInputs(r.Run, changed)
	}
	kept, state, err := e.Home.Resume(r.Run)
	if err != nil {
		return nil, noResume(err)
	}
	r.Earlier = state

	return kept, nil
}

// Earlier finds the run to go on with: by its id, or the unfinished one.
func Earlier(home journal.Home, run recovery.RunID) (recovery.State, error) {
	state, err := home.Find(run)
	switch {
	case state.Undoing: // begun or done: Find gives the state with its error
		return state, undoneResumed(state)
	case err != nil:
		return state, noResume(err)
	default:
		return state, nil
	}
}

// OriginalEnvOf gives the original .env that a run was begun with.
func OriginalEnvOf(s recovery.State) string { return s.Input(originalEnvInput) }
