package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// sample is how many entries of a mirror are looked at. A vault has up to
// millions, and a listing must not take minutes.
const sample = 4096

// Mirror is vault_sync: the vault as the last rsync left it.
//
// Only its two top levels are looked at, and of them no more than a sample, so
// Newest is a lower bound: something deeper could be newer. rsync gives
// directories the time they have in the vault, where each new document renews
// that of its firm's directory; so the bound is a good one.
type Mirror struct {
	Path    string
	Empty   bool      // nothing is in it: as rsync --delete from an unmounted vault leaves it
	Newest  time.Time // the newest time that was seen
	Seen    int       // how many entries were looked at
	Sampled bool      // there were more
	// Unfinished are entries of an rsync that was interrupted: its temporary
	// names, and files dated 1970, which it has not written to the end.
	Unfinished []string // below Path; print them quoted
}

// temporary are the names under which rsync writes before it renames, and where
// --partial-dir and --delay-updates keep them.
var temporary = regexp.MustCompile(`^(\..+\.[A-Za-z0-9]{6}|\.rsync-partial|\.~tmp~)$`)

// look looks at a mirror, and follows the link if it is one.
func look(ctx context.Context, path string) (*Mirror, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return nil, err
	}
	m := &Mirror{Path: resolved, Newest: info.ModTime()}
	firms, err := m.list(ctx, ".")
	if err != nil {
		return nil, err
	}
	m.Empty = m.Seen == 0

	for _, firm := range firms {
		// A firm's directory that may not be read hides no time that matters here.
		if _, err := m.list(ctx, firm); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	slices.Sort(m.Unfinished)

	return m, nil
}

// list looks at one directory of the mirror and returns the directories in it,
// those changed last first.
func (m *Mirror) list(ctx context.Context, below string) ([]string, error) {
	if m.Seen >= sample {
		m.Sampled = true

		return nil, nil
	}
	dir, err := os.Open(filepath.Join(m.Path, below))
	if err != nil {
		return nil, err
	}
	defer dir.Close()

	room := sample - m.Seen
	entries, err := dir.ReadDir(room + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(entries) > room {
		m.Sampled, entries = true, entries[:room]
	}

	var inside []fs.FileInfo
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info, err := entry.Info()
		if err != nil {
			continue // gone since: rsync may be at work
		}
		m.note(filepath.Join(below, entry.Name()), info)
		if info.IsDir() {
			inside = append(inside, info)
		}
	}

	return newestFirst(below, inside), nil
}

func (m *Mirror) note(name string, info fs.FileInfo) {
	m.Seen++
	if info.ModTime().After(m.Newest) {
		m.Newest = info.ModTime()
	}
	if temporary.MatchString(info.Name()) || info.Mode().IsRegular() && info.ModTime().Unix() == 0 {
		m.Unfinished = append(m.Unfinished, name)
	}
}

func newestFirst(below string, dirs []fs.FileInfo) []string {
	slices.SortFunc(dirs, func(a, b fs.FileInfo) int {
		if c := b.ModTime().Compare(a.ModTime()); c != 0 {
			return c
		}

		return compareNames(a, b)
	})
	names := make([]string, len(dirs))
	for i, d := range dirs {
		names[i] = filepath.Join(below, d.Name())
	}

	return names
}

func compareNames(a, b fs.FileInfo) int {
	if a.Name() < b.Name() {
		return -1
	}

	return 1
}
