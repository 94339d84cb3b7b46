package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"firmflow-recovery/recovery/durable"
)

// SetAside tells which directory a run has left beside the vault: what was live
// before it, or what it restored and was taken back, or never came to be live.
// Empty means none. The live vault is never the answer.
func (p Place) SetAside(run string) (string, error) {
	rec, err := p.readRecord(run)
	if errors.Is(err, fs.ErrNotExist) {
		return p.begun(run)
	}
	if err != nil {
		return "", fmt.Errorf("look what run %q set aside: %w", run, err)
	}
	live, err := inodeOf(p.Real)
	if err != nil {
		return "", fmt.Errorf("look what run %q set aside: %w", run, err)
	}
	found := ""
	for _, place := range []struct {
		dir  string
		owns uint64
	}{{p.Aside(run), rec.Old}, {p.Undone(run), rec.New}, {p.Staging(run), rec.New}} {
		inode, err := inodeOf(place.dir)
		if err != nil {
			return "", fmt.Errorf("look what run %q set aside: %w", run, err)
		}
		inside := p.MountPoint && place.dir == p.Aside(run) && rec.Holds == holdsNew // made by the swap; its inode is not noted
		switch {
		case inode == 0:
		case inode == live, inode != place.owns && !inside:
			return "", fmt.Errorf("look into %q: %w", place.dir, ErrNotOurs)
		case found != "":
			return "", fmt.Errorf("both %q and %q are there: %w", found, place.dir, ErrSwapBegun)
		default:
			found = place.dir
		}
	}

	return found, nil
}

// begun is the staging directory of a run that was killed before it could record
// that it is its own: an empty one. What has anything in it is somebody's.
func (p Place) begun(run string) (string, error) {
	entries, err := os.ReadDir(p.Staging(run))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look what run %q set aside: %w", run, bare(err))
	case len(entries) > 0:
		return "", nil
	default:
		return p.Staging(run), nil
	}
}

// Free deletes what a run has set aside. The record stays where what the run
// restored is live, so that it can still be proven, and goes with what it is
// about otherwise. Nothing else but GiveUp deletes what was live. Cut off,
// it is finished by calling it again. deleted counts entries of the top.
func Free(ctx context.Context, p Place, run string, deleted func(done, total int64)) error {
	dir, err := p.SetAside(run)
	if err != nil {
		return err
	}
	if _, err := p.readRecord(run); dir != "" && errors.Is(err, fs.ErrNotExist) {
		return p.discardEmpty(run)
	}
	if dir != "" {
		if err := remove(ctx, dir, deleted); err != nil {
			return fmt.Errorf("delete %q: %w", dir, err)
		}
		if err := durable.SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if at, err := p.Where(run); err != nil || at == p.Real {
		return err
	}
	if err := os.Remove(p.recordPath(run)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete the record of run %q: %w", run, bare(err))
	}

	return nil
}

func remove(ctx context.Context, dir string, deleted func(done, total int64)) error {
	if err := oneFilesystem(ctx, dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return bare(err)
	}
	for i, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return bare(err)
		}
		deleted(int64(i)+1, int64(len(entries)))
	}

	return bare(os.Remove(dir))
}

// oneFilesystem refuses a directory with another filesystem mounted below it: a
// mount moves along with the directory it hangs in, and what it holds is not
// what the run replaced.
func oneFilesystem(ctx context.Context, dir string) error {
	if err := nothingMounted(dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return bare(err)
	}
	defer root.Close()
	device, err := deviceOf(dir)
	if err != nil {
		return err
	}

	return walk(ctx, root, func(name string, e fs.DirEntry) error {
		if !e.IsDir() {
			return nil
		}
		at, err := deviceOf(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if at != device {
			return fmt.Errorf("%q: %w", name, ErrBelow)
		}

		return nil
	})
}

// nothingMounted finds what has no device number of its own: a bind mount of the
// same filesystem, and one of a single file.
func nothingMounted(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return bare(err)
	}
	mounted, err := durable.MountedIn(real)
	if err == nil && len(mounted) > 0 {
		err = fmt.Errorf("%q: %w", mounted[0].At, ErrBelow)
	}

	return err
}

func deviceOf(path string) (uint64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, bare(err)
	}

	return info.Sys().(*syscall.Stat_t).Dev, nil //nolint:errcheck // on Linux a FileInfo of os.Stat always holds one
}
