package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// What can be wrong with an archive as a whole. They arrive in a DamageError.
var (
	ErrEmpty     = errors.New("the archive has no bytes")
	ErrNotGzip   = errors.New("it is not compressed with gzip")
	ErrNotTar    = errors.New("its content is not a tar archive")
	ErrTruncated = errors.New("it ends early")
	ErrChecksum  = errors.New("its content does not match its checksum")
	ErrCorrupt   = errors.New("its bytes are damaged")
	ErrTrailing  = errors.New("something follows its end")
	ErrNoEnd     = errors.New("it was cut between two entries: tar's end is missing")
)

// What can be wrong with one entry. They arrive in an EntryError.
var (
	ErrName        = errors.New("the name is not usable")
	ErrTooLong     = errors.New("the name is too long")
	ErrEscapes     = errors.New("the name leads outside")
	ErrLinkEscapes = errors.New("the link leads outside, or to no file of the archive")
	ErrThroughLink = errors.New("it lies behind a link")
	ErrLink        = errors.New("it is a link")
	ErrSpecial     = errors.New("it is neither file, directory nor link")
	ErrTwice       = errors.New("it is there twice")
	ErrClash       = errors.New("one name is both file and directory")
	ErrBeside      = errors.New("it does not lie in the directory that is left out")
	ErrTooMany     = errors.New("there are more entries than can be kept track of")
	ErrChanged     = errors.New("it changed while it was read")
)

// What can be wrong with a directory.
var (
	ErrNotEmpty     = errors.New("the directory to restore into is not empty")
	ErrNotDirectory = errors.New("it is not a directory")
	ErrInside       = errors.New("the copy would lie inside what is copied")
)

// What can stand in the way of a swap. Nothing has been lost when they arrive.
var (
	ErrRunName   = errors.New("the run id cannot be part of a file name")
	ErrNoParent  = errors.New("the directory above it is missing")
	ErrRoot      = errors.New("it is the root of the filesystem")
	ErrStaged    = errors.New("something is staged already")
	ErrNotStaged = errors.New("this run has nothing complete staged here")
	ErrNotOurs   = errors.New("it is not what this run staged")
	ErrSwapBegun = errors.New("its swap has begun: finish or undo that first")
	ErrAsideGone = errors.New("what was set aside is gone")
	ErrBelow     = errors.New("another filesystem is mounted below it")
	ErrWasLive   = errors.New("it has been live, and may hold documents that are nowhere else")
)

// ConfusedError says that what lies at the three places of a swap is none of
// the states a swap passes through, so that somebody else has moved things.
// Each number is the inode of a directory; 0 means that there is none.
type ConfusedError struct {
	Place                Place
	Run                  string
	Live, Staging, Aside uint64
	New, Old             uint64 // as recorded
}

func (e *ConfusedError) Error() string {
	return fmt.Sprintf("swap %q: found live %d, staging %d, aside %d; expected to find new %d and old %d",
		e.Place.Real, e.Live, e.Staging, e.Aside, e.New, e.Old)
}

// DamageError tells where reading an archive ended, and why.
type DamageError struct {
	Path  string
	At    int64  // offset reached in the compressed file
	Size  int64  // size the file should have: the manifest's where known, else its own
	Entry string // the entry being read; empty before the first
	Err   error
}

func (e *DamageError) Error() string {
	if e.Entry == "" {
		return fmt.Sprintf("read %q, at byte %d of %d: %v", e.Path, e.At, e.Size, e.Err)
	}

	return fmt.Sprintf("read %q, at byte %d of %d, in %q: %v", e.Path, e.At, e.Size, e.Entry, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

// EntryError is about one entry. Its name may hold any byte, escape sequences
// included, and is printed quoted.
type EntryError struct {
	Name string
	Err  error
}

func (e *EntryError) Error() string { return fmt.Sprintf("entry %q: %v", e.Name, e.Err) }
func (e *EntryError) Unwrap() error { return e.Err }

// entryFailed says what was being done with an entry. Errors of package os are
// unwrapped, because they print names raw.
func entryFailed(name, doing string, err error) error {
	return &EntryError{name, fmt.Errorf("%s: %w", doing, bare(err))}
}

func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}

	return err
}
