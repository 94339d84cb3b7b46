package steps

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
)

// What stands in a command for what is only known of the backup at hand.
const (
	repairIt  = "firmflow-recovery repair BACKUP --backups DIR"
	useCopy   = "firmflow-recovery restore --backup COPY --backups DIR"
	verifyIt  = "firmflow-recovery verify BACKUP --full --backups DIR"
	lookAtIt  = "file DUMP"
	thenUseIt = "Then recover from that copy"
)

// dumpKinds says what a file is instead of a dump that can be loaded.
var dumpKinds = []struct {
	err     error
	code    recovery.Code
	summary string
	do      []recovery.Remedy
}{
	{dump.ErrEmpty, CodeDumpEmpty, "The dump is empty", do("See in the backup script's log why pg_dump failed", "", otherBackup, listBackups)},
	{dump.ErrNotExact, CodeDumpDamaged, "The dump went through a terminal or a wrapper, and was damaged besides, which cannot be undone",
		do("What a terminal mixed into it cannot be told from data. If it was damaged on its way here, copy it again", verifyIt, otherBackup, listBackups)},
	{dump.ErrTerminal, CodeDumpTerminal, "The dump went through a terminal, which changed its bytes",
		do("Repair it: this is exact, and makes a copy; the dump itself stays as it is", repairIt, thenUseIt, useCopy)},
	{dump.ErrScript, CodeDumpPlain, "The SQL script would do more than fill its database", do("Find out who wrote that line: pg_dump, without --create, writes none like it", lookAtIt, otherBackup, listBackups)},
	{dump.ErrMemberMissing, CodeDumpMember, "A file of the dump's directory is missing", do("Copy the directory again, whole", verifyIt, otherBackup, listBackups)},
	{dump.ErrMemberKind, CodeDumpOtherFormat, "The dump's files are compressed with lz4, which is not read here", do("Unpack them where they lie: pg_restore takes them without compression too", "lz4 -d -m --rm DUMP/*.lz4", "Then look again", verifyIt)},
	{dump.ErrPrefix, CodeDumpPrefix, "Text stands before the dump", do("Cut it off, in a copy; the dump itself stays as it is", repairIt, thenUseIt, useCopy)},
	{dump.ErrUTF16, CodeDumpNotADump, "The dump was rewritten as text by Windows, which cannot be undone", do(otherBackup, listBackups)},
	{dump.ErrLocked, CodeDumpWrapped, "The dump is encrypted with age", do("Say in which file its key is, or give --passphrase instead and type it", repairIt+" --identity KEYFILE", thenUseIt, useCopy)},
	{dump.ErrOtherKey, CodeDumpWrapped, "The dump is encrypted with age, for another key than the one given", do("Name the file of the right key, or give --passphrase instead and type it", repairIt+" --identity KEYFILE", otherBackup, listBackups)},
	{dump.ErrWrapped, CodeDumpWrapped, "The dump is wrapped in another format", do("See what it is, and unpack it into a new file", lookAtIt)},
	{dump.ErrDirectory, CodeDumpOtherFormat, "The directory is no dump, or one that was not finished", do("Copy the directory again, whole", verifyIt, otherBackup, listBackups)},
	{dump.ErrTar, CodeDumpOtherFormat, "What should be the dump's table of contents is a tar", do(otherBackup, listBackups)},
	{dump.ErrPlain, CodeDumpOtherFormat, "What should be the dump's table of contents is a text", do(otherBackup, listBackups)},
	{dump.ErrUnsupported, CodeDumpNewer, "The dump was written by a newer PostgreSQL than this one", do("Use the database image of the backup's day", "", otherBackup, listBackups)},
	{dump.ErrNothing, CodeDumpNothing, "The dump holds no table", do(otherBackup, listBackups)},
	{dump.ErrSchemaOnly, CodeDumpNothing, "The dump holds tables without their rows", do(otherBackup, listBackups)},
	{dump.ErrTruncated, CodeDumpTruncated, "The dump ends early", do(copyAgain, verifyIt, otherBackup, listBackups)},
	{dump.ErrCorrupt, CodeDumpDamaged, "The dump is damaged", do(copyAgain, verifyIt, otherBackup, listBackups)},
	{dump.ErrImplausible, CodeDumpDamaged, "The dump's header cannot be true", do(copyAgain, verifyIt, otherBackup, listBackups)},
	{dump.ErrMismatch, CodeDumpDamaged, "The dump's table of contents is damaged", do(copyAgain, verifyIt, otherBackup, listBackups)},
	{dump.ErrStalled, CodeDumpDamaged, "The dump keeps pg_restore busy without an end, as one that was half overwritten does", do(copyAgain, verifyIt, otherBackup, listBackups)},
	{dump.ErrChanging, CodeDumpDamaged, "The dump is still being written", do("Wait until the backup is done", verifyIt)},
	{dump.ErrNotDump, CodeDumpNotADump, "The file is not a PostgreSQL dump", do("See what it is", lookAtIt, otherBackup, listBackups)},
}

