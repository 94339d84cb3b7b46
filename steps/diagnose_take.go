package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/evidence"
	"firmflow-recovery/recovery/vault"
)

const (
	takeIntact = "Nothing that is live was touched, and the backups of before are as they were."
	takeAgain  = "firmflow-recovery backup"
)

// diagnoseTake gives the errors of a backup their meaning.
func (t *taking) diagnoseTake(err error) recovery.Diagnosis {
	d := recovery.Diagnosis{Seen: reason(err), Intact: takeIntact}
	var tool *dump.ToolError
	var entry *vault.EntryError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		d.Code, d.Summary = CodeTakeFull, "The disk of the backups is full"
		d.Remedies = do("Make room; what is unfinished is cleared away by the next backup", typed("df", "-h", t.BackupDir), "See what could be deleted", "firmflow-recovery prune --dry-run", thenTakeAgain, takeAgain)
	case errors.As(err, &entry) && isPermission(err):
		d.Code, d.Summary = CodeTakeVault, "A document may not be read by this account"
		d.Remedies = do("See whose it is", typed("ls", "-la", t.Vault), "Take the backup as root, or as the account of the app", "sudo "+takeAgain)
	case errors.Is(err, fs.ErrExist), isPermission(err), errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrNotExist):
		d.Code, d.Summary = CodeTakePlace, "The backup cannot be written to "+t.BackupDir
		d.Remedies = do("See whether it is mounted, and writable", typed("findmnt", "-T", t.BackupDir), thenTakeAgain, takeAgain)
	case errors.As(err, &tool):
		d.Code, d.Summary = CodeTakeDump, "PostgreSQL refused: could not "+tool.Doing
		d.Remedies = do("Read the complaint", t.logsOf(t.DBService), thenTakeAgain, takeAgain)
	case errors.As(err, &entry):
		d.Code, d.Summary = CodeTakeVault, "A document cannot be backed up"
		d.Remedies = do("See what it is: a vault has directories and files", typed("ls", "-la", t.Vault), thenTakeAgain, takeAgain)
	case changedSince(err):
		return takeChanged(reason(err))
	default:
		return t.diagnoseCommon(err, takeIntact)
	}

	return d
}

const thenTakeAgain = "Then take it again"

// changedSince tells whether what was written is not what was read again.
func changedSince(err error) bool {
	var damage *dump.DamageError
	var archive *vault.DamageError

	return errors.As(err, &damage) || errors.As(err, &archive) || errors.Is(err, backup.ErrChanged) || errors.Is(err, backup.ErrNotManifest) ||
		errors.Is(err, backup.ErrOtherSecret) || errors.Is(err, backup.ErrSize) || errors.Is(err, backup.ErrMissing)
}

func takeChanged(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeChanged, Summary: "What was written is not what is read", Seen: path + ", read again, is not as it was written: the disk, the share or the memory changes bytes",
		Intact: takeIntact, Remedies: do("Look for errors of the disk or share", "dmesg --level=err,warn", thenTakeAgain, takeAgain),
	}
}

func takeDown(s *Stack) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeDown, Summary: "The database does not answer", Seen: "service " + s.DBService + " does not run, or answers no query", Intact: takeIntact,
		Remedies: do("Start it", s.Runtime.Typed("start", s.DBService), thenTakeAgain, takeAgain),
	}
}

func takeEnv(path string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeEnv, Summary: "There is no .env to back up and to seal with", Seen: path + ": " + reason(err), Intact: takeIntact,
		Remedies: do("Name the project that is backed up", takeAgain+" --project DIR"),
	}
}

func takeUnprotected() recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeUnprotected, Summary: "It is not said for whom .env is to be encrypted", Seen: "neither --env-for nor --env-phrase is set", Intact: takeIntact,
		Remedies: do("Make a key, keep it where the backups are not", "age-keygen -o firmflow-backups.key", "Give the recipient it prints, best in /etc/firmflow-recovery.env",
			takeAgain+" --env-for age1...", "Or keep .env apart yourself", takeAgain+" --env apart"),
	}
}

func takeOtherKeys(s *Stack, keys []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeOtherKeys, Summary: "The running app holds another " + join(keys) + " than .env",
		Seen:   s.envPath() + " was changed since " + s.AppService + " was started, or Compose reads it differently; documents are encrypted with what the app holds",
		Intact: takeIntact, Remedies: do("Look which is right, compare all three", "firmflow-recovery preflight --original-env "+typed(s.envPath()), thenTakeAgain, takeAgain),
	}
}

func takeEmpty(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeEmpty, Summary: "The vault is empty or missing", Seen: path + " holds no document; a disk that is not mounted looks like that", Intact: takeIntact + " The mirror was not changed.",
		Remedies: do("Mount the disk of the vault", typed("findmnt", "-T", path), "Or say where it is", takeAgain+" --vault DIR", "If there really are no documents", takeAgain+" --shrunk"),
	}
}

func takeUnmounted(path, was string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeEmpty, Summary: "The vault's disk is not mounted", Seen: path + " was a mount point when backup " + was + " was taken, and is none now", Intact: takeIntact + " The mirror was not changed.",
		Remedies: do("Mount it", typed("findmnt", "-T", path), "If the vault was moved on purpose", takeAgain+" --shrunk"),
	}
}

func takeShrunk(path string, err error) recovery.Diagnosis {
	if errors.Is(err, vault.ErrSourceEmpty) {
		return takeEmpty(path)
	}

	return recovery.Diagnosis{
		Code: CodeTakeShrunk, Summary: "The vault has lost many documents since the last backup", Seen: path + ": " + reason(err), Intact: takeIntact + " The mirror was not changed.",
		Remedies: do("Find out who deleted them, or which disk is not mounted", typed("findmnt", "-T", path), "If they were deleted on purpose", takeAgain+" --shrunk"),
	}
}

func takeInside(dir, vault string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakePlace, Summary: "The backups lie inside the vault", Seen: dir + " is below " + vault + ": each backup would hold all before it", Intact: takeIntact,
		Remedies: do("Name a directory elsewhere, on another disk", takeAgain+" --backups DIR"),
	}
}

func takeUnsettled(path string, n int) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeUnsettled, Summary: recovery.Counted(int64(n), "file") + " of the vault changed while copied, and not in this backup",
		Seen: path + ": tried three times each; the dump was taken before, so that it cannot name what is still being written", Intact: takeIntact,
		Remedies: do("The next backup has them, once they are written", takeAgain),
	}
}

func takeNoChain(err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTakeChain, Summary: "The audit chain's head is not in this backup", Seen: reason(err), Intact: takeIntact,
		Remedies: do("Name the table of the audit log", takeAgain+" --audit-table TABLE"),
	}
}

func takeBrokenChain(c evidence.Chain) recovery.Diagnosis {
	d := chainBroken(c)
	d.Code, d.Summary, d.Intact = CodeTakeChain, "The live audit chain is broken; it is backed up as it is", takeIntact
	d.Remedies = do("Find out since when, with older backups: no recovery mends it", listBackups)

	return d
}

func pruneFailed(dir string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodePruneFailed, Summary: "An old backup could not be deleted", Seen: fmt.Sprintf("%s: %s", dir, reason(err)), Intact: "Every backup that is kept is as it was.",
		Remedies: do("See who owns it", typed("ls", "-la", dir), "Then prune again", "firmflow-recovery prune"),
	}
}
