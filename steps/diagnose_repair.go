package steps

import (
	"os"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
)

// noCopyMade is what a repair that refused leaves.
const noCopyMade = "The backup is as it was, and no copy was made."

func repairNothing(b backup.Set, dir string, followed bool) recovery.Diagnosis {
	seen := b.Dump.Path + " was read to its end: it is as pg_dump wrote it"
	if followed {
		seen = b.Dump.Path + ": no terminal or wrapper can be told from it, and all its blocks are there; no pg_restore was at hand to unpack them"
	}

	return recovery.Diagnosis{
		Code: CodeRepairNothing, Summary: "There is nothing to repair", Seen: seen,
		Intact: noCopyMade, Remedies: do("Recover from it as it is", "firmflow-recovery restore --backup "+typed(b.Name())+" --backups "+typed(dir)),
	}
}

// repairInTheWay tells a copy that is finished from what an interrupted repair
// has left.
func repairInTheWay(to string, b backup.Set, dir string) recovery.Diagnosis {
	_, name := b.RepairedDumpName()
	used := typed(filepath.Dir(to))
	d := recovery.Diagnosis{
		Code: CodeRepairInTheWay, Summary: "A copy is there already; nothing is replaced", Seen: to, Intact: "The backup and what is there are as they were.",
		Remedies: do("Read it to its end", "firmflow-recovery verify "+typed(name)+" --full --backups "+used,
			"Then recover from it", "firmflow-recovery restore --backup "+typed(name)+" --backups "+used),
	}
	if _, err := os.Lstat(to); err != nil {
		d.Summary, d.Seen = "An unfinished copy is in the way", to+dump.Partial
		d.Remedies = do("An interrupted repair left it. If none is running, remove it, then repair again", typed("rm", to+dump.Partial)+" && "+filled(repairIt, b, dir))
	}

	return d
}

func repairPlace(to, dir string, b backup.Set, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeRepairPlace, Summary: "The repaired copy cannot be written there", Seen: to + ": " + reason(err), Intact: "The backup is as it was.",
		Remedies: do("Make room there, or name a directory on another disk; what belongs to the backup is linked into it", filled(repairIt, b, dir)+" --into OTHER-DIR",
			"See what is free", typed("df", "-h", filepath.Dir(to))),
	}
}

func repairKey(path string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeRepairKey, Summary: "The key for the encrypted dump cannot be used", Seen: reason(err), Intact: noCopyMade,
		Remedies: do("Name the file that age-keygen wrote, or give --passphrase instead and type it", typed("ls", "-la", path)),
	}
}
