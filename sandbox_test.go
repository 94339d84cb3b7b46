package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/recovery/vault"
)

// sandboxed makes the demo's installation, with a backup, and removes it at the
// end.
func sandboxed(t *testing.T) *demo.Installation {
	t.Helper()

	return sandboxedWith(t, sample.Volume{})
}

// sandboxedWith is sandboxed with that much in it.
func sandboxedWith(t *testing.T, volume sample.Volume) *demo.Installation {
	t.Helper()
	t.Parallel() // each is alone with its own installation, and mostly waits
	_, err := sandbox.Programs(os.Environ())
	need(t, "postgres", err == nil)
	made, err := demo.Build(t.Context(), demo.Options{Program: []string{program, "sample-app"}, Volume: volume, Environment: compose.Environment(os.Environ()), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := made.Remove(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := made.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}

	return made
}

// args are those of a command on the demo's installation.
func args(i *demo.Installation, command, backups string, more ...string) []string {
	return append([]string{command, "--runtime", "sandbox", "--project", i.Project, "--backups", backups, "--original-env", i.OriginalEnv,
		"--state-dir", i.State, "--plain"}, more...)
}

// standing is what must not change where a recovery is refused.
func standing(t *testing.T, i *demo.Installation) string {
	t.Helper()

	return data(t, i) + content(t, filepath.Join(i.Project, ".env"))
}

// data is the part of it that a backup brings back.
func data(t *testing.T, i *demo.Installation) string {
	t.Helper()
	tree, err := vault.TreeDigest(t.Context(), i.Vault)
	if err != nil {
		t.Fatal(err)
	}

	return tree + dumped(t, i, "firmflow")
}

func dumped(t *testing.T, i *demo.Installation, database string) string {
	t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	sql := func(sql string) string { return asked(t, i, "postgres", sql) }
	return throughBarrier(database, sql, func() string {
		return normalised(must(t, "/", filepath.Join(bin, "pg_dump"), "-h", "127.0.0.1", "-p", databasePort(t, i), "-U", "firmflow", "--inserts", database))
	})
}

// databasePort reads the port from the app's DATABASE_URL.
func databasePort(t *testing.T, i *demo.Installation) string {
	t.Helper()
	_, rest, _ := strings.Cut(content(t, filepath.Join(i.Project, "sandbox.json")), "@127.0.0.1:")
	port, _, _ := strings.Cut(rest, "/")

	return port
}

func TestEverythingLostComesBackInTheSandbox(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in", "220 files")
	if after := standing(t, i); after != before {
		t.Error("the recovered installation differs from the lost one")
	}
	firmflow(t, nil, args(i, "restore", i.Backups, "--vault-from", "mirror", "--confirm", hostname(t))...).want(t, 0, "VERIFIED in", "copied from vault_sync", "220 of 220 documents, all that the database names")
	if after := standing(t, i); after != before {
		t.Error("the installation recovered from vault_sync differs from the lost one")
	}
}

func TestF2AStoppedRecoveryIsResumed(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"step 2 of 5, restore the vault: started", "step 4 of 5, load the database dump: started", "restart the stack: started"} {
		stopAt(t, i, at, syscall.SIGTERM).want(t, 143, "INTERRUPTED, RESUMABLE")
		changed := firmflow(t, nil, args(i, "resume", i.Backups, "--database", "other")...)
		changed.want(t, 2, "resume.inputs.differ", "database: was firmflow, is other")
		firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 3, "run.unfinished")
		firmflow(t, nil, args(i, "resume", i.Backups)...).want(t, 0, "resumed", "VERIFIED in")
		if after := standing(t, i); after != before {
			t.Errorf("stopped at %q and resumed, the installation differs from the lost one", at)
		}
	}
	firmflow(t, nil, args(i, "resume", i.Backups)...).want(t, 2, "resume.nothing")
}

// stopAt starts a recovery and sends it a signal once it says a text.
func stopAt(t *testing.T, i *demo.Installation, text string, s syscall.Signal) result {
	t.Helper()

	return stopped(t, args(i, "restore", i.Backups, "--confirm", hostname(t), "--verbose"), text, s)
}

// watcher tells when a text has been written.
type watcher struct {
	text string
	seen chan struct{}
	all  bytes.Buffer
	done bool
}

func (w *watcher) Write(p []byte) (int, error) {
	w.all.Write(p)
	if !w.done && strings.Contains(w.all.String(), w.text) {
		w.done = true
		close(w.seen)
	}

	return len(p), nil
}

