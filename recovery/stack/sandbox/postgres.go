package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// packages is where Debian puts each version's programs.
const packages = "/usr/lib/postgresql"

// patience is how long we wait for a database to accept connections. One that
// recovers from a crash may take longer, and is left to it.
const patience = 60 * time.Second

func (r *Runtime) startPostgres(ctx context.Context, s configured) error {
	account, err := unprivileged()
	if err != nil {
		return err
	}
	if err := r.initialize(ctx, s, account); err != nil {
		return err
	}
	if err := r.openSocketDir(s, account); err != nil {
		return err
	}
	program, err := r.program(s)
	if err != nil {
		return err
	}

	err = r.spawn(s, r.as(account), command.Cmd{Args: append([]string{program, "-D", r.dataDir(s)}, r.flags(s)...)})
	if err != nil {
		return err
	}

	return r.awaitPostgres(ctx, s)
}

// flags are what a server is started with, whoever starts it.
func (r *Runtime) flags(s configured) []string {
	return []string{
		"-p", strconv.Itoa(s.Port), "-k", r.socketDir(s),
		"-c", "listen_addresses=" + loopback, "-c", "log_destination=stderr", "-c", "logging_collector=off",
	}
}

func (r *Runtime) awaitPostgres(ctx context.Context, s configured) error {
	known, err := r.read(s.name)
	if err != nil {
		return err
	}
	started := process{pid: known.PID, ticks: known.Ticks}
	died := func() bool { return !started.alive() }

	// What a killed server has left says that it is ready, too.
	ready := func() bool { held := r.lock(s); return held.ready && held.pid == started.pid }
	_, err = await(ctx, patience, func() bool { return ready() || died() })
	if err != nil {
		return err
	}
	if died() {
		return &stack.StartError{Service: s.name, Text: r.lastWords(s)}
	}

	return nil
}

// endPostgres disconnects everybody and waits for the checkpoint.
func (r *Runtime) endPostgres(ctx context.Context, s configured, p process) error {
	account, err := unprivileged()
	if err != nil {
		return err
	}
	bin, err := r.bin(s)
	if err != nil {
		return err
	}

	stop := []string{filepath.Join(bin, "pg_ctl"), "stop", "-s", "-w", "-m", "fast", "-D", r.dataDir(s)}
	if err := r.as(account).Run(ctx, command.Cmd{Args: stop}); err != nil {
		return err
	}
	gone, err := await(ctx, r.grace, func() bool { return !p.alive() })
	if err == nil && !gone {
		err = fmt.Errorf("process %d does not end", p.pid)
	}

	return errors.Join(err, r.closeSocketDir(s))
}

// as runs programs as the account that owns the database's files.
func (r *Runtime) as(a account) command.Local {
	local := r.local()
	local.Credential = a.credential

	return local
}

func (r *Runtime) dataDir(s configured) string { return filepath.Join(r.dir, s.Data) }

// initialize makes a database where there is none, beside its place, and moves
// it there whole: an interrupted one is begun anew.
func (r *Runtime) initialize(ctx context.Context, s configured, a account) error {
	data := r.dataDir(s)
	if err := a.passes(filepath.Dir(data)); err != nil {
		return err
	}
	entries, err := os.ReadDir(data)
	if err == nil && len(entries) > 0 {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for the database's files: %w", err)
	}

	staging := data + ".initializing"
	if err := r.makeDatabase(ctx, s, a, staging); err != nil {
		return fmt.Errorf("initialize the database: %w", err)
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("initialize the database: %w", err)
	}

	return os.Rename(staging, data)
}

