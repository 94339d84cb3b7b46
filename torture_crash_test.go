package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/vault"
)

// fewKills is how many kills a campaign on the sandbox has where nothing else is
// said; make kills asks for a thousand.
const fewKills = 100

// tortured is how many kills are asked for.
func tortured(t *testing.T, variable string, few int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is no number: %v", variable, err)
	}

	return n
}

// triple is what stands under the three live names.
type triple struct{ vault, database, env string }

// campaign kills the engine of an installation again and again, at every entry of
// its journal and at random instants of every step, and looks each time at what
// is live. Two of the three live names cannot change in one instant: while they
// differ nobody can be served. Each chain of kills ends in VERIFIED or in the
// exact old state.
type campaign struct {
	victim

	home   journal.Home
	rnd    *rand.Rand
	entry  *atomic.Int64 // of the journal, at which the next run is killed; shared by all
	stride int64         // from one such entry to the next

	settle func(t *testing.T)                      // what a test itself has changed
	strike func(*os.Process)                       // what befalls the engine
	after  func(t *testing.T, told recovery.Event) // what comes after that, where this is the last entry that was told

	old, new triple
	kills    map[string]int // by the step they fell into
	ends     map[string]int // how the chains ended
}

// TestNothingIsLostWhereverItIsKilled is the campaign on the sandbox. Its workers
// have an installation each, server and all.
func TestNothingIsLostWhereverItIsKilled(t *testing.T) {
	const workers = 4
	total := tortured(t, "FIRMFLOW_RECOVERY_KILLS", fewKills)
	seed := uint64(tortured(t, "FIRMFLOW_RECOVERY_KILLS_SEED", 1))
	var entry atomic.Int64
	for w := range uint64(workers) {
		t.Run(fmt.Sprintf("worker %d", w), func(t *testing.T) {
			i := sandboxedWith(t, tiny)
			newCampaign(t, inSandbox(t, i), i.State, seed<<8+w, &entry).run(t, (total+workers-1)/workers)
		})
	}
}

// fewOnCompose is the same on the real Compose, where a recovery takes longer.
const fewOnCompose = 5

// TestNothingIsLostWhereverItIsKilledOnCompose is the campaign on the real Compose.
func TestNothingIsLostWhereverItIsKilledOnCompose(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	var entry atomic.Int64
	seed := uint64(tortured(t, "FIRMFLOW_RECOVERY_KILLS_SEED", 1))
	c := newCampaign(t, onCompose(i), i.state, seed, &entry)
	c.stride = 17 // few kills still reach every step
	c.run(t, tortured(t, "FIRMFLOW_RECOVERY_KILLS_ON_COMPOSE", fewOnCompose))
}

// run kills that many times.
func (c *campaign) run(t *testing.T, kills int) {
	t.Helper()
	done := 0
	for done < kills && !t.Failed() {
		done += c.chain(t, kills-done)
	}
	t.Logf("%d kills, 0 mixtures; by step: %v; chains ended: %v", done, c.kills, c.ends)
}

func newCampaign(t *testing.T, v victim, state string, seed uint64, entry *atomic.Int64) *campaign {
	t.Helper()
	c := &campaign{
		victim: v, home: journal.Home{Dir: state}, rnd: rand.New(rand.NewPCG(seed, seed)), entry: entry, stride: 1,
		kills: map[string]int{}, ends: map[string]int{},
		settle: func(*testing.T) {}, strike: func(p *os.Process) { _ = p.Kill() }, after: func(*testing.T, recovery.Event) {},
	}
	c.new = c.stands(t)

	return c
}

// chain is one recovery over newer data, killed up to most times, and then ended.
// It gives the number of kills.
func (c *campaign) chain(t *testing.T, most int) int {
	t.Helper()
	c.age(t)
	before, kills := c.last(t).Run, 0
	for depth := min(most, 4+c.rnd.IntN(5)); kills < depth; {
		state := c.last(t)
		if state.Run != before && !state.Unfinished() {
			break // it was killed after its last word
		}
		command := c.next(t, state)
		entry, after := c.instant(command[0])
		if !c.kill(t, command, entry, after) {
			break // it came to its end before
		}
		kills++
		c.look(t)
	}
	c.end(t, before)

	return kills
}

