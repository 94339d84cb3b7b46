package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
)

// hangs is how long a backup directory may take to answer before it is taken
// for a share that hangs.
const hangs = 20 * time.Second

// OpenBackup finds the backup to recover from, and the newer ones that it is
// not. Its error carries a diagnosis.
func OpenBackup(ctx context.Context, dir, name string) (set backup.Set, newer []backup.Set, err error) {
	directory, err := openDirectory(ctx, dir)
	if err != nil {
		return set, nil, err
	}
	if set, err = directory.Choose(name); err != nil {
		return set, nil, recovery.Fail(notChosen(directory, name, err), err)
	}

	return set, directory.Newer(set), nil
}

// openDirectory reads a backup directory. Its error carries a diagnosis.
func openDirectory(ctx context.Context, dir string) (backup.Directory, error) {
	ctx, cancel := context.WithTimeout(ctx, hangs)
	defer cancel()
	directory, err := backup.Open(ctx, dir)
	if err != nil {
		return directory, recovery.Fail(directoryUnreadable(dir, err), err)
	}

	return directory, nil
}

func directoryUnreadable(dir string, err error) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeBackupDirUnreadable, Summary: "The backup directory cannot be read", Seen: reason(err), Intact: nothingTouched,
		Remedies: do("Mount it, or get access to it", typed("ls", "-la", dir), "Or name another", listBackups+" --backups DIR"),
	}
	if errors.Is(err, fs.ErrNotExist) {
		d.Code, d.Summary = CodeBackupDirMissing, "The backup directory is not there"
		d.Remedies = do("Mount the share it is on", typed("findmnt", "-T", dir), "Or name another", listBackups+" --backups DIR")
	}

	return d
}

func notChosen(dir backup.Directory, name string, err error) recovery.Diagnosis {
	d := recovery.Diagnosis{Seen: reason(err), Intact: nothingTouched}
	var absent *backup.NotFoundError
	var incomplete *backup.IncompleteError
	switch {
	case errors.Is(err, backup.ErrNone):
		d.Code, d.Summary = CodeBackupNone, "There is no backup in the directory"
		d.Seen = dir.Path + " holds nothing named as the guide's script names its files"
		d.Remedies = do("See what is there", typed("ls", "-la", dir.Path), "Or name another directory", listBackups+" --backups DIR")
	case errors.As(err, &absent):
		d.Code, d.Summary = CodeBackupNotFound, "There is no backup "+name
		d.Remedies = do("See which there are", listBackups)
	case errors.As(err, &incomplete) && onlyDumpEmpty(incomplete):
		d.Code, d.Summary = CodeDumpEmpty, "The dump of backup "+incomplete.Set.Name()+" is empty"
		d.Seen = incomplete.Set.Dump.Path + " has no bytes: pg_dump failed when it was written"
		d.Remedies = do(otherBackup, listBackups)
	case errors.As(err, &incomplete):
		d.Code, d.Summary = CodeBackupIncomplete, "Backup "+incomplete.Set.Name()+" is not whole: "+parts(incomplete.Missing)+" missing or empty"
		d.Remedies = do("Find the missing part, or choose another backup", listBackups)
	default:
		d.Code, d.Summary = CodeBackupNotFound, "The backup cannot be used"
		d.Remedies = do("See which there are", listBackups)
	}

	return d
}

// onlyDumpEmpty tells a dump without bytes from one that is not there.
func onlyDumpEmpty(e *backup.IncompleteError) bool {
	return len(e.Missing) == 1 && e.Missing[0] == backup.Dump && e.Set.Dump.Exists()
}

func parts(missing []backup.Part) string {
	names := make([]string, len(missing))
	for i, p := range missing {
		names[i] = string(p)
	}

	return join(names)
}

// far is the distance between dump and archive from which on they hardly belong
// together: the guide's script takes them within minutes.
const far = 6 * time.Hour

// backupFindings tells which backup it is, and what is odd about it.
func (s *Stack) backupFindings() []recovery.Finding {
	findings := append(s.setFindings(), s.sealFindings()...)
	for _, newer := range s.PassedOver {
		if missing := newer.Missing(); len(missing) > 0 {
			findings = append(findings, recovery.Problem("backup", recovery.Warned, newerBroken(newer, missing)))
		}
	}

	return findings
}

func newerBroken(b backup.Set, missing []backup.Part) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFact, Summary: "A newer backup, " + b.Name() + ", is not whole and was passed over", Seen: parts(missing) + " missing or empty", Intact: nothingTouched,
		Remedies: do("Find the missing part, if newer data matters", listBackups),
	}
}

func (s *Stack) setFindings() []recovery.Finding {
	b := s.Backup
	text := "backup " + b.Name() + ": dump " + recovery.Size(b.Dump.Size)
	taken := b.Dump.Modified
	if s.fromMirror() && b.Mirror == nil {
		return []recovery.Finding{recovery.Problem("backup", recovery.Failed, mirrorEmpty(b))}
	}
	if s.fromMirror() {
		return append([]recovery.Finding{recovery.OK("backup", text+", vault from "+b.Mirror.Path)}, s.mirrorFindings(taken)...)
	}
	text += ", vault archive " + recovery.Size(b.Archive.Size)
	apart := b.Archive.Modified.Sub(taken).Abs()
	findings := []recovery.Finding{recovery.OK("backup", text+", taken "+recovery.Span(apart)+" apart")}
	if apart > far {
		findings = append(findings, recovery.Problem("backup", recovery.Warned, farApart(b, apart)))
	}

	return findings
}

func (s *Stack) mirrorFindings(taken time.Time) []recovery.Finding {
	var findings []recovery.Finding
	m := s.Backup.Mirror
	if after := m.Newest.Sub(taken); after > far {
		findings = append(findings, recovery.Problem("backup", recovery.Warned, mirrorNewer(m, after)))
	}
	if len(m.Unfinished) > 0 {
		findings = append(findings, recovery.Problem("backup", recovery.Warned, mirrorUnfinished(m)))
	}

	return findings
}

func farApart(b backup.Set, apart time.Duration) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFact, Summary: "Dump and vault archive were written " + recovery.Span(apart) + " apart",
		Seen: b.Dump.Path + " and " + b.Archive.Path, Intact: nothingTouched,
		Remedies: do("Documents of the time between may be missing or unknown; a backup whose halves fit is better", listBackups),
	}
}

func mirrorNewer(m *backup.Mirror, after time.Duration) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFact, Summary: "vault_sync is newer than the dump by " + recovery.Span(after), Seen: m.Path, Intact: nothingTouched,
		Remedies: do("It holds documents the dump does not know; the archive of the dump's day is better, where there is one", listBackups),
	}
}

func mirrorUnfinished(m *backup.Mirror) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFact, Summary: "vault_sync holds what an interrupted rsync left", Intact: nothingTouched,
		Seen:     fmt.Sprintf("%d entries, the first is %q", len(m.Unfinished), m.Unfinished[0]),
		Remedies: do("Those documents may be cut short; an archive is better, where there is one", listBackups),
	}
}

func mirrorEmpty(b backup.Set) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeMirrorEmpty, Summary: "vault_sync is missing or empty", Intact: nothingTouched,
		Seen:     "an rsync --delete from a vault that was not mounted leaves it so",
		Remedies: do("Recover from the archive of the same backup", "firmflow-recovery restore --vault-from archive"),
	}
	if b.Mirror != nil {
		d.Seen = b.Mirror.Path + ": " + d.Seen
	}

	return d
}
