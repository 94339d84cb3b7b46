package steps

import (
	"fmt"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/stack"
)

// cleanIntact is what stands whatever becomes of a cleanup.
const cleanIntact = "The live vault, the live database and every .env were not touched."

func cleanNothing(run recovery.RunID) recovery.Diagnosis {
	d := undoNothing(run)
	d.Code, d.Summary = CodeCleanNothing, "There is no recovery to clean up after"
	d.Remedies = do("See whether the journals lie elsewhere, and name that directory", "firmflow-recovery cleanup --state-dir DIR")

	return d
}

func cleanEarly(s recovery.State) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeCleanEarly, Summary: "Run " + string(s.Run) + " has not come to its end, so nothing it set aside is deleted",
		Seen: "a recovery of backup " + s.Backup + " that was interrupted, or failed", Intact: "Nothing was deleted. " + cleanIntact,
		Remedies: do("Go on with it", "firmflow-recovery resume "+string(s.Run), "Or take it back", recovery.Undoing.Command(s.Run),
			"When either has ended well, clean up", recovery.CleaningUp.Command(s.Run)),
	}
	if s.Undoing {
		d.Seen, d.Remedies = "an undo that was interrupted, or failed", do("Go on with it", recovery.Undoing.Command(s.Run),
			"When it has ended well, clean up", recovery.CleaningUp.Command(s.Run))
	}

	return d
}

func cleanLive(live, aside string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeCleanLive, Summary: "What is live is missing or empty; what was set aside may be the only copy", Seen: live + " holds nothing; " + aside + " is set aside",
		Intact:   "Nothing was deleted.",
		Remedies: do("See what became of what was live; the recovery can still be undone", "firmflow-recovery undo"),
	}
}

func cleanInUse(seen string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeCleanInUse, Summary: "Somebody is connected to a database that was set aside", Seen: seen, Intact: cleanIntact,
		Remedies: do("Find out who looks into it, let them end, then continue", resume),
	}
}

func cleanNotOurs(err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeCleanNotOurs, Summary: "What lies under the name of a set-aside is not what the run put there", Seen: err.Error(),
		Intact: "It was not deleted. " + cleanIntact,
		Remedies: do("Look at it; a filesystem may be mounted there, or somebody moved something", typed("findmnt", "-R", "/"),
			"Move or unmount it, then continue", resume),
	}
}

func cleanDown(s *Stack) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeCleanDatabase, Summary: "The database does not run, so what was set aside in it cannot be looked at",
		Seen: fmt.Sprintf("service %s is not running, or does not answer", s.DBService), Intact: "Nothing was deleted. " + cleanIntact,
		Remedies: do("Start it, then look again", s.Runtime.Typed(stack.Start, s.DBService), thenLookMore, again),
	}
}
