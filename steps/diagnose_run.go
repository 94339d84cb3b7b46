package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
)

// locked explains an engine that holds the lock.
func locked(err error) error {
	var held *journal.HeldError
	if !errors.As(err, &held) {
		return err
	}

	return recovery.Fail(recovery.Diagnosis{
		Code: recovery.CodeRunLocked, Summary: "Another recovery is running on this host", Seen: held.Error(),
		Intact: "This start changed nothing; the other run goes on.",
		Remedies: do("Watch it", "firmflow-recovery attach",
			"Let it end; the lock frees itself when its process ends, however it ends", fmt.Sprintf("ps -fp %d", held.Holder.PID)),
	}, err)
}

// unkept explains that there is no place for a journal, and that nothing is begun
// without one.
func unkept(home journal.Home, err error) error {
	var failure *recovery.Failure
	signs := []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, fs.ErrPermission}
	if errors.As(err, &failure) || !slices.ContainsFunc(signs, func(sign error) bool { return errors.Is(err, sign) }) {
		return err
	}

	return recovery.Fail(recovery.Diagnosis{
		Code: CodeJournalPlace, Summary: "No journal can be kept, so nothing is begun", Seen: err.Error(),
		Intact: "Nothing was changed by this start.",
		Remedies: do("Make room there, or make it writable", typed("df", "-h", home.Dir), "Inodes may run out as well as bytes", typed("df", "-i", home.Dir),
			"Or keep the journals elsewhere", "firmflow-recovery restore --state-dir DIR"),
	}, err)
}

// unfinished explains that an earlier run comes first, or that it cannot be told
// because its journal cannot be read.
func unfinished(s recovery.State, err error) error {
	if err != nil {
		return noResume(err)
	}

	if s.Undoing {
		return recovery.Fail(recovery.Diagnosis{
			Code: recovery.CodeRunUnfinished, Summary: "The undo of an earlier recovery was interrupted, and comes first",
			Seen:     fmt.Sprintf("undo of run %s, last event %s", s.Run, s.Last.UTC().Format(time.RFC3339)),
			Intact:   "Nothing was changed by this start. What was live before that recovery, and what it restored, are both still there.",
			Remedies: do("Go on with it; what is done is not repeated", recovery.Undoing.Command(s.Run)),
		}, nil)
	}

	return recovery.Fail(recovery.Diagnosis{
		Code: recovery.CodeRunUnfinished, Summary: "An earlier recovery was interrupted, and comes first",
		Seen:   fmt.Sprintf("run %s of backup %s, last event %s", s.Run, s.Backup, s.Last.UTC().Format(time.RFC3339)),
		Intact: "Nothing was changed by this start. What the earlier run has put beside the live data is still there.",
		Remedies: do("Go on with it; what is done is proven again and not repeated", "firmflow-recovery resume "+string(s.Run),
			"Or take it back: what was live before is proven and started again", recovery.Undoing.Command(s.Run),
			"Or leave it, and begin anew: what it put beside the live data stays there", anew),
	}, nil)
}

// noResume explains why a run cannot be gone on with.
func noResume(err error) error {
	var broken *journal.BrokenError
	d := recovery.Diagnosis{Seen: reason(err), Intact: "Nothing was changed by this start."}
	switch {
	case errors.As(err, &broken):
		d.Code, d.Summary = recovery.CodeJournalBroken, "The journal of an earlier run cannot be read"
		d.Remedies = do("It may be of a half-done recovery: look at it before anything else", typed("less", broken.Path),
			"If that run is over, move its directory away, then begin anew", typed("mv", broken.Path, broken.Path+".broken"))
	case errors.Is(err, journal.ErrNoRun):
		d.Code, d.Summary = recovery.CodeResumeNothing, "There is no interrupted recovery to go on with"
		d.Remedies = do("Begin one", "firmflow-recovery restore")
	default:
		return err
	}

	return recovery.Fail(d, err)
}

// otherInputs explains that a run cannot be resumed with other inputs.
func otherInputs(run recovery.RunID, changed []string) error {
	return recovery.Fail(recovery.Diagnosis{
		Code: recovery.CodeResumeDiffers, Summary: "Run " + string(run) + " was begun with other inputs", Seen: strings.Join(changed, "\n"),
		Intact: "Nothing was changed by this start.",
		Remedies: do("Give the same ones, and resume", "firmflow-recovery resume "+string(run),
			"Or, if a file was copied again or another backup is meant, begin anew", anew),
	}, nil)
}
