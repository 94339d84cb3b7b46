package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/vault"
	"firmflow-recovery/ui/cli"
)

// taking are the arguments of undo and cleanup: they need no backup, and no
// original .env.
func taking(i *demo.Installation, command string, more ...string) []string {
	return append([]string{command, "--runtime", "sandbox", "--project", i.Project, "--state-dir", i.State, "--plain"}, more...)
}

// aged changes the installation after its backup, in all three places, and
// gives what stands then.
func aged(t *testing.T, i *demo.Installation) string {
	t.Helper()
	write(t, filepath.Join(i.Vault, "newer-"+time.Now().Format("150405.000000")+".pdf"), "written after the backup")
	asked(t, i, "firmflow", `insert into "Firm" (id, name, slug) values ('newer-`+time.Now().Format("150405.000000")+`', 'Newer', 'newer-`+time.Now().Format("150405.000000")+`')`)
	env := filepath.Join(i.Project, ".env")
	write(t, env, strings.Replace(content(t, env), "AUTH_SECRET='d$mo-", "AUTH_SECRET='d$mp-", 1)+"# edited by hand\n")
	if err := os.Chmod(env, 0o640); err != nil {
		t.Fatal(err)
	}

	return standing(t, i)
}

func asked(t *testing.T, i *demo.Installation, database, text string) string {
	t.Helper()

	return strings.TrimSpace(must(t, "/", "psql", "-h", "127.0.0.1", "-p", databasePort(t, i), "-U", "firmflow", "-d", database, "-v", "ON_ERROR_STOP=1", "-At", "-c", text))
}

// restoredOver recovers over newer data, and tells what stood before and after.
func restoredOver(t *testing.T, i *demo.Installation) (before, after string) {
	t.Helper()
	before = aged(t, i)
	carriedOut(t, i, cli.Restore)
	after = standing(t, i)
	if after == before {
		t.Fatal("the recovery changed nothing")
	}

	return before, after
}

// beside lists what lies beside the live vault, database and .env under a name
// that has the word in it.
func beside(t *testing.T, i *demo.Installation, word string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(i.Project, "*."+word+"-*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(i.Project, ".env."+word+"-*"))
	if err != nil {
		t.Fatal(err)
	}
	found = append(found, hidden...)
	found = slices.DeleteFunc(found, func(path string) bool { return strings.Contains(path, ".json") }) // records, written in whole or in part
	slices.Sort(found)
	names := slices.Compact(found)

	return append(names, strings.Fields(asked(t, i, "postgres", `select datname from pg_database where datname like '%\_`+word+`\_%'`))...)
}

func TestUndoPutsVaultDatabaseAndEnvBack(t *testing.T) {
	i := sandboxed(t)
	before, after := restoredOver(t, i)
	firmflow(t, nil, taking(i, "undo")...).want(t, 4, "answer.missing", "NOTHING CHANGED", "--confirm "+hostname(t))
	firmflow(t, nil, taking(i, "undo", "--confirm", "another-host")...).want(t, 4, "confirmation.missing", "The undo was not confirmed", "NOTHING CHANGED")
	if standing(t, i) != after {
		t.Error("an undo that was not confirmed changed something")
	}
	remove(t, i.Backups) // an undo needs no backup
	r := firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...)
	r.want(t, 0, "UNDONE, THE STATE OF BEFORE IS LIVE in", "REPLACED, AND KEPT", "live: firmflow, 7 tables", "holds the keys of", "answers 200")
	if standing(t, i) != before {
		t.Error("after the undo, the installation is not the one of before")
	}
	if info, err := os.Stat(filepath.Join(i.Project, ".env")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf(".env: %v, %v; want the mode it had", info.Mode(), err)
	}
	if kept := beside(t, i, "undone"); len(kept) != 3 {
		t.Errorf("kept of what was restored: %q, want vault, .env and database", kept)
	}
	if gone := beside(t, i, "restoring"); len(gone) != 0 {
		t.Errorf("left under the name of a load: %q", gone)
	}

	// Twice equals once, and nothing is asked again.
	firmflow(t, nil, taking(i, "undo")...).want(t, 0, "UNDONE, THE STATE OF BEFORE IS LIVE in", "done already")
	if standing(t, i) != before {
		t.Error("the second undo changed something")
	}
}

func TestWhatWasRestoredIsKeptWholeByAnUndo(t *testing.T) {
	i := sandboxed(t)
	_, after := restoredOver(t, i)
	carriedOut(t, i, cli.Undo)
	var kept string
	names := beside(t, i, "undone")
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			tree, err := vault.TreeDigest(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			kept += tree
		}
	}
	kept += dumped(t, i, names[len(names)-1])
	for _, name := range names {
		if strings.Contains(name, ".env.") {
			kept += content(t, name)
		}
	}
	if kept != after {
		t.Error("what the recovery had restored is not kept whole")
	}
}

