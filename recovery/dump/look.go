package dump

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Look reads a dump's header, its table of contents and its last bytes: what
// can be told at a cost that does not grow with the file. It returns the errors
// of List, without pg_restore's part of them. The contents are returned beside
// ErrSchemaOnly, and beside an end that is not one: ErrTruncated.
//
// What it cannot tell: whether the rows between are what they were.
func Look(path string) (Contents, error) {
	c, err := contentsOf(path)
	if err != nil {
		return Contents{}, err
	}
	if err := ends(path, c); err != nil {
		return c, fmt.Errorf("look at the end of %s: %w", path, err)
	}

	return c, c.some()
}

// ends looks at the last bytes. What pg_dump writes last is the zero length that
// ends the rows of the last table; behind large objects there are two, one for
// the last of them and one for all. A dump without data ends with its table of
// contents.
func ends(path string, c Contents) error {
	file, size, err := open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()

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
	c, err := contentsOf(path)
	if err != nil {
		return Reading{}, err
	}
	file, _, err := open(path)
	if err != nil {
		return Reading{}, err
	}
	defer func() { _ = file.Close() }()

	p := newPass(c, file, moved)
	if err := p.meter.drain(ctx); err != nil {
		return Reading{}, fmt.Errorf("read %s: %w", path, err)
	}
	if damage := p.walk.finish(); damage != nil {
		return Reading{}, fmt.Errorf("read %s: %w", path, damage)
	}
	r := p.reading()
	r.Rows, r.Unknown, r.ScriptBytes = nil, nil, 0

	return r, nil
}
