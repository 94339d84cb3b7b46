package steps

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/vault"
)

// stagedOnly is what stands when step 2 fails: it works beside what is live.
const stagedOnly = "The current vault was not touched, nor was the database. What had been staged was removed."

// diagnoseVault gives the errors of the vault's mechanism their meaning.
func (s *Stack) diagnoseVault(err error, source string) recovery.Diagnosis {
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) // an entry that found no room is none to be afraid of
	if d, known := archiveDiagnosis(err, source); known && !full {
		return d
	}
	d := recovery.Diagnosis{Seen: reason(err), Intact: stagedOnly}
	switch {
	case full:
		d.Code, d.Summary = CodeVaultDiskFull, "The disk of the vault is full"
		d.Remedies = do("Make room, on the filesystem of the vault", typed("df", "-h", s.Vault), "Files may run out as well as bytes", typed("df", "-i", s.Vault), thenResume, resume,
			s.orWithoutUndo(), s.resumeWithoutUndo())
	case errors.Is(err, vault.ErrBelow):
		d.Code, d.Summary = CodeVaultPath, "The vault cannot be deleted for room: something is mounted below it"
		d.Remedies = do("Unmount it, or recover without giving up undo", typed("findmnt", "-R", s.Vault), thenResume, resume)
	case errors.Is(err, vault.ErrNoParent), errors.Is(err, vault.ErrRoot), errors.Is(err, vault.ErrNotDirectory), isPermission(err), errors.Is(err, syscall.EROFS):
		d.Code, d.Summary = CodeVaultPath, "The vault cannot be restored to "+s.Vault
		d.Remedies = do("See whether its disk is mounted, and writable", typed("findmnt", "-T", s.Vault), "Or say where the vault is", "firmflow-recovery preflight --vault DIR")
	default:
		return s.diagnoseCommon(err, stagedOnly)
	}

	return d
}

// archiveDiagnosis is about the archive itself: nothing of it was believed.
func archiveDiagnosis(err error, source string) (recovery.Diagnosis, bool) {
	var damage *vault.DamageError
	var entry *vault.EntryError
	d := recovery.Diagnosis{Intact: stagedOnly, Remedies: do(copyAgain, anew, otherBackup, listBackups)}
	d.Seen = reason(err)
	if errors.As(err, &damage) {
		d.Seen = fmt.Sprintf("%s, at %s of %s bytes: %v", damage.Path, recovery.Count(damage.At), recovery.Count(damage.Size), damage.Err)
	}
	switch {
	case errors.Is(err, vault.ErrTruncated), errors.Is(err, vault.ErrEmpty), errors.Is(err, vault.ErrNoEnd):
		d.Code, d.Summary = CodeArchiveCut, "The vault archive ends early"
	case errors.Is(err, vault.ErrChecksum), errors.Is(err, vault.ErrCorrupt), errors.Is(err, vault.ErrTrailing), errors.Is(err, vault.ErrChanged):
		d.Code, d.Summary = CodeArchiveDamaged, "The vault archive is damaged"
	case errors.Is(err, vault.ErrNotGzip), errors.Is(err, vault.ErrNotTar):
		d.Code, d.Summary = CodeArchiveKind, "The vault archive is not a tar.gz"
	case errors.As(err, &entry):
		d.Code, d.Summary = CodeArchiveUnsafe, "The vault archive holds an entry that must not be restored"
		d.Seen = source + ": " + entry.Error()
		d.Remedies = do("Find out who made this archive: the guide's script writes no such entry", typed("tar", "-tvzf", source), otherBackup, listBackups)
	default:
		return d, false
	}

	return d, true
}

func archiveNothing(source string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeArchiveNothing, Summary: "The vault archive holds no document", Seen: source + " was read to its end and has no file in it",
		Intact: stagedOnly, Remedies: do("An empty vault is what a mirror of an unmounted disk leaves; choose another backup", listBackups),
	}
}

