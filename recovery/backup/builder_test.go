package backup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// night is when the backups of the tests were taken: shortly after two o'clock
// on the day in their names.
func night(date string) time.Time {
	st, _, _ := cutStamp(date)

	return st.time().Add(2 * time.Hour)
}

// place is a backup directory in the making.
type place struct {
	t   *testing.T
	dir string
}

func newPlace(t *testing.T) place {
	t.Helper()

	return place{t, t.TempDir()}
}

// file writes a file of a size, last changed at a time.
func (p place) file(name string, size int, modified time.Time) place {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	p.must(os.MkdirAll(filepath.Dir(path), 0o755))
	p.must(os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o644))
	p.must(os.Chtimes(path, modified, modified))

	return p
}

// set writes a whole backup, the archive three minutes after the dump.
func (p place) set(date string) place {
	p.t.Helper()

	return p.file("db_"+date+".dump", 1000, night(date)).
		file("vault_snapshot_"+date+".tar.gz", 9000, night(date).Add(3*time.Minute))
}

func (p place) directory(name string, modified time.Time) place {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	p.must(os.MkdirAll(path, 0o755))
	p.must(os.Chtimes(path, modified, modified))

	return p
}

func (p place) link(target, name string) place {
	p.t.Helper()
	p.must(os.Symlink(target, filepath.Join(p.dir, name)))

	return p
}

func (p place) open() Directory {
	p.t.Helper()
	d, err := Open(p.t.Context(), p.dir)
	p.must(err)

	return d
}

func (p place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// picture draws the sets of a directory as the tests write them: the date, and
// a letter for each part that is there.
func picture(d Directory) []string {
	var lines []string
	for _, s := range d.Sets {
		line := s.Name() + " "
		for _, part := range []struct {
			letter string
			there  bool
		}{{"d", s.Dump.Exists()}, {"a", s.Archive.Exists()}, {"m", s.Manifest.Exists()}, {"e", s.Env.Exists()}, {"v", s.Mirror != nil}} {
			if part.there {
				line += part.letter
			}
		}
		lines = append(lines, line)
	}

	return lines
}
