package steps

import (
	"strings"

	"firmflow-recovery/recovery"
)

// What stands, in the situations an undo can fail in.
const (
	undoNotBegun = "The undo has put nothing back yet: what is live is what was live when it began. What was live before the recovery is kept as it was."
	undoneLive   = "What was live before the recovery is live again: vault, database and .env. What the recovery had restored is kept beside it."
)

// diagnose gives the errors of an undo's steps their meaning.
func (u *undo) diagnose(err error, intact string) recovery.Diagnosis {
	d := u.diagnoseCommon(err, intact)
	if d.Code == "" {
		d = recovery.Diagnosis{
			Code: CodeUndoFailed, Summary: "The undo could not be carried out", Seen: reason(err),
			Remedies: do("Repair what the error names, then continue; what is done is not repeated", resume, "See what the database says", u.logsOf(u.DBService)),
		}
	}
	d.Intact = intact

	return d
}

func undoGone(what, live string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeUndoGone, Summary: "What was live before the recovery is gone, so it cannot be put back", Seen: "there is no " + what,
		Intact: live + " Nothing was changed by this start.",
		Remedies: do("If it was moved away, move it back under this name, then look again", again,
			"If not, recover from a backup of that time", listBackups),
	}
}

// undoGivenUp is a run that has deleted what was live before, to make room.
func undoGivenUp(run recovery.RunID, what string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeUndoGivenUp, Summary: "Undo was given up for room, so there is nothing to go back to", Seen: "deleted by run " + string(run) + ", as was agreed: " + what,
		Intact: "Nothing was changed by this start.",
		Remedies: do("If the recovery is unfinished, go on with it: firmflow-recovery resume "+string(run), "",
			"To have the data of another time, recover from a backup of it", listBackups),
	}
}

// undoNothingOfIt is a finished run of which there is nothing to be found.
func undoNothingOfIt(s *Stack, now scene) recovery.Diagnosis {
	seen := "the vault is not the one that run " + string(s.RunID) + " restored, and nothing was kept beside it"
	if now.vault != stays {
		seen = "the live database is not the one that run " + string(s.RunID) + " loaded, and none was kept beside it"
	}

	return recovery.Diagnosis{
		Code: CodeUndoGone, Summary: "What was live before the recovery is gone, so it cannot be put back", Seen: seen,
		Intact:   "What is live was not touched by this start.",
		Remedies: do("A later recovery may be live: undo that first; without a name it is the newest", "firmflow-recovery undo", "Recover from a backup of that time", listBackups),
	}
}

func undoOther(s *Stack, what, seen string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeUndoOther, Summary: "The live " + what + " is not the one that run " + string(s.RunID) + " restored", Seen: seen,
		Intact: "What is live was not touched, and what was kept is still there: an undo of this run would take away what somebody made live since.",
		Remedies: do("Undo the later recovery first; without a name it is the newest", "firmflow-recovery undo",
			"Or see what lies beside the vault", typed("ls", "-ld", s.Vault, s.Vault+".before-"+string(s.RunID))),
	}
}

func undoNameTaken(name string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeUndoName, Summary: "The name for the restored database is taken", Seen: "there is a database " + name + " already, and the one of before is not live",
		Intact:   undoNotBegun,
		Remedies: do("Give that database another name, then look again", again),
	}
}

func undoHalf(s *Stack, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeUndoHalf, Summary: "The database is the one of before; the vault or .env is not yet", Seen: reason(err),
		Intact:   "Both vaults, both databases and both .env are whole. The app is held, so that nobody sees half a system.",
		Remedies: do("Repair what the error names, then continue: the rest is put back", resume, "Until then keep the app down", s.Runtime.Typed("stop", s.held()...)),
	}
}

func undoNothing(run recovery.RunID) recovery.Diagnosis {
	seen := "no recovery that changed anything is in the journals of this host"
	if run != "" {
		seen = "run " + string(run) + " never changed anything, or is not in the journals of this host"
	}

	return recovery.Diagnosis{
		Code: CodeUndoNothing, Summary: "There is no recovery to undo", Seen: seen, Intact: "Nothing was changed by this start.",
		Remedies: do("See whether the journals lie elsewhere, and name that directory", "firmflow-recovery undo --state-dir DIR"),
	}
}

func undoCleaned(s recovery.State) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeUndoCleaned, Summary: "What run " + string(s.Run) + " had set aside was freed, so it cannot be undone", Seen: "a cleanup of this run was confirmed",
		Intact:   "What is live was not touched by this start.",
		Remedies: do("Recover from a backup of the time you want", listBackups),
	}
	if s.Undone() {
		d.Summary = "Run " + string(s.Run) + " is undone already, and what it had restored was freed"
	}

	return d
}

// notThisInstallation explains that a run was about another installation.
func notThisInstallation(run recovery.RunID, p recovery.Purpose, changed []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeUndoInputs, Summary: "Run " + string(run) + " was about another vault, database or project", Seen: strings.Join(changed, "\n"),
		Intact:   "Nothing was changed by this start.",
		Remedies: do("Give the same settings as the recovery had", p.Command(run)+" --project DIR --vault DIR --database NAME"),
	}
}

// undoneResumed explains why a run that is taken back cannot be resumed.
func undoneResumed(s recovery.State) error {
	d := recovery.Diagnosis{
		Code: recovery.CodeResumeUndone, Summary: "Run " + string(s.Run) + " was undone, so there is nothing to go on with",
		Seen: "the undo ended: what was live before that recovery is live", Intact: "Nothing was changed by this start.",
		Remedies: do("Begin a recovery", "firmflow-recovery restore"),
	}
	if !s.Undone() {
		d.Summary, d.Seen = "Run "+string(s.Run)+" is being undone", "an undo was begun and has not ended well"
		d.Remedies = do("Go on with the undo; what is done is not repeated", recovery.Undoing.Command(s.Run))
	}

	return recovery.Fail(d, nil)
}
