package steps

import (
	"errors"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
)

// causesOfDumps are those of dumps of every shape, of what a server lacks of one,
// and of a rehearsal.
func causesOfDumps(t *testing.T) map[recovery.Code][]recovery.Diagnosis {
	t.Helper()
	s := stopped(t)
	set := backup.Set{Date: "2026-11-22", Dump: backup.File{Path: "/backups/db_2026-11-22.dir"}}
	missing, _ := dumpDiagnosis(&dump.MemberError{Name: "3385.dat", Cause: dump.ErrMemberMissing}, set, "/backups")
	broken := errors.New("permission denied")

	return map[recovery.Code][]recovery.Diagnosis{
		CodeDumpMember:  {missing},
		CodeDumpOldPsql: {psqlOld("/backups/db.sql", "psql (PostgreSQL) 15.13")},
		CodeDumpDigest:  {digestDiffers("/backups/db.dump", "ab", "cd", "/backups/db.dump.sha256")},
		CodeDumpUnchecked: {unchecked(s.RunID, "/backups/db.tar", dump.Header{Format: dump.Tar, Compression: "none"}, ""),
			unchecked(s.RunID, "/backups/db.dump", dump.Header{Format: dump.Custom, Compression: "zstd"}, "damaged")},
		CodeDatabaseEncoding: {encodingUnknown("/backups/db.dump")},
		CodeDatabaseLocale:   {localeMissing("db", dump.Locale{Provider: "libc", Collate: "de_CH.UTF-8"}), localeMissing("db", dump.Locale{Provider: "icu"})},
		CodeDatabaseSpaces:   {tablespacesMissing(s, []string{"fast"})},
		CodeDatabaseSettings: {settingsMissing(s, []dump.DatabaseSetting{{Name: "TimeZone", Value: "'UTC'"}, {Role: "app", Name: "work_mem", Value: "'4MB'"}})},
		CodeNotRehearsed:     {notRehearsed(set, "/backups", broken)},
		CodeRehearsalFailed:  {rehearsalFailed("/backups/db.dump", "15.18", broken)},
	}
}
