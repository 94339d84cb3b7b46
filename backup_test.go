package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/stack/sandbox"
)

// backing are the arguments of a backup of the demo's installation into a
// directory.
func backing(i *demo.Installation, command, into string, more ...string) []string {
	return append([]string{command, "--runtime", "sandbox", "--project", i.Project, "--backups", into, "--state-dir", i.State, "--plain"}, more...)
}

// newest opens a backup directory and gives its newest set.
func newest(t *testing.T, dir string) backup.Set {
	t.Helper()
	d, err := backup.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	set, err := d.Choose(backup.Latest)
	if err != nil {
		t.Fatal(err)
	}

	return set
}

// decrypted is what the age of this host makes of a file with a key.
func decrypted(t *testing.T, path, key string) string {
	t.Helper()
	_, err := exec.LookPath("age")
	need(t, "postgres", err == nil) // .ci/setup installs both

	return must(t, "/", "age", "-d", "-i", key, path)
}

// postgresProgram finds a program of PostgreSQL on this host.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		t.Fatal(err)
	}

	return filepath.Join(bin, name)
}

func identity(t *testing.T) (recipient, file string) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key")
	write(t, file, key.String()+"\n")

	return key.Recipient().String(), file
}

func TestABackupBringsEverythingBackAndIsReadByTheGuidesTools(t *testing.T) {
	i := sandboxed(t)
	into := filepath.Join(t.TempDir(), "backups")
	mkdir(t, into)
	firmflow(t, nil, backing(i, "backup", into)...).want(t, 3, "take.env.unprotected", "NOTHING CHANGED")
	recipient, key := identity(t)
	asked(t, i, "postgres", "create role reports login; alter role reports set work_mem = '64MB'")
	firmflow(t, nil, backing(i, "backup", into, "--env-for", recipient)...).want(t, 0, "BACKED UP in", "220 files", "1,200 entries", "sealed with AUTH_SECRET")
	set := newest(t, into)
	readByHand(t, set)
	if text := content(t, set.Env.Path); strings.Contains(text, "AUTH_SECRET") {
		t.Error("the .env in the backup is not encrypted")
	}
	if got, want := decrypted(t, set.Env.Path, key), content(t, filepath.Join(i.Project, ".env")); got != want {
		t.Error("what age makes of it is not the .env")
	}
	tarred := filepath.Join(t.TempDir(), "compose.tar")
	write(t, tarred, decrypted(t, set.Compose.Path, key))
	must(t, "/", "tar", "-tf", tarred)
	if card := content(t, set.Card.Path); !strings.Contains(card, "age -d -i KEYFILE "+filepath.Base(set.Env.Path)) || !strings.Contains(card, filepath.Base(set.Dump.Path)) {
		t.Errorf("the card says:\n%s", card)
	}

	before := standing(t, i)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", into, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in",
		"database.outside", "role reports is missing", "setting work_mem=64MB of role reports is not the same", `create role "reports" LOGIN`)
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the one that was backed up")
	}
	firmflow(t, nil, backing(i, "backup", into, "--env", "apart")...).want(t, 0, "nothing new since the last time", "2 backups, 2 of them verified")
	if newest(t, into).Env.Exists() {
		t.Error(".env is in a backup that should be without it")
	}
}

// readByHand reads a backup with the programs that the guide and the card name.
func readByHand(t *testing.T, set backup.Set) {
	t.Helper()
	dir := filepath.Dir(set.Dump.Path)
	must(t, dir, "sha256sum", "-c", "--strict", set.Sums.Path)
	must(t, dir, "gzip", "-t", set.Archive.Path)
	unpacked := t.TempDir()
	must(t, dir, "tar", "-xzf", set.Archive.Path, "-C", unpacked)
	list := exec.Command("sh", "-c", "zcat "+set.List.Path+" | sha256sum -c --quiet --strict")
	list.Dir = unpacked
	if out, err := list.CombinedOutput(); err != nil {
		t.Errorf("the vault's list: %v: %s", err, out)
	}
	if toc := must(t, dir, postgresProgram(t, "pg_restore"), "-l", set.Dump.Path); !strings.Contains(toc, "AuditLog") {
		t.Errorf("pg_restore -l says:\n%s", toc)
	}
}

