package dump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Look reads a dump's header, its table of contents and its last bytes: what
// can be told at a cost that does not grow with the file. It returns the errors
// of List, without pg_restore's part of them. The contents are returned beside
// ErrSchemaOnly, and beside an end that is not one: ErrTruncated.
//
// What it cannot tell: whether the rows between are what they were.
func Look(path string) (Contents, error) {
	s, err := opened(path)
	if err != nil {
		return Contents{}, err
	}
	defer func() { _ = s.Close() }()
	if s.shape == Plain {
		return s.lookAtScript()
	}
	c, err := s.contents()
	if err != nil {
		return Contents{}, fmt.Errorf("read the table of contents of %s: %w", path, err)
	}
	if err := s.ends(c); err != nil {
		return c, fmt.Errorf("look at the end of %s: %w", path, err)
	}

	return c, c.some()
}

// ends looks at the end of a dump: at its last bytes, or for every file of it.
func (s *source) ends(c Contents) error {
	switch s.shape {
	case Tar:
		return s.tarEnds()
	case Directory:
		root, err := os.OpenRoot(s.path)
		if err != nil {
			return fmt.Errorf("open the dump: %w", err)
		}
		defer func() { _ = root.Close() }()

		return (&files{root: root}).present(c)
	default:
		return ends(s.file, s.size, c)
	}
}

// tarEnds looks for the two blocks of zeros that end a tar.
func (s *source) tarEnds() error {
	end := make([]byte, 2*tarBlock)
	if s.size < int64(len(end)) {
		return &DamageError{Offset: s.size, What: "the blocks that end the tar are missing", Cause: ErrTruncated}
	}
	if _, err := s.file.ReadAt(end, s.size-int64(len(end))); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the last bytes: %w", err)
	}
	for _, b := range end {
		if b != 0 {
			return &DamageError{Offset: s.size, What: "the blocks that end the tar are missing", Cause: ErrTruncated}
		}
	}

	return nil
}

// ends looks at the last bytes. What pg_dump writes last is the zero length that
// ends the rows of the last table; behind large objects there are two, one for
// the last of them and one for all. A dump without data ends with its table of
// contents.
func ends(file io.ReaderAt, size int64, c Contents) error {
	last := ""
	for _, e := range c.Entries {
		if e.hasData {
			last = e.Kind // pg_dump writes the data in this order
		}
	}
	if last == "" && size > c.begins {
		return &DamageError{Offset: c.begins, What: "something follows the table of contents", Cause: ErrCorrupt}
	}
	if last == "" {
		return nil
	}

	end := make([]byte, c.intSize+1, 2*(maxIntSize+1))
	if last == "BLOBS" {
		end = end[:2*len(end)]
	}
	if size < c.begins+int64(len(end)) {
		return &DamageError{Offset: size, What: "the file ends before its data", Cause: ErrTruncated}
	}
	if _, err := file.ReadAt(end, size-int64(len(end))); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the last bytes: %w", err)
	}
	for _, b := range end {
		if b != 0 {
			return &DamageError{Offset: size, What: "the file ends inside a block", Cause: ErrTruncated}
		}
	}

	return nil
}

// Follow reads a dump to its last byte without pg_restore: the file is digested,
// and its blocks are followed. What it leaves out of a Reading is what only
// unpacking tells: rows and the size of the script.
func Follow(ctx context.Context, path string, moved func(int64)) (Reading, error) {
	if h, err := Inspect(path); err == nil && h.Format == Plain {
		_, r, err := Scan(ctx, path, moved)
		return r, err
	}
	r, err := oneWay(ctx, path, moved, func(p *pass) error {
		if _, err := p.stream.left(ctx); err != nil {
			return err
		}
		if damage := p.walk.finish(); damage != nil {
			return damage
		}

		return nil
	})
	r.Rows, r.Unknown, r.ScriptBytes = nil, nil, 0

	return r, err
}
