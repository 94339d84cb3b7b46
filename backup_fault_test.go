package main

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A disk that is too small for a backup, and one that turned read-only, as an
// ext4 does after an error: what was there stays, and nothing half has a name.
func TestB30C25ADiskThatIsFullOrReadOnly(t *testing.T) {
	i := sandboxed(t)
	into := filepath.Join(i.Dir, "small")
	mkdir(t, into)
	if err := syscall.Mount("tmpfs", into, "tmpfs", 0, "size=64m"); err != nil {
		need(t, "docker", false) // who may use Docker in CI may mount, too
	}
	defer func() { _ = syscall.Unmount(into, syscall.MNT_DETACH) }()
	firmflow(t, nil, backing(i, "backup", into, "--env", "apart")...).want(t, 0, "BACKED UP in")
	whole := named(t, into)
	free := lastByte(t, filepath.Join(into, "ballast"))
	firmflow(t, nil, backing(i, "backup", into, "--env", "apart")...).want(t, 3, "space.disk", "NOTHING CHANGED")
	free()
	sql(t, i, `create table grown as select md5(random()::text) from generate_series(1, 300000)`) // since the last dump, by which room is planned
	must(t, into, "sh", "-c", "fallocate -l $(( $(df --output=avail -B1 . | tail -n 1) - 10000000 )) ballast")
	firmflow(t, nil, backing(i, "backup", into, "--env", "apart")...).want(t, 5, "take.disk.full", "as they were")
	remove(t, filepath.Join(into, "ballast"))
	if now := named(t, into); now != whole {
		t.Errorf("files: %s\nwant %s", now, whole)
	}
	firmflow(t, nil, "verify", "--backups", into, "--full", "--state-dir", t.TempDir()).want(t, 0, "GOOD: every byte")

	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", into, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	vault := filepath.Join(into, "uploads")
	must(t, "/", "cp", "-a", i.Vault, vault)
	remount(syscall.MS_RDONLY)
	firmflow(t, nil, backing(i, "backup", into, "--env", "apart")...).want(t, 3, "space.readonly", "NOTHING CHANGED")
	firmflow(t, nil, args(i, "restore", i.Backups, "--vault", vault, "--confirm", hostname(t))...).want(t, 3, "space.readonly", "NOTHING CHANGED")
	remount(0)
	firmflow(t, nil, backing(i, "backup", into, "--env", "apart")...).want(t, 0, "BACKED UP in", "2 backups, 2 of them verified")
}

// An account that may not read every row gets an error from pg_dump, in the
// middle of the dump. That is no backup.
func TestB35RowsThatMayNotBeReadAreNoBackup(t *testing.T) {
	i := sandboxed(t)
	sql(t, i, `create role owner superuser; alter table "User" owner to owner; alter table "User" enable row level security;
alter table "User" force row level security; create policy own on "User" using (false); grant select on "User" to firmflow; alter role firmflow nosuperuser nobypassrls`)
	before := named(t, i.Backups)
	firmflow(t, nil, backing(i, "backup", i.Backups, "--env", "apart")...).want(t, 5, "take.dump.failed", "row-level security", "as they were")
	if now := named(t, i.Backups); now != before {
		t.Errorf("files: %s\nwant %s", now, before)
	}
}

// named lists the files that have a name of their own in a directory, and their
// sizes: what is unfinished has a name that begins with a dot.
func named(t *testing.T, dir string) string {
	t.Helper()

	return must(t, dir, "sh", "-c", "find . -maxdepth 1 -type f -not -name '.*' -printf '%s %P\n' | sort")
}

// A server whose volume was made under another operating system's image warns
// of its collations, wherever anybody connects. A database that we restore is
// made anew, of the template that has none.
func TestG6CollationsOfAnotherSystemDoNotReachARestoredDatabase(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	sql(t, i, `update pg_database set datcollversion = '1.0' where datname <> 'template0'`)
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in")
	if standing(t, i) != before {
		t.Error("the recovered installation differs")
	}
	if left := asked(t, i, "postgres", `select count(*) from pg_database where datname = 'firmflow' and datcollversion is distinct from pg_database_collation_actual_version(oid)`); left != "0" {
		t.Error("the restored database has the collation version of the other system")
	}
}