// TestNothingElseIsDoneWithARunThatIsBeingUndone: once it was confirmed, only the
// undo goes on.
func TestNothingElseIsDoneWithARunThatIsBeingUndone(t *testing.T) {
	i := sandboxed(t)
	before, _ := restoredOver(t, i)
	stopped(t, taking(i, "undo", "--confirm", hostname(t)), "is the one of before; the restored one is kept", syscall.SIGKILL)
	firmflow(t, nil, args(i, "resume", i.Backups)...).want(t, 2, "resume.undone", "is being undone")
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 3, "run.unfinished", "The undo of an earlier recovery was interrupted")
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 3, "cleanup.unfinished")
	carriedOut(t, i, cli.Undo)
	if standing(t, i) != before {
		t.Error("run again, the installation is not the one of before")
	}
}

func TestF2AStoppedUndoSaysHowItGoesOn(t *testing.T) {
	i := sandboxed(t)
	before, _ := restoredOver(t, i)
	r := stopped(t, taking(i, "undo", "--confirm", hostname(t)), "step 3 of 3, start the stack on it, prove it: started", syscall.SIGTERM)
	r.want(t, 143, "UNDO", "firmflow-recovery undo ")
	carriedOut(t, i, cli.Undo)
	if standing(t, i) != before {
		t.Error("the installation is not the one of before")
	}
}

// stopped starts a command and sends it a signal once it says a text.
func stopped(t *testing.T, args []string, text string, s syscall.Signal) result {
	t.Helper()

	return stoppedWith(t, nil, args, text, s)
}

// stoppedWith is stopped, with more in the program's environment.
func stoppedWith(t *testing.T, env, args []string, text string, s syscall.Signal) result {
	t.Helper()

	return signalled(t, env, append([]string{program}, args...), text, s)
}

// signalled starts a program with more in its environment, and sends it a signal
// once it says a text.
func signalled(t *testing.T, env, argv []string, text string, s syscall.Signal) result {
	t.Helper()

	return watched(t, env, argv, text, func(p *os.Process) { _ = p.Signal(s) })
}

// watched runs a command to its end, and does something once it says a text.
func watched(t *testing.T, env, argv []string, text string, act func(*os.Process)) result {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	watch := &watcher{text: text, seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = watch, watch
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	select {
	case <-watch.seen:
	case <-ended:
		t.Fatalf("it ended and never said %q:\n%s", text, watch.all.String())
	case <-time.After(10 * time.Minute):
		t.Errorf("it never said %q", text)
	}
	act(cmd.Process)
	<-ended

	return result{watch.all.String(), cmd.ProcessState.ExitCode()}
}

func TestAnUndoOfARecoveryOverNothingLeavesNothingLive(t *testing.T) {
	i := sandboxed(t)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in", "firmflow-recovery undo ")
	after := standing(t, i)
	for range 2 {
		firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...).want(t, 0, "UNDONE, THE STATE OF BEFORE IS LIVE in", "held, as there is nothing to serve")
		for _, gone := range []string{i.Vault, filepath.Join(i.Project, ".env")} {
			if _, err := os.Stat(gone); !os.IsNotExist(err) {
				t.Errorf("%s is still there: %v", gone, err)
			}
		}
		if n := asked(t, i, "firmflow", "select count(*) from pg_tables where schemaname = 'public'"); n != "0" {
			t.Errorf("the live database has %s tables, want none as before", n)
		}
	}
	carriedOut(t, i, cli.Restore)
	if standing(t, i) != after {
		t.Error("recovered again after the undo, the installation differs")
	}
}

func TestAnUndoThatLacksWhatItNeedsChangesNothing(t *testing.T) {
	i := sandboxed(t)
	_, after := restoredOver(t, i)
	aside := beside(t, i, "before")
	database := aside[len(aside)-1]
	vaultAside := slices.DeleteFunc(slices.Clone(aside), func(p string) bool { return !strings.Contains(p, "uploads.before-") })[0]

	asked(t, i, "postgres", `alter database "`+database+`" rename to elsewhere`)
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...).want(t, 16, "undo.kept.gone", "there is no database "+database, "intact", "NOTHING CHANGED")
	asked(t, i, "postgres", `alter database elsewhere rename to "`+database+`"`)

	must(t, "/", "mv", vaultAside, vaultAside+"x")
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...).want(t, 16, "undo.kept.gone", "there is no vault "+vaultAside, "NOTHING CHANGED")
	must(t, "/", "mv", vaultAside+"x", vaultAside)

	comment := asked(t, i, "postgres", "select shobj_description(oid, 'pg_database') from pg_database where datname = 'firmflow'")
	asked(t, i, "postgres", "comment on database firmflow is 'somebody else has loaded this'")
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...).want(t, 16, "undo.live.other", "NOTHING CHANGED")
	asked(t, i, "postgres", "comment on database firmflow is '"+comment+"'")

	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t), "--database", "other")...).want(t, 2, "undo.inputs.differ", "database: was firmflow, is other")
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t), "--state-dir", t.TempDir())...).want(t, 16, "undo.nothing")
	if standing(t, i) != after {
		t.Error("something changed")
	}
	carriedOut(t, i, cli.Undo)
}