func TestDamagedBackupsAreRefusedAndNothingChanges(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	date := time.Now().Format("2006-01-02")
	dump, archive := "db_"+date+".dump", "vault_snapshot_"+date+".tar.gz"
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		exit   int
		code   string
	}{
		"no directory":  {func(t *testing.T, dir string) { remove(t, dir) }, 5, "backup.directory.missing"},
		"nothing in it": {func(t *testing.T, dir string) { remove(t, dir); mkdir(t, dir) }, 5, "backup.none"},
		"no dump":       {func(t *testing.T, dir string) { remove(t, filepath.Join(dir, dump)) }, 5, "backup.incomplete"},
		"B1 empty dump": {func(t *testing.T, dir string) { edit(t, filepath.Join(dir, dump), func([]byte) []byte { return nil }) }, 5, "dump.empty"},
		"B2 truncated dump": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, dump), func(b []byte) []byte { return b[:len(b)*2/3] })
		}, 5, "dump.truncated"},
		"B3 plain dump, cut": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, dump), func([]byte) []byte {
				return []byte("--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n")
			})
		}, 5, "dump.truncated"},
		"B8 dump of a newer pg_dump": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, dump), func(b []byte) []byte { b[6] = 17; return b })
		}, 5, "dump.newer"},
		"A1 dump from a terminal": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, dump), func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) })
		}, 5, "dump.terminal"},
		"A3 text before the dump": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, dump), func(b []byte) []byte { return append([]byte("time=\"x\" level=warning msg=\"y\"\n"), b...) })
		}, 5, "dump.prefix"},
		"C1 truncated archive": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, archive), func(b []byte) []byte { return b[:len(b)-9] })
		}, 5, "vault.archive.truncated"},
		"C1 bit flipped in the archive": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, archive), func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		}, 5, "vault.archive."},
		"C5 entry that escapes": {hostile(archive, tar.Header{Name: "../evil", Typeflag: tar.TypeReg, Mode: 0o600}), 5, "vault.archive.unsafe"},
		"C6 link that leaves":   {hostile(archive, tar.Header{Name: "firm/evil", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), 5, "vault.archive.unsafe"},
		"C6 device":             {hostile(archive, tar.Header{Name: "firm/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}), 5, "vault.archive.unsafe"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "backups")
			must(t, "/", "cp", "-a", i.Backups, dir)
			c.damage(t, dir)
			firmflow(t, nil, args(i, "restore", dir, "--confirm", hostname(t), "--state-dir", t.TempDir())...).want(t, c.exit, c.code, "intact", "do  ")
			if standing(t, i) != before {
				t.Error("something changed")
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	write(t, path, string(change([]byte(content(t, path)))))
}

// hostile replaces the archive by one with a good and a hostile entry.
func hostile(name string, evil tar.Header) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		for _, h := range []tar.Header{{Name: "firm/good.pdf", Typeflag: tar.TypeReg, Mode: 0o600}, evil} {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), b.String())
	}
}

func TestWrongSecretsAreRefusedAndMendedOnlyWithConsent(t *testing.T) {
	i := sandboxed(t)
	env := filepath.Join(i.Project, ".env")
	good := content(t, env)
	before := standing(t, i)
	for name, c := range map[string]struct {
		change func(string) string
		exit   int
		texts  []string
	}{
		"D12 one character off": {func(s string) string { return strings.Replace(s, "AUTH_SECRET='d$mo-", "AUTH_SECRET='d$mp-", 1) }, 6, []string{"secrets.different", "AUTH_SECRET differs"}},
		"D1 dollar unquoted":    {func(s string) string { return unquoted(s) }, 6, []string{"secrets.cut-by-compose"}},
		"D3 key missing":        {func(s string) string { return strings.Replace(s, "LICENSE_KEY", "NO_KEY", 1) }, 6, []string{"secrets.missing", "LICENSE_KEY"}},
		"D10 broken line":       {func(s string) string { return "this is not env\n" + s }, 6, []string{"secrets.env.invalid"}},
		"D5 CRLF":               {func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, 0, []string{"secrets.env.crlf", "READY"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, env, c.change(good))
			r := firmflow(t, nil, args(i, "preflight", i.Backups)...)
			r.want(t, c.exit, c.texts...)
			write(t, env, good)
			if standing(t, i) != before {
				t.Error("something changed")
			}
		})
	}

	write(t, env, strings.Replace(good, "AUTH_SECRET='d$mo-", "AUTH_SECRET='d$mp-", 1))
	wrong := content(t, env)
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t), "--fix")...).want(t, 0, "VERIFIED in", ".env.before-")
	kept, err := filepath.Glob(env + ".before-*")
	if err != nil || len(kept) != 1 || content(t, kept[0]) != wrong {
		t.Errorf("the .env of before is not kept whole: %v, %v", kept, err)
	}
	if standing(t, i) != before {
		t.Error("the mended installation differs")
	}
}

// unquoted takes the quotes off AUTH_SECRET, so that Compose cuts it.
func unquoted(s string) string {
	before, rest, _ := strings.Cut(s, "AUTH_SECRET='")
	value, after, _ := strings.Cut(rest, "'")

	return before + "AUTH_SECRET=" + value + after
}

