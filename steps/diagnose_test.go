package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/recovery/vault"
)

// stopped is an installation of which nothing runs, and with which nothing can
// be done but look.
func stopped(t *testing.T) *Stack {
	t.Helper()
	dir := t.TempDir()

	return &Stack{
		Runtime: &still{}, ProjectDir: dir, Vault: dir + "/uploads", Database: "firmflow", User: "firmflow", DBService: "db", AppService: "web",
		Backup:    backup.Set{Date: "2026-11-22", Dump: backup.File{Path: "/backups/db_2026-11-22.dump", Size: 1 << 20}, Archive: backup.File{Path: "/backups/vault.tar.gz"}},
		BackupDir: "/backups", OriginalEnv: "/safe/original.env", RunID: "20261123-030107", Now: func() time.Time { return time.Time{} }, Patience: time.Minute,
		project: &stack.Project{Name: "firmflow", Specs: []stack.Spec{{Name: "db"}, {Name: "web"}}},
	}
}

// causes gives an error, or what is found in another way, for each code of the
// steps that no test of the whole program provokes.
func causes(t *testing.T) map[recovery.Code][]recovery.Diagnosis {
	t.Helper()
	s := stopped(t)
	env, documents, up, load, last := &environment{Stack: s}, &vaultStep{Stack: s}, &services{Stack: s}, &database{Stack: s}, &restart{Stack: s}
	damage := func(err error) error {
		return &vault.DamageError{Path: "/backups/vault.tar.gz", At: 7, Size: 9, Err: err}
	}
	tool := func(cause error) error {
		return &dump.ToolError{Doing: "load the dump", Cause: cause, Text: "FATAL: it says so", Err: errors.New("exit 1")}
	}
	secretOf := func(r envfile.Result) recovery.Diagnosis {
		return s.secretDiffers(envfile.Comparison{Key: "AUTH_SECRET", Result: r})
	}

	return map[recovery.Code][]recovery.Diagnosis{
		CodeEngineMissing:     {env.Diagnose(fmt.Errorf("look: %w", stack.ErrEngineMissing)), last.Diagnose(stack.ErrEngineMissing)},
		CodeEngineUnreachable: {env.Diagnose(stack.ErrEngineUnreachable), load.Diagnose(stack.ErrEngineUnreachable)},
		CodeEngineForbidden:   {env.Diagnose(stack.ErrEngineForbidden)},
		CodeComposeMissing:    {env.Diagnose(stack.ErrComposeMissing)},
		CodeComposeOld:        {env.Diagnose(&stack.OldError{Tool: "Compose", Version: "2.3.3", Needed: "2.20"})},
		CodeNoConfiguration:   {env.Diagnose(stack.ErrNoConfiguration)},
		CodeConfiguration:     {env.Diagnose(&stack.ConfigurationError{Text: "line 3: mapping values are not allowed"})},
		CodeDatabaseUnknown:   {databaseUnknown("pg", *s.project, nil)},
		CodeAppUnknown:        {appUnknown("", *s.project, []string{"web", "worker"})},
		CodeImageMissing:      {up.Diagnose(&stack.ImageError{Service: "web", Image: "firmflow:1.2"})},
		CodePortTaken:         {up.Diagnose(&stack.PortError{Service: "web", Text: "port is already allocated"}), last.Diagnose(&stack.PortError{Service: "web", Text: "port is already allocated"})},
		CodeStartFailed:       {up.Diagnose(&stack.StartError{Service: "db", Text: "exit 1", Err: errors.New("exit 1")})},
		CodeSandboxPostgres:   {env.Diagnose(sandbox.ErrNoPostgres)},

		CodeSpace:      {spaceShort(&need{paths: []string{"/vault"}, least: 2}, durable.Space{Bytes: 1})},
		CodeInodes:     {inodesShort(&need{paths: []string{"/vault"}, inodes: 2}, durable.Space{Inodes: 1})},
		CodeReadOnly:   {readOnly([]string{"/vault"})},
		CodeSpaceTight: {spaceTight(&need{paths: []string{"/vault"}, surely: 2}, durable.Space{Bytes: 1})},

		CodeOriginalMissing:    {originalMissing("/backups")},
		CodeOriginalUnreadable: {originalUnreadable("/safe/env", fs.ErrNotExist), originalUnreadable("/safe/env", envfile.ErrDamaged), originalUnreadable("/safe/env", envfile.ErrWorkFactor)},
		CodeOriginalLocked: {originalUnreadable("/safe/env", envfile.ErrEncrypted), originalUnreadable("/safe/env", &envfile.LockedError{Needs: envfile.ByPassphrase}),
			originalUnreadable("/safe/env", &envfile.LockedError{Needs: envfile.ByIdentity, Given: envfile.ByPassphrase})},
		CodeOriginalPassphrase:  {originalUnreadable("/safe/env", envfile.ErrPassphrase)},
		CodeOriginalIdentity:    {originalUnreadable("/safe/env", envfile.ErrIdentity), originalUnreadable("/safe/env", envfile.ErrKeyFile)},
		CodeOriginalKeyMissing:  {secretOf(envfile.OriginalMissing)},
		CodeOriginalPlaceholder: {secretOf(envfile.OriginalPlaceholder)},
		CodeSecretDifferent:     {secretOf(envfile.Different)},
		CodeSecretMissing:       {secretOf(envfile.Missing)},
		CodeSecretCut:           {secretOf(envfile.CutByCompose)},
		CodeSecretShell:         {secretOf(envfile.OverriddenByShell)},
		CodeSecretProject:       {secretOf(envfile.OverriddenByProject)},
		CodeSecretRaw:           {secretOf(envfile.ReadRaw)},
		CodeSecretNotGiven:      {secretOf(envfile.NotGiven)},
		CodeSecretOnlyHere:      {secretOf(envfile.OnlyInTarget)},
		CodeSecretContainer:     {containerDiffers("web", []string{"AUTH_SECRET"})},
		CodeSecretNote:          {envLoose("/opt/firmflow/.env")},
		CodeEnvInvalid:          {envInvalid("/opt/firmflow/.env", &envfile.SyntaxError{Line: 3})},
		CodeEnvCRLF:             {envCRLF("/opt/firmflow/.env")},
		CodeEnvInTheWay:         {env.Diagnose(envfile.ErrKept)},

		CodeBackupDirMissing:    {directoryUnreadable("/backups", fs.ErrNotExist)},
		CodeBackupDirUnreadable: {directoryUnreadable("/backups", fs.ErrPermission), directoryUnreadable("/backups", backup.ErrStalled), directoryUnreadable("/backups", backup.ErrNotDirectory)},
		CodeBackupNone:          {notChosen(backup.Directory{Path: "/backups"}, "latest", backup.ErrNone)},
		CodeBackupNotFound:      {notChosen(backup.Directory{Path: "/backups"}, "2020-01-01", &backup.NotFoundError{Name: "2020-01-01"})},
		CodeBackupIncomplete:    {notChosen(backup.Directory{Path: "/backups"}, "latest", &backup.IncompleteError{Missing: []backup.Part{backup.Dump}})},
		CodeBackupFact: {newerBroken(s.Backup, []backup.Part{backup.Dump}), farApart(s.Backup, time.Hour), mirrorNewer(&backup.Mirror{Path: "/backups/vault_sync"}, time.Hour),
			mirrorUnfinished(&backup.Mirror{Path: "/backups/vault_sync", Unfinished: []string{".a.x1y2z3"}})},
		CodeMirrorEmpty: {mirrorEmpty(s.Backup), mirrorEmpty(backup.Set{Mirror: &backup.Mirror{Path: "/backups/vault_sync", Empty: true}})},

		CodeArchiveDamaged: {documents.Diagnose(damage(vault.ErrChecksum)), documents.Diagnose(damage(vault.ErrCorrupt)), documents.Diagnose(damage(vault.ErrTrailing)), documents.Diagnose(damage(vault.ErrChanged))},
		CodeArchiveCut:     {documents.Diagnose(damage(vault.ErrTruncated)), documents.Diagnose(damage(vault.ErrNoEnd)), documents.Diagnose(damage(vault.ErrEmpty))},
		CodeArchiveKind:    {documents.Diagnose(damage(vault.ErrNotGzip)), documents.Diagnose(damage(vault.ErrNotTar))},
		CodeArchiveUnsafe: {documents.Diagnose(&vault.EntryError{Name: "../evil", Err: vault.ErrEscapes}), documents.Diagnose(&vault.EntryError{Name: "link", Err: vault.ErrLinkEscapes}),
			documents.Diagnose(&vault.EntryError{Name: "null", Err: vault.ErrSpecial})},
		CodeArchiveNested:  {archiveNested("/backups/vault.tar.gz", "uploads", 0, "firmflow-recovery repair"), archiveNested("/backups/vault.tar.gz", "uploads", 3, "")},
		CodeArchiveNothing: {archiveNothing("/backups/vault.tar.gz")},
		CodeVaultChanged:   {vaultChanged("/vault", vault.Summary{Files: 2}, vault.Tree{Files: 1})},
		CodeVaultDiskFull:  {documents.Diagnose(fmt.Errorf("write: %w", syscall.ENOSPC)), documents.Diagnose(syscall.EDQUOT), documents.Diagnose(&vault.EntryError{Name: "firm", Err: syscall.ENOSPC}), last.Diagnose(syscall.ENOSPC)},
		CodeVaultPath:      {documents.Diagnose(vault.ErrNoParent), documents.Diagnose(vault.ErrRoot), documents.Diagnose(fs.ErrPermission), documents.Diagnose(syscall.EROFS)},

		CodeDumpEmpty: {load.Diagnose(dump.ErrEmpty), notChosen(backup.Directory{Path: "/backups"}, "latest",
			&backup.IncompleteError{Set: s.Backup, Missing: []backup.Part{backup.Dump}})},
		CodeDumpTruncated:     {load.Diagnose(&dump.DamageError{Cause: dump.ErrTruncated})},
		CodeDumpDamaged:       {load.Diagnose(&dump.DamageError{Cause: dump.ErrCorrupt}), load.Diagnose(&dump.ImplausibleError{}), load.Diagnose(dump.ErrMismatch), load.Diagnose(dump.ErrStalled)},
		CodeDumpPlain:         {load.Diagnose(&dump.ScriptError{Line: 9, What: `\! id`})},
		CodeDumpTerminal:      {load.Diagnose(&dump.TerminalError{})},
		CodeDumpPrefix:        {load.Diagnose(&dump.PrefixError{Offset: 444, Text: "WARN"})},
		CodeDumpWrapped:       {load.Diagnose(&dump.WrappedError{Kind: "gzip"})},
		CodeDumpOtherFormat:   {load.Diagnose(dump.ErrDirectory), load.Diagnose(dump.ErrTar), load.Diagnose(dump.ErrPlain), load.Diagnose(&dump.MemberError{Name: "1.dat", Cause: dump.ErrMemberKind})},
		CodeDumpNotADump:      {load.Diagnose(dump.ErrNotDump), load.Diagnose(dump.ErrUTF16)},
		CodeDumpNewer:         {load.Diagnose(&dump.UnsupportedError{Version: "1.17"}), load.Diagnose(tool(dump.ErrVersion)), dumpNewer("/backups/db.dump", dump.Header{ServerMajor: 17}, 15)},
		CodeDumpOtherDatabase: {otherDatabase("/backups/db.dump", dump.Header{Database: "other"}, "firmflow")},
		CodeDumpNothing:       {load.Diagnose(dump.ErrNothing), load.Diagnose(dump.ErrSchemaOnly)},

		CodeDatabaseUnready: {s.databaseUnready(t.Context(), dump.ErrNoAnswer)},
		CodeDatabaseFull:    {load.Diagnose(tool(dump.ErrNoSpace))},
		CodeDatabaseGone:    {load.Diagnose(tool(dump.ErrServerGone)), load.Diagnose(dump.ErrNoAnswer)},
		CodeDatabaseRoles:   {rolesMissing(s, []string{"app_owner"})},
		CodeDatabaseExt:     {extensionsMissing("db", []string{"pgcrypto"})},
		CodeDatabaseCopy:    {load.Diagnose(fmt.Errorf("copy the dump: %w", dump.ErrCopyDiffers))},
		CodeDatabaseLoad:    {load.Diagnose(tool(dump.ErrLocks)), load.Diagnose(tool(nil))},
		CodeDatabaseDiffers: {databaseDiffers("firmflow_restoring_1", []string{"User: 7 rows, want 8"})},
		CodeDatabaseRows:    {rowsUnknown(dump.Comparison{})},

		CodeSwitchFailed: {last.Diagnose(errors.New("rename: device busy"))},
		CodeSwitchHalf:   {halfSwitched(s, errors.New("rename: device busy"))},
		CodeSwitchStaged: {stagingGone("/vault.restoring-1"), loadedGone("firmflow_restoring_1")},
		CodeAppDown:      {last.appDown(t.Context(), stack.Service{Name: "web", State: stack.Restarting, Restarts: 5})},
		CodeAppSilent:    {last.appSilent(t.Context(), &statusError{"http://127.0.0.1:9002", 500})},
		CodeAppNoURL:     {noURL("web")},

		CodeOtherProject:           {otherProject(stack.Project{Name: "new", Rivals: []stack.Rival{{Project: "firmflow", Volume: "firmflow_dbdata"}}})},
		recovery.CodeRunLocked:     {carried(t, locked(&journal.HeldError{Holder: journal.Holder{PID: 7, Run: "20261123-030107"}}))},
		recovery.CodeJournalBroken: {carried(t, noResume(&journal.BrokenError{Path: "/var/lib/journal.jsonl"}))},
		recovery.CodeResumeNothing: {carried(t, noResume(journal.ErrNoRun))},
		recovery.CodeResumeDiffers: {carried(t, otherInputs("20261123-030107", []string{"database: was firmflow, is other"}))},
		recovery.CodeRunUnfinished: {carried(t, unfinished(recovery.State{Run: "20261123-030107"}, nil))},
	}
}