// archiveNested is a vault that lies one directory too deep. It can be put right
// while it is extracted, or in a copy where it is an archive, but where documents
// lie directly in that directory: it may be a firm's own then.
func archiveNested(source, dir string, files int, repair string) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeArchiveNested, Summary: "The backed up vault has everything one directory too deep",
		Seen:   source + " holds nothing but the directory " + fmt.Sprintf("%q", dir) + "; FirmFlow would find no document",
		Intact: stagedOnly,
		Remedies: []recovery.Remedy{{
			Do: "Leave that directory level out while extracting", Command: "firmflow-recovery restore --fix", Action: LeaveOutLevel,
		}},
	}
	if repair != "" {
		d.Remedies = append(d.Remedies, do("Or have a copy of the archive made without it, beside it, and recover from that", repair)...)
	}
	if files > 0 {
		d.Seen = source + " holds nothing but the directory " + fmt.Sprintf("%q", dir) + ", and " + recovery.Counted(int64(files), "document") + " directly in it: it is not certain whether that is a level too many or a firm's own"
		d.Remedies = do("See what the database says of the paths; if it is a level too many, pack its content anew into a backup directory of its own, and recover from that",
			"mkdir fixed x && tar -xzf ARCHIVE -C x && tar -czf fixed/ARCHIVE -C x/"+dir+" .")
	}

	return d
}

func vaultChanged(where string, want vault.Summary, got vault.Tree) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeVaultChanged, Summary: "The restored vault is no longer what was restored",
		Seen: fmt.Sprintf("%s: %s of %s restored, %s of %s there now", where, recovery.Counted(int64(want.Files), "file"), recovery.Size(want.Bytes),
			recovery.Counted(int64(got.Files), "file"), recovery.Size(got.Bytes)),
		Intact:   "What was live before is kept.",
		Remedies: do("See who writes there", typed("ls", "-lat", where), "Begin a new run, once nobody does", anew),
	}
}

// diagnoseDump gives the errors of the dump's mechanism their meaning.
func (d *database) diagnoseDump(err error) recovery.Diagnosis {
	if known, is := dumpDiagnosis(err, d.Backup, d.BackupDir); is {
		return known
	}
	if _, engine := d.diagnoseEngine(err); engine {
		return d.diagnoseCommon(err, previousLive) // without it nothing else can be told
	}
	if common := d.diagnoseLoad(err); common.Code != "" {
		return common
	}

	return d.diagnoseCommon(err, previousLive)
}

// diagnoseLoad is about the server's side.
func (d *database) diagnoseLoad(err error) recovery.Diagnosis {
	di := recovery.Diagnosis{Seen: reason(err), Intact: previousLive}
	var tool *dump.ToolError
	switch {
	case errors.Is(err, dump.ErrNoSpace):
		di.Code, di.Summary = CodeDatabaseFull, "The disk of the database is full"
		di.Remedies = do("Make room where Docker keeps its volumes", "docker system df", thenResume, resume, d.orWithoutUndo(), d.resumeWithoutUndo())
	case errors.Is(err, dump.ErrServerGone), errors.Is(err, dump.ErrNoAnswer):
		di.Code, di.Summary = CodeDatabaseGone, "The database went away while it was worked with"
		di.Remedies = do("See why", d.logsOf(d.DBService), "It recovers by itself; then continue", resume)
	case errors.Is(err, dump.ErrCopyDiffers):
		di.Code, di.Summary = CodeDatabaseCopy, "The copy of the dump beside the server is not the dump"
		di.Remedies = do("It is deleted. Look for what changes bytes on the way: the disk of Docker, the memory, the engine", "docker system df", thenResume, resume)
	case errors.Is(err, dump.ErrVersion):
		di.Code, di.Summary = CodeDumpNewer, "The dump and this PostgreSQL do not fit"
		di.Remedies = do("Use the database image of the backup's day", "", otherBackup, listBackups)
	case errors.As(err, &tool):
		di.Code, di.Summary = CodeDatabaseLoad, "PostgreSQL refused: could not "+tool.Doing
		di.Remedies = do("Read the complaint; what is loaded lies beside the live database", d.logsOf(d.DBService), thenResume, resume)
	default:
		return recovery.Diagnosis{}
	}

	return di
}