func (r *Runtime) makeDatabase(ctx context.Context, s configured, a account, dir string) error {
	bin, err := r.bin(s)
	if err != nil {
		return err
	}
	environment, err := r.environment(s)
	if err != nil {
		return err
	}
	user, database := secret.Reveal(environment["POSTGRES_USER"]), secret.Reveal(environment["POSTGRES_DB"])
	if user == "" || strings.ContainsAny(database, "\n") || database == "" {
		return wrong("service %s: user and database are needed", s.name)
	}
	if err := a.own(dir); err != nil {
		return err
	}

	initdb := append([]string{filepath.Join(bin, "initdb"), "--no-sync", "-D", dir, "-U", user}, encoding()...)
	err = r.as(a).Run(ctx, command.Cmd{Args: initdb})
	if err != nil || database == "postgres" {
		return err
	}

	// A server of a single user reads statements from its input. Nobody can
	// connect to it, so nobody takes a half-made database for a whole one.
	return r.as(a).Run(ctx, command.Cmd{
		Args:  []string{filepath.Join(bin, "postgres"), "--single", "-c", "exit_on_error=on", "-D", dir, "postgres"},
		Stdin: strings.NewReader(`CREATE DATABASE "` + strings.ReplaceAll(database, `"`, `""`) + "\"\n"),
	})
}

// encoding is what a new database is made with: that of the official image, and
// its trust in whoever has got this far.
func encoding() []string { return []string{"-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"} }

// lock is what a server writes into its data directory while it runs.
type lock struct {
	pid       int
	startedAt time.Time
	ready     bool
}

func (r *Runtime) lock(s configured) lock {
	text, err := os.ReadFile(filepath.Join(r.dataDir(s), "postmaster.pid"))
	if err != nil {
		return lock{}
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 3 {
		return lock{}
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(lines[0]))
	seconds, _ := strconv.ParseInt(strings.TrimSpace(lines[2]), 10, 64)

	return lock{pid, time.Unix(seconds, 0), len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"}
}

// postmaster returns the server of a data directory, whoever started it. A
// process that was given the id later works in another directory.
func (r *Runtime) postmaster(s configured) (process, bool) {
	held := r.lock(s)
	p, ok := find(held.pid)
	if !ok {
		return process{}, false
	}
	data, err := filepath.EvalSymlinks(r.dataDir(s))
	if err != nil {
		return process{}, false
	}
	works, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.pid), "cwd"))
	p.startedAt = held.startedAt

	return p, err == nil && works == data
}

// bin is the directory of PostgreSQL's programs: of the version that made the
// data, or else the newest.
func (r *Runtime) bin(s configured) (string, error) {
	if version, err := os.ReadFile(filepath.Join(r.dataDir(s), "PG_VERSION")); err == nil {
		dir := filepath.Join(r.packages, string(bytes.TrimSpace(version)), "bin")
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir, nil
		}
	}

	return r.newest()
}

// Programs finds the directory of PostgreSQL's programs: of the newest version
// that Debian's packages installed, or else of the PATH in an environment.
func Programs(environment []string) (string, error) {
	return New(Options{Environment: environment}).newest()
}

func (r *Runtime) newest() (string, error) { return r.newestWith("postgres") }

// newestWith finds the directory of the newest version that has a program: a
// host may have PostgreSQL's clients and no server.
func (r *Runtime) newestWith(name string) (string, error) {
	found, err := filepath.Glob(filepath.Join(r.packages, "*", "bin", name))
	if err == nil && len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, newer)), nil
	}
	if program, ok := r.find(name, r.path()); ok {
		if program, err = filepath.EvalSymlinks(program); err == nil {
			return filepath.Dir(program), nil
		}
	}

	return "", ErrNoPostgres
}

// newer compares /usr/lib/postgresql/VERSION/bin/postgres by VERSION.
func newer(a, b string) int {
	version := func(program string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(program))))
		return n
	}

	return cmp.Compare(version(a), version(b))
}

// longestSocket is how many bytes the path of a socket may have.
const longestSocket = 107

// socketDir is where the server's socket lies: in the sandbox, or in a short
// place of its own where that path would be too long.
func (r *Runtime) socketDir(s configured) string {
	dir := filepath.Join(r.dir, runDir, s.name)
	if len(filepath.Join(dir, ".s.PGSQL.65535")) <= longestSocket {
		return dir
	}
	digest := sha256.Sum256([]byte(dir))

	return filepath.Join("/tmp", "firmflow-sandbox-"+hex.EncodeToString(digest[:6]))
}
