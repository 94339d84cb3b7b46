package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync/atomic"

	"firmflow-recovery/recovery/durable"
)

// How much is copied before it is made durable and gets its names: what an
// interruption can cost.
const (
	batchBytes = 2 << 30
	batchFiles = 4096
)

// incoming is where files are copied to, inside the mirror.
const incoming = ours + "incoming"

// ErrSourceEmpty means that there is nothing to mirror, as when the disk of the
// vault is not mounted.
var ErrSourceEmpty = errors.New("the vault is empty")

// ShrunkError is a vault that lacks too much of what its mirror has.
type ShrunkError struct{ Gone, Mirrored int }

func (e *ShrunkError) Error() string {
	return fmt.Sprintf("%d of %d documents of the mirror are not in the vault any more", e.Gone, e.Mirrored)
}

// Sync is what it takes to make a mirror equal to a vault.
type Sync struct {
	Source, Mirror Tally // as they were looked at
	Fresh, Changed int   // files to copy
	Bytes          int64 // to copy
	Gone           int   // files of the mirror that the vault does not have

	from, into *os.Root
	staged     *stage // where a batch is copied to
	path       string // of the mirror
	dirs       []syncDir
	moved      func(int64)
	done       atomic.Int64
	unsettled  atomic.Int64
	vanished   atomic.Int64
}

// Tally counts regular files and links.
type Tally struct {
	Files int
	Bytes int64
}

// syncDir is one directory of the vault, and what is to be done in it.
type syncDir struct {
	path   string
	make   bool
	copy   []string // regular files
	links  []string
	gone   []string // what the mirror has and the vault has not
	settle bool     // attributes differ, or will after the copy
}

// PlanSync compares a vault with its mirror by names, sizes and times, as rsync
// does, and changes nothing but that a mirror which is missing is made. Close
// must be called.
func PlanSync(ctx context.Context, from, into string) (*Sync, error) {
	if err := os.Mkdir(into, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the mirror %q: %w", into, bare(err))
	}
	if err := apart(from, into); err != nil {
		return nil, fmt.Errorf("mirror vault %q: %w", from, err)
	}
	s := &Sync{path: into}
	var err error
	if s.from, err = os.OpenRoot(from); err != nil {
		return nil, fmt.Errorf("open vault %q: %w", from, bare(err))
	}
	if s.into, err = os.OpenRoot(into); err != nil {
		s.Close()
		return nil, fmt.Errorf("open mirror %q: %w", into, bare(err))
	}
	if err := s.scan(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("compare %q with its mirror: %w", from, err)
	}

	return s, nil
}

// Close lets go of both directories.
func (s *Sync) Close() {
	for _, root := range []*os.Root{s.from, s.into} {
		if root != nil {
			_ = root.Close() // only a handle
		}
	}
}

// Refusal tells why the mirror should not be made equal to the vault:
// ErrSourceEmpty, or a *ShrunkError where more than a tenth of the mirror's
// files, and more than ten, are gone. An unmounted disk looks like that, and
// rsync --delete would empty the mirror with exit code 0 (FAULTS C12).
func (s *Sync) Refusal() error {
	const few, share = 10, 10
	switch {
	case s.Source.Files == 0:
		return ErrSourceEmpty
	case s.Gone > few && s.Gone > s.Mirror.Files/share:
		return &ShrunkError{Gone: s.Gone, Mirrored: s.Mirror.Files}
	default:
		return nil
	}
}

// Copied is what Copy did.
type Copied struct {
	Files     int
	Bytes     int64
	Vanished  int // deleted in the vault meanwhile
	Unsettled int // still being written, and left out
}

// Copy brings the mirror what it lacks. Every file is copied beside, made durable,
// and only then gets its name, so that what has a name is whole: a mirror that an
// interrupted rsync -P has been at is mended, too. Nothing is deleted. moved, which
// may be nil, is told how many bytes were copied.
func (s *Sync) Copy(ctx context.Context, moved func(int64)) (Copied, error) {
	if s.moved = moved; moved == nil {
		s.moved = func(int64) {}
	}
	s.dirs[0].settle = true                            // what comes and goes in the mirror itself changes its time
	if err := s.into.RemoveAll(incoming); err != nil { // what was interrupted: copies without a name
		return Copied{}, fmt.Errorf("clear %q: %w", incoming, bare(err))
	}
	if err := s.into.Mkdir(incoming, 0o700); err != nil {
		return Copied{}, fmt.Errorf("make %q: %w", incoming, bare(err))
	}
	copied, err := s.copyAll(ctx)
	if err != nil {
		return copied, err
	}
	if err := s.into.RemoveAll(incoming); err != nil {
		return copied, fmt.Errorf("clear %q: %w", incoming, bare(err))
	}
	if err := s.settle(ctx); err != nil {
		return copied, err
	}

	return copied, durable.SyncFS(s.path)
}