func TestLaterRecoveriesAreUndoneFirst(t *testing.T) {
	i := sandboxed(t)
	first, _ := restoredOver(t, i)
	runs, err := os.ReadDir(filepath.Join(i.State, "runs"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(i.Vault, "between.pdf"), "written between the two")
	second := standing(t, i)
	carriedOut(t, i, cli.Restore)
	firmflow(t, nil, taking(i, "undo", runs[0].Name(), "--confirm", hostname(t))...).want(t, 16, "undo.live.other", "NOTHING CHANGED")
	carriedOut(t, i, cli.Undo)
	if standing(t, i) != second {
		t.Error("after the undo of the later recovery, the earlier one's state is not live")
	}
	firmflow(t, nil, taking(i, "undo", runs[0].Name(), "--confirm", hostname(t))...).want(t, 0, "UNDONE")
	if standing(t, i) != first {
		t.Error("after both undos, the first state is not live")
	}
}

func (i *site) taking(command string, more ...string) []string {
	return append([]string{command, "--project", i.dir, "--state-dir", i.state, "--plain"}, more...)
}

// dropped checks in the server's own log that databases were dropped, and only
// those with one of these words in their names.
func (i *site) dropped(t *testing.T, words ...string) {
	t.Helper()
	found := 0
	for line := range strings.Lines(strings.ToLower(i.compose(t, "logs", "--no-log-prefix", "db"))) {
		if !strings.Contains(line, "statement: ") || !strings.Contains(line, "drop database") {
			continue
		}
		found++
		if !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) }) {
			t.Errorf("the server was told: %s", line)
		}
	}
	if found < len(words) {
		t.Errorf("%d databases were dropped, want one for each of %q: is it not in the log?", found, words)
	}
}

// TestAnUndoAndACleanupOnCompose kills a recovery and its undo, and goes on with
// both. All the while it is recorded what docker and the server are told.
func TestAnUndoAndACleanupOnCompose(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	i.fill(t, 7)
	env := filepath.Join(i.dir, ".env")
	write(t, env, strings.Replace(content(t, env), "FIELD_ENCRYPTION_KEY=fedc", "FIELD_ENCRYPTION_KEY=fedd", 1))
	i.compose(t, "up", "-d", "--pull", "never")
	i.awaitApp(t)
	before, secrets := i.snapshot(t), content(t, env)

	i.psqlIn(t, "postgres", "alter system set log_statement = 'ddl'")
	i.psqlIn(t, "postgres", "select pg_reload_conf()")
	record := recorder(t)
	watched := []string{record.path}
	stoppedWith(t, watched, i.args("restore", "--confirm", hostname(t), "--fix", "--plain", "--verbose"), "dump SHA-256", syscall.SIGKILL)
	firmflow(t, watched, i.args("resume", "--plain")...).want(t, 0, "VERIFIED in")
	restored := i.snapshot(t)
	if restored == before || content(t, env) == secrets {
		t.Fatal("the recovery changed nothing")
	}
	stoppedWith(t, watched, i.taking("undo", "--confirm", hostname(t)), "is the one of before; the restored one is kept", syscall.SIGKILL)
	if running := i.compose(t, "ps", "--status", "running", "--services"); strings.Contains(running, "web") {
		t.Error("the app runs on a half")
	}
	firmflow(t, watched, i.taking("undo")...).want(t, 0, "UNDONE, THE STATE OF BEFORE IS LIVE in", "the running web holds the keys of")
	if now := i.snapshot(t); now != before || content(t, env) != secrets {
		t.Errorf("after the undo %+v, want %+v; .env as before: %v", now, before, content(t, env) == secrets)
	}
	if n := i.served(t); n != 47 {
		t.Errorf("%d documents served, want 47", n)
	}
	kept := i.psql(t, `select datname from pg_database where datname like '%\_undone\_%'`)
	if got := i.dumpOf(t, kept); got != restored.database {
		t.Errorf("what was restored is not kept whole: %s, want %s", got, restored.database)
	}
	i.dropped(t, "_restoring_")
	r := firmflow(t, watched, i.taking("cleanup", "--confirm", hostname(t))...)
	r.want(t, 0, "CLEANED UP in", "freed database "+kept)
	noSecrets(t, i, r.out)
	record.harmless(t, i)
	i.dropped(t, "_restoring_", "_undone_")
	if left := i.psql(t, `select count(*) from pg_database where datname ~ '_(before|undone|restoring)_'`); left != "0" {
		t.Errorf("%s databases are left", left)
	}
	if now := i.snapshot(t); now != before {
		t.Errorf("the cleanup changed what is live: %+v, want %+v", now, before)
	}
}
