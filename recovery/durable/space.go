package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Space is what a filesystem has left for this process.
type Space struct {
	Bytes      uint64
	Inodes     uint64
	Filesystem uint64 // its device number: two paths with the same one share this space

	// InodesUnknown is set where the filesystem does not count inodes (btrfs and
	// most network filesystems report none at all): Inodes means nothing then.
	InodesUnknown bool

	// ReadOnly is set where nothing can be written, whatever is free.
	ReadOnly bool
}

// Free tells the space left on the filesystem that holds path.
func Free(path string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Space{}, fmt.Errorf("ask for the free space of %q: %w", path, err)
	}
	var at unix.Stat_t
	if err := unix.Stat(path, &at); err != nil {
		return Space{}, fmt.Errorf("ask for the filesystem of %q: %w", path, err)
	}

	// Bavail, not Bfree: what is reserved for root is not ours to plan with.
	return Space{
		Bytes:         s.Bavail * uint64(s.Frsize),
		Inodes:        s.Ffree,
		Filesystem:    at.Dev,
		InodesUnknown: s.Files == 0,
		ReadOnly:      s.Flags&unix.ST_RDONLY != 0,
	}, nil
}

// SameFilesystem tells whether a rename can go from a to b. Two mounts of one
// device share its number and still refuse it, so the mount is compared as well
// where the kernel tells it (Linux 5.8).
func SameFilesystem(a, b string) (bool, error) {
	first, err := mounted(a)
	if err != nil {
		return false, err
	}
	second, err := mounted(b)
	if err != nil {
		return false, err
	}

	return first == second, nil
}

type mount struct {
	major, minor uint32
	id           uint64
}

func mounted(path string) (mount, error) {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &s)
	if err != nil {
		return mount{}, fmt.Errorf("ask for the filesystem of %q: %w", path, err)
	}

	m := mount{major: s.Dev_major, minor: s.Dev_minor}
	if s.Mask&unix.STATX_MNT_ID != 0 {
		m.id = s.Mnt_id
	}

	return m, nil
}

// IsMountPoint tells whether something is mounted at path, which must have its
// links resolved. A bind mount from the same device is seen only in the kernel's
// list of mounts.
func IsMountPoint(path string) (bool, error) {
	var here, parent unix.Stat_t
	if err := unix.Stat(path, &here); err != nil {
		return false, fmt.Errorf("look at %q: %w", path, err)
	}
	if err := unix.Stat(filepath.Dir(path), &parent); err != nil {
		return false, fmt.Errorf("look at the parent of %q: %w", path, err)
	}

	f, err := os.Open("/proc/self/mountinfo")
	if errors.Is(err, fs.ErrNotExist) {
		return here.Dev != parent.Dev, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the list of mounts: %w", err)
	}
	defer f.Close()

	// A btrfs subvolume has a device number of its own without being mounted,
	// and renames like a directory: the list decides, the number is for systems
	// without one.
	return listed(f, path)
}

// listed looks for path among the mount points of a mountinfo file.
func listed(mountinfo io.Reader, path string) (bool, error) {
	all, err := mounts(mountinfo)

	return slices.ContainsFunc(all, func(m Mount) bool { return m.At == path }), err
}

// Mount is something that is mounted.
type Mount struct {
	At     string // the mount point
	Kind   string // of file system: "tmpfs"
	Source string // what is mounted, as the file system itself names it
}

// mounts reads a mountinfo file: the mount point is the fifth field, with space,
// tab, newline and backslash in octal; kind and source are the first two behind a
// dash, before which the number of fields varies. See proc(5).
func mounts(mountinfo io.Reader) ([]Mount, error) {
	lines := bufio.NewScanner(mountinfo)
	lines.Buffer(nil, 1<<20)
	octal := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var all []Mount
	for lines.Scan() {
		place, what, _ := strings.Cut(lines.Text(), " - ")
		fields, of := strings.Fields(place), append(strings.Fields(what), "", "")
		if len(fields) > 4 {
			all = append(all, Mount{At: octal.Replace(fields[4]), Kind: of[0], Source: octal.Replace(of[1])})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the list of mounts: %w", err)
	}

	return all, nil
}

// MountedIn lists what is mounted at a directory, or anywhere below it: files and
// directories, bind mounts of the same filesystem too. Whoever deletes the
// directory would delete through them. dir must have its links resolved. On a
// system without a list of mounts there is none.
func MountedIn(dir string) ([]Mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of mounts: %w", err)
	}
	defer f.Close()
	all, err := mounts(f)

	return slices.DeleteFunc(all, func(m Mount) bool {
		return m.At != dir && !strings.HasPrefix(m.At, strings.TrimSuffix(dir, "/")+"/")
	}), err
}

// Exists tells whether path names something, be it a link that leads nowhere.
func Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %q: %w", path, bare(err))
	}

	return true, nil
}