func (s *Sync) copyAll(ctx context.Context) (Copied, error) {
	var all Copied
	var batch []syncJob
	bytes := int64(0)
	flush := func() error {
		named, err := s.batch(ctx, batch)
		all.Files += named
		batch, bytes = batch[:0], 0

		return err
	}
	for _, d := range s.dirs {
		if err := s.folder(d); err != nil {
			return all, err
		}
		for _, name := range d.copy {
			full := path.Join(d.path, name)
			info, err := s.from.Lstat(full)
			if errors.Is(err, fs.ErrNotExist) {
				s.vanished.Add(1)
				continue
			}
			if err != nil {
				return all, entryFailed(full, "look", err)
			}
			batch = append(batch, syncJob{name: full, beside: path.Join(incoming, strconv.Itoa(len(batch)))})
			if bytes += info.Size(); bytes < batchBytes && len(batch) < batchFiles {
				continue
			}
			if err := flush(); err != nil {
				return all, err
			}
		}
	}
	err := flush()
	all.Bytes, all.Vanished, all.Unsettled = s.done.Load(), int(s.vanished.Load()), int(s.unsettled.Load())

	return all, err
}

// folder makes a directory that the mirror lacks, and the links in it.
func (s *Sync) folder(d syncDir) error {
	if d.make {
		if err := s.clear(d.path, fs.ModeDir); err != nil {
			return err
		}
		if err := s.into.Mkdir(d.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return entryFailed(d.path, "create directory", err)
		}
	}
	for _, name := range d.links {
		full := path.Join(d.path, name)
		to, err := s.from.Readlink(full)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return entryFailed(full, "read link", err)
		}
		if err := safeLink(full, to); err != nil {
			return &EntryError{full, err}
		}
		if now, err := s.into.Readlink(full); err == nil && now == to {
			continue
		}
		if err := s.into.RemoveAll(full); err != nil {
			return entryFailed(full, "replace", err)
		}
		if err := s.into.Symlink(to, full); err != nil {
			return entryFailed(full, "link", err)
		}
	}

	return nil
}

// clear removes what has the name of something of another kind.
func (s *Sync) clear(name string, kind fs.FileMode) error {
	info, err := s.into.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Type() == kind {
		return nil
	}
	if err == nil {
		err = s.into.RemoveAll(name)
	}
	if err != nil {
		return entryFailed(name, "replace", err)
	}

	return nil
}

// settle gives directories their attributes, from the leaves up.
func (s *Sync) settle(ctx context.Context) error {
	st := newStage(s.into, Owner{})
	for i := len(s.dirs) - 1; i >= 0; i-- {
		d := s.dirs[i]
		if !d.settle {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := s.from.Lstat(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = st.settle(&folder{path: d.path, listed: true, attr: attributesIn(info)})
		}
		if err != nil {
			return entryFailed(d.path, "set the attributes", err)
		}
	}

	return nil
}

// Delete removes from the mirror what the vault does not have any more. It comes
// after the archive is packed: a document that was deleted after the dump is still
// in it.
func (s *Sync) Delete(ctx context.Context) error {
	removed := false
	for _, d := range s.dirs {
		for _, name := range d.gone {
			if err := ctx.Err(); err != nil {
				return err
			}
			full := path.Join(d.path, name)
			if _, err := s.from.Lstat(full); err == nil {
				continue // it is there again
			}
			if err := s.into.RemoveAll(full); err != nil {
				return entryFailed(full, "remove", err)
			}
			removed = true
		}
	}
	if !removed {
		return nil
	}
	if err := s.settle(ctx); err != nil {
		return err
	}

	return durable.SyncFS(s.path)
}
