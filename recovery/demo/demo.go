// Package demo makes a small FirmFlow-like installation in a directory of its
// own, backs it up with the guide's own commands, loses it, and takes it away
// again. The recovery in between is the real one.
//
// It destroys only what it made: every destructive step asks for the mark that
// Build leaves in the directory first.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/sandbox"
)

// What the installation consists of.
const (
	mark       = ".firmflow-recovery-demo"
	database   = "firmflow"
	dbService  = "db"
	appService = "app"
)

// Options are how the installation is made. Program is required.
type Options struct {
	Program     []string // starts the sample app: the binary and its hidden command
	Volume      sample.Volume
	Environment []string         // for the programs that are run
	Note        func(string)     // told what is being done; may be nil
	Now         func() time.Time // dates the backup; nil: the host's clock
}

// Installation is what was made.
type Installation struct {
	Dir         string // everything lies in it
	Project     string // the project directory
	Vault       string
	Backups     string
	OriginalEnv string // kept apart from project and backups
	State       string
	Seeded      sample.Seeded

	options Options
	runtime *sandbox.Runtime
}

// Build makes an installation with documents, users and an audit chain, and
// leaves it running.
func Build(ctx context.Context, o Options) (*Installation, error) {
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := os.MkdirTemp("", "firmflow-demo-")
	if err != nil {
		return nil, fmt.Errorf("make the demo's directory: %w", err)
	}
	i := &Installation{
		Dir: dir, Project: filepath.Join(dir, "firmflow"), Vault: filepath.Join(dir, "firmflow", "uploads"),
		Backups: filepath.Join(dir, "backups"), OriginalEnv: filepath.Join(dir, "safe", "original.env"), State: filepath.Join(dir, "state"), options: o,
	}
	if err := i.build(ctx); err != nil {
		return nil, errors.Join(err, i.Remove(context.WithoutCancel(ctx)))
	}

	return i, nil
}

func (i *Installation) build(ctx context.Context) error {
	if err := i.layOut(); err != nil {
		return err
	}
	config, err := i.configure()
	if err != nil {
		return err
	}
	i.runtime = sandbox.New(sandbox.Options{Dir: i.Project, Environment: i.options.Environment, Scrub: &secret.Scrubber{}})
	i.options.Note("starting PostgreSQL as an unprivileged user")
	if err := i.runtime.Start(ctx, dbService); err != nil {
		return err
	}
	i.options.Note("inventing documents, users, licences and an audit chain")
	if i.Seeded, err = sample.Seed(ctx, config, i.options.Volume); err != nil {
		return err
	}
	i.options.Note("starting the app")

	return i.runtime.Start(ctx, appService)
}

// layOut makes the directories. PostgreSQL's unprivileged user must be able to
// pass through those above its own.
func (i *Installation) layOut() error {
	if err := os.Chmod(i.Dir, 0o711); err != nil { //nolint:gosec // PostgreSQL passes through it
		return fmt.Errorf("open the demo's directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(i.Dir, mark), []byte("made by firmflow-recovery demo; may be deleted\n"), 0o600); err != nil {
		return fmt.Errorf("mark the demo's directory: %w", err)
	}
	for _, made := range []struct {
		path string
		mode os.FileMode
	}{{i.Project, 0o711}, {i.Vault, 0o755}, {i.Backups, 0o755}, {filepath.Dir(i.OriginalEnv), 0o700}} {
		if err := os.Mkdir(made.path, made.mode); err != nil {
			return fmt.Errorf("lay out the demo: %w", err)
		}
		if err := os.Chmod(made.path, made.mode); err != nil { // whatever the umask says
			return fmt.Errorf("lay out the demo: %w", err)
		}
	}

	return nil
}

// configure writes .env and the sandbox, and gives what the app will read.
func (i *Installation) configure() (sample.Config, error) {
	dbPort, err := freePort()
	if err != nil {
		return sample.Config{}, err
	}
	appPort, err := freePort()
	if err != nil {
		return sample.Config{}, err
	}
	keys := map[string]string{
		"AUTH_SECRET": "d$mo-" + random(32), // a dollar, which Compose would take for a variable if it were not quoted
		"LICENSE_KEY": sample.NewLicense("demo"), "FIELD_ENCRYPTION_KEY": random(32),
	}
	url := fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", database, dbPort, database)
	if err := i.writeEnv(keys); err != nil {
		return sample.Config{}, err
	}
	err = sandbox.Write(i.Project, sandbox.Config{Project: "firmflow-demo", Services: map[string]sandbox.Service{
		dbService: {Kind: sandbox.Postgres, Port: dbPort, Data: "pgdata", User: database, Database: database},
		appService: {Kind: sandbox.App, Port: appPort, Command: i.options.Program, Health: "/api/health", Environment: map[string]string{
			"DATABASE_URL": url, "AUTH_SECRET": "${AUTH_SECRET}", "LICENSE_KEY": "${LICENSE_KEY}", "FIELD_ENCRYPTION_KEY": "${FIELD_ENCRYPTION_KEY}",
			"UPLOADS_DIR": i.Vault, "PORT": fmt.Sprint(appPort), "LISTEN_HOST": "127.0.0.1",
		}},
	}})

	return sample.Config{
		DatabaseURL: url, AuthSecret: keys["AUTH_SECRET"], LicenseKey: keys["LICENSE_KEY"], FieldKey: keys["FIELD_ENCRYPTION_KEY"],
		Uploads: i.Vault, Listen: fmt.Sprintf("127.0.0.1:%d", appPort),
	}, err
}

func (i *Installation) writeEnv(keys map[string]string) error {
	var b strings.Builder
	b.WriteString("# FirmFlow, written by its installer\nNODE_ENV=production\n")
	for _, key := range envfile.Keys() {
		line, err := envfile.Line(key, secret.New(keys[key]))
		if err != nil {
			return err
		}
		b.WriteString(secret.Reveal(line) + "\n")
	}
	for _, path := range []string{filepath.Join(i.Project, ".env"), i.OriginalEnv} {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			return fmt.Errorf("write the demo's .env: %w", err)
		}
	}

	return nil
}

