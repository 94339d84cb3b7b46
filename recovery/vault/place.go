package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"firmflow-recovery/recovery/durable"
)

// Place is where a live vault is, or will be.
type Place struct {
	Path       string // as given, made absolute
	Real       string // with links resolved: the links stay, this is swapped
	Missing    bool   // nothing is there yet
	Empty      bool   // it is there and holds no documents
	MountPoint bool   // it cannot be renamed, only its entries can be moved
}

// Locate looks at the path of a vault. Of what is not there yet, the directory
// above must be.
func Locate(path string) (Place, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Place{}, fmt.Errorf("locate vault %q: %w", path, err)
	}
	real, err := resolve(abs)
	if err != nil {
		return Place{}, fmt.Errorf("locate vault %q: %w", path, err)
	}

	p := Place{Path: abs, Real: real}
	if err := p.look(); err != nil {
		return Place{}, fmt.Errorf("locate vault %q: %w", path, err)
	}

	return p, nil
}

func (p *Place) look() error {
	if p.Real == "/" {
		return ErrRoot
	}
	inode, err := inodeOf(p.Real)
	if err != nil {
		return err
	}
	if inode == 0 {
		p.Missing = true
		return nil
	}
	if p.MountPoint, err = durable.IsMountPoint(p.Real); err != nil {
		return err
	}
	p.Empty, err = holdsNothing(p.Real)

	return err
}

// resolve follows links to a vault, the last one even if its target is missing.
func resolve(path string) (string, error) {
	const maxLinks = 40 // as the kernel
	for range maxLinks {
		real, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return real, bare(err)
		}

		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}

	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%q: %w", path, ErrNoParent)
	}

	return filepath.Join(parent, filepath.Base(path)), bare(err)
}

func holdsNothing(dir string) (bool, error) {
	d, err := os.Open(dir)
	if err != nil {
		return false, bare(err)
	}
	defer d.Close()

	for {
		names, err := d.Readdirnames(64)
		for _, name := range names {
			if !reserved(name) {
				return false, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, bare(err)
		}
	}
}

// Staging is where a run restores to: beside the vault, on its filesystem, and
// so inside it where the vault is a mount point.
func (p Place) Staging(run string) string { return p.beside("restoring-" + run) }

// Aside is where what was live is kept after a run's swap.
func (p Place) Aside(run string) string { return p.beside("before-" + run) }

// Undone is where what a run restored is kept after its undo.
func (p Place) Undone(run string) string { return p.beside("undone-" + run) }

func (p Place) beside(name string) string {
	if p.MountPoint {
		return filepath.Join(p.Real, ours+name)
	}

	return p.Real + "." + name
}

var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// checkRun keeps a run id from being a path.
func checkRun(run string) error {
	if !runName.MatchString(run) {
		return fmt.Errorf("run %q: %w", run, ErrRunName)
	}

	return nil
}
