package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Still is what does not change in a vault that an app goes on writing into: the
// files that were there before, and the directory itself.
type Still struct {
	Files int               // not changed since the time asked for
	Sum   [sha256.Size]byte // over the size, time and inode of each of them, and the path
	Root  string            // which directory it is, by device and inode
}

// StandsStill sums up the files that were last changed at a time or before it. Of
// those changed after named, the names do not count: whoever writes a file beside its
// place, syncs it and renames it, as a careful app does, may be about to. The sum does
// not depend on the order in which they are met, so that it takes no memory. It reads
// no file.
func StandsStill(ctx context.Context, dir string, until, named time.Time) (Still, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Still{}, fmt.Errorf("look at %q: %w", dir, bare(err))
	}
	defer root.Close()
	self, err := root.Stat(".")
	if err != nil {
		return Still{}, fmt.Errorf("look at %q: %w", dir, bare(err))
	}
	s := Still{Root: whichFile(self)}
	err = walk(ctx, root, func(name string, e fs.DirEntry) error {
		if !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return bare(err)
		}
		if info.ModTime().After(until) {
			return nil
		}
		s.Files++
		if info.ModTime().After(named) {
			name = ""
		}
		one := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d\x00%s", name, info.Size(), info.ModTime().UnixNano(), whichFile(info)))
		for i := range s.Sum {
			s.Sum[i] ^= one[i]
		}

		return nil
	})
	if err != nil {
		return Still{}, fmt.Errorf("look at %q: %w", dir, err)
	}

	return s, nil
}

func whichFile(info fs.FileInfo) string {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return ""
	}

	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
