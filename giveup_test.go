package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
)

// cramped is an installation on a disk of its own, with that much in vault and
// database, of which the backup has all.
func cramped(t *testing.T, vaultMB, databaseMB int) *demo.Installation {
	t.Helper()
	i := sandboxedWith(t, tiny)
	runtime := sandbox.New(sandbox.Options{Dir: i.Project, Environment: compose.Environment(os.Environ())})
	onDisk(t, i, runtime, func() {
		if err := syscall.Mount("tmpfs", i.Dir, "tmpfs", 0, "size=700m,mode=711"); err != nil {
			need(t, "docker", false)
		}
	})
	noise := make([]byte, 1<<20)
	_, _ = rand.Read(noise)
	for n := range vaultMB {
		write(t, filepath.Join(i.Vault, "large-"+strings.Repeat("x", n+1)+".pdf"), string(noise))
	}
	if databaseMB > 0 {
		asked(t, i, "firmflow", `create table "Large" as select n as id, (select string_agg(md5(random()::text || m::text || n::text), '') from generate_series(1, 32) m) as text from generate_series(1, `+strconv.Itoa(1024*databaseMB)+`) n`)
	}
	if err := i.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}

	return i
}

// only leaves so many megabytes of a disk free.
func only(t *testing.T, i *demo.Installation, megabytes uint64) {
	t.Helper()
	free, err := durable.Free(i.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if free.Bytes < megabytes<<20 {
		t.Fatalf("%d bytes are free, want more than %d MB", free.Bytes, megabytes)
	}
	write(t, filepath.Join(i.Dir, "ballast"), strings.Repeat("x", int(free.Bytes-megabytes<<20)))
}

// TestC9ADiskForOneVaultTakesGivingUpUndo: it is said with figures, never done
// by default nor by --fix, and only with the words typed out; from then on the run
// can be gone on with and not undone.
func TestC9ADiskForOneVaultTakesGivingUpUndo(t *testing.T) {
	i := cramped(t, 60, 0)
	backedUp := data(t, i)
	before := aged(t, i)
	only(t, i, 30)
	phrase := hostname(t) + " without undo"
	restore := func(more ...string) []string {
		return args(i, "restore", i.Backups, append([]string{"--confirm", hostname(t), "--settle", "100ms", "--fix", "--verbose"}, more...)...)
	}
	says := []string{"[space.disk]", "free, at least", "deleting today's vault " + i.Vault + " first, which gives up undo, would free 60", "--give-up-undo '" + phrase + "'", "NOTHING CHANGED"}
	firmflow(t, nil, args(i, "preflight", i.Backups)...).want(t, 3, says...)
	firmflow(t, nil, restore("--yes")...).want(t, 3, says...)
	firmflow(t, nil, restore("--give-up-undo", hostname(t))...).want(t, 4, "confirmation.missing", "Nothing brings that back", "NOTHING CHANGED")
	untouched(t, i, before)

	given := restore("--give-up-undo", phrase)
	r := stopped(t, given, "deleted: vault", syscall.SIGKILL)
	for _, text := range []string{"DELETED FIRST, FOR GOOD: NO UNDO", "deleting for good, as agreed: vault " + i.Vault} {
		if !strings.Contains(r.out, text) {
			t.Errorf("it does not say %q:\n%s", text, r.out)
		}
	}
	unserved(t, inSandbox(t, i).url)
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...).want(t, 16, "[undo.given-up]", "vault "+i.Vault, "NOTHING CHANGED", "firmflow-recovery resume")
	firmflow(t, nil, args(i, "resume", i.Backups, "--settle", "100ms")...).want(t, 0, "VERIFIED in", "there is no undo: deleted, as was agreed, is vault")
	if data(t, i) != backedUp {
		t.Error("the recovered installation is not the backup's")
	}
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...).want(t, 16, "[undo.given-up]")
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 0, "CLEANED UP")
	if data(t, i) != backedUp {
		t.Error("the cleanup changed what is live")
	}
	gone(t, notice(i))
}

// TestB29ADiskForOneDatabaseTakesGivingUpUndo is the same for the database, which
// goes only when the vault is staged; and where the load then fails, the verdict
// does not say that the previous data is live.
func TestB29ADiskForOneDatabaseTakesGivingUpUndo(t *testing.T) {
	i := cramped(t, 0, 40)
	backedUp := data(t, i)
	aged(t, i)
	dumps, err := filepath.Glob(filepath.Join(i.Backups, "db_*.dump"))
	if err != nil || len(dumps) != 1 {
		t.Fatalf("%q, %v", dumps, err)
	}
	dump, err := os.Stat(dumps[0])
	if err != nil {
		t.Fatal(err)
	}
	only(t, i, uint64(3*dump.Size()>>20)-8)
	phrase, state := hostname(t)+" without undo", t.TempDir() // the journal is on another disk
	given := args(i, "restore", i.Backups, "--confirm", hostname(t), "--settle", "100ms", "--fix", "--verbose", "--give-up-undo", phrase, "--state-dir", state)
	var free func()
	r := watched(t, nil, append([]string{program}, given...), "deleted: database", func(*os.Process) {
		free = lastByte(t, filepath.Join(i.Dir, "ballast-2"))
	})
	r.want(t, 14, "DELETED FIRST, FOR GOOD: NO UNDO", "FAILED, PREVIOUS DATA GIVEN UP", "Undo was given up: deleted is database firmflow")
	free()
	unserved(t, inSandbox(t, i).url)
	if now := asked(t, i, "postgres", "select datallowconn from pg_database where datname = 'firmflow'"); now != "f" {
		t.Errorf("under the live name stands %q, want an empty database that is closed", now)
	}
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t), "--state-dir", state)...).want(t, 16, "[undo.given-up]", "database firmflow", "NOTHING CHANGED")
	firmflow(t, nil, args(i, "resume", i.Backups, "--settle", "100ms", "--state-dir", state)...).want(t, 0, "VERIFIED in", "there is no undo: deleted, as was agreed, is database firmflow;")
	if data(t, i) != backedUp {
		t.Error("the recovered installation is not the backup's")
	}
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t), "--state-dir", state)...).want(t, 16, "[undo.given-up]")
}
