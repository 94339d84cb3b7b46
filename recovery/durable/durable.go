// Package durable writes beside, syncs, renames, exchanges, and tells how much
// space is left.
//
// It promises that a function which changes the disk returns nil only after the
// change would survive a power cut, and that nothing is ever overwritten by a
// rename: a new name that is taken is an error. Move is the one exception to the
// first promise: it leaves the sync to a caller who moves many things.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrNoExchange says that the filesystem cannot exchange two names in one step.
var ErrNoExchange = errors.New("the filesystem cannot exchange two names")

// SyncDir makes the names in the directory at path durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory %q: %w", path, bare(err))
	}
	defer d.Close()

	// Some network filesystems have no fsync for directories and say EINVAL;
	// their names are durable when the server has answered.
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("sync directory %q: %w", path, bare(err))
	}

	return nil
}

// SyncFS makes everything written to the filesystem that holds path durable:
// one call instead of an fsync for each file.
func SyncFS(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync filesystem of %q: %w", path, bare(err))
	}
	defer d.Close()

	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("sync filesystem of %q: %w", path, err)
	}

	return nil
}

// Exchange swaps what two names mean, in one step: at no instant is either of
// them missing. It answers ErrNoExchange, with nothing changed, where the
// filesystem cannot do that.
func Exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if unsupported(err) {
		return fmt.Errorf("exchange %q and %q: %w", a, b, ErrNoExchange)
	}
	if err != nil {
		return fmt.Errorf("exchange %q and %q: %w", a, b, err)
	}

	return syncParents(a, b)
}

// Rename gives what is called old a new name, durably. A new name that is
// taken is fs.ErrExist, and nothing has changed.
func Rename(old, new string) error {
	if err := Move(old, new); err != nil {
		return err
	}

	return syncParents(old, new)
}

// Move is Rename without the sync, for a caller who moves many things and then
// calls SyncFS once.
func Move(old, new string) error {
	err := unix.Renameat2(unix.AT_FDCWD, old, unix.AT_FDCWD, new, unix.RENAME_NOREPLACE)
	if unsupported(err) {
		err = renameUnlessTaken(old, new)
	}
	if err != nil {
		return fmt.Errorf("rename %q to %q: %w", old, new, err)
	}

	return nil
}

// renameUnlessTaken is for filesystems without RENAME_NOREPLACE, NFS above all.
// Another process could take the name between the look and the rename; one run
// at a time is what the journal's lock is for.
func renameUnlessTaken(old, new string) error {
	taken, err := Exists(new)
	if err != nil {
		return err
	}
	if taken {
		return unix.EEXIST
	}

	return bare(os.Rename(old, new))
}

// unsupported tells whether renameat2 refused its flag and not the names.
func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP)
}

func syncParents(a, b string) error {
	if err := SyncDir(filepath.Dir(a)); err != nil {
		return err
	}
	if filepath.Dir(a) == filepath.Dir(b) {
		return nil
	}

	return SyncDir(filepath.Dir(b))
}

// bare takes the path out of an error of package os: our own text already has
// it, quoted, so that a name cannot write to the operator's terminal.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}

	return err
}
