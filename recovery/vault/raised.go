package vault

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"firmflow-recovery/recovery/durable"
)

// Partial is what the name of an unfinished copy ends with.
const Partial = ".partial"

// DirectError says that documents lie directly in the directory that was to be
// left out, so that it may be a firm's own.
type DirectError struct{ Files int }

func (e *DirectError) Error() string {
	return fmt.Sprintf("%d files lie directly in the directory that is left out", e.Files)
}

// Raise writes a copy of the archive without the level LeaveOut, which must not
// be empty, to a new file. Every entry keeps its owner, mode and time; the archive
// is only read. The name is given once the copy was read to its last byte and
// holds the documents of the archive; one that is taken is fs.ErrExist.
//
// It refuses what is not certain: ErrBeside, a DirectError, and whatever Verify
// refuses. moved, which may be nil, is told of each pass how many compressed bytes
// were read, of how many.
func (a Archive) Raise(ctx context.Context, to string, moved func(what string, done, total int64)) (Summary, error) {
	summary, err := a.raise(ctx, to, moved)
	if err != nil {
		return Summary{}, fmt.Errorf("write %q without its level too many: %w", a.Path, err)
	}

	return summary, nil
}

func (a Archive) raise(ctx context.Context, to string, moved func(string, int64, int64)) (Summary, error) {
	if taken, err := durable.Exists(to); taken || err != nil {
		return Summary{}, errors.Join(fmt.Errorf("write %q: %w", to, fs.ErrExist), err)
	}
	before, err := os.Stat(a.Path)
	if err != nil {
		return Summary{}, err
	}
	pass := func(what string, total int64) func(int64) {
		return func(done int64) {
			if moved != nil {
				moved(what, done, total)
			}
		}
	}
	want, documents, err := a.read(ctx, nowhere{}, pass("look", before.Size()))
	if err != nil {
		return Summary{}, err
	}
	if n := documents.directlyIn(0); n > 0 {
		return Summary{}, &DirectError{n}
	}
	partial := to + Partial
	out, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Summary{}, err
	}
	written, err := a.raiseInto(ctx, out, want, pass("write", before.Size()))
	err = errors.Join(err, out.Close())
	got := Summary{}
	if err == nil {
		got, err = Archive{Path: partial}.Verify(ctx, pass("verify", written.bytes))
	}
	if err == nil && !got.raisedFrom(want) {
		err = fmt.Errorf("read the copy back: %w", ErrChanged)
	}
	if err == nil {
		err = errors.Join(os.Chtimes(partial, before.ModTime(), before.ModTime()), durable.Rename(partial, to)) // it is as old as its data
	}
	if err != nil {
		return Summary{}, errors.Join(err, os.Remove(partial))
	}

	return got, nil
}

// raisedFrom tells whether what a copy holds is what was read of the archive.
func (s Summary) raisedFrom(a Summary) bool {
	return s.Tree == a.Tree && s.Files == a.Files && s.Directories == a.Directories && s.Bytes == a.Bytes && s.Newest.Equal(a.Newest)
}

// raiseInto writes the copy, durably. The archive must be what was read before.
func (a Archive) raiseInto(ctx context.Context, out *os.File, want Summary, moved func(int64)) (made, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return made{}, err
	}
	defer f.Close()
	src, err := newSource(f, a, moved)
	if err != nil {
		return made{}, err
	}
	defer src.close()
	written, err := compressed(ctx, out, func(ctx context.Context, to *cutter) error {
		r := raising{archive: a, from: tar.NewReader(src), to: to, tar: tar.NewWriter(to)}

		return r.run(ctx)
	})
	if err != nil {
		return made{}, err
	}
	if _, err := io.Copy(io.Discard, src); err != nil { // tar ends before gzip does
		return made{}, err
	}
	if src.meter.digest() != want.SHA256 {
		return made{}, ErrChanged
	}

	return written, out.Sync()
}

// raising copies entry by entry what was read before and found sound.
type raising struct {
	archive Archive
	from    *tar.Reader
	to      *cutter
	tar     *tar.Writer
}

func (r raising) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := r.from.Next()
		if errors.Is(err, io.EOF) {
			r.to.content(false)

			return r.tar.Close()
		}
		if err != nil {
			return err
		}
		if err := r.entry(ctx, header); err != nil {
			return &EntryError{header.Name, err}
		}
	}
}

// entry copies one entry. What a restore does not take is not copied.
func (r raising) entry(ctx context.Context, header *tar.Header) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	clean, err := localName(header)
	if err != nil {
		return err
	}
	name, left, err := r.archive.raised(clean, header.Typeflag)
	if err != nil || !left || reserved(name) {
		return err
	}
	header.Name = "./" + name
	switch {
	case name == ".":
		header.Name = "./"
	case header.Typeflag == tar.TypeDir:
		header.Name += "/"
	case header.Typeflag == tar.TypeGNUSparse:
		header.Typeflag = tar.TypeReg // its holes are zeros here
	case header.Typeflag == tar.TypeLink:
		if header.Linkname, err = r.sameFile(header.Linkname); err != nil {
			return err
		}
	}
	if header.ModTime.Nanosecond() != 0 {
		header.Format = tar.FormatPAX // which alone has room for it, and is not always told by the reader
	}
	r.to.content(false)
	if err := r.tar.WriteHeader(header); err != nil {
		return err
	}
	r.to.content(true)
	_, err = io.Copy(r.tar, stopping{ctx, r.from})

	return err
}

// sameFile is the name of the file that a hard link is the same as.
func (r raising) sameFile(of string) (string, error) {
	clean, err := cleanName(of)
	if err != nil {
		return "", err
	}
	name, _, err := r.archive.raised(clean, tar.TypeLink)

	return "./" + name, err
}

// stopping reads until it must stop.
type stopping struct {
	ctx  context.Context //nolint:containedctx // a reader's methods take none; it lives for one copy
	from io.Reader
}

func (s stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}

	return s.from.Read(p)
}
