package drill

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery/envfile"
)

// Fault is something that goes wrong in a drill on purpose, so that the way out
// of it is known before it is needed. It is made in copies and in the drill's
// own surroundings, never in the backup. What the wizard then shows is the real
// diagnosis of a real fault.
type Fault struct {
	Name  string
	Does  string // what is made to go wrong
	Shows string // the code of the diagnosis that follows
	Way   string // how a trainee comes out of it

	damage  func(Training) error // what is done to the copies, or to .env
	Moment  Moment               // of one that strikes while the drill runs
	Disk    bool                 // the drill's place is a disk that is too small
	Address bool                 // the app is given the address of a database that is not there
}

// Moment is when a fault strikes.
type Moment string

// The moments. Most faults are there from the beginning.
const (
	FromTheBeginning Moment = ""
	DatabaseDies     Moment = "the database dies during the load"
	LineDrops        Moment = "the line to the operator drops during the load"
)

// Training is what a fault may damage: copies, and the .env that the drill's
// host is to have already.
type Training struct {
	Dump, Archive string       // copies
	Original      envfile.File // the original .env, opened
	Env           string       // where the drill's .env will be
}

// ErrImpossible means that a fault cannot be made of what there is.
var ErrImpossible = errors.New("this fault cannot be made here")

// Faults are all there are, in the order in which a recovery meets them.
func Faults() []Fault {
	return []Fault{
		{Name: "full-disk", Does: "the disk is smaller than what is restored", Shows: "space.disk", Disk: true,
			Way: "make room (mount -o remount,size=2g DIR), then check again"},
		{Name: "secret-differs", Does: "one character of AUTH_SECRET in .env is another", Shows: "secrets.different", damage: Training.differ,
			Way: "let the original's keys be put into .env: --fix"},
		{Name: "secret-dollar", Does: "AUTH_SECRET has a $ and stands in .env without quotes", Shows: "secrets.cut-by-compose", damage: Training.unquote,
			Way: "let the original's keys be put into .env, quoted: --fix"},
		{Name: "other-days", Does: "the vault archive is of another day than the dump", Shows: "evidence.documents.missing", damage: Training.otherDays,
			Way: "restore a set whose parts belong together, or the mirror: --vault-from mirror"},
		{Name: "missing-documents", Does: "some documents are not in the vault archive", Shows: "evidence.documents.missing", damage: Training.missing,
			Way: "restore another backup, or the mirror: --vault-from mirror"},
		{Name: "truncated-archive", Does: "the vault archive ends early", Shows: "vault.archive.truncated", damage: Training.cutArchive,
			Way: "copy the archive again, or restore the mirror: --vault-from mirror"},
		{Name: "terminal-dump", Does: "the dump was written through a terminal", Shows: "dump.terminal", damage: Training.throughTerminal,
			Way: "repair it into a copy (firmflow-recovery repair), or copy it again; then check again"},
		{Name: "truncated-dump", Does: "the dump ends early", Shows: "dump.truncated", damage: Training.cutDump,
			Way: "copy the dump again, then check again; or choose another backup"},
		{Name: "database-dies", Does: "the database is killed while the dump is loaded", Shows: "service.ended", Moment: DatabaseDies,
			Way: "start the database again, as the plan's command for it does, then retry the step"},
		{Name: "line-drops", Does: "the line to you drops while the dump is loaded", Shows: "", Moment: LineDrops,
			Way: "the work goes on: log in again and watch it (firmflow-recovery attach)"},
		{Name: "app-down", Does: "the app has the address of a database that is not there", Shows: "app.silent", Address: true,
			Way: "correct DATABASE_URL in sandbox.json, or on Compose in compose.yaml, as the log tells, then retry the step"},
	}
}

// Named finds a fault.
func Named(name string) (Fault, bool) {
	for _, f := range Faults() {
		if f.Name == name {
			return f, true
		}
	}

	return Fault{}, false
}

// Damages tells whether the fault is made before the drill looks at anything.
func (f Fault) Damages() bool { return f.damage != nil }

// Damage makes the fault.
func (f Fault) Damage(t Training) error {
	if f.damage == nil {
		return nil
	}
	if err := f.damage(t); err != nil {
		return fmt.Errorf("make the fault %s: %w", f.Name, err)
	}

	return nil
}

func (t Training) cutDump() error    { return cut(t.Dump) }
func (t Training) cutArchive() error { return cut(t.Archive) }

// cut takes the last third off a copy.
func cut(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}

	return touched(path, info.ModTime(), os.Truncate(path, info.Size()*2/3))
}

// touched gives a copy the time of what it is a copy of.
func touched(path string, at time.Time, err error) error {
	return errors.Join(err, os.Chtimes(path, at, at))
}

// apart is how far other-days moves the archive from the dump: too far for one
// night, and near enough for the date in its name.
const apart = 13 * time.Hour

func (t Training) otherDays() error {
	info, err := os.Stat(t.Archive)
	if err != nil {
		return err
	}
	if err := without(t.Archive, 10); err != nil {
		return err
	}

	return touched(t.Archive, info.ModTime().Add(-apart), nil)
}

func (t Training) missing() error {
	info, err := os.Stat(t.Archive)
	if err != nil {
		return err
	}

	return touched(t.Archive, info.ModTime(), without(t.Archive, 50))
}

// Copy copies what a fault may damage into the place, and gives the directory
// of the copies. Whatever is not damaged is linked.
func (p Place) Copy(dump, archive, mirror string) (Training, error) {
	dir := p.Copies()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return Training{}, fmt.Errorf("copy the backup: %w", err)
	}
	t := Training{Env: filepath.Join(p.Work(), ".env")}
	for _, one := range []struct {
		from string
		to   *string
	}{{dump, &t.Dump}, {archive, &t.Archive}} {
		if one.from == "" {
			continue
		}
		*one.to = filepath.Join(dir, filepath.Base(one.from))
		if err := copied(one.from, *one.to); err != nil {
			return t, fmt.Errorf("copy the backup: %w", err)
		}
	}
	if mirror != "" {
		if err := os.Symlink(mirror, filepath.Join(dir, "vault_sync")); err != nil {
			return t, fmt.Errorf("copy the backup: %w", err)
		}
	}

	return t, nil
}
