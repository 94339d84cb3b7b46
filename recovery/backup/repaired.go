package backup

import (
	"path/filepath"
	"slices"
	"strings"
)

// How repaired copies are told from what the script wrote: db_DATE.repaired.dump
// and vault_snapshot_DATE.repaired.tar.gz, beside the originals, make the backup
// DATE-repaired.
const (
	repairedDump    = ".repaired.dump"
	repairedArchive = ".repaired.tar.gz"
	repairedName    = "-repaired"
)

func (c candidate) repaired() bool {
	return c.part == Dump && strings.HasSuffix(c.name, repairedDump) || c.part == Archive && strings.HasSuffix(c.name, repairedArchive)
}

// Repaired tells whether a file of the set is a repaired copy.
func (s Set) Repaired() bool { return s.RepairedDump || s.RepairedArchive }

// wrapped are the endings that a script gives to what it wraps.
var wrapped = []string{".gz", ".zst", ".age"}

// RepairedDumpName is the file name of a repaired copy of the set's dump, and the
// name by which Choose will know it.
func (s Set) RepairedDumpName() (file, backup string) {
	base := filepath.Base(s.Dump.Path)
	if s.Date != "" {
		return "db_" + s.Date + repairedDump, s.Date + repairedName
	}
	for _, end := range slices.Concat(wrapped, wrapped, wrapped) {
		base = strings.TrimSuffix(base, end)
	}
	if part, st, _, ours := classify(base); ours && part == Dump { // db_2026-11-22.dump.gz
		return "db_" + st.String() + repairedDump, st.String() + repairedName
	}
	base = strings.TrimSuffix(base, ".dump") + repairedDump

	return base, base
}

// RepairedArchiveName is RepairedDumpName for the vault archive, which only a set
// with a date has.
func (s Set) RepairedArchiveName() (file, backup string) {
	return "vault_snapshot_" + s.Date + repairedArchive, s.Date + repairedName
}

// addRepaired makes a set of the repaired copies of each date: what belongs to
// it, and the copies instead of what they were made of. It comes before the set
// that was broken, as if it were newer.
func (d *Directory) addRepaired(copies []candidate) {
	for _, c := range copies {
		copied, repaired := d.repairedSet(c.stamp), new(bool)
		switch c.part {
		case Dump:
			repaired = &copied.RepairedDump
		case Archive:
			repaired = &copied.RepairedArchive
		}
		if *repaired {
			d.pass(c.name, ErrRepeated)

			continue
		}
		*copied.file(c.part), *repaired = c.file, true
	}
}

// repairedSet gives the set of the repaired copies of a date, and makes it where
// this is the first of them.
func (d *Directory) repairedSet(of stamp) *Set {
	date := of.String()
	copied := Set{Date: date, Mirror: d.Mirror}
	at := slices.IndexFunc(d.Sets, func(s Set) bool {
		st, _, _ := cutStamp(s.Date)

		return st.compare(of) <= 0
	})
	switch {
	case at < 0:
		at = len(d.Sets)
	case d.Sets[at].Date == date && d.Sets[at].Repaired():
		return &d.Sets[at]
	case d.Sets[at].Date == date:
		copied = d.Sets[at]
	}
	d.Sets = slices.Insert(d.Sets, at, copied)

	return &d.Sets[at]
}