// next is the command by which the installation's story goes on.
func (c *campaign) next(t *testing.T, s recovery.State) []string {
	t.Helper()
	run := string(s.Run)
	switch {
	case !s.Unfinished():
		return c.args("restore", "--confirm", hostname(t), "--fix")
	case s.Undoing || c.rnd.IntN(8) == 0:
		return c.back("undo", run, "--confirm", hostname(t))
	default:
		return c.args("resume", run)
	}
}

// last is the newest run's state; its zero value where there is none.
func (c *campaign) last(t *testing.T) recovery.State {
	t.Helper()
	runs, err := c.home.Runs()
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		state, err := c.home.Read(run)
		if err == nil && state.Confirmed {
			return state
		}
	}

	return recovery.State{}
}

// entries are about how many a command writes into the journal.
var entries = map[string]int64{"restore": 52, "resume": 33, "undo": 24}

// instant says when to kill a command: a recovery at one entry of its journal after
// another, what goes on with it at any; and now and then a moment after that.
func (c *campaign) instant(command string) (entry int64, after time.Duration) {
	entry = c.rnd.Int64N(entries[command])
	if command == "restore" {
		entry = c.entry.Add(c.stride) % entries[command]
	}
	if c.rnd.IntN(2) == 0 {
		after = time.Duration(c.rnd.Int64N(int64(150 * time.Millisecond)))
	}

	return entry, after
}

// kill runs a command and kills it; false where it ended by itself.
func (c *campaign) kill(t *testing.T, args []string, entry int64, after time.Duration) bool {
	t.Helper()
	cmd := exec.Command(program, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	at := "start"
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20) // a plan is one line
	var told recovery.Event
	pending := func() {}
	for n := int64(0); ; {
		if n == entry && after == 0 {
			c.strike(cmd.Process)
		} else if n == entry {
			struck := make(chan struct{})
			timer := time.AfterFunc(after, func() { defer close(struck); c.strike(cmd.Process) })
			pending = func() {
				if !timer.Stop() {
					<-struck
				}
			}
			n++ // once
		}
		if !lines.Scan() {
			break
		}
		e, err := recovery.Decode(lines.Bytes())
		if err != nil || e.Kind.Lossy() {
			continue
		}
		told = e
		if n++; e.Step != "" && n <= entry {
			at = string(e.Step)
		}
	}
	_ = cmd.Wait()
	pending()
	c.after(t, told)
	if code := cmd.ProcessState.ExitCode(); code != -1 {
		if code != 0 {
			t.Fatalf("%v ended by itself with exit code %d: %s\n%s", args, code, said.String(), c.report(t))
		}
		return false
	}
	c.kills[at]++

	return true
}

// report is what the journal says of the newest run.
func (c *campaign) report(t *testing.T) string {
	t.Helper()

	return c.last(t).Report()
}

// look waits for what the dead engine has left at work, and compares what is
// live: each name the old or the new, and not a mixture where somebody could be
// served.
func (c *campaign) look(t *testing.T) {
	t.Helper()
	c.quiet(t)
	open := c.sql(t, "postgres", "select datallowconn from pg_database where datname = 'firmflow'") != "f"
	if !open {
		c.stop(t) // what was left running would come in while this test opens the database to look
	}
	now := c.stands(t)
	whole := now == c.old || now == c.new
	parts := (now.vault == c.old.vault || now.vault == c.new.vault) && (now.database == c.old.database || now.database == c.new.database) &&
		(now.env == c.old.env || now.env == c.new.env)
	if open && !whole || !parts {
		t.Fatalf("a mixture (open: %v): vault %s, database %s, .env %s\n%s", open, c.which(now.vault, c.old.vault, c.new.vault),
			c.which(now.database, c.old.database, c.new.database), c.which(now.env, c.old.env, c.new.env), c.report(t))
	} else if !open && c.rnd.IntN(4) == 0 {
		c.colleague(t)
	}
}

func (*campaign) which(now, old, new string) string {
	switch now {
	case old:
		return "old"
	case new:
		return "new"
	default:
		return "neither: " + now
	}
}

// colleague starts everything, which must not serve anybody. Now and then the app
// is left running, as a reboot would.
func (c *campaign) colleague(t *testing.T) {
	t.Helper()
	c.start(t)
	unserved(t, c.url)
	if c.rnd.IntN(2) == 0 {
		c.stop(t)
	}
}

