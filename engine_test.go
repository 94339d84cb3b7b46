package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/stack/sandbox"
)

// connected is a session of somebody else on a database, under a name of its own,
// that runs some SQL and stays; the function ends it.
func connected(t *testing.T, i *demo.Installation, database, name, sql string) (end func()) {
	t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "psql"), "-X", "-h", "127.0.0.1", "-p", databasePort(t, i), "-U", "firmflow", "-d", database)
	cmd.Env = append(os.Environ(), "PGAPPNAME="+name)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	here := &watcher{text: "here", seen: make(chan struct{})}
	cmd.Stdout = here
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, sql+";\n\\echo here\n"); err != nil {
		t.Fatal(err)
	}
	<-here.seen

	return sync.OnceFunc(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
}

// TestF3AnEngineOnAnotherHostIsSeen: it shares the database, and no journals.
func TestF3AnEngineOnAnotherHostIsSeen(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	restore := args(i, "restore", i.Backups, "--confirm", hostname(t), "--settle", "100ms")
	end := connected(t, i, "postgres", "firmflow-recovery engine 20261123-030107 4711 ffhost-02", "select pg_try_advisory_lock(1179013701, hashtext('firmflow'))")
	defer end()
	firmflow(t, nil, restore...).want(t, 7, "[run.elsewhere]", "run 20261123-030107, process 4711 on ffhost-02", "NOTHING CHANGED", "intact  ", "do    ")
	untouched(t, i, before)
	end()

	// A dump that is taken now would be cut short by the barrier.
	for _, name := range []string{"pg_dump", "pg_restore"} {
		end := connected(t, i, "firmflow", name, "select 1")
		firmflow(t, nil, restore...).want(t, 7, "[database.busy]", name+" of user firmflow from 127.0.0.1 on firmflow", "NOTHING CHANGED", "pg_terminate_backend(")
		end()
	}
	untouched(t, i, before)

	// The session of an engine of this host that has ended is none at work.
	defer connected(t, i, "postgres", "firmflow-recovery engine 20261123-030107 4194304 "+hostname(t), "select pg_try_advisory_lock(1179013701, hashtext('firmflow'))")()
	firmflow(t, nil, restore...).want(t, 0, "VERIFIED in")
}

// TestF3TwoEnginesAtOnce: they share the database and not the journals, as on two
// hosts. One works, the other is told of it, and no row is doubled.
func TestF3TwoEnginesAtOnce(t *testing.T) {
	i := sandboxedWith(t, tiny)
	backedUp := standing(t, i)
	for n := range tortured(t, "FIRMFLOW_RECOVERY_PAIRS", 3) {
		results := make(chan result, 2)
		for _, state := range []string{"one", "two"} {
			go func() {
				results <- firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t), "--settle", "50ms", "--anew", "--state-dir", filepath.Join(i.Dir, state))...)
			}()
		}
		verified, refused := 0, 0
		for range 2 {
			switch r := <-results; r.exit {
			case 0:
				verified++
			case 7:
				refused++
				r.want(t, 7, "[run.elsewhere]")
			case 3: // it was just looking into the database when the other one closed it
				refused++
				r.want(t, 3, "NOTHING CHANGED")
			default:
				r.want(t, 0)
			}
		}
		if verified == 0 || verified+refused != 2 {
			t.Errorf("pair %d: %d verified, %d refused", n, verified, refused)
		}
		if standing(t, i) != backedUp {
			t.Fatalf("pair %d: the installation is not the backup's", n)
		}
	}
}