// Backup takes a backup with the guide's own commands. One of the same day is
// taken anew.
func (i *Installation) Backup(ctx context.Context) error {
	date := i.options.Now().Format(time.DateOnly)
	i.options.Note("taking a backup with the guide's commands: pg_dump -Fc, tar -czf")
	out, err := os.OpenFile(filepath.Join(i.Backups, "db_"+date+".dump"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the demo's dump: %w", err)
	}
	err = i.runtime.In(dbService).Run(ctx, command.Cmd{Args: []string{"pg_dump", "-U", database, "-Fc", database}, Stdout: out})
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	mirror, host := filepath.Join(i.Backups, "vault_sync"), command.Local{Env: i.options.Environment}
	if err := host.Run(ctx, command.Cmd{Args: i.mirroring(mirror)}); err != nil {
		return err
	}

	return host.Run(ctx, command.Cmd{Args: []string{"tar", "-czf", filepath.Join(i.Backups, "vault_snapshot_"+date+".tar.gz"), "-C", mirror, "."}})
}

// mirroring is the guide's rsync, or what comes to the same where that is
// missing: a copy onto the directory and not into it, or a second one would nest.
func (i *Installation) mirroring(mirror string) []string {
	if rsync, err := command.Find("rsync"); err == nil {
		return []string{rsync, "-a", "--delete", i.Vault + "/", mirror + "/"}
	}

	return []string{"cp", "-aT", i.Vault, mirror}
}

// Lose stops everything and destroys vault and database, as a dead disk would.
func (i *Installation) Lose(ctx context.Context) error {
	if err := i.ours(); err != nil {
		return err
	}
	i.options.Note("losing the installation: vault and database are destroyed")
	if err := i.runtime.Stop(ctx, appService, dbService); err != nil {
		return err
	}

	return errors.Join(os.RemoveAll(filepath.Join(i.Project, "pgdata")), os.RemoveAll(i.Vault), os.Remove(filepath.Join(i.Project, ".env")))
}

// Remove stops everything and takes the directory away.
func (i *Installation) Remove(ctx context.Context) error {
	if err := i.ours(); err != nil {
		return err
	}
	if i.runtime != nil {
		if err := i.runtime.Stop(ctx, appService, dbService); err != nil {
			return fmt.Errorf("stop the demo in %s: %w", i.Dir, err)
		}
	}

	return os.RemoveAll(i.Dir)
}

// ours refuses a directory that Build did not make, and places outside of it.
func (i *Installation) ours() error {
	if _, err := os.Lstat(filepath.Join(i.Dir, mark)); err != nil {
		return &NotOursError{i.Dir, err}
	}
	for _, path := range []string{i.Project, i.Vault} {
		inside, err := filepath.Rel(i.Dir, path)
		if err != nil || inside == "." || !filepath.IsLocal(inside) {
			return &NotOursError{path, err}
		}
	}

	return nil
}

// NotOursError is a place that Build did not make, so that nothing in it is
// stopped or removed.
type NotOursError struct {
	Path string
	Err  error
}

func (e *NotOursError) Error() string { return e.Path + " is not a demo of ours" }
func (e *NotOursError) Unwrap() error { return e.Err }

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails

	return base64.RawURLEncoding.EncodeToString(b[:bytes-4]) + hex.EncodeToString(b[bytes-4:])
}

// The ports that are tried lie below those that Linux gives to outgoing
// connections: one of these could take the port while the app is down.
const firstPort, ports, tries = 20_000, 8_000, 100

// given are the ports of this process's installations: one that is down just now
// leaves its port free, and needs it again.
var given sync.Map

func freePort() (int, error) {
	var last error
	for range tries {
		port := firstPort + mathrand.IntN(ports) //nolint:gosec // no secret
		if _, known := given.LoadOrStore(port, true); known {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}

	return 0, fmt.Errorf("find a free port: %w", last)
}