func TestF3ASecondEngineIsRefused(t *testing.T) {
	i := sandboxed(t)
	lock, err := journal.Home{Dir: i.State}.Lock(journal.Holder{PID: os.Getpid(), Host: "ffhost-01", Run: "20261123-030107"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 7, "run.locked", "20261123-030107")
}

func TestC9TooLittleRoomBlocks(t *testing.T) {
	i := sandboxed(t)
	small := filepath.Join(i.Dir, "small")
	mkdir(t, small)
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		need(t, "docker", false) // who may use Docker in CI may mount, too
	}
	defer func() { _ = syscall.Unmount(small, 0) }()
	firmflow(t, nil, args(i, "preflight", i.Backups, "--vault", filepath.Join(small, "uploads"))...).want(t, 3, "space.disk", "NOTHING CHANGED")
}

func TestPlanAndRunbookChangeNothing(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	firmflow(t, nil, args(i, "plan", i.Backups)...).want(t, 0, "Plan: backup", "REPLACED, AND KEPT", "LOST", "READY")
	r := firmflow(t, nil, args(i, "plan", i.Backups, "--runbook")...)
	r.want(t, 0, "#!/bin/sh", "tar --numeric-owner -xzf", "pg_restore", "alter database")
	script := filepath.Join(t.TempDir(), "runbook.sh")
	write(t, script, r.out)
	must(t, "/", "sh", "-n", script)
	if standing(t, i) != before {
		t.Error("something changed")
	}
	if _, err := os.Stat(filepath.Join(i.State, "runs")); !os.IsNotExist(err) {
		t.Error("looking left a run behind")
	}
}

func TestD14NoSecretInAnythingARunWrites(t *testing.T) {
	i := sandboxed(t)
	r := firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t), "--verbose")...)
	r.want(t, 0, "VERIFIED")
	noSecrets(t, &site{state: i.State, original: i.OriginalEnv}, r.out)
	noSecrets(t, &site{state: filepath.Join(i.Project, "run"), original: i.OriginalEnv}, content(t, filepath.Join(i.Project, "log", "app.log")))
}

func TestARepairedFileIsRecoveredFromAnew(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	archive := filepath.Join(i.Backups, "vault_snapshot_"+time.Now().Format("2006-01-02")+".tar.gz")
	good := content(t, archive)
	write(t, archive, good[:len(good)/2])
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 5, "vault.archive.truncated", "FAILED, PREVIOUS DATA LIVE", "--anew")
	write(t, archive, good)
	firmflow(t, nil, args(i, "resume", i.Backups)...).want(t, 2, "resume.inputs.differ", "--anew")
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 3, "run.unfinished", "--anew")
	firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t), "--anew")...).want(t, 0, "VERIFIED in")
	if standing(t, i) != before {
		t.Error("the recovered installation differs")
	}
}

func TestC12AMirrorThatIsMissingIsToldNotPanickedOver(t *testing.T) {
	i := sandboxed(t)
	remove(t, filepath.Join(i.Backups, "vault_sync"))
	firmflow(t, nil, args(i, "preflight", i.Backups, "--vault-from", "mirror")...).want(t, 5, "backup.mirror.empty", "NOTHING CHANGED")
}

func TestF1AHangupDoesNotStopTheWork(t *testing.T) {
	i := sandboxedWith(t, tiny)
	before := standing(t, i)
	for step, title := range []string{"prepare the environment", "restore the vault", "start the database, hold the app", "load the database dump", "make it live, restart the stack"} {
		at := fmt.Sprintf("step %d of 5, %s: started", step+1, title)
		stopped(t, args(i, "restore", i.Backups, "--confirm", hostname(t), "--settle", "100ms"), at, syscall.SIGHUP).want(t, 0, "VERIFIED in")
		if standing(t, i) != before {
			t.Errorf("hung up at %q, the recovered installation differs", at)
		}
	}
}

func TestAnAppThatDoesNotStartIsNotVerifiedAndResumedAfterTheFix(t *testing.T) {
	i := sandboxed(t)
	config := filepath.Join(i.Project, "sandbox.json")
	good := content(t, config)
	write(t, config, strings.Replace(good, `"UPLOADS_DIR"`, `"NODE_OPTIONS": "x", "NOT_UPLOADS_DIR"`, 1))
	broken := content(t, config)
	edit(t, config, func(b []byte) []byte {
		return bytes.Replace(b, []byte("?sslmode=disable"), []byte("_none?sslmode=disable"), 1)
	})
	if content(t, config) == broken {
		t.Fatal("the configuration was not broken")
	}
	r := firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t), "--patience", "5s")...)
	r.want(t, 8, "RESTORED, NOT VERIFIED", "app.", "intact", "The restored vault and database are live", "tail -n 50 "+filepath.Join(i.Project, "log", "app.log"))
	write(t, config, good)
	firmflow(t, nil, args(i, "resume", i.Backups)...).want(t, 0, "VERIFIED in")
}
