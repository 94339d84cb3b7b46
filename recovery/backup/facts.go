package backup

import (
	"slices"
	"time"
)

// Facts is what a listing can tell about a set without opening its files.
type Facts struct {
	Taken    time.Time     // when the dump was written; from its name if FromName
	FromName bool          // the file's own time does not fit its name: it was copied later
	Age      time.Duration // from Taken to now; negative if a clock is wrong

	// Apart is how long after the dump the archive was written; negative if it
	// was before. It is not Known where one is missing, or was copied later.
	Apart      time.Duration
	ApartKnown bool

	Missing []Part // needed for a recovery, and not there
	Empty   []Part // there, with nothing in them
	Shrunk  []Part // less than half of what the set before has

	// MirrorAfter is how much newer than the dump the mirror is, at least. The
	// mirror then holds documents that the dump does not know, and may lack
	// some that it does.
	MirrorAfter time.Duration
}

// Facts tells about one of the directory's sets, as of now.
func (d Directory) Facts(s Set, now time.Time) Facts {
	f := Facts{Missing: s.Missing()}
	f.Taken, f.FromName = s.taken()
	f.Age = now.Sub(f.Taken)
	if s.Dump.Exists() && s.Archive.Exists() && s.fits(s.Dump) && s.fits(s.Archive) {
		f.Apart, f.ApartKnown = s.Archive.Modified.Sub(s.Dump.Modified), true
	}
	if s.Mirror != nil && s.Mirror.Newest.After(f.Taken) && !f.FromName {
		f.MirrorAfter = s.Mirror.Newest.Sub(f.Taken)
	}
	for _, part := range []Part{Dump, Archive, Proof, Env} {
		file := *s.file(part)
		if file.Exists() && file.Size == 0 {
			f.Empty = append(f.Empty, part)
		}
		if before := d.before(s, part); (part == Dump || part == Archive) && file.Exists() && file.Size < before.Size/2 {
			f.Shrunk = append(f.Shrunk, part)
		}
	}

	return f
}

// before finds a part in the newest of the older sets that has it.
func (d Directory) before(s Set, part Part) File {
	i := slices.IndexFunc(d.Sets, func(other Set) bool { return other.Name() == s.Name() })
	if i < 0 {
		return File{}
	}
	for _, older := range d.Sets[i+1:] {
		if f := *older.file(part); f.Filled() && f.Path != s.file(part).Path {
			return f
		}
	}

	return File{}
}

// taken tells when the set was taken, and whether only its name says so.
func (s Set) taken() (time.Time, bool) {
	for _, f := range []File{s.Dump, s.Archive} {
		if f.Exists() && s.fits(f) {
			return f.Modified, false
		}
	}
	st, _, _ := cutStamp(s.Date)

	return st.time(), true
}

// fits tells whether a file's time could be that of its name. The name's clock
// is unknown, from 14 hours ahead of UTC to 12 behind, and a long night's work
// may end on the next day.
func (s Set) fits(f File) bool {
	st, _, ok := cutStamp(s.Date)
	if !ok {
		return true // a name without a date contradicts nothing
	}
	late := 12*time.Hour + 24*time.Hour
	if st.hour == "" {
		late += 24 * time.Hour
	}
	off := f.Modified.Sub(st.time())

	return off >= -14*time.Hour && off <= late
}
