package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Tree is what a walk of a vault counts, without reading a file.
type Tree struct {
	Files       int
	Directories int // below the root
	Links       int
	Others      int // devices, fifos, sockets: a vault should have none
	Bytes       int64
	Newest      time.Time // of all files
}

// Measure counts what is in a vault, live or staged. What vanishes during the
// walk of a live one is not counted.
func Measure(ctx context.Context, dir string) (Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Tree{}, fmt.Errorf("measure %q: %w", dir, bare(err))
	}
	defer root.Close()

	var t Tree
	err = walk(ctx, root, func(_ string, e fs.DirEntry) error {
		switch {
		case e.IsDir():
			t.Directories++
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			t.Links++
			return nil
		case !e.Type().IsRegular():
			t.Others++
			return nil
		}

		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return bare(err)
		}
		t.Files++
		t.Bytes += info.Size()
		if info.ModTime().After(t.Newest) {
			t.Newest = info.ModTime()
		}

		return nil
	})
	if err != nil {
		return Tree{}, fmt.Errorf("measure %q: %w", dir, err)
	}

	return t, nil
}

// Files shows every document of a vault by its path below dir, with its size in
// bytes. What vanishes during the walk of a live one is not shown, nor is what
// an application still writes under a name that begins with a dot.
func Files(ctx context.Context, dir string, show func(path string, size int64) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("list %q: %w", dir, bare(err))
	}
	defer root.Close()

	err = walk(ctx, root, func(name string, e fs.DirEntry) error {
		if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return bare(err)
		}

		return show(name, info.Size())
	})
	if err != nil {
		return fmt.Errorf("list %q: %w", dir, err)
	}

	return nil
}

// walk shows everything below root but what is reserved, parents before what is
// in them, and otherwise in no order. It follows no link. A directory is read in
// batches: there may be a million names in it.
func walk(ctx context.Context, root *os.Root, show func(string, fs.DirEntry) error) error {
	for todo := []string{"."}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]

		err := list(ctx, root, at, func(name string, e fs.DirEntry) error {
			if reserved(name) {
				return nil
			}
			if e.IsDir() {
				todo = append(todo, name)
			}
			if err := show(name, e); err != nil {
				return placed(name, err)
			}

			return nil
		})
		if err != nil {
			return err
		}
	}

	return nil
}

func list(ctx context.Context, root *os.Root, at string, show func(string, fs.DirEntry) error) error {
	d, err := root.Open(at)
	if err != nil {
		return entryFailed(at, "list", err)
	}
	defer d.Close()

	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := d.ReadDir(256)
		for _, e := range entries {
			if err := show(path.Join(at, e.Name()), e); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return entryFailed(at, "list", err)
		}
	}
}

// placed names the entry an error is about, unless it does so already or the
// work was merely stopped.
func placed(name string, err error) error {
	var known *EntryError
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}

	return &EntryError{name, err}
}
