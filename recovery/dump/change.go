package dump

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// What can be done to a dump on its way, and undone without a doubt.
const (
	Terminal = "terminal" // a carriage return was written before each line feed
	Text     = "text"     // a program's messages came before the dump
	Gzip     = "gzip"
	Zstd     = "zstd"
	Age      = "age"
)

// Change is one thing that was done to a dump's bytes.
type Change struct {
	Kind  string // of those above
	Count int64  // of Terminal: how many terminals; of Text: its bytes; else 0
}

// ErrLocked says that a dump is encrypted with age, and that no key was given.
var ErrLocked = errors.New("the dump is encrypted")

// ErrOtherKey says that none of the keys given opens the dump.
var ErrOtherKey = errors.New("no key that was given opens the dump")

// undo gives the bytes as they were before the change, as they are read. The
// closer ends what undoing needs; it is never nil.
func (c Change) undo(r io.Reader, keys []age.Identity) (io.Reader, func(), error) {
	none := func() {}
	switch c.Kind {
	case Terminal:
		return &unmangler{from: r, passes: c.Count, buffer: make([]byte, 64<<10)}, none, nil
	case Text:
		_, err := io.CopyN(io.Discard, r, c.Count)
		return r, none, err
	case Gzip:
		z, err := gzip.NewReader(r)
		return z, none, err
	case Zstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostWindow))
		if err != nil {
			return nil, none, err
		}

		return z, z.Close, nil
	default:
		plain, err := decrypted(r, keys)
		return plain, none, err
	}
}

// mostWindow is more memory than zstd's strongest level asks for.
const mostWindow = 256 << 20

func decrypted(r io.Reader, keys []age.Identity) (io.Reader, error) {
	if len(keys) == 0 {
		return nil, ErrLocked
	}
	b := bufio.NewReaderSize(r, 64<<10)
	if start, _ := b.Peek(len(armor.Header)); string(start) == armor.Header {
		r = armor.NewReader(b)
	} else {
		r = b
	}
	plain, err := age.Decrypt(r, keys...)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, ErrOtherKey // its text would name every key that was tried
	}

	return plain, err
}

// unpackError says what an error of gzip, zstd or age means for the dump.
func unpackError(c Change, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == nil, errors.Is(err, ErrLocked), errors.Is(err, ErrOtherKey):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("undo %s: %w", c.Kind, ErrTruncated)
	case c.Kind == Zstd, c.Kind == Age, errors.As(err, &corrupt), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("undo %s: %w: %w", c.Kind, ErrCorrupt, err)
	default:
		return fmt.Errorf("undo %s: %w", c.Kind, err)
	}
}

// unmangler takes a terminal's carriage returns back: from before each line
// feed as many as there were terminals, and no other. A run of them may be cut
// anywhere, and have any length, so they are counted and not kept.
type unmangler struct {
	from   io.Reader
	passes int64
	buffer []byte
	rest   []byte // of the buffer, not looked at
	seen   int64  // carriage returns just read, and not given yet
	owed   int64  // those of them that are the dump's own, to be given next
	err    error
}

func (u *unmangler) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if u.owed > 0 {
			n += u.pay(p[n:])
			continue
		}
		if len(u.rest) == 0 && u.err == nil {
			if n > 0 {
				return n, nil
			}
			var got int
			got, u.err = u.from.Read(u.buffer)
			u.rest = u.buffer[:got]
			continue
		}
		if len(u.rest) == 0 {
			if u.seen == 0 {
				return n, u.err
			}
			u.owed, u.seen = u.seen, 0 // the file ends with them
			continue
		}
		n += u.take(p[n:])
	}

	return n, nil
}

// pay gives carriage returns that are owed.
func (u *unmangler) pay(p []byte) int {
	n := int(min(int64(len(p)), u.owed))
	for i := range n {
		p[i] = '\r'
	}
	u.owed -= int64(n)

	return n
}

// take copies up to the next carriage return, and counts those.
func (u *unmangler) take(p []byte) int {
	if u.rest[0] == '\r' {
		u.seen++
		u.rest = u.rest[1:]

		return 0
	}
	if u.seen > 0 {
		u.owed, u.seen = u.seen, 0
		if u.rest[0] == '\n' {
			u.owed = max(0, u.owed-u.passes)
		}
		if u.owed > 0 {
			return 0
		}
	}
	end := bytes.IndexByte(u.rest, '\r')
	if end < 0 {
		end = len(u.rest)
	}
	n := copy(p, u.rest[:end])
	u.rest = u.rest[n:]

	return n
}
