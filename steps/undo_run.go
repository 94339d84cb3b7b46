package steps

import (
	"errors"
	"slices"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
)

// ToGoBackTo finds the run that an undo or a cleanup is about.
func ToGoBackTo(home journal.Home, p recovery.Purpose, run recovery.RunID) (recovery.State, error) {
	if p == recovery.CleaningUp {
		return ToCleanUp(home, run)
	}

	return ToUndo(home, run)
}

// ToUndo finds the run to undo: by its id, or the newest that changed anything.
// One that was undone already is found again: undone twice is undone once.
func ToUndo(home journal.Home, run recovery.RunID) (recovery.State, error) {
	state, err := begun(home, run)
	switch {
	case errors.Is(err, journal.ErrNoRun):
		return state, recovery.Fail(undoNothing(run), err)
	case err != nil:
		return state, noResume(err)
	case state.Cleaning:
		return state, recovery.Fail(undoCleaned(state), nil)
	default:
		return state, nil
	}
}

// begun finds a run that had begun to change things.
func begun(home journal.Home, run recovery.RunID) (recovery.State, error) {
	if run != "" {
		state, err := home.Read(run)
		if err == nil && !state.Confirmed {
			err = journal.ErrNoRun
		}

		return state, err
	}
	runs, err := home.Runs()
	if err != nil {
		return recovery.State{}, err
	}
	for _, run := range runs {
		state, err := home.Read(run)
		if errors.Is(err, journal.ErrNoRun) {
			continue
		}
		if err != nil || state.Confirmed {
			return state, err
		}
	}

	return recovery.State{}, journal.ErrNoRun
}

// OfRun makes a runner that does to an earlier run what its purpose says. The
// run's inputs go with it as they were; the backup need not be there any more.
func (s *Stack) OfRun(p recovery.Purpose, of recovery.State, host string) (recovery.Runner, error) {
	s.Host = host
	if changed := recovery.Differences(installed(of.Inputs), installed(s.Inputs())); len(changed) > 0 {
		return recovery.Runner{}, recovery.Fail(notThisInstallation(of.Run, p, changed), nil)
	}
	r := recovery.Runner{
		Now: s.Now, Host: host, Run: of.Run, Earlier: of, Backup: of.Backup, Inputs: of.Inputs, Purpose: p, Target: s.Target(), Release: s.Disengage,
	}
	if p == recovery.CleaningUp {
		r.Steps, r.Warning = CleanUp(s, of), "This deletes for good what run "+string(of.Run)+" has set aside."
		if !proven(of) {
			r.Phrase = host + " not verified"
			r.Warning += " Whether the recovery is whole was not verified, and what is deleted may be the only other copy."
		}

		return r, nil
	}
	r.Steps, r.Target = Undo(s, of), s.Target()+" as it was before run "+string(of.Run)
	r.Warning = "This takes recovery " + string(of.Run) + " back: what was live before it is live again, what it restored is kept."

	return r, nil
}

// installed are the inputs that say which installation a run was about.
func installed(inputs []recovery.Input) []recovery.Input {
	return slices.DeleteFunc(slices.Clone(inputs), func(in recovery.Input) bool {
		return !slices.Contains([]string{"project directory", "vault", "database", "database user"}, in.Name)
	})
}

// proven tells whether a run ended with everything proven.
func proven(of recovery.State) bool {
	return of.Settled != nil && (of.Settled.Outcome == recovery.Verified || of.Settled.Outcome == recovery.Undone)
}
