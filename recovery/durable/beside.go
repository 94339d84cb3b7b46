package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Writing ends the names of files that are being written. It is long because
// whatever has it is deleted by Sweep.
const Writing = ".firmflow-recovery-writing"

// Beside is where the file that will be at path is written: hidden, in the same
// directory, and always there, so that what a killed write leaves is found again.
func Beside(path string) string {
	return filepath.Join(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+Writing)
}

// Pending is a file that is being written beside its place.
type Pending struct {
	*os.File
	path string
}

// Create begins a file for path, beside it, which only its owner may read. What a
// killed write has left there is thrown away.
func Create(path string) (*Pending, error) {
	beside := Beside(path)
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("write %q: %w", path, bare(err))
	}
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write %q: %w", path, bare(err))
	}

	return &Pending{File: f, path: path}, nil
}

// Commit makes it the file at path, durably: whoever reads path sees the old
// bytes or the new ones.
func (p *Pending) Commit() error {
	if err := errors.Join(p.Sync(), p.Close()); err != nil {
		return fmt.Errorf("write %q: %w", p.path, bare(err))
	}
	if err := os.Rename(p.Name(), p.path); err != nil {
		return fmt.Errorf("write %q: %w", p.path, bare(err))
	}

	return SyncDir(filepath.Dir(p.path))
}

// Discard gives it up. After Commit there is nothing to do.
func (p *Pending) Discard() {
	_ = p.Close() // most often it is closed already
	_ = os.Remove(p.Name())
}

// WriteFile replaces path with data: written beside, synced, renamed, and the
// directory synced. Whoever reads path sees the old bytes or the new ones.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	p, err := Create(path)
	if err != nil {
		return err
	}
	defer p.Discard()
	if _, err := p.Write(data); err != nil {
		return fmt.Errorf("write %q: %w", path, bare(err))
	}
	if err := p.Chmod(perm); err != nil { // whatever the umask says
		return fmt.Errorf("write %q: %w", path, bare(err))
	}

	return p.Commit()
}

// Sweep deletes what killed writes have left in a directory. It is for whoever
// knows that nobody writes there. A directory that is not there is clean.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into %q: %w", dir, bare(err))
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), Writing) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete what a killed write has left in %q: %w", dir, bare(err))
		}
	}

	return nil
}
