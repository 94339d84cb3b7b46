package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/bucket"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/evidence"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/vault"
)

// causesBeside are those of what comes before and after the five steps: the
// evidence, an undo, a cleanup, and looking at backups.
func causesBeside(t *testing.T) map[recovery.Code][]recovery.Diagnosis {
	t.Helper()
	s := stopped(t)
	set := backup.Set{Date: "2026-11-22", Dump: backup.File{Path: "/backups/db_2026-11-22.dump"}, Archive: backup.File{Path: "/backups/vault.tar.gz"}}
	broken := errors.New("permission denied")
	none := fmt.Errorf("find it: %w", evidence.ErrUnrecognised)
	take := &taking{Stack: s}
	nas := SecondDirectory{Dir: "/mnt/nas"}
	references := evidence.References{Table: `public."Document"`, Column: "key", Referenced: 9, Missing: 1, WrongSize: 1}

	return map[recovery.Code][]recovery.Diagnosis{
		CodeChainUnknown:      {chainUnknown(s.RunID, none)},
		CodeChainBegins:       {chainBegins(evidence.Chain{Table: "audit", FirstBad: "11"})},
		CodeChainBroken:       {chainBroken(evidence.Chain{Table: "audit", Length: 9, Missing: 1, FirstBad: "5", Forks: 1, Twice: 1, Altered: 1})},
		CodeDocumentsUnknown:  {documentsUnknown(s.RunID, none)},
		CodeDocumentsMissing:  {documentsMissing(s.RunID, references, "/runs/documents.csv")},
		CodeDocumentsSize:     {documentsCut(references, "")},
		CodeDecryptionUnknown: {notOpened(24), nothingToOpen()},
		CodeDecryptionFailed:  {someNotOpened(evidence.Decryption{Tried: 24, Opened: 22, Failed: []string{"a", "b"}, Key: "AUTH_SECRET"})},

		CodeOriginalOther:       {keyNotOfBackup("AUTH_SECRET", "/safe/env", set)},
		CodeOriginalUnconfirmed: {typedUnconfirmed("there is no manifest"), typedIncomplete("/opt/firmflow/.env")},
		CodeManifestUnread:      {manifestUnread(set, broken)},
		CodeLicenceElsewhere:    {licenceElsewhere("ffhost-01")},

		CodeEngineElsewhere:  {engineElsewhere("tcp://10.0.4.7:2376", nil), engineElsewhere("ssh://prod-02", []string{"DOCKER_HOST"})},
		CodeComposeElsewhere: {shellElsewhere("COMPOSE_FILE", "it names other files", "--compose-file FILE"), lineElsewhere("COMPOSE_PROJECT_NAME", "/opt/firmflow/.env", "/safe/.env")},
		CodeComposeProfiles:  {profiles("this shell")},

		CodeFieldsUnknown: {fieldsNotOpened(evidence.Fields{Columns: []string{`public."User"."mfaSecret"`}})},
		CodeFieldsFailed:  {someFieldsNotOpened(evidence.Fields{Column: "a.b", Tried: 3, Opened: 2, Key: "FIELD_ENCRYPTION_KEY"})},
		CodeFieldsNone:    {noFields()},
		CodeStatistics:    {statisticsMissing("firmflow", "firmflow", 7, 0)},

		CodeRunStopped: {carried(t, nothingToWatch("", &journal.StoppedError{Run: "20261123-030107", Last: time.Unix(0, 0)}))},
		CodeRunNone:    {carried(t, nothingToWatch("20261123-030107", journal.ErrNoRun))},

		CodeUndoFailed:  {(&undo{Stack: s}).diagnose(broken, undoNotBegun)},
		CodeUndoGivenUp: {undoGivenUp("20261123-030107", "database firmflow")},
		CodeUndoGone:    {undoGone("database firmflow_before_1", "The live one is whole."), undoNothingOfIt(s, scene{})},
		CodeUndoOther:   {undoOther(s, "vault", "another receipt")},
		CodeUndoName:    {undoNameTaken("firmflow_undone_1")},
		CodeUndoHalf:    {undoHalf(s, broken)},
		CodeUndoNothing: {undoNothing(""), undoNothing("20261123-030107")},
		CodeUndoCleaned: {undoCleaned(recovery.State{Run: "20261123-030107"})},
		CodeUndoInputs:  {notThisInstallation("20261123-030107", recovery.Undoing, []string{"vault: was /a, is /b"})},

		CodeCleanNothing:  {cleanNothing("")},
		CodeCleanEarly:    {cleanEarly(recovery.State{Run: "20261123-030107"}), cleanEarly(recovery.State{Undoing: true})},
		CodeCleanLive:     {cleanLive("/vault", "/vault.before-1")},
		CodeCleanInUse:    {cleanInUse("psql from 10.0.4.7")},
		CodeCleanNotOurs:  {cleanNotOurs(broken)},
		CodeCleanDatabase: {cleanDown(s)},
		CodeCleanFailed:   {(&cleanup{Stack: s}).Diagnose(broken)},

		CodeBackupFile:   {fileDiffers(set, backup.Mismatch{Name: "db.dump", Part: backup.Dump, Err: backup.ErrDigest})},
		CodeBackupForged: {manifestForged(set)},
		CodeBackupProof:  {manifestChanged(set, backup.ErrChanged)},
		CodeChainOther:   {chainOther(evidence.Chain{Table: "audit", Length: 9}, backup.ChainRecord{Length: 12})},

		CodeTakeDown:        {takeDown(s)},
		CodeTakeEnv:         {takeEnv("/opt/firmflow/.env", fs.ErrNotExist)},
		CodeTakeUnprotected: {takeUnprotected()},
		CodeTakeOtherKeys:   {takeOtherKeys(s, []string{"AUTH_SECRET"})},
		CodeTakeEmpty:       {takeEmpty("/vault"), takeUnmounted("/vault", "2026-11-22"), takeShrunk("/vault", vault.ErrSourceEmpty)},
		CodeTakeShrunk:      {takeShrunk("/vault", &vault.ShrunkError{Gone: 20, Mirrored: 41})},
		CodeTakeUnsettled:   {takeUnsettled("/vault", 2)},
		CodeTakeVault:       {take.Diagnose(&vault.EntryError{Name: "socket", Err: vault.ErrSpecial}), take.Diagnose(&vault.EntryError{Name: "firm/a.pdf", Err: fs.ErrPermission})},
		CodeTakePlace:       {take.Diagnose(fs.ErrExist), take.Diagnose(fs.ErrPermission), take.Diagnose(syscall.EROFS), takeInside("/vault/backups", "/vault")},
		CodeTakeFull:        {take.Diagnose(syscall.ENOSPC), take.Diagnose(syscall.EDQUOT)},
		CodeTakeDump:        {take.Diagnose(&dump.ToolError{Doing: "dump the database", Text: "ERROR: out of shared memory", Err: broken})},
		CodeTakeChain:       {takeNoChain(none), takeBrokenChain(evidence.Chain{Table: "audit", Length: 9, Missing: 1, FirstBad: "5"})},
		CodeDatabaseOutside: {outsideDiffers(s, []aside{{"role reader is missing", "create role reader"}, {"", ""}, {"", ""}, {"", ""}, {"", ""}, {"", ""}})},

		CodeOffsiteFailed:     {offsiteFailed(nas, "2026-11-22", broken)},
		CodeOffsiteNotMounted: {offsiteFailed(nas, "2026-11-22", errNotMounted)},
		CodeOffsiteStalled:    {offsiteFailed(nas, "2026-11-22", backup.ErrStalled), offsiteFailed(nas, "2026-11-22", syscall.ESTALE), offsiteFailed(nas, "2026-11-22", syscall.ENOTCONN)},
		CodeOffsiteFull:       {offsiteFailed(nas, "2026-11-22", syscall.ENOSPC)},
		CodeOffsiteDiffers:    {offsiteFailed(nas, "2026-11-22", bucket.ErrDigest), offsiteFailed(nas, "2026-11-22", bucket.ErrThere), offsiteFailed(nas, "2026-11-22", backup.ErrDigest), offsiteFailed(nas, "2026-11-22", backup.ErrOther), offsiteFailed(nas, "2026-11-22", backup.ErrMissing)},
		CodeOffsitePlace:      {offsiteFailed(nas, "2026-11-22", bucket.ErrNoBucket), offsiteFailed(nas, "2026-11-22", fs.ErrNotExist), offsiteFailed(nas, "2026-11-22", fs.ErrPermission), offsiteFailed(nas, "2026-11-22", syscall.EROFS)},
		CodeOffsiteUnsealed:   {offsiteUnsealed(set)},
		CodeOffsiteDenied:     {offsiteFailed(nas, "2026-11-22", bucket.ErrDenied), offsiteFailed(nas, "2026-11-22", bucket.ErrNoCredentials)},
		CodeOffsiteClock:      {offsiteFailed(nas, "2026-11-22", bucket.ErrClock)},
		CodeOffsiteAsleep:     {offsiteFailed(nas, "2026-11-22", bucket.ErrAsleep)},
		CodeOffsiteLost:       {offsiteFailed(nas, "2026-11-22", bucket.ErrUnreachable)},
		CodeOffsiteStaging:    {stagingFailed("/fetched", errFetching)},

		CodeTakeChanged:  {take.Diagnose(backup.ErrChanged), take.Diagnose(&dump.DamageError{Cause: dump.ErrCorrupt}), take.Diagnose(&vault.DamageError{Err: vault.ErrChecksum})},
		CodeTimersFailed: {timersFailed("/etc/systemd/system", broken)},
		CodePruneFailed:  {pruneFailed("/backups", broken)},

		CodeRepairNothing:  {repairNothing(set, "/backups", false), repairNothing(set, "/backups", true)},
		CodeRepairInTheWay: {repairInTheWay("/backups/none.dump", set, "/backups")},
		CodeRepairPlace:    {repairPlace("/backups/db.dump", "/backups", set, broken)},
		CodeRepairKey:      {repairKey("/key", broken)},
		CodeVerifyOpenEnd:  {endInDoubt(set, "/backups")},
		CodeVerifyUnread:   {notRead("/backups/db.dump", broken)},
		CodeVerifyNoTool:   {notUnpacked(set, "/backups")},
	}
}