func carried(t *testing.T, err error) recovery.Diagnosis {
	t.Helper()
	var f *recovery.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v carries no diagnosis", err)
	}

	return f.Diagnosis
}

// exits are the exit codes that codes have by themselves, the longest beginning
// first; of all others it depends on the step.
func exits(code recovery.Code) recovery.ExitCode {
	for _, c := range []struct {
		prefix string
		exit   recovery.ExitCode
	}{
		{"run.unfinished", 3}, {"journal.unreadable", 3}, {"journal.place", 3}, {"cleanup.nothing", 2}, {"vault.archive.", 5}, {"undo.inputs.", 2}, {"run.stopped", 130},
		{"run.locked", 7}, {"run.elsewhere", 7}, {"database.busy", 7}, {"run.none", 2}, {"backup.", 5}, {"cleanup.", 3}, {"repair.", 3}, {"resume.", 2}, {"secrets.", 6}, {"verify.", 9},
		{"dump.", 5}, {"undo.", 16}, {"offsite.", 17}, {"drill.target.", 9}, {"drill.left", 9}, {"drill.", 3},
	} {
		if strings.HasPrefix(string(code), c.prefix) {
			return c.exit
		}
	}

	return 0
}

// everyCause is all that is known to go wrong.
func everyCause(t *testing.T) map[recovery.Code][]recovery.Diagnosis {
	t.Helper()
	all := causes(t)
	maps.Copy(all, causesBeside(t))
	maps.Copy(all, causesOfDumps(t))
	maps.Copy(all, causesOfUnrest(t))
	maps.Copy(all, causesOfDrills())

	return all
}

