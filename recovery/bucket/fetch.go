package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery/durable"
)

// unfinished ends the names of what is being fetched, and of what says which
// object it is part of.
const unfinished, tag = ".fetching", ".fetching-etag"

// Fetch brings an object to a file. sum is its SHA-256 in hex, or empty where
// nobody knows it. What an interrupted Fetch has left is gone on with, if the
// object is still the same; a file that is there already is read, and kept if its
// digest is right. The file gets its name once it is durable and its digest, read
// from disk, is right. moved, which may be nil, is told how many bytes are there.
// fetched tells whether any came from the server.
func (b *Bucket) Fetch(ctx context.Context, o Object, to, sum string, moved func(int64)) (fetched bool, err error) {
	if sum != "" {
		if found, err := durable.Digest(ctx, to, nil); err == nil && found == sum {
			tell(moved, o.Size)
			return false, nil
		}
	}
	partly := filepath.Join(filepath.Dir(to), "."+filepath.Base(to))
	if err := b.goOn(ctx, o, partly, moved); err != nil {
		return true, b.failed("fetch", o.Name, err)
	}
	if sum != "" {
		found, err := durable.Digest(ctx, partly+unfinished, nil)
		if err == nil && found != sum {
			// Nothing of it can be believed, so nothing of it is gone on with.
			err = errors.Join(b.failed("fetch", o.Name, ErrDigest), os.Remove(partly+unfinished), os.Remove(partly+tag))
		}
		if err != nil {
			return true, err
		}
	}

	return true, b.name(ctx, o, partly, to)
}

// goOn brings the rest of an object into an unfinished file.
func (b *Bucket) goOn(ctx context.Context, o Object, partly string, moved func(int64)) error {
	if err := b.known(ctx); err != nil {
		return err
	}
	f, have, err := begun(o, partly)
	if err != nil {
		return &localError{err}
	}
	defer f.Close() // after the sync it has nothing left to do
	if err := b.stream(ctx, o, have, &often{file: f}, moved); err != nil {
		return errors.Join(err, f.Sync()) // what is there is gone on with
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return &localError{err}
	}

	return nil
}

// begun opens what there is of an object, at its end. What belongs to another
// object, or is too long, is thrown away.
func begun(o Object, partly string) (*os.File, int64, error) {
	f, err := os.OpenFile(partly+unfinished, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	of, err := os.ReadFile(partly + tag)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, errors.Join(err, f.Close())
	}
	have, err := f.Seek(0, io.SeekEnd)
	if err == nil && (string(of) != o.ETag || have > o.Size) {
		if err = f.Truncate(0); err == nil {
			have, err = f.Seek(0, io.SeekStart)
		}
	}
	if err == nil && have == 0 {
		err = durable.WriteFile(partly+tag, []byte(o.ETag), 0o600)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}

	return f, have, nil
}

// often makes what is written durable every so often, so that a power cut costs
// little of what was fetched.
type often struct {
	file  *os.File
	since int
}

func (w *often) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if w.since += n; err == nil && w.since >= 256<<20 {
		w.since, err = 0, w.file.Sync()
	}

	return n, err
}

// name gives a fetched file its name, and the time of the file that was sent.
func (b *Bucket) name(ctx context.Context, o Object, partly, to string) error {
	at := o.Modified
	if info, err := b.stat(ctx, o.Name); err == nil {
		if t, err := time.Parse(time.RFC3339Nano, info.UserMetadata[modified]); err == nil {
			at = t
		}
	}
	if err := os.Chtimes(partly+unfinished, at, at); err != nil {
		return fmt.Errorf("fetch %q: %w", o.Name, err)
	}
	if err := os.Rename(partly+unfinished, to); err != nil {
		return fmt.Errorf("fetch %q: %w", o.Name, err)
	}
	if err := os.Remove(partly + tag); err != nil {
		return fmt.Errorf("fetch %q: %w", o.Name, err)
	}

	return durable.SyncDir(filepath.Dir(to))
}
