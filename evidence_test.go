package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/stack/sandbox"
)

// sql changes the demo's database behind the app's back.
func sql(t *testing.T, i *demo.Installation, statement string) {
	t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	must(t, "/", filepath.Join(bin, "psql"), "-X", "-q", "-h", "127.0.0.1", "-p", databasePort(t, i), "-U", "firmflow", "-d", "firmflow", "-v", "ON_ERROR_STOP=1", "-c", statement)
}

// runOf is the id of the newest run of an installation.
func runOf(t *testing.T, i *demo.Installation) string {
	t.Helper()
	runs, err := filepath.Glob(filepath.Join(i.State, "runs", "2*"))
	if err != nil || len(runs) == 0 {
		t.Fatalf("there is no run: %v", err)
	}

	return filepath.Base(runs[len(runs)-1])
}

// TestG2ABrokenAuditChainIsNeverVerified backs up a database whose chain was
// broken before: it is restored, and not called verified.
func TestG2ABrokenAuditChainIsNeverVerified(t *testing.T) {
	i := sandboxed(t)
	sql(t, i, `delete from "AuditLog" where id = 700`)
	if err := i.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 8, "evidence.chain.broken", "such as entry 701", "RESTORED, NOT VERIFIED", "220 of 220 referenced files exist")
	firmflow(t, nil, "report", "--state-dir", i.State).want(t, 0, "RESTORED, NOT VERIFIED", "The audit chain is broken")
}

// TestC22AVaultOfAnotherTimeIsNeverVerified takes a document out of the archive
// that the database names.
func TestC22AVaultOfAnotherTimeIsNeverVerified(t *testing.T) {
	i := sandboxed(t)
	archive := filepath.Join(i.Backups, "vault_snapshot_"+time.Now().Format("2006-01-02")+".tar.gz")
	tree := t.TempDir()
	must(t, "/", "tar", "-xzf", archive, "-C", tree)
	documents, err := filepath.Glob(filepath.Join(tree, "*", "*"))
	if err != nil || len(documents) != 220 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	remove(t, documents[17])
	must(t, "/", "tar", "-czf", archive, "-C", tree, ".")
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 8, "evidence.documents.missing", "1 of 220 documents", "documents.csv", "RESTORED, NOT VERIFIED")
	list := content(t, filepath.Join(i.State, "runs", runOf(t, i), "documents.csv"))
	gone := strings.TrimPrefix(documents[17], tree+"/")
	if !strings.Contains(list, "missing,"+gone+",") {
		t.Errorf("%s is not listed in\n%s", gone, list)
	}

	must(t, "/", "cp", filepath.Join(i.Backups, "vault_sync", gone), filepath.Join(i.Vault, gone))
	firmflow(t, nil, append(args(i, "resume", i.Backups), runOf(t, i))...).want(t, 0, "220 of 220 referenced files exist", "VERIFIED in")
}

// TestD12AnotherSecretEverywhereIsNotProven: the original .env that was handed
// over is not the one of the backup, so all comparisons agree, and no document
// opens.
func TestD12AnotherSecretEverywhereIsNotProven(t *testing.T) {
	i := sandboxed(t)
	for _, path := range []string{i.OriginalEnv, filepath.Join(i.Project, ".env")} {
		edit(t, path, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "AUTH_SECRET='d$mo-", "AUTH_SECRET='d$mp-", 1))
		})
	}
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 8, "evidence.decryption.not-proven", "RESTORED, NOT VERIFIED")
}

func TestWhatIsNamedWrongIsNotProvenUntilItIsNamedRight(t *testing.T) {
	i := sandboxed(t)
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t), "--audit-table", "Firm", "--vault-column", "Firm.name")...).
		want(t, 8, "evidence.chain.unrecognised", "evidence.documents.unrecognised", "24 of 24 sampled documents open", "RESTORED, NOT VERIFIED")
	firmflow(t, nil, append(args(i, "resume", i.Backups, "--audit-table", "AuditLog", "--vault-column", "Document.storageKey"), runOf(t, i))...).
		want(t, 0, "1,200 entries", "220 of 220 referenced files exist", "VERIFIED in")
}