func otherDatabase(path string, h dump.Header, want string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDumpOtherDatabase, Summary: "The dump is of another database",
		Seen: fmt.Sprintf("%s was taken of database %q, not %q", path, h.Database, want), Intact: nothingTouched,
		Remedies: do("Choose the backup of "+want, listBackups, "If the database has another name here, give it", "firmflow-recovery preflight --database NAME"),
	}
}

func dumpNewer(path string, h dump.Header, major int) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDumpNewer, Summary: fmt.Sprintf("The dump is of PostgreSQL %d, the database here is %d", h.ServerMajor, major),
		Seen: path + " was dumped from " + h.Server, Intact: nothingTouched,
		Remedies: do(fmt.Sprintf("Use a database image of PostgreSQL %d or newer", h.ServerMajor), "", thenLookMore, again),
	}
}

func rolesMissing(s *Stack, roles []string) recovery.Diagnosis {
	var remedies []recovery.Remedy
	for _, role := range roles {
		remedies = append(remedies, recovery.Remedy{Do: "Create it, without a password for now", Command: s.Runtime.TypedIn(s.DBService, "createuser", "-U", s.User, role)})
	}

	return recovery.Diagnosis{
		Code: CodeDatabaseRoles, Summary: "Roles that own something in the dump do not exist", Seen: join(roles), Intact: nothingTouched,
		Remedies: append(remedies, recovery.Remedy{Do: "Then look again", Command: again}),
	}
}

func extensionsMissing(service string, extensions []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDatabaseExt, Summary: "Extensions of the dump are not in this database image", Seen: join(extensions), Intact: nothingTouched,
		Remedies: do("Use the image of the backup's day for service "+service, "", thenLookMore, again),
	}
}

func databaseDiffers(name string, problems []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDatabaseDiffers, Summary: "The loaded database is not what the dump holds",
		Seen: name + ":\n  " + strings.Join(problems, "\n  "), Intact: "It was not made live by this; the database of before is kept.",
		Remedies: do("Load it again", resume, otherBackup, listBackups),
	}
}

func rowsUnknown(c dump.Comparison) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDatabaseRows, Summary: "The rows of some tables could not be compared with the dump",
		Seen:   fmt.Sprintf("%d tables come as INSERT statements, %d without rows", len(c.Uncounted), len(c.NoRows)),
		Intact: restoredLive, Remedies: do("Look at those tables in the app", ""),
	}
}

func spaceShort(n *need, free durable.Space) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeSpace, Summary: "There is not enough room for old and new at once",
		Seen:   fmt.Sprintf("%s: %s free, at least %s needed", join(n.paths), recovery.Size(int64(free.Bytes)), recovery.Size(int64(n.least))),
		Intact: nothingTouched, Remedies: do("Make room: what is replaced is kept, so both must fit", typed("df", "-h", n.paths[0]), thenLookMore, again),
	}
}

func readOnly(paths []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeReadOnly, Summary: "Nothing can be written there: the filesystem is mounted read-only", Seen: join(paths), Intact: nothingTouched,
		Remedies: do("See how it is mounted, and what the kernel says: after an error of its disk it makes a filesystem read-only", typed("findmnt", "-T", paths[0]),
			"Mount it for writing, once its disk is in order", typed("mount", "-o", "remount,rw", paths[0]), thenLookMore, again),
	}
}

func inodesShort(n *need, free durable.Space) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeInodes, Summary: "The filesystem has not enough inodes for old and new at once",
		Seen:   fmt.Sprintf("%s: %s free, %s needed", join(n.paths), recovery.Count(int64(free.Inodes)), recovery.Count(int64(n.inodes))),
		Intact: nothingTouched, Remedies: do("Remove many small files there, or use another filesystem", typed("df", "-i", n.paths[0]), thenLookMore, again),
	}
}

func spaceTight(n *need, free durable.Space) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeSpaceTight, Summary: "Room may be short: a database takes several times the size of its dump",
		Seen:   fmt.Sprintf("%s: %s free, up to %s needed", join(n.paths), recovery.Size(int64(free.Bytes)), recovery.Size(int64(n.surely))),
		Intact: nothingTouched, Remedies: do("Make room if you can; if it runs out, the old state stays whole", typed("df", "-h", n.paths[0])),
	}
}
