package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/ui/cli"
)

const (
	openly   = "alter database %q allow_connections true"
	closedly = "alter database %q allow_connections false"
)

// throughBarrier looks into a database that may be closed, and leaves it as it
// was. ask runs SQL in the database postgres.
func throughBarrier(database string, ask func(sql string) string, look func() string) string {
	if ask("select datallowconn from pg_database where datname = '"+database+"'") != "f" {
		return look()
	}
	ask(fmt.Sprintf(openly, database))
	defer ask(fmt.Sprintf(closedly, database))

	return look()
}

// catalogue is how the live database stands in the server's catalogue: open or
// closed, and its comment.
const catalogue = "select datallowconn, shobj_description(oid, 'pg_database') from pg_database where datname = 'firmflow'"

func (i *site) notice() string { return filepath.Join(i.dir, "RECOVERY-IN-PROGRESS.txt") }

func notice(i *demo.Installation) string { return filepath.Join(i.Project, "RECOVERY-IN-PROGRESS.txt") }

// unserved checks that the app cannot serve anything, whatever was started.
func unserved(t *testing.T, url string) {
	t.Helper()
	response, err := http.Get(url) //nolint:noctx // an address of the test's own
	if err != nil {
		return
	}
	_ = response.Body.Close()
	if response.StatusCode < 400 {
		t.Errorf("%s answers %d while a recovery is unfinished", url, response.StatusCode)
	}
}

// TestTheBarrierStandsWhileARunIsUnfinishedOnCompose kills a run again and again,
// from its first change to its last, and each time does what a colleague or a
// reboot would do. The barrier is gone with the verdict, and with an undo.
func TestTheBarrierStandsWhileARunIsUnfinishedOnCompose(t *testing.T) {
	i := installed(t)
	file, env := filepath.Join(i.dir, "compose.yaml"), filepath.Join(i.dir, ".env")
	i.backUp(t)
	restored := i.snapshot(t)
	i.fill(t, 3)
	write(t, file, strings.ReplaceAll(content(t, file), "restart: unless-stopped", "restart: always"))
	write(t, env, strings.Replace(content(t, env), "FIELD_ENCRYPTION_KEY=fedc", "FIELD_ENCRYPTION_KEY=fedd", 1))
	i.compose(t, "up", "-d", "--pull", "never")
	i.awaitApp(t)
	i.psqlIn(t, "postgres", "comment on database firmflow is 'of the office'")
	before, secrets, stood := i.snapshot(t), content(t, env), i.psqlIn(t, "postgres", catalogue)

	record := recorder(t)
	restore := i.args("restore", "--confirm", hostname(t), "--fix", "--plain", "--verbose", "--settle", "500ms")
	stoppedWith(t, []string{record.path}, restore, "switching the vault", syscall.SIGKILL)
	i.unserved(t)
	firmflow(t, []string{record.path}, i.taking("undo", "--confirm", hostname(t), "--settle", "500ms")...).want(t, 0, "UNDONE, THE STATE OF BEFORE IS LIVE in")
	record.harmless(t, i)
	if now := i.snapshot(t); now != before || content(t, env) != secrets {
		t.Errorf("undone: %+v, want %+v; .env as before: %v", now, before, content(t, env) == secrets)
	}
	if now := i.psqlIn(t, "postgres", catalogue); now != stood {
		t.Errorf("undone, the catalogue has %q, had %q", now, stood)
	}
	gone(t, i.notice())

	stopped(t, restore, "live now", syscall.SIGKILL)
	i.unserved(t)
	i.run(t, "resume", "--plain", "--settle", "500ms").want(t, 0, "VERIFIED in")
	gone(t, i.notice())
	if now := i.snapshot(t); now != restored {
		t.Errorf("resumed: %+v, want %+v", now, restored)
	}
	if left := i.psqlIn(t, "postgres", "select count(*) from pg_database where not datallowconn and not datistemplate"); left != "0" {
		t.Errorf("%s databases are still closed", left)
	}
}

// unserved starts the app as a colleague would, and as the engine does after a
// reboot of the host where it is to be restarted always, and finds that it cannot
// serve.
func (i *site) unserved(t *testing.T) {
	t.Helper()
	i.compose(t, "up", "-d", "--pull", "never")
	unserved(t, i.url("/api/health"))
	i.compose(t, "restart", "--timeout", "1", "web")
	unserved(t, i.url("/api/documents"))
	if text := content(t, i.notice()); !strings.Contains(text, "firmflow-recovery resume") || !strings.Contains(text, "firmflow-recovery undo") {
		t.Errorf("the notice does not say what to do:\n%s", text)
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", path, err)
	}
}

// TestTheBarrierIsUpBeforeAnythingChanges: .env is the first thing that a
// recovery changes.
func TestTheBarrierIsUpBeforeAnythingChanges(t *testing.T) {
	i := sandboxed(t)
	before := aged(t, i)
	stopped(t, args(i, "restore", i.Backups, "--confirm", hostname(t), "--fix"), "database firmflow closed", syscall.SIGKILL)
	if now := standing(t, i); now != before {
		// The note comes before .env is written, and the kill may come after.
		if env := content(t, filepath.Join(i.Project, ".env")); strings.Contains(env, "edited by hand") {
			t.Error("vault or database changed")
		}
	}
	if now := asked(t, i, "postgres", "select datallowconn from pg_database where datname = 'firmflow'"); now != "f" {
		t.Error("the live database is open")
	}
	carriedOut(t, i, cli.Undo)
	if now := standing(t, i); now != before {
		t.Error("after the undo the installation is not the one of before")
	}
	gone(t, notice(i))
}

func TestABarrierOfARunThatNoLongerExistsIsToldAndTakenOverOnPurpose(t *testing.T) {
	i := sandboxed(t)
	restored := standing(t, i)
	asked(t, i, "postgres", "comment on database firmflow is 'of the office'")
	stood := asked(t, i, "postgres", catalogue)
	stopAt(t, i, "dump SHA-256", syscall.SIGKILL)
	remove(t, i.State) // the disk with the journals is lost
	r := firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...)
	r.want(t, 3, "[barrier.left]", "NOTHING CHANGED", "closed by run", "allow_connections true")
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t), "--fix", "--settle", "100ms")...).want(t, 0, "VERIFIED in")
	if standing(t, i) != restored {
		t.Error("the recovered installation differs")
	}
	carriedOut(t, i, cli.Undo)
	if now := asked(t, i, "postgres", catalogue); now != stood {
		t.Errorf("after the undo the catalogue has %q, had %q", now, stood)
	}
	gone(t, notice(i))
}
