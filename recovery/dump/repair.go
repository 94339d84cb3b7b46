package dump

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/durable"
)

// ErrNothingToUndo says that a dump is as it was written: neither a terminal
// nor a wrapper can be told from it.
var ErrNothingToUndo = errors.New("nothing was done to the dump that could be undone")

// ErrNotExact says that undoing what could be undone did not give a sound dump,
// so that something else has changed it too, which nothing can undo for sure.
var ErrNotExact = errors.New("the dump was changed in more than one way")

// ErrChanging says that the damaged dump changed while it was read.
var ErrChanging = errors.New("the file changed while it was read")

// Partial is what the name of an unfinished copy ends with.
const Partial = ".partial"

// Repair is how a copy is repaired. Its zero value works.
type Repair struct {
	Tool  command.Runner    // runs pg_restore, for the proof; nil: the blocks are followed without it
	Keys  []age.Identity    // for a dump that is encrypted
	Moved func(read int64)  // told how many bytes of the damaged file were taken; may be nil
	Begun func(what string) // told what is being done: "look", "write", "verify"; may be nil
}

// Repaired is what a repair gave.
type Repaired struct {
	Undone  []Change // the last change first, as they were undone
	Reading Reading  // of the copy; its Rows are nil where there was no pg_restore
	Header  Header
}

// Write undoes what was done to the dump at from, exactly, into a new file at
// to. The damaged file is only read. Nothing has the name to before the copy was
// read to its end and found sound; a name that is taken is fs.ErrExist.
//
// It refuses what it cannot prove: ErrNothingToUndo, ErrNotExact, or what
// Inspect says of a file that is no dump.
func (o Repair) Write(ctx context.Context, from, to string) (Repaired, error) {
	before, err := regular(from)
	if err != nil {
		return Repaired{}, err
	}
	if taken, err := durable.Exists(to); taken || err != nil {
		return Repaired{}, errors.Join(fmt.Errorf("write %s: %w", to, fs.ErrExist), err)
	}
	o.begin("look")
	open := func() (io.ReadCloser, error) { return os.Open(from) }
	changes, err := peel(ctx, open, o.Keys)
	if err != nil {
		return Repaired{}, fmt.Errorf("repair %s: %w", from, err)
	}
	if len(changes) == 0 {
		return Repaired{}, fmt.Errorf("repair %s: %w", from, ErrNothingToUndo)
	}
	partial := to + Partial
	repaired, err := o.write(ctx, from, partial, changes, before)
	if err != nil {
		return Repaired{}, fmt.Errorf("repair %s: %w", from, err)
	}
	if err := durable.Rename(partial, to); err != nil {
		return Repaired{}, errors.Join(err, os.Remove(partial))
	}

	return repaired, nil
}

func (o Repair) begin(what string) {
	if o.Begun != nil {
		o.Begun(what)
	}
}

// write makes the copy under its unfinished name, and proves it. What failed is
// taken away; what another repair has left there is not ours.
func (o Repair) write(ctx context.Context, from, partial string, changes []Change, before fs.FileInfo) (Repaired, error) {
	o.begin("write")
	out, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Repaired{}, err
	}
	sum, err := o.pour(ctx, from, out, changes)
	err = errors.Join(err, out.Close())
	repaired := Repaired{Undone: changes}
	if err == nil {
		o.begin("verify")
		err = o.prove(ctx, partial, sum, &repaired)
	}
	if err == nil {
		err = errors.Join(unchanged(from, before), os.Chtimes(partial, before.ModTime(), before.ModTime())) // it is as old as its data
	}
	if err != nil {
		return Repaired{}, errors.Join(err, os.Remove(partial))
	}

	return repaired, nil
}

// pour writes the bytes, and gives the digest of what was meant to be written.
func (o Repair) pour(ctx context.Context, from string, out *os.File, changes []Change) (string, error) {
	open := func() (io.ReadCloser, error) {
		file, err := os.Open(from)
		if err != nil {
			return nil, err
		}

		return &counted{Closer: file, meter: meter{from: file, moved: o.Moved}, ctx: ctx}, nil
	}
	r, end, err := peeled(open, changes, o.Keys)
	if err != nil {
		return "", err
	}
	defer end()
	digest := sha256.New()
	if _, err := io.CopyBuffer(out, io.TeeReader(r, digest), make([]byte, 256<<10)); err != nil {
		return "", err
	}

	return hex.EncodeToString(digest.Sum(nil)), out.Sync()
}

// counted counts what is read of the damaged file, and stops when it must.
type counted struct {
	io.Closer
	meter meter
	ctx   context.Context //nolint:containedctx // a reader's methods take none; it lives for one copy
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}

	return c.meter.Read(p)
}

// prove reads the copy as any other dump is read.
func (o Repair) prove(ctx context.Context, path, sum string, repaired *Repaired) error {
	c, err := Look(path)
	if err == nil || errors.Is(err, ErrSchemaOnly) {
		repaired.Reading, err = o.read(ctx, path)
	}
	switch {
	case err != nil && damaged(err):
		return fmt.Errorf("%w: %w", ErrNotExact, err)
	case err != nil:
		return err
	case repaired.Reading.SHA256 != sum:
		return fmt.Errorf("read the copy back: %w", ErrCorrupt)
	}
	repaired.Header = c.Header

	return nil
}

// read has pg_restore read the copy, or follows its blocks where there is none,
// or only one that is older than the dump.
func (o Repair) read(ctx context.Context, path string) (Reading, error) {
	if o.Tool == nil {
		return Follow(ctx, path, nil)
	}
	_, err := List(ctx, o.Tool, path)
	if errors.Is(err, ErrUnsupported) || errors.Is(err, ErrPlain) {
		return Follow(ctx, path, nil)
	}
	if err != nil && !errors.Is(err, ErrSchemaOnly) {
		return Reading{}, err
	}

	return Read(ctx, o.Tool, path, nil)
}

// damaged tells damage to the copy from what speaks of something else: of an
// older pg_restore, of a disk.
func damaged(err error) bool {
	for _, cause := range []error{ErrTruncated, ErrCorrupt, ErrImplausible, ErrMismatch, ErrTerminal} {
		if errors.Is(err, cause) {
			return true
		}
	}

	return false
}

func regular(path string) (fs.FileInfo, error) {
	file, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if size == 0 {
		return nil, fmt.Errorf("repair %s: %w", path, ErrEmpty)
	}

	return file.Stat()
}

func unchanged(path string, before fs.FileInfo) error {
	now, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(before, now) || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("read %s: %w", filepath.Base(path), ErrChanging)
	}

	return nil
}
