package dump

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// bundle writes a dump in tar or directory format as a custom-format archive
// without compression: the one that pg_restore reads from its standard input,
// which is all that a container has of a file of the host. The entries of both
// are the same but for where they say their data lie, and the data follow in the
// same order. So whatever is known of a custom-format dump is known of these.
type bundle struct {
	contents Contents
	head     io.ReaderAt // the toc.dat
	to       *bufio.Writer

	await []Entry // with data, in the order of the table of contents
	open  bool    // the large objects of the first of them have begun
	seen  map[string]bool
}

// Kinds of what an archive says of where an entry's data lie.
const (
	placeUnset = 1
	placeNone  = 3

	blobsKind = "BLOBS"
)

func newBundle(c Contents, head io.ReaderAt, to io.Writer) *bundle {
	b := &bundle{contents: c, head: head, to: bufio.NewWriterSize(to, 64<<10)}
	for _, e := range c.Entries {
		if e.hasData {
			b.await = append(b.await, e)
		}
	}

	return b
}

// contentsAs writes the head and the table of contents.
func (b *bundle) contentsAs() error {
	c := b.contents
	start := make([]byte, c.at)
	if err := b.copied(start, 0); err != nil {
		return err
	}
	start[formatAt] = formatCustom
	compression := start[formatAt+1:]
	if c.version < withAlgorithm {
		compression = compression[:c.intSize+1]
	} else {
		compression = compression[:1]
	}
	clear(compression)
	if _, err := b.to.Write(start); err != nil {
		return err
	}
	for _, e := range c.Entries {
		if _, err := io.Copy(b.to, io.NewSectionReader(b.head, e.from, e.until-e.from)); err != nil {
			return err
		}
		place := make([]byte, 1+c.offSize)
		place[0] = placeNone
		if e.hasData {
			place[0] = placeUnset
		}
		if _, err := b.to.Write(place); err != nil {
			return err
		}
	}

	return b.to.Flush()
}

func (b *bundle) copied(into []byte, at int64) error {
	if n, err := b.head.ReadAt(into, at); n < len(into) {
		return fmt.Errorf("read the table of contents: %w", err)
	}

	return nil
}

// formatAt is where the head names the format: behind the magic, the version and
// two sizes.
const formatAt = 10

// take writes one member as a block, or a part of one.
func (b *bundle) take(m member) error {
	if len(b.await) == 0 {
		return b.stray(m.name)
	}
	next := b.await[0]
	blob := blobMember.FindStringSubmatch(m.name)
	switch {
	case blob != nil && next.Kind == blobsKind:
		return b.object(next, m, blob[1])
	case next.Kind == blobsKind && blobsList.MatchString(m.name): // a tar's table of contents has another name for it
		return b.objectsEnd(next, m)
	case m.name != next.member:
		return b.stray(m.name)
	}
	b.await = b.await[1:]
	if err := b.begin(rowsBlock, next); err != nil {
		return err
	}

	return b.data(m.from)
}

func (b *bundle) stray(name string) error {
	return &DamageError{What: fmt.Sprintf("the member %s is not the one that the table of contents has next", name), Cause: ErrCorrupt}
}

func (b *bundle) begin(kind byte, e Entry) error {
	if err := b.to.WriteByte(kind); err != nil {
		return err
	}

	return b.int(int64(e.ID))
}

// object writes one large object.
func (b *bundle) object(e Entry, m member, number string) error {
	oid, err := strconv.ParseUint(number, 10, 32)
	if err != nil || oid == 0 || b.seen[m.name] {
		return b.stray(m.name)
	}
	if !b.open {
		b.open, b.seen = true, map[string]bool{}
		if err := b.begin(objectsBlock, e); err != nil {
			return err
		}
	}
	b.seen[m.name] = true
	if err := b.int(int64(oid)); err != nil {
		return err
	}

	return b.data(m.from)
}

// objectsEnd holds the list of large objects against those that came.
func (b *bundle) objectsEnd(e Entry, m member) error {
	if !b.open {
		b.seen = map[string]bool{}
		if err := b.begin(objectsBlock, e); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(m.from)
	for lines.Scan() {
		name, err := listedBlob(m.name, lines.Text())
		if err != nil {
			return err
		}
		if !b.seen[name] {
			return &MemberError{name, ErrMemberMissing}
		}
		delete(b.seen, name)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for name := range b.seen {
		return b.stray(name)
	}
	b.open, b.await = false, b.await[1:]

	return b.int(0)
}

// data writes what a member holds in pieces, each behind its length; a length of
// zero ends them.
func (b *bundle) data(from io.Reader) error {
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			if err := b.int(int64(n)); err != nil {
				return err
			}
			if _, err := b.to.Write(piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return b.int(0)
		}
		if err != nil {
			return err
		}
	}
}

// int writes a sign and a magnitude, lowest byte first.
func (b *bundle) int(v int64) error {
	raw := make([]byte, b.contents.intSize+1)
	for i := range raw[1:] {
		raw[1+i] = byte(v >> (8 * i))
	}
	_, err := b.to.Write(raw)

	return err
}

// finish tells whether every entry had its data.
func (b *bundle) finish() error {
	if len(b.await) > 0 {
		return &DamageError{What: fmt.Sprintf("the data of %d entries are missing, of %s for one", len(b.await), b.await[0].Name), Cause: ErrTruncated}
	}

	return b.to.Flush()
}

// write writes the whole archive.
func (b *bundle) write(ctx context.Context, walk func(context.Context, func(member) error) error) error {
	if err := b.contentsAs(); err != nil {
		return err
	}
	if err := walk(ctx, b.take); err != nil {
		return err
	}

	return b.finish()
}
