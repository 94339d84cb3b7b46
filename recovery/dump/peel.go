package dump

import (
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// mostChanges is more than can have happened to a dump by accident.
const mostChanges = 8

// peel finds out what was done to a dump, the last change first. What it cannot
// undo without a doubt is an error, as Inspect has them. Each change takes one
// way through the file: whether a terminal was in the way, only all line ends
// together tell.
func peel(ctx context.Context, open opener, keys []age.Identity) ([]Change, error) {
	var done []Change
	for range mostChanges {
		next, err := outermost(ctx, open, done, keys)
		if err != nil {
			return nil, err
		}
		if next.Kind == "" {
			return done, nil
		}
		done = append(done, next)
	}

	return nil, fmt.Errorf("%w, more than %d times over", ErrWrapped, mostChanges)
}

// opener opens the file that is peeled, at its beginning.
type opener func() (io.ReadCloser, error)

// outermost tells the change that is still to be undone; one without a kind
// when the dump itself has come to light.
func outermost(ctx context.Context, open opener, done []Change, keys []age.Identity) (Change, error) {
	r, end, err := peeled(open, done, keys)
	if err != nil {
		return Change{}, err
	}
	defer end()

	start := make([]byte, probed)
	n, err := io.ReadFull(r, start)
	start = start[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Change{}, err
	}
	if n == 0 {
		return Change{}, ErrEmpty
	}

	// The terminal comes first: it was in the way of whatever is inside.
	var seen Damage
	seen.scan(start)
	if seen.Lone == 0 && (len(done) == 0 || done[len(done)-1].Kind != Terminal) {
		if err := seen.rest(ctx, r); err != nil {
			return Change{}, err
		}
		if seen.Terminal() {
			return Change{Kind: Terminal, Count: int64(seen.Passes)}, nil
		}
	}
	if isArchive(start) {
		return Change{}, nil
	}

	return undoable(start)
}

// rest goes on with a scan to the end. One lone line feed decides it.
func (d *Damage) rest(ctx context.Context, r io.Reader) error {
	buffer := make([]byte, 256<<10)
	for d.Lone == 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buffer)
		d.scan(buffer[:n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}

	return nil
}

// undoable names what is around a dump, if that can be taken off.
func undoable(start []byte) (Change, error) {
	err := recognise(start)
	var wrapped *WrappedError
	var prefix *PrefixError
	switch {
	case errors.Is(err, ErrTar), errors.Is(err, ErrPlain):
		return Change{}, nil // another shape of a dump
	case errors.As(err, &prefix):
		return Change{Kind: Text, Count: prefix.Offset}, nil
	case errors.As(err, &wrapped) && (wrapped.Kind == Gzip || wrapped.Kind == Zstd || wrapped.Kind == Age):
		return Change{Kind: wrapped.Kind}, nil
	default:
		return Change{}, err
	}
}

// peeled opens the file and undoes changes as it is read.
func peeled(open opener, changes []Change, keys []age.Identity) (io.Reader, func(), error) {
	file, err := open()
	if err != nil {
		return nil, nil, err
	}
	ends := []func(){func() { _ = file.Close() }}
	end := func() {
		for i := range ends {
			ends[len(ends)-1-i]()
		}
	}
	var r io.Reader = file
	for _, c := range changes {
		inner, stop, err := c.undo(r, keys)
		if err != nil {
			end()
			return nil, nil, unpackError(c, err)
		}
		ends = append(ends, stop)
		r = &told{inner, c}
	}

	return r, end, nil
}

// told gives the errors of undoing a change their meaning.
type told struct {
	from   io.Reader
	change Change
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if errors.Is(err, ErrTruncated) || errors.Is(err, ErrCorrupt) {
		return n, err // an inner change has said it
	}

	return n, unpackError(t.change, err)
}
