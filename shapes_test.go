package main

import (
	"path/filepath"
	"testing"
	"time"

	"firmflow-recovery/recovery/demo"
)

// inShape puts a dump of another shape in the place of today's.
func inShape(t *testing.T, i *demo.Installation, flags ...string) (dir, dump string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "backups")
	must(t, "/", "cp", "-a", i.Backups, dir)
	dump, _ = files(dir)
	remove(t, dump)
	dumpInto(t, i, dump, "firmflow", flags...)

	return dir, dump
}

// Nothing in a tar tells of a changed byte in a row. So a recovery from one is
// not called verified, until a checksum that was made with it says so.
func TestB7ARecoveryFromATarIsVerifiedOnlyByAChecksum(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	dir, dump := inShape(t, i, "-Ft")
	looking(t, "verify", dir, "--full").want(t, 0, "tar format", "rows counted", "nothing in this dump has a checksum")
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", dir, "--confirm", hostname(t))...).want(t, 8, "RESTORED, NOT VERIFIED", "[dump.unchecked]", "no manifest and no .sha256")
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the lost one")
	}
	write(t, dump+".sha256", must(t, dir, "sha256sum", filepath.Base(dump)))
	looking(t, "verify", dir, "--full").want(t, 0, "its SHA-256 is the one that was taken with the backup")
	firmflow(t, nil, args(i, "resume", dir, runOf(t, i), "--confirm", hostname(t))...).want(t, 0, "VERIFIED in", "its SHA-256 is the one that was taken with the backup")
}

func TestB3B6PlainAndDirectoryDumpsAreRecovered(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	directory, _ := inShape(t, i, "-Fd")
	script, _ := inShape(t, i, "-Fp")
	looking(t, "verify", directory).want(t, 0, "directory format", "every file that it names is there")
	looking(t, "verify", directory, "--full").want(t, 0, "GOOD: every byte", "rows counted")
	looking(t, "verify", script).want(t, 0, "plain format", "its last say that it is complete", "a script has no table of contents")
	looking(t, "verify", script, "--full").want(t, 0, "GOOD: every byte", "it does nothing outside of its database")
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", directory, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in")
	if standing(t, i) != before {
		t.Error("recovered from a directory, the installation differs from the lost one")
	}
	sql(t, i, `delete from "User"`)
	firmflow(t, nil, args(i, "restore", script, "--confirm", hostname(t))...).want(t, 8, "RESTORED, NOT VERIFIED", "[dump.unchecked]", "in plain format")
	if standing(t, i) != before {
		t.Error("recovered from a script, the installation differs from the lost one")
	}
}

// A recovery that refuses a dump says which other backup looks sound.
func TestA4B2ARefusedDumpNamesTheNextBestBackup(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, _ := copied(t, i)
	edit(t, dump, func(b []byte) []byte { return b[:len(b)-1] })
	yesterday := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	firmflow(t, nil, args(i, "preflight", dir, "--backup", date)...).want(t, 5, "[dump.truncated]", "the next best backup, "+yesterday, "firmflow-recovery verify "+yesterday+" --full")
	remove(t, filepath.Join(dir, "db_"+yesterday+".dump"))
	firmflow(t, nil, args(i, "preflight", dir, "--backup", date)...).want(t, 5, "[dump.truncated]", "No other backup in this directory looks sound")
}

// On the real Compose, from a directory and from a script that the db service's
// own pg_dump wrote, the script with a checksum beside it.
func TestB3B6OtherShapesAreRecoveredOnCompose(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	before := i.snapshot(t)
	dump, _ := files(i.backups)
	remove(t, dump)
	script := i.compose(t, "exec", "-T", "db", "pg_dump", "-U", "firmflow", "-Fp", "firmflow")
	i.compose(t, "exec", "-T", "db", "pg_dump", "-U", "firmflow", "-Fd", "-f", "/tmp/directory", "firmflow")
	i.compose(t, "cp", "db:/tmp/directory", dump)
	i.compose(t, "down", "-v", "--timeout", "2")
	remove(t, filepath.Join(i.dir, ".env"))
	i.run(t, "restore", "--confirm", hostname(t), "--plain").want(t, 0, "VERIFIED in")
	if after := i.snapshot(t); after != before {
		t.Errorf("recovered from a directory, the site is %+v, want %+v", after, before)
	}
	remove(t, dump)
	write(t, dump, script)
	write(t, dump+".sha256", must(t, i.backups, "sha256sum", filepath.Base(dump)))
	i.psql(t, `delete from "AuditLog"`)
	i.run(t, "restore", "--confirm", hostname(t), "--plain").want(t, 0, "VERIFIED in", "its SHA-256 is the one that was taken with the backup")
	if after := i.snapshot(t); after != before {
		t.Errorf("recovered from a script, the site is %+v, want %+v", after, before)
	}
	if n := i.served(t); n != 40 {
		t.Errorf("%d documents served, want 40", n)
	}
}
