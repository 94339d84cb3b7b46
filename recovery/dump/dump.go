// Package dump reads what pg_dump wrote, in any of its formats, and loads it:
// beside the live database first, under another name, compared there, and only
// then made live by a rename that can be undone.
//
// Inspect looks at the first bytes of a dump, Look at its ends and its table of
// contents. Examine goes through every byte, once: List and Read for an archive,
// with the service's own pg_restore, Scan for a script; Follow does without
// pg_restore. Repair undoes, into a new file, what was done to a dump and can be
// undone exactly. Server is the database's side: load, compare, swap.
//
// A tar or a directory is read as the custom-format archive that it would have
// been, so that one reader, one walk and one way of loading serve them all; a
// script is read by a lexer of our own and loaded by psql.
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
	Format      Shape     // how pg_dump wrote it
	Version     string    // of the archive format: "1.14-0"; a script has none
	Size        int64     // of the file, or of all files of a directory
	Database    string    // the database that was dumped; a script does not name it
	Server      string    // version of the server it was dumped from
	Client      string    // version of pg_dump that wrote it
	ServerMajor int       // 15
	ClientMajor int       // 15
	Compression string    // "none", "gzip", "lz4", "zstd"
	Items       int       // entries in the table of contents; zero for a script that was not read whole
	Created     time.Time // the wall clock of the machine that ran pg_dump; its zone is not recorded, so it is given as UTC
}

// Inspect reads the header of a custom-format archive, and says of anything
// else what it is. Besides the header it looks at the first MiB only. An error
// matches one of the causes in errors.go; what those carry is in their types.
func Inspect(path string) (Header, error) {
	s, err := opened(path)
	if err != nil {
		return Header{}, err
	}
	defer func() { _ = s.Close() }()

	header, err := s.header()
	if err != nil {
		return Header{}, fmt.Errorf("inspect %s: %w", path, err)
	}

	return header, nil
}

func (s *source) header() (Header, error) {
	if s.shape == Plain {
		return scriptHeader(s.start, s.size)
	}
	header, err := inspectAs(s.head, s.head.Size(), s.shape.format())
	header.Format, header.Size = s.shape, s.size

	return header, err
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

func inspect(r io.ReaderAt, size int64) (Header, error) { return inspectAs(r, size, formatCustom) }

func inspectAs(r io.ReaderAt, size int64, format byte) (Header, error) {
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
	a.format = format
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
