package dump

import (
	"bufio"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// MemberError is a file of a dump in directory format that is not there, or that
// cannot be read here.
type MemberError struct {
	Name  string
	Cause error // ErrMemberMissing or ErrMemberKind
}

func (e *MemberError) Error() string { return fmt.Sprintf("%v: %s", e.Cause, e.Name) }
func (e *MemberError) Unwrap() error { return e.Cause }

// What can be wrong with a file of a dump in directory format.
var (
	ErrMemberMissing = errors.New("a file that the table of contents names is not in the directory")
	ErrMemberKind    = errors.New("a file of the dump is compressed in a way that is not read here")
)

// compressions are the endings that pg_dump gives to what it compresses, in the
// order in which it looks for them.
var compressions = []string{"", ".gz", ".lz4", ".zst"}

// files are the members of a dump in directory format.
type files struct {
	root  *os.Root
	moved func(int64)
	sums  hash.Hash // of a line for each file, as sha256sum writes them
}

// present tells whether every file that the table of contents names is there,
// without opening any but the lists of large objects.
func (f *files) present(c Contents) error {
	return f.each(c, func(name string) error {
		file, _, err := f.find(name)
		if err != nil {
			return err
		}

		return file.Close()
	})
}

// each goes through the names of the members, in the order of the table of
// contents: large objects come before the list that names them.
func (f *files) each(c Contents, show func(name string) error) error {
	for _, e := range c.Entries {
		if !e.hasData {
			continue
		}
		if !ofDump(e.member) {
			return &DamageError{What: fmt.Sprintf("entry %d has its data in %q, which pg_dump does not write", e.ID, e.member), Cause: ErrCorrupt}
		}
		if e.Kind == blobsKind {
			names, err := f.blobs(e.member)
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := show(name); err != nil {
					return err
				}
			}
		}
		if err := show(e.member); err != nil {
			return err
		}
	}

	return nil
}

// blobs reads a list of large objects: a number and a file name a line.
func (f *files) blobs(list string) ([]string, error) {
	file, ending, err := f.find(list)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	plain, end, err := unpacked(file, ending)
	if err != nil {
		return nil, memberError(list+ending, err)
	}
	defer end()
	var names []string
	lines := bufio.NewScanner(plain)
	for lines.Scan() {
		name, err := listedBlob(list, lines.Text())
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}

	return names, memberError(list+ending, lines.Err())
}

func listedBlob(list, line string) (string, error) {
	oid, name, _ := strings.Cut(line, " ")
	if m := blobMember.FindStringSubmatch(name); m == nil || m[1] != oid {
		return "", &DamageError{What: fmt.Sprintf("%s holds the line %q", list, line), Cause: ErrCorrupt}
	}

	return name, nil
}

// find opens a member under the ending that it has.
func (f *files) find(name string) (*os.File, string, error) {
	for _, ending := range compressions {
		file, err := f.root.Open(name + ending)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("open a file of the dump: %w", err)
		}
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, "", errors.Join(&DamageError{What: name + ending + " is not a file", Cause: ErrCorrupt}, file.Close())
		}

		return file, ending, nil
	}

	return nil, "", &MemberError{name, ErrMemberMissing}
}

// walk shows every member, unpacked, to its last byte.
func (f *files) walk(ctx context.Context, c Contents, show func(member) error) error {
	return f.each(c, func(name string) error {
		if err := ctx.Err(); err != nil {
			return err
		}

		return f.one(name, show)
	})
}

// all shows every member, and digests the table of contents too.
func (f *files) all(ctx context.Context, toc io.Reader, c Contents, show func(member) error) error {
	digest := sha256.New()
	if _, err := io.Copy(digest, &meter{from: toc, moved: f.moved}); err != nil {
		return fmt.Errorf("read the table of contents: %w", err)
	}
	f.sum(tocName, digest)

	return f.walk(ctx, c, show)
}

func (f *files) one(name string, show func(member) error) error {
	file, ending, err := f.find(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	digest := sha256.New()
	raw := &meter{from: io.TeeReader(file, digest), moved: f.moved}
	plain, end, err := unpacked(raw, ending)
	if err != nil {
		return memberError(name+ending, err)
	}
	defer end()
	if err := show(member{name, inMember{plain, name + ending}}); err != nil {
		return err
	}
	f.sum(name+ending, digest)

	return nil
}

func (f *files) sum(name string, digest hash.Hash) {
	_, _ = fmt.Fprintf(f.sums, "%s  %s\n", hex.EncodeToString(digest.Sum(nil)), name)
}

// inMember gives the errors of reading a member their meaning.
type inMember struct {
	from io.Reader
	name string
}

func (t inMember) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}

	return n, memberError(t.name, err)
}

// unpacked reads what pg_dump compressed. What follows the end of a gzip member
// would be read as another one, which is damage and found as such.
func unpacked(r io.Reader, ending string) (io.Reader, func(), error) {
	none := func() {}
	switch ending {
	case "":
		return r, none, nil
	case ".gz":
		z, err := gzip.NewReader(r)
		return z, none, err
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostWindow))
		if err != nil {
			return nil, none, err
		}

		return z, z.Close, nil
	default:
		return nil, none, ErrMemberKind
	}
}

// memberError says what an error of unpacking means, and in which file.
func memberError(name string, err error) error {
	var corrupt flate.CorruptInputError
	var known *DamageError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, ErrMemberKind):
		return &MemberError{name, ErrMemberKind}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &DamageError{What: "the file " + name + " ends early", Cause: ErrTruncated}
	case strings.HasSuffix(name, ".zst"), errors.As(err, &corrupt), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return &DamageError{What: "the file " + name + " does not unpack", Cause: ErrCorrupt}
	default:
		return fmt.Errorf("read %s: %w", name, err)
	}
}
