// Package dump reads pg_dump archives and loads them: beside the live database
// first, under another name, compared there, and only then made live by a
// rename that can be undone.
//
// Inspect looks at the first bytes of a file, Look at its ends and its table of
// contents. List has the service's own pg_restore read that too. Read goes
// through every byte, Follow does without pg_restore. Repair undoes, into a new
// file, what was done to a dump and can be undone exactly. Server is the
// database's side: load, compare, swap.
//
// It promises this. A file is never believed for an exit code alone: what was
// read is counted and compared with the table of contents. Zero tables are
// never success. A database that is live is never written to, and none is ever
// dropped but an interrupted load of ours. Nothing read from a file is held
// whole, however long a row is. Programs run through a command.Runner and get
// files through their standard input, because a container sees no file of the
// host.
package dump

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Table names a table as the catalogue does, without quotes.
type Table struct{ Schema, Name string }

func (t Table) String() string { return t.Schema + "." + t.Name }

// Header is what a custom-format archive says of itself in its first bytes.
type Header struct {
	Format      string    // always "custom": everything else is an error
	Version     string    // of the archive format: "1.14-0"
	Size        int64     // of the file
	Database    string    // the database that was dumped
	Server      string    // version of the server it was dumped from
	Client      string    // version of pg_dump that wrote it
	ServerMajor int       // 15
	ClientMajor int       // 15
	Compression string    // "none", "gzip", "lz4", "zstd"
	Items       int       // entries in the table of contents
	Created     time.Time // the wall clock of the machine that ran pg_dump; its zone is not recorded, so it is given as UTC
}

// Inspect reads the header of a custom-format archive, and says of anything
// else what it is. Besides the header it looks at the first MiB only. An error
// matches one of the causes in errors.go; what those carry is in their types.
func Inspect(path string) (Header, error) {
	file, size, err := open(path)
	if err != nil {
		return Header{}, err
	}
	defer func() { _ = file.Close() }()

	header, err := inspect(file, size)
	if err != nil {
		return Header{}, fmt.Errorf("inspect %s: %w", path, err)
	}

	return header, nil
}

// open opens a dump. A directory is told apart here: pg_dump -Fd writes one.
func open(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("look at the dump: %w", err)
	}
	if info.IsDir() {
		return nil, 0, fmt.Errorf("look at %s: %w", path, ErrDirectory)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("look at %s: %w", path, ErrNotDump)
	}

	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open the dump: %w", err)
	}

	return file, info.Size(), nil
}

// probed is how far into a file text before the magic is looked for, and a
// terminal's marks.
const probed = 1 << 20

func inspect(r io.ReaderAt, size int64) (Header, error) {
	if size == 0 {
		return Header{}, ErrEmpty
	}
	start, err := beginning(r, size)
	if err != nil {
		return Header{}, err
	}
	if !isArchive(start) {
		return Header{}, recognise(start)
	}

	// The terminal comes first: a mangled header can be read as a sound one
	// whose fields are shifted, and then only the line ends give it away.
	var seen Damage
	seen.scan(start)
	if seen.Terminal() {
		return Header{}, &TerminalError{seen}
	}

	a := newArchive(io.NewSectionReader(r, 0, size), size)
	header, err := a.header()
	if err != nil {
		return Header{}, err
	}

	return header, header.plausible()
}

func beginning(r io.ReaderAt, size int64) ([]byte, error) {
	start := make([]byte, min(size, probed))
	if n, err := r.ReadAt(start, 0); n < len(start) {
		return nil, fmt.Errorf("read the beginning: %w", err)
	}

	return start, nil
}
