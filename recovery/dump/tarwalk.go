package dump

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// tarBlock is what a tar is made of.
const tarBlock = 512

// tarHead is the first member of pg_dump's tar: the table of contents.
func tarHead(r io.ReaderAt, size int64) (*io.SectionReader, error) {
	header, err := tar.NewReader(io.NewSectionReader(r, 0, size)).Next()
	if err != nil {
		return nil, tarError(err, 0)
	}
	if header.Name != tocName || header.Typeflag != tar.TypeReg || len(header.PAXRecords) > 0 {
		return nil, &DamageError{What: "the tar does not begin with its table of contents", Cause: ErrCorrupt}
	}
	if header.Size > size-tarBlock {
		return nil, &DamageError{Offset: size, What: "within the table of contents", Cause: ErrTruncated}
	}

	return io.NewSectionReader(r, tarBlock, header.Size), nil
}

func tarError(err error, at int64) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &DamageError{Offset: at, What: "within a member of the tar", Cause: ErrTruncated}
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return &DamageError{Offset: at, What: "what should be the header of a member is none", Cause: ErrCorrupt}
	default:
		return err
	}
}

// script is the member that psql could load, beside the data. It is not used.
const restoreScript = "restore.sql"

var (
	dataMember = regexp.MustCompile(`^[0-9]+\.dat$`)
	blobMember = regexp.MustCompile(`^blob_([0-9]+)\.dat$`)
	blobsList  = regexp.MustCompile(`^blobs(_[0-9]+)?\.toc$`)
)

// ofDump tells whether a member is one that pg_dump writes beside the table of
// contents. Nothing else is ever opened, whatever a table of contents names.
func ofDump(name string) bool {
	return dataMember.MatchString(name) || blobMember.MatchString(name) || blobsList.MatchString(name)
}

// member is one file of a dump in tar or directory format, not compressed.
type member struct {
	name string
	from io.Reader
}

// walkTar shows the members of pg_dump's tar in their order, and reads it to its
// last byte: two blocks of zeros end it, and only zeros may follow. Records of
// another format are refused: with them a member of no bytes can claim to be a
// hole of any size.
func walkTar(ctx context.Context, from io.Reader, show func(member) error) error {
	ending := &zeros{from: from}
	t := tar.NewReader(ending)
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return ending.finish(ctx)
		}
		if err != nil {
			return tarError(err, ending.total)
		}
		name := header.Name
		switch {
		case first != (name == tocName), header.Typeflag != tar.TypeReg, len(header.PAXRecords) > 0, !first && name != restoreScript && !ofDump(name):
			return &DamageError{Offset: ending.total, What: fmt.Sprintf("the member %q is none that pg_dump writes there", name), Cause: ErrCorrupt}
		case first, name == restoreScript:
			continue
		}
		if err := show(member{name, t}); err != nil {
			return tarShown(err, ending.total)
		}
	}
}

// tarShown gives an error of reading a member its meaning.
func tarShown(err error, at int64) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader) {
		return tarError(err, at)
	}

	return err
}

// zeros counts the zero bytes with which what was read ends.
type zeros struct {
	from  io.Reader
	total int64
	run   int64
}

func (z *zeros) Read(p []byte) (int, error) {
	n, err := z.from.Read(p)
	z.total += int64(n)
	at := n
	for at > 0 && p[at-1] == 0 {
		at--
	}
	if at > 0 {
		z.run = 0
	}
	z.run += int64(n - at)

	return n, err
}

// finish reads on to the end, where nothing but zeros may be.
func (z *zeros) finish(ctx context.Context) error {
	buffer := make([]byte, 64<<10)
	for ctx.Err() == nil {
		before := z.run
		n, err := z.Read(buffer)
		if z.run != before+int64(n) {
			return &DamageError{Offset: z.total, What: "something follows the end of the tar", Cause: ErrCorrupt}
		}
		if errors.Is(err, io.EOF) {
			if z.run < 2*tarBlock {
				return &DamageError{Offset: z.total, What: "the blocks that end the tar are missing", Cause: ErrTruncated}
			}

			return nil
		}
		if err != nil {
			return fmt.Errorf("read the dump: %w", err)
		}
	}

	return ctx.Err()
}