func TestEveryCauseHasItsOwnDiagnosisInFourParts(t *testing.T) {
	for code, all := range everyCause(t) {
		for _, d := range all {
			if d.Code != code {
				t.Errorf("the diagnosis %q has code %s, want %s", d.Summary, d.Code, code)
			}
			if d.Summary == "" || d.Seen == "" || d.Intact == "" || len(d.Remedies) == 0 {
				t.Errorf("%s lacks a part: %+v", code, d)
			}
			if exit, _ := d.Code.Exit(); exit != exits(code) {
				t.Errorf("%s has exit code %d, want %d", code, exit, exits(code))
			}
		}
	}
}

func TestEveryCodeOfTheStepsHasACause(t *testing.T) {
	known := everyCause(t)
	for _, name := range slices.Sorted(maps.Keys(declared(t))) {
		if _, there := known[declared(t)[name]]; !there {
			t.Errorf("nothing here causes %s", name)
		}
	}
}

// What stands after a failure is never a guess: it follows from the step.
func TestWhatIsSaidToBeIntactFollowsTheStep(t *testing.T) {
	s := stopped(t)
	for _, c := range []struct {
		step recovery.Step
		want string
	}{
		{&environment{Stack: s}, nothingTouched},
		{&vaultStep{Stack: s}, stagedOnly},
		{&services{Stack: s}, previousLive},
		{&database{Stack: s}, previousLive},
		{&restart{Stack: s}, previousLive},
		{&restart{Stack: s, switched: true}, restoredLive},
	} {
		if d := c.step.Diagnose(stack.ErrEngineUnreachable); d.Intact != c.want {
			t.Errorf("%s, switched or not: intact is %q, want %q", c.step.ID(), d.Intact, c.want)
		}
	}
}
