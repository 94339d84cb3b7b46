package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// target is where entries go: a staging directory, or nowhere.
type target interface {
	folder(name string) error
	create(name string) (file, error)
}

// file is one being written. finish makes it complete; Close gives it up.
type file interface {
	io.WriteCloser
	finish(attributes) error
}

// nowhere is what Verify writes to.
type nowhere struct{}

func (nowhere) folder(string) error         { return nil }
func (nowhere) create(string) (file, error) { return nowhere{}, nil }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }
func (nowhere) finish(attributes) error     { return nil }

// stage is a directory being filled. Everything goes through os.Root, or through a
// directory that was opened by it, with O_EXCL, so that nothing outside is reached
// and nothing there overwritten.
type stage struct {
	root  *os.Root
	doors *doors
	owner Owner
	flush *flush
}

func newStage(root *os.Root, o Owner) *stage {
	return &stage{root: root, doors: newDoors(root), owner: o, flush: &flush{root: root}}
}

// openStage prepares the directory to restore into: missing, or empty.
func openStage(into string, o Owner) (*stage, error) {
	if err := os.Mkdir(into, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create %q: %w", into, bare(err))
	}
	info, err := os.Lstat(into)
	if err != nil {
		return nil, fmt.Errorf("look at %q: %w", into, bare(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("look at %q: %w", into, ErrNotDirectory)
	}

	root, err := os.OpenRoot(into)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", into, bare(err))
	}
	s := newStage(root, o)
	if err := s.empty(); err != nil {
		s.close()
		return nil, fmt.Errorf("look into %q: %w", into, err)
	}

	return s, nil
}

func (s *stage) empty() error {
	d, err := s.root.Open(".")
	if err != nil {
		return bare(err)
	}
	defer d.Close()

	if _, err := d.Readdirnames(1); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return bare(err)
	}

	return ErrNotEmpty
}

func (s *stage) close() {
	s.doors.close()
	_ = s.root.Close() // only a handle; nothing was written through it
}

// folder makes a directory nobody else may enter; its mode comes last.
func (s *stage) folder(name string) error {
	if err := s.root.Mkdir(name, 0o700); err != nil {
		return entryFailed(name, "create directory", err)
	}

	return nil
}

func (s *stage) create(name string) (file, error) { return s.begin(name) }

func (s *stage) begin(name string) (*stagedFile, error) {
	dir, base := placeOf(name)
	in, err := s.doors.enter(dir)
	if err != nil {
		return nil, err
	}
	f, err := in.openAt(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		s.doors.leave(in)

		return nil, err
	}

	return &stagedFile{File: f, stage: s, in: in}, nil
}

type stagedFile struct {
	*os.File
	stage *stage
	in    *door // the directory, until the file is closed for good
}

func (f *stagedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.stage.flush.wrote(n)

	return n, err
}

// Close gives up what finish has not completed.
func (f *stagedFile) Close() error {
	if f.in == nil {
		return nil
	}
	f.stage.doors.leave(f.in)
	f.in = nil

	return f.File.Close()
}

func (f *stagedFile) finish(attr attributes) error {
	if uid, gid, ok := f.stage.owner.of(attr); ok {
		if err := f.Chown(uid, gid); err != nil {
			return err
		}
	}
	if err := f.Chmod(attr.mode); err != nil {
		return err
	}
	// Network filesystems may tell only now that there was no space, and only after
	// it does a time stay.
	if err := f.File.Close(); err != nil {
		return err
	}

	return f.in.setTime(f.Name(), attr.mtime)
}

// finish does what must come after the last file: hard links, then symbolic
// links, so that nothing was ever written through one; then the directories'
// attributes, from the leaves up, since every change below touches the times.
func (s *stage) finish(ctx context.Context, cat *catalogue) error {
	for _, p := range cat.same {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, first := cat.path(p.it), cat.path(p.first)
		if err := s.root.Link(first, name); err != nil {
			return entryFailed(name, "link", err)
		}
	}
	for _, l := range cat.links {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.link(l); err != nil {
			return entryFailed(l.name, "link", err)
		}
	}

	// The root, at index 0, comes last.
	order := slices.Clone(cat.folders[1:])
	slices.SortFunc(order, func(a, b *folder) int { return strings.Compare(b.path, a.path) })
	for _, f := range append(order, cat.folders[0]) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.settle(f); err != nil {
			return entryFailed(f.path, "set the attributes", err)
		}
	}

	return s.flush.end()
}

func (s *stage) link(l link) error {
	if err := s.root.Symlink(l.to, l.name); err != nil {
		return err
	}
	uid, gid, ok := s.owner.of(l.attr)
	if !ok {
		return nil
	}

	return s.root.Lchown(l.name, uid, gid)
}

// settle gives a directory its owner, mode and time. One without an entry of
// its own gets what a directory usually has.
func (s *stage) settle(f *folder) error {
	if !f.listed {
		return s.imply(f)
	}
	if uid, gid, ok := s.owner.of(f.attr); ok {
		if err := s.root.Lchown(f.path, uid, gid); err != nil {
			return err
		}
	}
	if err := s.root.Chmod(f.path, f.attr.mode); err != nil {
		return err
	}

	return s.root.Chtimes(f.path, time.Time{}, f.attr.mtime)
}

func (s *stage) imply(f *folder) error {
	if uid, gid, ok := s.owner.fixed(); ok {
		if err := s.root.Lchown(f.path, uid, gid); err != nil {
			return err
		}
	}

	return s.root.Chmod(f.path, 0o755)
}
