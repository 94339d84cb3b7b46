package steps

import (
	"fmt"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/vault"
)

// withNextBest names the next best backup, where a diagnosis only says that
// another has to be chosen.
func (l look) withNextBest(d recovery.Diagnosis) recovery.Diagnosis {
	for i, r := range d.Remedies {
		if r.Do != otherBackup {
			continue
		}
		next, there := l.nextBest()
		if !there {
			d.Remedies[i].Do = "No other backup in this directory looks sound: look for another directory"
			continue
		}
		word := "Or take"
		if i == 0 {
			word = "Take"
		}
		d.Remedies[i] = recovery.Remedy{
			Do:      word + " the next best backup, " + next.Name() + ": its dump and its vault look sound, as far as a quick look goes",
			Command: filled(verifyIt, next, l.Dir),
		}
	}

	return d
}

// nextBest finds the newest other backup that looks sound.
func (l look) nextBest() (backup.Set, bool) {
	for _, s := range l.directory.Sets {
		if s.Name() == l.set.Name() || len(s.Missing()) > 0 {
			continue
		}
		if c, err := dump.Look(s.Dump.Path); err != nil || !isOf(c.Header, l.Database) {
			continue
		}
		if s.Archive.Filled() {
			if peek, err := (vault.Archive{Path: s.Archive.Path}).Inspect(); err != nil || !peek.Ends {
				continue
			}
		}

		return s, true
	}

	return backup.Set{}, false
}

// notWhole is a part that a recovery needs, and that is missing or empty.
func notWhole(b backup.Set, part backup.Part) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupIncomplete, Summary: "Backup " + b.Name() + " is not whole: " + string(part) + " missing or empty",
		Seen: "nothing of this date in the directory", Intact: onlyRead,
		Remedies: do("Find the missing part", listBackups, otherBackup, listBackups),
	}
}

func archiveEmpty(b backup.Set) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFact, Summary: "The vault archive is empty; a restore takes vault_sync instead", Seen: b.Archive.Path, Intact: onlyRead,
		Remedies: do("tar failed when it was written: see that the disk has room, and that the script checks", "", otherBackup, listBackups),
	}
}

func shrunk(b backup.Set, small []backup.Part) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFact, Summary: "Less than half of what the backup before has: " + parts(small), Seen: "backup " + b.Name(), Intact: onlyRead,
		Remedies: do("Find out why before it is relied on; read it in full", "firmflow-recovery verify "+typed(b.Name())+" --full"),
	}
}

func otherDay(b backup.Set, h dump.Header, off time.Duration) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFact, Summary: "The dump says that it was taken " + recovery.Span(off) + " away from its date",
		Seen: fmt.Sprintf("%s, by its header of %s", b.Dump.Path, h.Created.Format("2006-01-02 15:04")), Intact: onlyRead,
		Remedies: do("It may be another day's dump under this name, or a clock was wrong; compare the others", listBackups),
	}
}

// endInDoubt is an archive that looks cut.
func endInDoubt(b backup.Set, dir string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeVerifyOpenEnd, Summary: "The vault archive's last bytes are not those of a whole one", Seen: b.Archive.Path, Intact: onlyRead,
		Remedies: do("It was cut, most likely; reading it to the end tells for sure", filled(verifyIt, b, dir), otherBackup, listBackups),
	}
}

// notRead is a file that the system does not give us.
func notRead(path string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeVerifyUnread, Summary: "A part of the backup could not be read to its end", Seen: path + ": " + reason(err), Intact: onlyRead,
		Remedies: do("See whether its disk or share is well, and whether you may read it", typed("ls", "-la", path), otherBackup, listBackups),
	}
}

// notUnpacked is a dump that no pg_restore could unpack here.
func notUnpacked(b backup.Set, dir string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeVerifyNoTool, Summary: "No pg_restore that reads this dump is on this host, so its rows were not unpacked",
		Seen: fmt.Sprintf("%s: its blocks were followed to the end, and its digest made", b.Dump.Path), Intact: onlyRead,
		Remedies: do("Install PostgreSQL's client programs of the dump's version or newer, then read it again", filled(verifyIt, b, dir),
			"Or let a pre-flight read it with the database service's own pg_restore", "firmflow-recovery preflight --backup "+typed(b.Name())+" --backups "+typed(dir)),
	}
}
