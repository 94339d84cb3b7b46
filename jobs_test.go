package main

import (
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestALargeDumpIsLoadedByJobs kills the program as its jobs begin. They
// outlive the program; resumed, none of them doubles a row, and the copy they
// read is gone.
func TestALargeDumpIsLoadedByJobs(t *testing.T) {
	how := "; loaded by "
	if runtime.NumCPU() < 2 {
		how = "the service has one processor" // and the run says so
	}
	i := sandboxed(t)
	asked(t, i, "firmflow", `create table "Attachment" (id int primary key, body bytea);
insert into "Attachment" select n, (select string_agg(uuid_send(gen_random_uuid()), ''::bytea) from generate_series(n, n + 63)) from generate_series(1, 33500) n`)
	if err := i.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := func() string {
		return throughBarrier("firmflow", func(sql string) string { return asked(t, i, "postgres", sql) }, func() string {
			return asked(t, i, "firmflow", `select count(*), md5(string_agg(md5(body), '' order by id)), (select count(*) from pg_indexes where schemaname = 'public') from "Attachment"`)
		})
	}
	before := rows()
	stopAt(t, i, how, syscall.SIGKILL)
	if rows() != before {
		t.Error("killed while it loaded, the old state is not whole")
	}
	firmflow(t, nil, args(i, "resume", i.Backups, "--verbose")...).want(t, 0, how, "indexes and constraints", "VERIFIED in")
	if rows() != before {
		t.Error("resumed, the installation is not the backup's")
	}
	run := filepath.Base(glob(t, filepath.Join(i.State, "runs", "*"))[0])
	if left := glob(t, "/tmp/firmflow-recovery-"+run); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}

	return found
}