// dumpDiagnosis gives the errors of a dump's file their meaning. Its intact part
// speaks for every moment: a dump is read before anything is begun.
func dumpDiagnosis(err error, b backup.Set, dir string) (recovery.Diagnosis, bool) {
	for _, kind := range dumpKinds {
		if !errors.Is(err, kind.err) {
			continue
		}
		remedies := slices.Clone(kind.do)
		if unwraps(err) {
			remedies = do("Take the wrapper off, in a copy; the dump itself stays as it is", unwrapping(err), thenUseIt, useCopy)
		}
		for i, r := range remedies {
			remedies[i].Command = filled(r.Command, b, dir)
		}

		return recovery.Diagnosis{Code: kind.code, Summary: kind.summary, Seen: b.Dump.Path + ": " + dumpReason(err, b.Dump.Path),
			Intact: "The vault and the database of before are as they were; what is not sound is never loaded.", Remedies: remedies}, true
	}

	return recovery.Diagnosis{}, false
}

// dumpReason is what was found in the file, without what was being done to it.
func dumpReason(err error, path string) string {
	var damage *dump.DamageError
	text := reason(err)
	if errors.As(err, &damage) {
		text = damage.Error()
	} else if at := strings.LastIndex(text, path+": "); at >= 0 {
		text = text[at+len(path)+2:]
	}
	if errors.Is(err, dump.ErrNotExact) {
		text = "with that undone, " + text
	}

	return text
}

// unwraps tells whether a repair can take off what is around the dump. What
// holds no dump is said as such: nothing would be gained by unwrapping it.
func unwraps(err error) bool {
	var wrapped *dump.WrappedError
	if errors.Is(err, dump.ErrNotExact) || !errors.As(err, &wrapped) {
		return false
	}

	return wrapped.Kind == dump.Gzip || wrapped.Kind == dump.Zstd || wrapped.Kind == dump.Age
}

func unwrapping(err error) string {
	var wrapped *dump.WrappedError
	if errors.As(err, &wrapped) && wrapped.Kind == dump.Age {
		return repairIt + " --identity KEYFILE"
	}

	return repairIt
}

// filled puts the backup's names into a command.
func filled(command string, b backup.Set, dir string) string {
	_, repaired := b.RepairedDumpName()
	words := strings.Fields(command)
	for i, word := range words {
		switch word {
		case "BACKUP":
			words[i] = typed(b.Name())
		case "COPY":
			words[i] = typed(repaired)
		case "DIR":
			words[i] = typed(dir)
		case "DUMP":
			words[i] = typed(filepath.Clean(b.Dump.Path))
		case "DUMP/*.lz4":
			words[i] = typed(filepath.Clean(b.Dump.Path)) + "/*.lz4"
		}
	}

	return strings.Join(words, " ")
}
