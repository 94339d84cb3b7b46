package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"firmflow-recovery/recovery/durable"
)

// inside swaps where the vault is a mount point, which cannot be renamed: every
// old entry is moved to the aside directory, the record says that what lies in
// the mount point from now on is new, and every new entry is moved in. At each
// instant the record tells whose the entries in the mount point are, so that a
// swap that was cut off goes on, or back, without confusing the two.
func (s *swapping) inside(ctx context.Context) (Swapped, error) {
	staged, err := inodeOf(s.staging())
	if err != nil {
		return Swapped{}, fmt.Errorf("swap %q: %w", s.live(), err)
	}
	result := Swapped{Live: s.live(), Aside: s.aside()}
	if s.rec.Holds == holdsNew && staged == 0 {
		result.Already = true
		return result, nil
	}

	if s.rec.Holds == holdsOld {
		if staged != s.rec.New {
			return Swapped{}, fmt.Errorf("swap %q: %w", s.live(), ErrNotStaged)
		}
		if err := s.setAside(ctx); err != nil {
			return Swapped{}, fmt.Errorf("set aside what is in %q: %w", s.live(), err)
		}
	}
	if err := s.bringIn(ctx, s.staging(), s.rec.After); err != nil {
		return Swapped{}, fmt.Errorf("bring into %q what was staged: %w", s.live(), err)
	}

	return result, nil
}

// insideOut is the inverse of inside.
func (s *swapping) insideOut(ctx context.Context) (Swapped, error) {
	aside, err := inodeOf(s.aside())
	if err != nil {
		return Swapped{}, fmt.Errorf("undo the swap of %q: %w", s.live(), err)
	}
	result := Swapped{Live: s.live(), Aside: s.staging()}
	if s.rec.Holds == holdsOld && aside == 0 {
		result.Already = true
		return result, nil
	}

	if s.rec.Holds == holdsNew {
		if err := s.takeOut(ctx); err != nil {
			return Swapped{}, fmt.Errorf("take back what is in %q: %w", s.live(), err)
		}
	}
	if err := s.bringIn(ctx, s.aside(), s.rec.Before); err != nil {
		return Swapped{}, fmt.Errorf("bring into %q what was set aside: %w", s.live(), err)
	}

	return result, nil
}

// setAside moves the old entries out and then says so. The aside directory is
// made even for an empty vault: that it exists is how an undo knows that there
// is something to undo.
func (s *swapping) setAside(ctx context.Context) error {
	if err := s.noteRoots(); err != nil {
		return err
	}
	if err := makeDir(s.aside()); err != nil {
		return err
	}
	if err := s.moveAll(ctx, s.live(), s.aside()); err != nil {
		return err
	}
	s.rec.Holds = holdsNew

	return s.save()
}

// noteRoots remembers what the mount point is now, and what it shall be, before
// anything is moved. A swap that is done once more after an undo, or goes on
// after a crash, keeps what was noted first: that was before any change.
func (s *swapping) noteRoots() error {
	if s.rec.Before != nil {
		return nil
	}
	before, err := rootOf(s.live())
	if err != nil {
		return err
	}
	after, err := rootOf(s.staging())
	if err != nil {
		return err
	}
	s.rec.Before, s.rec.After = &before, &after

	return s.save()
}

// takeOut moves the new entries back to staging and then says so. The staging
// directory is a new one, as the first was removed when it was empty.
func (s *swapping) takeOut(ctx context.Context) error {
	if err := makeDir(s.staging()); err != nil {
		return err
	}
	inode, err := inodeOf(s.staging())
	if err != nil {
		return err
	}
	if err := s.moveAll(ctx, s.live(), s.staging()); err != nil {
		return err
	}
	if err := s.rec.After.apply(s.staging()); err != nil {
		return err
	}
	s.rec.Holds, s.rec.New = holdsOld, inode

	return s.save()
}

// bringIn moves everything from a directory into the mount point, and removes
// the directory, empty now, as the last act: that it is gone means done.
func (s *swapping) bringIn(ctx context.Context, from string, as *root) error {
	if err := s.moveAll(ctx, from, s.live()); err != nil {
		return err
	}
	if err := as.apply(s.live()); err != nil {
		return err
	}
	if err := os.Remove(from); err != nil {
		return fmt.Errorf("remove %q: %w", from, bare(err))
	}

	return durable.SyncFS(s.live())
}

// moveAll moves every entry but the reserved ones, and syncs. Names are read in
// batches, and again from the start until none is left, since a directory that
// changes while it is read may show less than it has.
func (s *swapping) moveAll(ctx context.Context, from, to string) error {
	for {
		names, err := some(from)
		if err != nil {
			return fmt.Errorf("list %q: %w", from, bare(err))
		}
		if len(names) == 0 {
			return durable.SyncFS(s.live())
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.disk.Move(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
}

// some lists a batch of entries that are not reserved; none when there are none.
func some(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()

	var some []string
	for len(some) == 0 {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			if !reserved(name) {
				some = append(some, name)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}

	return some, nil
}

func makeDir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create %q: %w", path, bare(err))
	}

	return nil
}

func rootOf(dir string) (root, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return root{}, fmt.Errorf("look at %q: %w", dir, bare(err))
	}
	s := info.Sys().(*syscall.Stat_t) //nolint:errcheck // on Linux a FileInfo of os.Stat always holds one

	return root{Mode: info.Mode().Perm(), UID: int(s.Uid), GID: int(s.Gid)}, nil
}

// apply gives a directory these attributes. Who may not give files away keeps
// the owner there is.
func (r *root) apply(dir string) error {
	now, err := rootOf(dir)
	if err != nil {
		return err
	}
	if now.UID != r.UID || now.GID != r.GID {
		if err := os.Chown(dir, r.UID, r.GID); err != nil && os.Geteuid() == 0 {
			return fmt.Errorf("set the owner of %q: %w", dir, bare(err))
		}
	}
	if now.Mode == r.Mode {
		return nil
	}
	if err := os.Chmod(dir, r.Mode); err != nil {
		return fmt.Errorf("set the mode of %q: %w", dir, bare(err))
	}

	return nil
}