func TestC12AVaultThatShrankIsNotBackedUp(t *testing.T) {
	i := sandboxed(t)
	firmflow(t, nil, backing(i, "backup", i.Backups, "--env", "apart")...).want(t, 0, "BACKED UP in")
	firms, err := os.ReadDir(i.Vault)
	if err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(t.TempDir(), "away")
	mkdir(t, away)
	must(t, i.Vault, "mv", firms[0].Name(), away)
	firmflow(t, nil, backing(i, "backup", i.Backups, "--env", "apart")...).want(t, 3, "take.vault.shrunk", "NOTHING CHANGED")
	for _, f := range firms[1:] {
		must(t, i.Vault, "mv", f.Name(), away)
	}
	firmflow(t, nil, backing(i, "backup", i.Backups, "--env", "apart")...).want(t, 3, "take.vault.empty")
	if files := must(t, i.Backups, "find", "vault_sync", "-type", "f"); strings.Count(files, "\n") != 220 {
		t.Errorf("vault_sync has %d files, want 220", strings.Count(files, "\n"))
	}
	must(t, away, "sh", "-c", "mv * "+i.Vault)
	must(t, i.Vault, "sh", "-c", "rm -r "+firms[0].Name())
	firmflow(t, nil, backing(i, "backup", i.Backups, "--env", "apart", "--shrunk")...).want(t, 0, "BACKED UP in")
}

// times is how often a campaign goes round: a few times in CI, more where a
// variable says so, as make torture-backup does.
func times(variable string, few int) int {
	if more, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		return more
	}

	return few
}

// TestAKilledBackupLeavesWholeOnes kills a backup without warning, at facts that
// it journals and at once or soon after them. What has a final name is whole, the
// newest whole backup can be restored, and the next run clears what is left.
func TestAKilledBackupLeavesWholeOnes(t *testing.T) {
	i := sandboxed(t)
	into := filepath.Join(t.TempDir(), "backups")
	mkdir(t, into)
	firmflow(t, nil, backing(i, "backup", into, "--env", "apart", "--keep-days", "0")...).want(t, 0, "BACKED UP in")
	points := []string{
		"step 2 of 5, dump the database: started", "dump SHA-256", "vault archive SHA-256", "seal the backup, give it its name: started", "has its name",
	}
	for round := range times("FIRMFLOW_RECOVERY_TEST_KILLS", len(points)) {
		at := points[round%len(points)]
		write(t, filepath.Join(i.Vault, "firm", fmt.Sprintf("new-%d.pdf", round)), strings.Repeat("x", rand.IntN(300_000)))
		stopped(t, backing(i, "backup", into, "--env", "apart", "--keep-days", "0"), at, syscall.SIGKILL)
		soundAfter(t, into, at)
	}
	out := firmflow(t, nil, backing(i, "backup", into, "--env", "apart", "--keep-days", "0")...)
	out.want(t, 0, "BACKED UP in")
	if left, err := backup.Remainders(into); err != nil || len(left) > 0 {
		t.Errorf("after the next run there is left: %v, %v", left, err)
	}
	before := standing(t, i)
	firmflow(t, nil, args(i, "restore", into, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in")
	if standing(t, i) != before {
		t.Error("what was restored is not what was backed up")
	}
}

// soundAfter looks at every backup in a directory, to its last byte.
func soundAfter(t *testing.T, dir, when string) {
	t.Helper()
	d, err := backup.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Sets) == 0 {
		t.Errorf("killed at %q: no backup is left", when)
	}
	for _, set := range d.Sets {
		m, err := set.ReadManifest()
		if err != nil {
			t.Errorf("killed at %q: %v", when, err)
			continue
		}
		if wrong, err := set.Digests(t.Context(), m.Manifest, nil, nil); err != nil || len(wrong) > 0 {
			t.Errorf("killed at %q: backup %s: %v, %v", when, set.Date, wrong, err)
		}
	}
	if left, err := backup.Remainders(dir); err != nil || len(left) > 1 {
		t.Errorf("killed at %q: left are %v, %v; want one at most", when, left, err)
	}
}

func TestPruneSaysWhatItKeepsAndWhy(t *testing.T) {
	dir := t.TempDir()
	for day := 1; day <= 9; day++ {
		at := time.Now().AddDate(0, 0, -40-day)
		for _, name := range []string{"db_%s.dump", "vault_snapshot_%s.tar.gz"} {
			path := filepath.Join(dir, fmt.Sprintf(name, at.Format("2006-01-02")))
			write(t, path, "x")
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	prune := func(more ...string) result {
		return firmflow(t, nil, append([]string{"prune", "--backups", dir, "--state-dir", t.TempDir()}, more...)...)
	}
	prune("--dry-run").want(t, 0, "would go 0 of 9 backups; 0 verified before.", "only 0 verified, and 3 must be before anything is deleted")
	prune().want(t, 0, "deleted 0 of 9 backups")
	prune("--json").want(t, 0, `"delete":false`)
	if names, err := os.ReadDir(dir); err != nil || len(names) != 18 {
		t.Errorf("%d files are left, %v", len(names), err)
	}
}
