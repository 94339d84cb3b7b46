// Package backup finds and pairs what FirmFlow's backup script writes.
//
// The script leaves, each night, db_DATE.dump and vault_snapshot_DATE.tar.gz,
// and beside them vault_sync, a mirror of the vault that every night changes.
// Sites add times to the dates, manifests, and copies of .env. Files that
// belong together are a Set. Repaired copies, db_DATE.repaired.dump and
// vault_snapshot_DATE.repaired.tar.gz, are a Set of their own with the rest of
// their date. Nothing here opens a dump or an archive: whether a set can be
// believed is for others to say. What a listing can tell without
// that is in Facts.
package backup

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Part is a part of a backup set.
type Part string

// The parts of a backup set. A recovery needs a dump and a vault: an archive,
// or else the mirror. What follows Env is what this program's own backups have
// besides.
const (
	Dump    Part = "dump"
	Archive Part = "vault archive"
	Proof   Part = "manifest"
	Env     Part = "env"
	List    Part = "vault list"        // a digest for each document
	Compose Part = "compose archive"   // as a tar, or encrypted as .env is
	Card    Part = "bootstrap card"    // how to recover by hand
	Sums    Part = "list of checksums" // of the files, for sha256sum -c
	Vault   Part = "vault"
)

// Parts lists the parts that are files of a set.
func Parts() []Part { return []Part{Dump, Archive, Proof, Env, List, Compose, Card, Sums} }

// Latest is the name by which Choose knows the newest set.
const Latest = "latest"

// File is a file of a backup. Its zero value is one that is missing.
type File struct {
	Path     string // resolved, where the name in the directory is a link
	Size     int64
	Modified time.Time
}

// Exists tells whether there is a file.
func (f File) Exists() bool { return f.Path != "" }

// Filled tells whether there is a file with anything in it.
func (f File) Filled() bool { return f.Exists() && f.Size > 0 }

// Set is what belongs together: one backup.
type Set struct {
	Date     string // 2026-11-22, or 2026-11-22_0200 where the names have a time; empty for a dump of another name
	Dump     File
	Archive  File
	Manifest File
	Env      File // a copy of .env with the same date
	List     File
	Compose  File
	Card     File
	Sums     File
	Mirror   *Mirror // vault_sync, the same for every set; nil where there is none

	// Which of its files are repaired copies of those of the set with the same date.
	RepairedDump, RepairedArchive bool
}

// Name is what the set is called: its date, or its dump's file name.
func (s Set) Name() string {
	if s.Repaired() {
		return s.Date + repairedName
	}
	if s.Date != "" {
		return s.Date
	}

	return filepath.Base(s.Dump.Path)
}

// Missing lists what a recovery needs and the set does not have. An empty file
// or mirror is as good as none.
func (s Set) Missing() []Part {
	var missing []Part
	if !s.Dump.Filled() {
		missing = append(missing, Dump)
	}
	if !s.Archive.Filled() && (s.Mirror == nil || s.Mirror.Empty) {
		missing = append(missing, Vault)
	}

	return missing
}

// file gives a part of the set.
func (s *Set) file(part Part) *File {
	switch part {
	case Dump:
		return &s.Dump
	case Archive:
		return &s.Archive
	case Proof:
		return &s.Manifest
	case List:
		return &s.List
	case Compose:
		return &s.Compose
	case Card:
		return &s.Card
	case Sums:
		return &s.Sums
	default:
		return &s.Env
	}
}

// File gives a part of the set; its zero value is one that is missing.
func (s Set) File(part Part) File { return *s.file(part) }

// Directory is a backup directory as it was found.
type Directory struct {
	Path     string
	Sets     []Set // newest first, incomplete ones too
	Mirror   *Mirror
	Env      File       // a copy of .env without a date
	Foreign  []string   // names that are none of ours, hidden ones left out; print them quoted
	Unusable []Unusable // names of ours that are no backup

	foreign []File
}

// Unusable is a name that the script could have written, on something that is
// no backup.
type Unusable struct {
	Name string // print it quoted
	Why  error  // ErrPartial, ErrNotRegular, ErrNoContents, ErrNowhere, ErrRepeated, or what the system says
}

// Choose finds the set to recover from: "latest", a date as in the file names,
// or the path of a dump in this directory, which may have any name. Latest is
// the newest set from which a recovery is possible; Newer tells what it passed
// over.
//
// It returns ErrNone, a *NotFoundError, or an *IncompleteError.
func (d Directory) Choose(name string) (Set, error) {
	if name == Latest {
		return d.latest()
	}
	if s, ok := d.find(name); ok {
		if missing := s.Missing(); len(missing) > 0 {
			return Set{}, &IncompleteError{Set: s, Missing: missing}
		}

		return s, nil
	}
	if len(d.Sets) == 0 {
		return Set{}, ErrNone
	}

	have := make([]string, len(d.Sets))
	for i, s := range d.Sets {
		have[i] = s.Name()
	}

	return Set{}, &NotFoundError{Name: name, Have: have}
}

func (d Directory) latest() (Set, error) {
	for _, s := range d.Sets {
		if len(s.Missing()) == 0 {
			return s, nil
		}
	}
	if len(d.Sets) == 0 {
		return Set{}, ErrNone
	}

	return Set{}, &IncompleteError{Set: d.Sets[0], Missing: d.Sets[0].Missing()}
}

// find looks a set up by its date, then by the path or name of its dump.
func (d Directory) find(name string) (Set, bool) {
	if s, ok := d.dated(name); ok {
		return s, true
	}
	wanted := d.paths(name)
	for _, s := range d.Sets {
		if s.Dump.Exists() && slices.Contains(wanted, s.Dump.Path) {
			return s, true
		}
	}
	for _, f := range d.foreign {
		if slices.Contains(wanted, f.Path) {
			return Set{Dump: f, Mirror: d.Mirror}, true
		}
	}

	return Set{}, false
}

// dated finds the set of a date. A day alone means the day's only set. A
// repaired copy is meant only where its name says so.
func (d Directory) dated(name string) (Set, bool) {
	st, rest, ok := cutStamp(name)
	if !ok || rest != "" && rest != repairedName {
		return Set{}, false
	}
	var sameDay []Set
	for _, s := range d.Sets {
		if s.Repaired() != (rest == repairedName) {
			continue
		}
		if s.Date == st.String() {
			return s, true
		}
		if day, _, _ := strings.Cut(s.Date, "_"); st.hour == "" && day == st.day {
			sameDay = append(sameDay, s)
		}
	}
	if len(sameDay) != 1 {
		return Set{}, false
	}

	return sameDay[0], true
}

// paths gives the ways in which a name could mean a file of this directory: as
// a path of its own, or as a name in it, and where links lead.
func (d Directory) paths(name string) []string {
	var all []string
	for _, path := range []string{name, filepath.Join(d.Path, name)} {
		full, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		all = append(all, full)
		if resolved, err := filepath.EvalSymlinks(full); err == nil {
			all = append(all, resolved)
		}
	}

	return all
}

// Look finds a set as Choose does, and gives an incomplete one too.
func (d Directory) Look(name string) (Set, error) {
	s, err := d.Choose(name)
	if incomplete, is := errors.AsType[*IncompleteError](err); is {
		return incomplete.Set, nil
	}

	return s, err
}

// Newer lists the sets that are newer than the given one.
func (d Directory) Newer(than Set) []Set {
	i := slices.IndexFunc(d.Sets, func(s Set) bool { return s.Name() == than.Name() })

	return d.Sets[:max(i, 0)]
}
