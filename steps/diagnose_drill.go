package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/journal"
)

const noDrill = "No drill was begun, and nothing was changed."

// drillLocked explains a drill that goes on already.
func drillLocked(err error) error {
	var held *journal.HeldError
	if !errors.As(err, &held) {
		return err
	}

	return recovery.Fail(recovery.Diagnosis{
		Code: recovery.CodeRunLocked, Summary: "Another drill is running on this host", Seen: held.Error(), Intact: noDrill,
		Remedies: do("Let it end; the lock frees itself when its process ends, however it ends", fmt.Sprintf("ps -fp %d", held.Holder.PID)),
	}, err)
}

func recoveryUnknown(err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDrillUnknown, Summary: "It cannot be told whether a recovery is running, so no drill is begun beside it",
		Seen: reason(err), Intact: noDrill,
		Remedies: do("Look at the directory of journals, or run the drill as the account that owns it", "firmflow-recovery status"),
	}
}

func drillTouches(root string, err error) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeDrillTouches, Summary: "The drill would touch the installation, so it is not begun", Seen: reason(err), Intact: noDrill,
		Remedies: do("Let drills take place elsewhere, with room for a vault and a database", "firmflow-recovery drill --drill-dir DIR"),
	}
	var touch *drill.TouchError
	if !errors.As(err, &touch) {
		d.Summary = "The drill's surroundings cannot be laid out in " + root
	}

	return d
}

func drillPlace(root string, err error) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeDrillPlace, Summary: "There is no place for the drill in " + root, Seen: reason(err), Intact: noDrill,
		Remedies: do("Name a directory with room for a vault and a database", "firmflow-recovery drill --drill-dir DIR"),
	}
	if errors.Is(err, fs.ErrNotExist) {
		d.Remedies = append(do("Make it", typed("mkdir", "-p", root)), d.Remedies...)
	}

	return d
}

func drillLeft(p drill.Place, err error) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeDrillLeft, Summary: "The surroundings of drill " + p.Receipt.Run + " could not be removed", Seen: reason(err),
		Intact:   "The installation was not touched. What is left lies in " + p.Dir + ".",
		Remedies: do("Remove it again, once nothing is in the way", "firmflow-recovery drill --remove "+p.Receipt.Run),
	}
	var mounted *drill.MountedError
	var used *drill.InUseError
	switch {
	case errors.As(err, &mounted):
		d.Remedies = append(do("It is not ours: see what it is, and take it away yourself", typed("findmnt", mounted.At)), d.Remedies...)
	case errors.As(err, &used):
		d.Remedies = append(do("Leave it: exit what works in there", ""), d.Remedies...)
	}

	return d
}

func installationUnseen(err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDrillUnseen, Summary: "That the installation is as it was is not proven: it could not be looked at",
		Seen:     strings.Join(strings.Fields(err.Error()), " "),
		Intact:   "The drill used names, ports and directories of its own.",
		Remedies: do("Run the drill as an account that may look at the installation, or say where it is: --project, --vault", "firmflow-recovery preflight"),
	}
}

func installationChanged(changes []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDrillChanged, Summary: "The installation changed while the drill ran", Seen: strings.Join(changes, "\n"),
		Intact:   "The drill used names, ports and directories of its own; somebody else may have changed it.",
		Remedies: do("See who did it, then drill again while nobody works on it", drillAgain),
	}
}

func standInApp() recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDrillStandIn, Summary: "A stand-in answered for the app: FirmFlow's own programs were not started",
		Seen: "A sandbox has the database, the documents and the keys, and no container.", Intact: "What the data proves was proven on the data.",
		Remedies: do("Rehearse with FirmFlow's own programs, in containers that reach nobody", "firmflow-recovery drill --runtime compose"),
	}
}

func leftOut(what []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDrillLeftOut, Summary: "Some of the compose file was left out: it leads out of a container", Seen: strings.Join(what, "\n"),
		Intact:   "What the data proves was proven on the data.",
		Remedies: do("Where the app needs it, rehearse once on a spare host", "firmflow-recovery restore"),
	}
}

func ownEnv(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDrillOriginal, Summary: "The keys came from the running installation, not from a copy kept apart", Seen: path,
		Intact:   "The keys open the restored documents.",
		Remedies: do("Keep a copy of .env apart from host and backups, and drill with it", "firmflow-recovery drill --original-env PATH"),
	}
}

func targetMissed(took, target time.Duration) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: recovery.CodeTargetMissed, Summary: "The recovery took " + recovery.Span(took) + ", longer than the target of " + recovery.Span(target),
		Seen: "from the first look to the last proof", Intact: "What was restored is proven all the same.",
		Remedies: do("The report tells how long each step took; see where it can be faster", "firmflow-recovery report"),
	}
}

const drillAgain = "firmflow-recovery drill"
