package vault

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/gzip"
)

// source is the content of an archive's file: gzip of one or many members, with
// nothing but zeros after the last. Its errors say where and why.
type source struct {
	archive Archive
	info    fs.FileInfo
	meter   *meter
	file    *bufio.Reader
	gzip    *gzip.Reader

	entry string // being read, for errors
	ended bool   // the content was read beyond its end
	err   error  // what ended it otherwise
}

func newSource(f *os.File, a Archive, moved func(int64)) (*source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at vault archive: %w", err)
	}
	if moved == nil {
		moved = func(int64) {}
	}

	m := newMeter(f, moved)
	s := &source{archive: a, info: info, meter: m, file: bufio.NewReaderSize(m, pieceAhead)}
	if err := s.begin(); err != nil {
		s.close()
		return nil, err
	}

	return s, nil
}

func (s *source) close() { s.meter.close() }

// begin looks at the first bytes and starts the first gzip member.
func (s *source) begin() error {
	magic, err := s.file.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return s.explain(err)
	}
	if len(magic) == 0 {
		return s.damage(ErrEmpty)
	}
	if !isGzip(magic) {
		return s.damage(ErrNotGzip)
	}
	s.gzip = new(gzip.Reader)
	if err := s.member(); err != nil {
		return s.explain(err)
	}

	return nil
}

func isGzip(magic []byte) bool { return len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b }

// member begins the next gzip member. Our own archives have many; what follows
// the last must be looked at before gzip sees it.
func (s *source) member() error {
	err := s.gzip.Reset(s.file)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	s.gzip.Multistream(false)

	return err
}

// Read gives content only: bytes or an error, never both, so that ended means
// that somebody asked for more than there is.
func (s *source) Read(p []byte) (int, error) {
	for s.err == nil && !s.ended {
		n, err := s.gzip.Read(p)
		if n > 0 {
			return n, nil
		}
		if errors.Is(err, io.EOF) {
			err = s.next()
		}
		if errors.Is(err, io.EOF) {
			s.ended = true
			break
		}
		if err != nil {
			s.err = s.explain(err)
		}
	}
	if s.err != nil {
		return 0, s.err
	}

	return 0, io.EOF
}

// next looks beyond the end of a gzip member: another one, zeros, or the end.
func (s *source) next() error {
	magic, err := s.file.Peek(2)
	if len(magic) == 0 {
		return err
	}
	if isGzip(magic) {
		return s.member()
	}
	if len(magic) == 1 && magic[0] == 0x1f {
		return io.ErrUnexpectedEOF
	}

	for {
		padding, err := s.file.Peek(1)
		if len(padding) == 0 {
			return err
		}
		padding, _ = s.file.Peek(s.file.Buffered())
		if !zeros(padding) {
			return s.damage(ErrTrailing)
		}
		_, _ = s.file.Discard(len(padding)) // what is buffered can be discarded
	}
}

func zeros(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}

	return true
}

// explain turns what gzip, flate and tar say into facts about the archive.
func (s *source) explain(err error) error {
	var known *DamageError
	var corrupt flate.CorruptInputError

	switch {
	case errors.As(err, &known):
		return err
	case s.meter.err != nil:
		return fmt.Errorf("read %q at byte %d: %w", s.archive.Path, s.at(), bare(s.meter.err))
	case errors.Is(err, io.EOF):
		return s.damage(ErrNoEnd)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.damage(ErrTruncated)
	case errors.Is(err, gzip.ErrChecksum):
		return s.damage(ErrChecksum)
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader):
		return s.damage(ErrCorrupt)
	case s.entry == "":
		return s.damage(ErrNotTar)
	}

	// All else is tar complaining about a header, within sound gzip.
	return s.damage(ErrCorrupt)
}

func (s *source) damage(why error) error {
	size := s.archive.Size
	if size == 0 {
		size = s.info.Size()
	}

	return &DamageError{Path: s.archive.Path, At: s.at(), Size: size, Entry: s.entry, Err: why}
}

// at is the offset in the file up to which its content has been used.
func (s *source) at() int64 { return s.meter.count - int64(s.file.Buffered()) }
