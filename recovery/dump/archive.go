package dump

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// archive reads the fields of which a custom-format archive is made: bytes,
// integers as a sign and a magnitude, and strings with their length. What it
// reads was written by others, so no length is believed: nothing is allocated
// for more than a field may have, and nothing is read past the file's end.
type archive struct {
	from    *bufio.Reader
	size    int64 // of the file
	offset  int64 // of the next byte
	version int   // 114 for 1.14
	format  byte  // the one it must have
	intSize int
	offSize int
	err     error // the first; after it every field is zero
}

func newArchive(r io.Reader, size int64) *archive {
	return &archive{from: bufio.NewReaderSize(r, 64<<10), size: size, format: formatCustom}
}

func (a *archive) fail(what string, cause error) {
	if a.err == nil {
		a.err = &DamageError{Offset: a.offset, What: what, Cause: cause}
	}
}

func (a *archive) byte() byte {
	if a.err != nil {
		return 0
	}
	b, err := a.from.ReadByte()
	if err != nil {
		a.ended(err)
		return 0
	}
	a.offset++

	return b
}

func (a *archive) ended(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		a.fail("within the table of contents", ErrTruncated)
		return
	}
	if a.err == nil {
		a.err = fmt.Errorf("read at byte %d: %w", a.offset, err)
	}
}

func (a *archive) int() int64 {
	var raw [maxIntSize + 1]byte
	for i := range a.intSize + 1 {
		raw[i] = a.byte() //nolint:gosec // intSize was checked against maxIntSize when the header was read
	}

	return integer(raw[:a.intSize+1])
}

// maxIntSize is the widest integer read here. Real archives use four bytes.
const maxIntSize = 8

// integer reads a sign and a magnitude, lowest byte first.
func integer(raw []byte) int64 {
	var v int64
	for i, b := range raw[1:] {
		v |= int64(b) << (8 * i)
	}
	if raw[0] != 0 {
		v = -v
	}

	return v
}

// text reads a string of at most limit bytes. A missing one reads as empty.
func (a *archive) text(name string, limit int64) string {
	n := a.int()
	if a.err != nil || n < 0 {
		return ""
	}
	if n > limit {
		a.fail(fmt.Sprintf("the %s would have %d bytes", name, n), ErrCorrupt)
		return ""
	}
	raw := make([]byte, n)
	got, err := io.ReadFull(a.from, raw)
	a.offset += int64(got)
	if err != nil {
		a.ended(err)
		return ""
	}

	return string(raw)
}

// list reads strings until the missing one that ends them, and keeps none.
func (a *archive) list(name string) {
	for a.err == nil {
		n := a.int()
		if n < 0 {
			return
		}
		a.skip(name, n)
	}
}

// pass steps over a string, however long.
func (a *archive) pass(name string) {
	if n := a.int(); n > 0 {
		a.skip(name, n)
	}
}

func (a *archive) skip(name string, n int64) {
	if a.err != nil {
		return
	}
	if n > a.size-a.offset {
		a.fail(fmt.Sprintf("the %s would have %d bytes, more than are left", name, n), ErrTruncated)
		return
	}
	for n > 0 {
		got, err := a.from.Discard(int(min(n, 1<<20)))
		a.offset += int64(got)
		n -= int64(got)
		if err != nil {
			a.ended(err)
			return
		}
	}
}
