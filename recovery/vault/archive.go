// Package vault moves the vault directory out of and into archives: Sync and
// Pack for a backup, Verify, Extract, Mirror and Swap for a recovery.
//
// It promises four things. No archive is believed before its last byte: the
// gzip trailer is checked, tar's end must be there, and only zeros may follow.
// No entry is written that could reach outside the staging directory, and one
// refused entry refuses the whole archive. What was live is set aside under
// another name and never deleted. And a swap that was cut off at any instant is
// finished, or undone, by asking again.
//
// Memory is bounded whatever the sizes: about 40 MiB of buffers, and about a
// hundred bytes for each file, which the digest of the tree needs.
package vault

import (
	"archive/tar"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"firmflow-recovery/recovery/durable"
)

// Archive is a vault archive: vault_snapshot_DATE.tar.gz, or what Pack wrote.
type Archive struct {
	Path string

	// Size is what a manifest announces, so that an archive which stops early can
	// be told by how much. Zero: nobody knows, and the file's own size is taken.
	Size int64

	// LeaveOut is a directory level that is left out: every entry must lie below
	// this one directory, and is taken for what lies there. Empty: none. See
	// Summary.Nested.
	LeaveOut string
}

// Summary is what was read, to its end, from an archive or a directory.
type Summary struct {
	Files       int       `json:"files"`
	Directories int       `json:"directories"` // below the root
	Bytes       int64     `json:"bytes"`       // content of all files
	Newest      time.Time `json:"newest"`      // of all files

	// Tree is the digest of the content: the hex SHA-256 over one line
	// "path\x00size\x00sha256\n" for each file, in the order of the paths' bytes.
	// A link counts with size -1 and the SHA-256 of its target.
	Tree string `json:"tree"`

	CompressedBytes int64  `json:"compressed_bytes,omitempty"` // of an archive
	SHA256          string `json:"sha256,omitempty"`           // of an archive's file

	// Nested names the one directory at the top when the archive holds nothing
	// else and it is called "uploads": the rsync of the backup lacked a slash, and
	// the documents lie one directory too deep.
	Nested string `json:"nested,omitempty"`

	// NestedFiles counts the files that lie directly in Nested. A vault has none
	// at its top, so where there are some, Nested may be a firm's own directory
	// and no level too many.
	NestedFiles int `json:"nested_files,omitempty"`

	// LeftOut counts entries that were read and not restored, since they never
	// were documents: what an earlier recovery left inside a mount point, and the
	// filesystem's own lost+found.
	LeftOut int `json:"left_out,omitempty"`
}

// Peek is what a look at the beginning of an archive tells. It proves nothing
// about the rest.
type Peek struct {
	Size     int64
	Modified time.Time
	First    string // name of the first entry

	// Ends tells that the last bytes can be the end of a tar.gz. A cut archive's
	// can too, once in a hundred times or so; a sound one's always can, unless
	// somebody has cut its content into members of odd lengths.
	Ends bool
}

// Inspect looks at the beginning of the archive: that it is not empty, is gzip,
// and starts with a tar header. Of the end it looks at the last bytes.
func (a Archive) Inspect() (Peek, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return Peek{}, fmt.Errorf("open vault archive: %w", err)
	}
	defer f.Close()

	src, err := newSource(f, a, nil)
	if err != nil {
		return Peek{}, err
	}
	defer src.close()
	peek := Peek{Size: src.info.Size(), Modified: src.info.ModTime()}
	if peek.Ends, err = ends(f, peek.Size); err != nil {
		return Peek{}, err
	}

	header, err := tar.NewReader(src).Next()
	if errors.Is(err, io.EOF) && !src.ended {
		return peek, nil // a complete archive of nothing
	}
	if err != nil {
		return Peek{}, src.explain(err)
	}
	peek.First = header.Name

	return peek, nil
}

// ends looks at what gzip writes last: the length of the content, of which tar
// makes full blocks. Zeros behind it are as good.
func ends(f *os.File, size int64) (bool, error) {
	const trailer, block = 4, 512
	if size < trailer {
		return false, nil
	}
	var last [trailer]byte
	if _, err := f.ReadAt(last[:], size-trailer); err != nil {
		return false, fmt.Errorf("read the end of the vault archive: %w", bare(err))
	}

	return binary.LittleEndian.Uint32(last[:])%block == 0, nil
}

// Verify is Extract into nowhere: every byte is read and every rule applied.
// moved, which may be nil, is told how many compressed bytes have been read.
func (a Archive) Verify(ctx context.Context, moved func(int64)) (Summary, error) {
	summary, _, err := a.read(ctx, nowhere{}, moved)
	if err != nil {
		return Summary{}, fmt.Errorf("verify vault archive: %w", err)
	}

	return summary, nil
}

// Extract restores the archive into a directory, which must be missing or
// empty, and returns once everything there is durable. After an error, what was
// staged is left for the caller to discard. moved is as in Verify. Cancelled, it
// stops at once, but for the sync at the end: the kernel finishes what it began.
func (a Archive) Extract(ctx context.Context, into string, o Owner, moved func(int64)) (Summary, error) {
	s, err := openStage(into, o)
	if err != nil {
		return Summary{}, fmt.Errorf("extract vault archive: %w", err)
	}
	defer s.close()

	summary, cat, err := a.read(ctx, s, moved)
	if err != nil {
		return Summary{}, fmt.Errorf("extract vault archive: %w", err)
	}
	if err := s.finish(ctx, cat); err != nil {
		return Summary{}, fmt.Errorf("extract vault archive: %w", err)
	}
	if err := durable.SyncFS(into); err != nil {
		return Summary{}, err
	}

	return summary, nil
}

// read takes the whole archive through the rule and into the target.
func (a Archive) read(ctx context.Context, to target, moved func(int64)) (Summary, *catalogue, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return Summary{}, nil, err
	}
	defer f.Close()

	src, err := newSource(f, a, moved)
	if err != nil {
		return Summary{}, nil, err
	}
	defer src.close()
	in := newIntake(src, to)
	if err := in.run(ctx); err != nil {
		return Summary{}, nil, err
	}

	in.cat.settle()
	summary := in.cat.summary()
	summary.CompressedBytes = src.meter.count
	summary.SHA256 = src.meter.digest()

	return summary, in.cat, nil
}
