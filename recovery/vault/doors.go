package vault

import (
	"errors"
	"os"
	"path"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// manyDoors is how many directories are held open at once. What is restored comes
// directory by directory, so a few would do.
const manyDoors = 64

// doors holds directories below a root open, so that a file in one of them is
// opened by one system call. Each was opened through os.Root, which lets no name
// lead outside, and what is opened in it has a name without a slash.
type doors struct {
	root *os.Root
	mu   sync.Mutex
	open map[string]*door
}

// door is one directory. Users are counted, so that none is closed on them.
type door struct {
	*os.File
	users int
}

func newDoors(root *os.Root) *doors { return &doors{root: root, open: map[string]*door{}} }

// enter opens a directory, or finds it open. leave must follow.
func (d *doors) enter(dir string) (*door, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, known := d.open[dir]
	if !known {
		f, err := d.root.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return nil, err
		}
		at = &door{File: f}
		d.makeRoom()
		d.open[dir] = at
	}
	at.users++

	return at, nil
}

func (d *doors) leave(at *door) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at.users--
}

// makeRoom closes one that nobody uses, if there are many.
func (d *doors) makeRoom() {
	if len(d.open) < manyDoors {
		return
	}
	for dir, at := range d.open {
		if at.users == 0 {
			delete(d.open, dir)
			_ = at.Close() // only a handle

			return
		}
	}
}

func (d *doors) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, at := range d.open {
		_ = at.Close() // only handles
	}
	clear(d.open)
}

// openAt opens a name in the directory itself. As the errors of package os, its
// errors have the system's in them.
func (at *door) openAt(name string, flags int, perm uint32) (*os.File, error) {
	for {
		fd, err := unix.Openat(int(at.Fd()), name, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, perm)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}

		return os.NewFile(uintptr(fd), name), nil
	}
}

// setTime sets when a file in the directory was changed, and leaves alone when it was
// read.
func (at *door) setTime(name string, changed time.Time) error {
	mtime, err := unix.TimeToTimespec(changed)
	if err != nil {
		return err
	}

	return unix.UtimesNanoAt(int(at.Fd()), name, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, mtime}, unix.AT_SYMLINK_NOFOLLOW)
}

// placeOf splits the name of an entry into its directory and its name in that.
func placeOf(name string) (dir, base string) {
	dir, base = path.Split(name)

	return path.Clean(dir), base
}
