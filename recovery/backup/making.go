package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"firmflow-recovery/recovery/durable"
)

// whole is the mark of a remainder in which everything is written and verified:
// only names are missing. It says so from then on until the last has its name.
const whole = "whole"

// Making is a backup in the making: a directory beside the others, in which its
// files have their names already. However it ends, it is one thing to clear away,
// or to finish.
type Making struct {
	Dir  string // the backup directory
	Date string // of the backup, as its file names will have it
}

// NameOf gives the date under which a backup that begins now is kept: in UTC, so
// that no clock change makes two of one, and to the second, so that there may be
// several a day.
func NameOf(now time.Time) string { return now.UTC().Format("2006-01-02_150405") }

// FileName is the name of a part in a backup of that date.
func (m Making) FileName(part Part, encrypted Encryption) string {
	name := map[Part]string{
		Dump: "db_" + m.Date + ".dump", Archive: "vault_snapshot_" + m.Date + ".tar.gz", Proof: "manifest_" + m.Date + ".json",
		Env: "env_" + m.Date, List: "vault_list_" + m.Date + ".sha256.gz", Compose: "compose_" + m.Date + ".tar",
		Card: "RECOVER_" + m.Date + ".txt", Sums: "SHA256SUMS_" + m.Date,
	}[part]
	if encrypted == Encrypted && (part == Env || part == Compose) {
		name += ".age"
	}

	return name
}

// Encryption says whether a file is encrypted.
type Encryption string

// The kinds of encryption. The zero value is the careful one.
const (
	Encrypted Encryption = ""
	Plain     Encryption = "plain"
)

func (m Making) place() string {
	return filepath.Join(m.Dir, remainderStart+m.Date+remainderEnd)
}

// Path is where a file of the backup is while it is made.
func (m Making) Path(name string) string { return filepath.Join(m.place(), name) }

// Begin makes the directory. fs.ErrExist means that there is a backup of that
// date, or one in the making.
func (m Making) Begin() error {
	taken, err := filepath.Glob(filepath.Join(m.Dir, "*"+m.Date+"*"))
	if err != nil {
		return fmt.Errorf("begin backup %s: %w", m.Date, err)
	}
	if len(taken) > 0 {
		return fmt.Errorf("begin backup %s: %q: %w", m.Date, taken[0], fs.ErrExist)
	}
	if err := os.Mkdir(m.place(), 0o700); err != nil {
		return fmt.Errorf("begin backup %s: %w", m.Date, plain(err))
	}

	return durable.SyncDir(m.Dir)
}

// Create makes a file of the backup, anew where an attempt before has left one.
func (m Making) Create(name string) (*os.File, error) {
	f, err := os.OpenFile(m.Path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write %q: %w", m.Path(name), plain(err))
	}

	return f, nil
}

// Publish gives every file its final name. It must be called only once all of
// them are written, durable and verified. Cut off anywhere, Settle goes on with it;
// until its end readers take none of the files for a backup.
func (m Making) Publish() error {
	if err := durable.WriteFile(m.Path(whole), nil, 0o600); err != nil {
		return err
	}

	return m.publish()
}

func (m Making) publish() error {
	entries, err := os.ReadDir(m.place())
	if err != nil {
		return fmt.Errorf("publish backup %s: %w", m.Date, plain(err))
	}
	for _, e := range entries {
		if e.Name() == whole {
			continue
		}
		if err := durable.Move(m.Path(e.Name()), filepath.Join(m.Dir, e.Name())); err != nil {
			return err
		}
	}
	if err := durable.SyncDir(m.Dir); err != nil {
		return err
	}
	if err := os.RemoveAll(m.place()); err != nil {
		return fmt.Errorf("publish backup %s: %w", m.Date, plain(err))
	}

	return durable.SyncDir(m.Dir)
}

// Remainder is what an interrupted backup has left.
type Remainder struct {
	Making
	Whole bool // only names are missing
}

// Remainders finds what interrupted backups have left in a directory.
func Remainders(dir string) ([]Remainder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for unfinished backups in %q: %w", dir, plain(err))
	}
	var found []Remainder
	for _, e := range entries {
		if _, is := remainderOf(e.Name()); !is || !e.IsDir() {
			continue
		}
		date := strings.TrimSuffix(strings.TrimPrefix(e.Name(), remainderStart), remainderEnd)
		r := Remainder{Making: Making{Dir: dir, Date: date}}
		if r.Whole, err = durable.Exists(r.Path(whole)); err != nil {
			return nil, err
		}
		found = append(found, r)
	}

	return found, nil
}

// Settle finishes a remainder of which only names were missing, and removes any
// other: nothing in it is a backup.
func (r Remainder) Settle() error {
	if r.Whole {
		return r.publish()
	}
	if err := os.RemoveAll(r.place()); err != nil {
		return fmt.Errorf("clear what backup %s has left: %w", r.Date, plain(err))
	}

	return durable.SyncDir(r.Dir)
}

// Remove deletes the files of sets, the dump of each first: what an interruption
// leaves then is no backup that could be taken for one. A file that a set which
// stays has as well is kept, as is the mirror.
func (d Directory) Remove(sets []Set) error {
	for _, s := range sets {
		for _, f := range d.Loses(s, sets) {
			if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("delete %q: %w", f.Path, plain(err))
			}
		}
	}

	return durable.SyncDir(d.Path)
}

// Loses lists the files of a set that go with it where all of those sets go, the
// dump first.
func (d Directory) Loses(s Set, sets []Set) []File {
	stays := map[string]bool{}
	for _, other := range d.Sets {
		if slices.ContainsFunc(sets, func(gone Set) bool { return gone.Name() == other.Name() }) {
			continue
		}
		for _, f := range other.Files() {
			stays[f.Path] = true
		}
	}

	return slices.DeleteFunc(s.Files(), func(f File) bool { return stays[f.Path] })
}
