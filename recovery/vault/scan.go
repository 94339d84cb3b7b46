package vault

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// scan walks both trees at once, a directory at a time.
func (s *Sync) scan(ctx context.Context) error {
	type dir struct {
		path string
		new  bool // the mirror does not have it, and so nothing below it
	}
	for todo := []dir{{path: "."}}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		below, lacks, err := s.look(ctx, at.path, at.new)
		if err != nil {
			return placed(at.path, err)
		}
		for _, path := range below {
			todo = append(todo, dir{path, lacks})
		}
	}

	return nil
}

// look compares one directory, and gives the directories in it. It tells whether
// the mirror lacks it.
func (s *Sync) look(ctx context.Context, at string, lacks bool) ([]string, bool, error) {
	source, err := s.from.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil // deleted meanwhile
	}
	if err != nil {
		return nil, false, bare(err)
	}
	defer source.Close()
	d := syncDir{path: at, make: lacks, settle: lacks}
	theirs, err := s.theirs(ctx, &d)
	if err != nil {
		return nil, false, err
	}
	if theirs.dir != nil {
		defer theirs.dir.Close()
		if d.settle, err = differ(source, theirs.dir); err != nil {
			return nil, false, err
		}
	}
	below, err := s.compare(ctx, source, theirs, &d)
	if err != nil {
		return nil, false, err
	}
	if err := s.leftOver(ctx, theirs, &d); err != nil {
		return nil, false, err
	}
	s.dirs = append(s.dirs, d)

	return below, d.make, nil
}

// theirs lists the mirror's directory, if it has one. A link there is none.
func (s *Sync) theirs(ctx context.Context, d *syncDir) (mirrored, error) {
	if d.make {
		return mirrored{}, nil
	}
	dir, err := s.into.OpenFile(d.path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		d.make, d.settle = true, true
		return mirrored{}, nil
	}
	if err != nil {
		return mirrored{}, bare(err)
	}

	return listed(ctx, dir)
}

// mirrored are the entries of a directory of the mirror: true once the vault
// was seen to have them, too.
type mirrored struct {
	dir   *os.File
	names map[string]bool
}

func listed(ctx context.Context, dir *os.File) (mirrored, error) {
	m := mirrored{dir: dir, names: map[string]bool{}}
	err := names(ctx, dir, func(name string) error {
		m.names[name] = false

		return nil
	})

	return m, err
}

func names(ctx context.Context, dir *os.File, show func(string) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		some, err := dir.Readdirnames(1024)
		for _, name := range some {
			if err := show(name); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return bare(err)
		}
	}
}

// compare looks at each entry of a directory of the vault.
func (s *Sync) compare(ctx context.Context, source *os.File, theirs mirrored, d *syncDir) ([]string, error) {
	var below []string
	err := names(ctx, source, func(name string) error {
		if d.path == "." && reserved(name) {
			return nil
		}
		var ours, other unix.Stat_t
		err := unix.Fstatat(int(source.Fd()), name, &ours, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return &EntryError{path.Join(d.path, name), err}
		}
		_, there := theirs.names[name]
		if there {
			theirs.names[name] = true
			if err := unix.Fstatat(int(theirs.dir.Fd()), name, &other, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				return &EntryError{path.Join(d.path, name), err}
			}
		}
		switch ours.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			below = append(below, path.Join(d.path, name))
		case unix.S_IFLNK:
			s.Source.Files++
			d.links = append(d.links, name)
		case unix.S_IFREG:
			s.file(d, name, ours, other, there)
		default:
			return &EntryError{path.Join(d.path, name), ErrSpecial}
		}

		return nil
	})

	return below, err
}

// file decides whether a file is to be copied.
func (s *Sync) file(d *syncDir, name string, ours, other unix.Stat_t, there bool) {
	s.Source.Files++
	s.Source.Bytes += ours.Size
	if there && other.Mode&unix.S_IFMT == unix.S_IFREG {
		s.Mirror.Files++
		s.Mirror.Bytes += other.Size
		if ours.Size == other.Size && sameTime(ours.Mtim, other.Mtim) && sameRights(ours, other) {
			return
		}
		s.Changed++
	} else {
		s.Fresh++
	}
	s.Bytes += ours.Size
	d.copy, d.settle = append(d.copy, name), true
}

// sameTime compares times as exactly as both filesystems keep them.
func sameTime(a, b unix.Timespec) bool {
	return a.Sec == b.Sec && (a.Nsec == b.Nsec || a.Nsec == 0 || b.Nsec == 0)
}

// sameRights tells whether mode and owner are the same. Who is not root cannot
// give files away, and the mirror's are all theirs.
func sameRights(a, b unix.Stat_t) bool {
	mode := a.Mode&uint32(fs.ModePerm) == b.Mode&uint32(fs.ModePerm)

	return mode && (os.Geteuid() != 0 || a.Uid == b.Uid && a.Gid == b.Gid)
}

// differ tells whether a directory's attributes are to be set.
func differ(source, mirror *os.File) (bool, error) {
	a, err := source.Stat()
	if err != nil {
		return false, bare(err)
	}
	b, err := mirror.Stat()
	if err != nil {
		return false, bare(err)
	}

	return attributesIn(a) != attributesIn(b), nil
}

// leftOver notes what only the mirror has, and counts it.
func (s *Sync) leftOver(ctx context.Context, theirs mirrored, d *syncDir) error {
	for name, seen := range theirs.names {
		if seen || d.path == "." && reserved(name) {
			continue
		}
		full := path.Join(d.path, name)
		info, err := s.into.Lstat(full)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return entryFailed(full, "look", err)
		}
		d.gone, d.settle = append(d.gone, name), true
		if !info.IsDir() {
			s.lost(info.Size())
			continue
		}
		if err := s.lostBelow(ctx, full); err != nil {
			return err
		}
	}

	return nil
}

func (s *Sync) lost(size int64) {
	s.Gone++
	s.Mirror.Files++
	s.Mirror.Bytes += size
}

// lostBelow counts the files of a directory that only the mirror has.
func (s *Sync) lostBelow(ctx context.Context, dir string) error {
	below, err := s.into.OpenRoot(dir)
	if err != nil {
		return entryFailed(dir, "list", err)
	}
	defer below.Close()

	return walk(ctx, below, func(_ string, e fs.DirEntry) error {
		if e.IsDir() {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return bare(err)
		}
		s.lost(info.Size())

		return nil
	})
}
