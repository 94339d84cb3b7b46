package vault

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// raised gives the name of an entry without the directory level that is left
// out, and whether anything is left of the entry: what stands for the level
// itself is the root, and what stood for the root is nothing. An entry beside
// that directory refuses the archive: then it is not a level too many.
func (a Archive) raised(name string, kind byte) (string, bool, error) {
	switch rest, below := strings.CutPrefix(name, a.LeaveOut+"/"); {
	case a.LeaveOut == "":
		return name, true, nil
	case below:
		return rest, true, nil
	case name == "." && kind == tar.TypeDir:
		return "", false, nil
	case name == a.LeaveOut && kind == tar.TypeDir:
		return ".", true, nil
	case reserved(name):
		return name, true, nil // is left out anyway
	default:
		return "", false, ErrBeside
	}
}

// How much of an archive is looked at for its first entries.
const (
	firstEntries = 64
	firstContent = 8 << 20 // bytes
)

// errEnough ends a look at the beginning.
var errEnough = errors.New("enough was seen")

// LooksNested tells whether the first entries of the archive all lie below one
// directory that should not be there; see Summary.Nested. It reads 8 MiB of
// content at most and proves nothing: whether the rest is like that, and whether
// the archive is whole, Verify tells.
func (a Archive) LooksNested(ctx context.Context) (bool, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return false, fmt.Errorf("open vault archive: %w", err)
	}
	defer f.Close()
	src, err := newSource(f, a, nil)
	if err != nil {
		return false, err
	}
	defer src.close()

	entries := tar.NewReader(&bounded{from: src, left: firstContent})
	below := false
	for range firstEntries {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		header, err := entries.Next()
		if err != nil {
			return below, nil //nolint:nilerr // damage is for whoever reads it all
		}
		name, err := localName(header)
		switch {
		case err != nil:
			return false, nil //nolint:nilerr // a hostile name, too
		case name == "." || name == Nested && header.Typeflag == tar.TypeDir || reserved(name):
		case strings.HasPrefix(name, Nested+"/"):
			below = true
		default:
			return false, nil
		}
	}

	return below, nil
}

// bounded reads so much and no more.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errEnough
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n

	return n, err
}

// NestedMirror tells whether a mirror holds nothing but one directory that should
// not be there, and how many files lie directly in it. It is empty where that is
// not so.
func NestedMirror(dir string) (string, int, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", 0, fmt.Errorf("look into %q: %w", dir, bare(err))
	}
	defer root.Close()
	top, err := entriesOf(root, ".")
	if err != nil {
		return "", 0, fmt.Errorf("look into %q: %w", dir, err)
	}
	found := false
	for _, e := range top {
		switch {
		case reserved(e.Name()):
		case e.Name() == Nested && e.IsDir():
			found = true
		default:
			return "", 0, nil
		}
	}
	if !found {
		return "", 0, nil
	}
	within, err := entriesOf(root, Nested)
	if err != nil {
		return "", 0, fmt.Errorf("look into %q: %w", dir, err)
	}
	files := 0
	for _, e := range within {
		if !e.IsDir() {
			files++
		}
	}

	return Nested, files, nil
}

func entriesOf(root *os.Root, at string) ([]os.DirEntry, error) {
	d, err := root.Open(at)
	if err != nil {
		return nil, bare(err)
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)

	return entries, bare(err)
}
