package backup

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
	"time"

	"golang.org/x/sys/unix"

	"firmflow-recovery/recovery/durable"
)

// ErrOther says that a backup of the same name is there, and is another one.
var ErrOther = errors.New("another backup has its name there")

// Copy puts a backup into another directory, beside what is there: written, synced
// every so often, read again from the other disk, held against the manifest, and
// named in the end. What an interrupted copy has left there is cleared away, or
// finished where only names were missing. A backup that is there already is read
// instead, and never overwritten: ErrOther.
//
// moved, which may be nil, is told how many bytes were written and read: twice
// what Copied says. Where it has nothing to tell for as long as idle, the copy is
// given up: ErrStalled. A share that hangs keeps what waits for it, and not us.
func (s Set) Copy(ctx context.Context, m Manifest, into string, idle time.Duration, moved func(int64)) error {
	err := whileMoving(ctx, idle, func(ctx context.Context, step func(int)) error {
		return s.copyInto(ctx, m, into, step)
	}, moved)
	if err != nil {
		return fmt.Errorf("copy backup %s to %q: %w", s.Name(), into, err)
	}

	return nil
}

// whileMoving runs a function that may never return, for as long as it moves.
func whileMoving(ctx context.Context, idle time.Duration, run func(context.Context, func(int)) error, moved func(int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	still := time.AfterFunc(idle, func() { cancel(ErrStalled) })
	defer still.Stop()
	done := make(chan error, 1) // so that a late end finds its place
	var sum int64
	go func() {
		done <- run(ctx, func(n int) {
			if ctx.Err() != nil {
				return // nobody listens any more
			}
			still.Reset(idle)
			if sum += int64(n); moved != nil {
				moved(sum)
			}
		})
	}()
	select {
	case err := <-done:
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}

		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s Set) copyInto(ctx context.Context, m Manifest, into string, step func(int)) error {
	making := Making{Dir: into, Date: m.Backup}
	left, err := Remainders(into)
	if err != nil {
		return err
	}
	for _, r := range left {
		if err := r.Settle(); err != nil {
			return err
		}
	}
	files, err := s.Listed(ctx, m)
	if err != nil {
		return err
	}
	switch err := making.Begin(); {
	case errors.Is(err, fs.ErrExist):
		return compareWith(ctx, into, files, step)
	case err != nil:
		return err
	}
	for _, f := range files {
		if err := copyFile(ctx, s.At(f), making, f, step); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := compare(ctx, making.Path(f.Name), f, step); err != nil {
			return err
		}
	}

	return making.Publish()
}

// Listed gives all files of a backup with their digests: those that the manifest
// lists, and itself and the list of checksums as they are.
func (s Set) Listed(ctx context.Context, m Manifest) ([]ListedFile, error) {
	files := m.Files[:len(m.Files):len(m.Files)]
	for _, part := range []Part{Sums, Proof} {
		f := s.File(part)
		if !f.Exists() {
			return nil, fmt.Errorf("%s: %w", part, ErrMissing)
		}
		sum, err := durable.Digest(ctx, f.Path, nil)
		if err != nil {
			return nil, err
		}
		files = append(files, ListedFile{Name: filepath.Base(f.Path), Part: part, Size: f.Size, SHA256: sum})
	}

	return files, nil
}

// Copied is how many bytes a copy of the backup has, but for what is small.
func (m Manifest) Copied() int64 { return 2 * m.Total() }

// syncEvery is how much is written before it is made durable: a share takes long
// over much at once, and nothing would move meanwhile.
const syncEvery = 64 << 20

// copyFile writes one file of a backup in the making. What is read must be what
// the manifest says: a copy of something damaged is none.
func copyFile(ctx context.Context, from string, making Making, f ListedFile, step func(int)) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("read %q: %w", from, plain(err))
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return fmt.Errorf("read %q: %w", from, plain(err))
	}
	out, err := making.Create(f.Name)
	if err != nil {
		return err
	}
	defer out.Close() // after the sync it has nothing left to do
	sha := sha256.New()
	written := &synced{file: out, step: step}
	if _, err := io.Copy(io.MultiWriter(written, sha), reading{ctx, in}); err != nil {
		return fmt.Errorf("copy %q: %w", f.Name, plain(err))
	}
	if hex.EncodeToString(sha.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("copy %q: %w", from, ErrDigest)
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("copy %q: %w", f.Name, plain(err))
	}
	step(0)
	// The time of a dump says when it was taken; a share that keeps no times is
	// no worse than a copy made later.
	_ = os.Chtimes(making.Path(f.Name), info.ModTime(), info.ModTime())

	return nil
}

// reading ends with its context.
type reading struct {
	ctx  context.Context //nolint:containedctx // io.Copy hands none on; it lives as long as the copy
	from io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}

	return r.from.Read(p)
}

// synced makes what is written durable every so often.
type synced struct {
	file  *os.File
	since int
	step  func(int)
}

func (w *synced) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if w.since += n; err == nil && w.since >= syncEvery {
		w.since, err = 0, w.file.Sync()
	}
	w.step(n)

	return n, err
}

// compareWith reads a backup that is in a directory already.
func compareWith(ctx context.Context, dir string, files []ListedFile, step func(int)) error {
	for _, f := range files {
		if err := compare(ctx, filepath.Join(dir, f.Name), f, step); err != nil {
			return fmt.Errorf("%w: %w", ErrOther, err)
		}
	}

	return nil
}

// compare reads a file back, from the disk and not from memory as far as the
// kernel can be asked for that.
func compare(ctx context.Context, path string, f ListedFile, step func(int)) error {
	forget(path)
	sum, err := durable.Digest(ctx, path, step)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%q: %w", path, ErrMissing)
	case err != nil:
		return fmt.Errorf("read %q: %w", path, plain(err))
	case sum != f.SHA256:
		return fmt.Errorf("%q, read again: %w", path, ErrDigest)
	default:
		return nil
	}
}

func forget(path string) {
	f, err := os.Open(path)
	if err != nil {
		return // it is told when it is read
	}
	defer f.Close()
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: where it is not heeded, the page cache is read
}
