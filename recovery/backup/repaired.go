package backup

import (
	"path/filepath"
	"slices"
	"strings"
)

// How repaired copies are told from what the script wrote: db_DATE.repaired.dump
// beside db_DATE.dump is the backup DATE-repaired.
const (
	repairedEnd  = ".repaired.dump"
	repairedName = "-repaired"
)

func (c candidate) repaired() bool { return c.part == Dump && strings.HasSuffix(c.name, repairedEnd) }

// wrapped are the endings that a script gives to what it wraps.
var wrapped = []string{".gz", ".zst", ".age"}

// RepairedName is the file name of a repaired copy of the set's dump, and the
// name by which Choose will know it.
func (s Set) RepairedName() (file, backup string) {
	base := filepath.Base(s.Dump.Path)
	if s.Date != "" {
		return "db_" + s.Date + repairedEnd, s.Date + repairedName
	}
	for _, end := range slices.Concat(wrapped, wrapped, wrapped) {
		base = strings.TrimSuffix(base, end)
	}
	if part, st, _, ours := classify(base); ours && part == Dump { // db_2026-11-22.dump.gz
		return "db_" + st.String() + repairedEnd, st.String() + repairedName
	}
	base = strings.TrimSuffix(base, ".dump") + repairedEnd

	return base, base
}

// addRepaired makes a set of each repaired copy: what belongs to the date, and
// the copy instead of the dump. It comes before the set whose dump was broken,
// as if it were newer.
func (d *Directory) addRepaired(copies []candidate) {
	for _, c := range copies {
		date := c.stamp.String()
		copied := Set{Date: date, Mirror: d.Mirror}
		at := slices.IndexFunc(d.Sets, func(s Set) bool {
			st, _, _ := cutStamp(s.Date)

			return st.compare(c.stamp) <= 0
		})
		if at < 0 {
			at = len(d.Sets)
		} else if d.Sets[at].Date == date {
			copied = d.Sets[at]
		}
		if copied.Repaired {
			d.pass(c.name, ErrRepeated)

			continue
		}
		copied.Dump, copied.Repaired = c.file, true
		d.Sets = slices.Insert(d.Sets, at, copied)
	}
}
