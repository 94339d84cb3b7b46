package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
)

func TestCleanupFreesWhatWasSetAsideAndNothingLive(t *testing.T) {
	i := sandboxed(t)
	_, after := restoredOver(t, i)
	kept := beside(t, i, "before")
	if len(kept) != 3 {
		t.Fatalf("set aside: %q, want vault, .env and database", kept)
	}
	firmflow(t, nil, taking(i, "cleanup")...).want(t, 4, "answer.missing", "DELETED, FOR GOOD", "221 files", "database firmflow_before_", "MiB", "NOTHING CHANGED")
	firmflow(t, nil, taking(i, "cleanup", "--confirm", "another-host")...).want(t, 4, "confirmation.missing", "The cleanup was not confirmed")
	if left := beside(t, i, "before"); !slices.Equal(left, kept) {
		t.Errorf("a cleanup that was not confirmed deleted something: %q of %q are left", left, kept)
	}
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 0, "freed", "CLEANED UP in")
	left := beside(t, i, "before")
	if len(left) != 1 || !strings.Contains(left[0], ".env.before-") {
		t.Errorf("left: %q, want .env alone: no key is ever deleted", left)
	}
	if standing(t, i) != after {
		t.Error("the cleanup changed what is live")
	}
	firmflow(t, nil, taking(i, "cleanup")...).want(t, 0, "CLEANED UP in", "no vault of run")
	firmflow(t, nil, taking(i, "undo", "--confirm", hostname(t))...).want(t, 16, "undo.cleaned")
	if standing(t, i) != after {
		t.Error("something changed")
	}
}

func TestCleanupIsRefusedWhereItCouldLoseTheOnlyCopy(t *testing.T) {
	i := sandboxed(t)
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 2, "cleanup.nothing")
	stopAt(t, i, "dump SHA-256", syscall.SIGKILL)
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 3, "cleanup.unfinished", "Nothing was deleted", "firmflow-recovery undo ")
	firmflow(t, nil, args(i, "resume", i.Backups)...).want(t, 0, "VERIFIED in")
	kept := beside(t, i, "before")

	must(t, "/", "mv", i.Vault, i.Vault+"-lost")
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 3, "cleanup.live.missing", "Nothing was deleted")
	must(t, "/", "mv", i.Vault+"-lost", i.Vault)
	for _, text := range []string{ // the app would be back at once
		"alter database firmflow allow_connections false", "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'firmflow'",
		"alter database firmflow rename to lost", "alter database lost allow_connections true",
	} {
		asked(t, i, "postgres", text)
	}
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 3, "cleanup.live.missing", "Nothing was deleted")
	asked(t, i, "postgres", "alter database lost rename to firmflow")
	if left := beside(t, i, "before"); !slices.Equal(left, kept) {
		t.Errorf("%q of %q are left", left, kept)
	}
}

// TestCleanupOfWhatWasNotVerifiedWantsMoreThanTheName: an app without an address
// leaves a recovery unproven, and what was set aside may be needed.
func TestCleanupOfWhatWasNotVerifiedWantsMoreThanTheName(t *testing.T) {
	i := sandboxed(t)
	state, run := journal.Home{Dir: i.State}, recovery.RunID("20261123-030107")
	kept, err := state.Create(run)
	if err != nil {
		t.Fatal(err)
	}
	s := installationOf(invocation(i, cli.Restore), run)
	for n, e := range []recovery.Event{
		{Kind: recovery.RunOpened, Text: "2026-11-22", Inputs: s.Inputs()}, {Kind: recovery.RunStarted},
		{Kind: recovery.RunEnded, Verdict: &recovery.Verdict{Outcome: recovery.NotVerified, Exit: recovery.ExitNotVerified}},
	} {
		e.V, e.Seq, e.Run, e.Time = recovery.Version, uint64(n)+1, run, time.Now()
		if err := kept.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	aside := `firmflow_before_` + string(run)
	asked(t, i, "postgres", `create database "`+aside+`"`)
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t))...).want(t, 4, "was not verified", "--confirm '"+hostname(t)+" not verified'")
	if n := asked(t, i, "postgres", `select count(*) from pg_database where datname = '`+aside+`'`); n != "1" {
		t.Error("it was deleted without the consent that fits")
	}
	firmflow(t, nil, taking(i, "cleanup", "--confirm", hostname(t)+" not verified")...).want(t, 0, "CLEANED UP")
	if n := asked(t, i, "postgres", `select count(*) from pg_database where datname = '`+aside+`'`); n != "0" {
		t.Error("it was not deleted")
	}
}

// invocation is what main would be given for the demo's installation.
func invocation(i *demo.Installation, c cli.Command) cli.Invocation {
	return cli.Invocation{Command: c, Patience: time.Minute, VaultFrom: "auto", Settings: cli.Settings{
		Project: i.Project, Vault: i.Vault, Backups: i.Backups, StateDir: i.State, Runtime: "sandbox",
		Database: "firmflow", User: "firmflow", DBService: "db",
	}}
}

// recorded is a runtime that notes every program it runs in a service, and the
// SQL it is given.
type recorded struct {
	stack.Runtime
	ran *[]string
}

func (r recorded) In(service string) command.Runner {
	return noting{r.Runtime.In(service), r.ran}
}

type noting struct {
	command.Runner
	ran *[]string
}

func (n noting) Run(ctx context.Context, c command.Cmd) error {
	text := strings.Join(c.Args, " ")
	if _, whole := c.Stdin.(*strings.Reader); c.Args[0] == "psql" && whole { // and not a session that waits for more
		sql, err := io.ReadAll(c.Stdin)
		if err != nil {
			return err
		}
		text += " <<< " + string(sql)
		c.Stdin = strings.NewReader(string(sql))
	}
	*n.ran = append(*n.ran, text)

	return n.Runner.Run(ctx, c)
}