// quiet waits until no session of an engine is left.
func (c *campaign) quiet(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for c.sql(t, "postgres", "select count(*) from pg_stat_activity where application_name like 'firmflow-recovery%'") != "0" {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("sessions of a dead engine do not end")
		}
	}
}

// end ends the chain one way or the other, and compares everything. Where no run
// came after the one before it, nothing may have changed.
func (c *campaign) end(t *testing.T, before recovery.RunID) {
	t.Helper()
	s := c.last(t)
	if s.Unfinished() && !s.Undoing && c.rnd.IntN(2) == 0 {
		c.done(t, c.args("resume", string(s.Run)))
	} else if s.Unfinished() {
		c.done(t, c.back("undo", string(s.Run), "--confirm", hostname(t)))
	}
	want, how, s := c.old, "never begun", c.last(t)
	if s.Run != before && s.Settled != nil {
		how = string(s.Settled.Outcome)
	}
	if how == string(recovery.Verified) {
		want = c.new
	}
	c.ends[how]++
	if now := c.stands(t); now != want {
		t.Fatalf("the end is not what it should be after %s: vault %s, database %s, .env %s", how, c.which(now.vault, c.old.vault, c.new.vault),
			c.which(now.database, c.old.database, c.new.database), c.which(now.env, c.old.env, c.new.env))
	}
	if open := c.sql(t, "postgres", "select datallowconn, coalesce(shobj_description(oid, 'pg_database'), '') like '%barrier%' from pg_database where datname = 'firmflow'"); open != "t|f" {
		t.Fatalf("the end leaves a barrier: %s", open)
	}
	gone(t, c.notice)
	if s.Run != before {
		c.done(t, c.back("cleanup", string(s.Run), "--confirm", hostname(t)))
		if left := directories(t, c.vault+".*"); len(left) > 0 {
			t.Errorf("beside the vault is left: %q", left)
		}
		if left := c.sql(t, "postgres", `select string_agg(datname, ' ') from pg_database where datname ~ '_(before|undone|restoring)_'`); left != "" {
			t.Errorf("beside the database is left: %s", left)
		}
	}
}

// done runs a command that must come to its end.
func (c *campaign) done(t *testing.T, args []string) {
	t.Helper()
	if r := firmflow(t, nil, args...); r.exit != 0 {
		t.Fatalf("%v: exit code %d\n%s\n%s", args, r.exit, r.out, c.report(t))
	}
}

// age makes the live state one that no backup has.
func (c *campaign) age(t *testing.T) {
	t.Helper()
	mark := time.Now().Format("150405.000000")
	write(t, filepath.Join(c.vault, "newer-"+mark+".pdf"), "written after the backup")
	c.sql(t, "firmflow", `insert into "Firm" (id, name, slug) values ('`+mark+`', 'Newer', '`+mark+`')`)
	write(t, c.dotenv, strings.Replace(content(t, c.dotenv), c.secret[0], c.secret[1], 1)+"# edited by hand at "+mark+"\n")
	c.settle(t)
	c.old = c.stands(t)
	c.new.env = strings.Replace(c.old.env, c.secret[1], c.secret[0], 1)
	if c.old == c.new || c.old.env == c.new.env {
		t.Fatal("the installation did not change")
	}
}

// stands is what is under the live names now, whether or not they are closed.
func (c *campaign) stands(t *testing.T) triple {
	t.Helper()
	tree, err := vault.TreeDigest(t.Context(), c.vault)
	if err != nil {
		t.Fatal(err)
	}
	rows := throughBarrier("firmflow", func(sql string) string { return c.sql(t, "postgres", sql) }, func() string { return c.sql(t, "firmflow", fingerprint) })

	return triple{vault: tree, database: rows, env: content(t, c.dotenv)}
}

// fingerprint is every row of every table, and every sequence.
const fingerprint = `select format('select %L, count(*), md5(coalesce(string_agg(t::text, chr(10) order by t::text), '''')) from %I.%I t', tablename, schemaname, tablename)
from pg_tables where schemaname = 'public' order by tablename
\gexec
select sequencename, last_value from pg_sequences order by 1`