// carriedOut runs a command in this process, which need not watch the app for
// long, and gives what it ran.
func carriedOut(t *testing.T, i *demo.Installation, c cli.Command) (ran []string) {
	t.Helper()
	home := journal.Home{Dir: i.State}
	var runner recovery.Runner
	in := invocation(i, c)
	switch c {
	case cli.Restore:
		run, err := home.NewRun(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s := installationOf(in, run)
		s.Runtime, s.OriginalEnv, s.Settle, s.Host = recorded{s.Runtime, &ran}, i.OriginalEnv, briefly, "ffhost-01"
		if s.Backup, _, err = steps.OpenBackup(t.Context(), i.Backups, "latest"); err != nil {
			t.Fatal(err)
		}
		runner = recovery.Runner{Now: time.Now, Host: "ffhost-01", Run: run, Steps: steps.Restore(s), Backup: s.Backup.Name(), Target: s.Target(), Inputs: s.Inputs(), Release: s.Disengage}
	default:
		purpose := recovery.Purpose(c)
		of, err := steps.ToGoBackTo(home, purpose, "")
		if err != nil {
			t.Fatal(err)
		}
		s := installationOf(in, of.Run)
		s.Runtime, s.Settle = recorded{s.Runtime, &ran}, briefly
		if runner, err = s.OfRun(purpose, of, "ffhost-01"); err != nil {
			t.Fatal(err)
		}
	}
	runner.Operator = &recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{
		recovery.AskStart: {{Choice: recovery.Go, Typed: "ffhost-01"}}, recovery.AskRemedy: {{Choice: recovery.Apply}},
	}}
	v, _, err := steps.Execution{Home: home}.Execute(t.Context(), runner)
	if err != nil || v.Exit != recovery.ExitOK {
		t.Fatalf("%s: %s, %+v, %v", c, v.Outcome, v.Diagnosis, err)
	}

	return ran
}

// briefly is how long an app is watched where that is not what is tested.
const briefly = 200 * time.Millisecond

// drops are the databases that SQL deletes.
func drops(ran []string) []string {
	var names []string
	for _, one := range ran {
		for rest := strings.ToLower(one); ; {
			_, after, found := strings.Cut(rest, "drop database")
			if !found {
				break
			}
			name, _, _ := strings.Cut(strings.TrimSpace(strings.Replace(after, "if exists", "", 1)), " with")
			names = append(names, strings.Trim(strings.TrimSpace(name), `";`))
			rest = after
		}
	}

	return names
}

// TestNothingButACleanupDeletes records every program that is run in the
// database's service. A recovery drops its own load, before it loads; an undo
// drops nothing.
func TestNothingButACleanupDeletes(t *testing.T) {
	i := sandboxed(t)
	write(t, filepath.Join(i.Vault, "newer.pdf"), "written after the backup")
	for _, c := range []struct {
		command cli.Command
		drops   string // with this in every name
		least   int
	}{
		{cli.Restore, "_restoring_", 1}, {cli.Restore, "_restoring_", 1}, {cli.Undo, "nothing at all", 0}, {cli.Restore, "_restoring_", 1}, {cli.Cleanup, "_before_", 1},
	} {
		kept := append(beside(t, i, "before"), beside(t, i, "undone")...)
		ran := carriedOut(t, i, c.command)
		found := drops(ran)
		if len(ran) == 0 || len(found) < c.least || slices.ContainsFunc(found, func(name string) bool { return !strings.Contains(name, c.drops) }) {
			t.Errorf("%s dropped %q in %d programs", c.command, found, len(ran))
		}
		if c.command == cli.Restore {
			left := append(beside(t, i, "before"), beside(t, i, "undone")...)
			for _, one := range kept {
				if !slices.Contains(left, one) {
					t.Errorf("%s removed %s", c.command, one)
				}
			}
		}
	}
}

// TestWhatDeletesIsCalledInOnePlace: the functions that delete what was set aside
// have one caller, those that delete what is live another, and no other source drops
// a database.
func TestWhatDeletesIsCalledInOnePlace(t *testing.T) {
	allowed := map[string][]string{
		"vault.Free(":   {"steps/cleanup.go"},
		".GiveUp(ctx":   {"steps/giveup.go"}, // with the words for it typed out
		".Free(ctx, db": {"steps/cleanup.go"},
		"drop database": {"recovery/dump/databases.go", "recovery/dump/free.go", "steps/cleanup.go"},
		"os.RemoveAll(": {
			"recovery/vault/free.go", "recovery/vault/staged.go", "recovery/demo/demo.go", "recovery/stack/sandbox/account.go", "recovery/stack/sandbox/postgres.go",
			"recovery/backup/making.go",                           // a backup that has no name yet
			"recovery/drill/place.go", "recovery/drill/remove.go", // what bears a drill's receipt
			"recovery/stack/sandbox/scratch.go", // a server for one look at a dump
			"recovery/journal/thin.go",          // journals of backups, never of a recovery
			"steps/offsite_bucket.go",           // what was fetched from a bucket, to be restored from
		},
		"down -v": nil,
		`"prune"`: {"ui/cli/cli.go"}, // our command, not Docker's
	}
	seen := map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for word, files := range allowed {
			if n := strings.Count(string(text), word); n > 0 {
				seen[word] += n
				if !slices.Contains(files, path) {
					t.Errorf("%s has %q", path, word)
				}
			}
		}

		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for word, files := range allowed {
		if len(files) > 0 && seen[word] == 0 {
			t.Errorf("%q is nowhere: the rule looks for the wrong word", word)
		}
	}
}
