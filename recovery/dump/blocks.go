package dump

import (
	"fmt"
)

// Kinds of data blocks.
const (
	rowsBlock    = 1
	objectsBlock = 3
)

// expected is what a walk awaits next.
type expected int

const (
	contentsEnd   expected = iota // the bytes up to where the data begin
	blockKind                     // one byte, or the end of the file
	blockID                       // the entry the block belongs to
	chunkLength                   // zero ends the rows, or one large object
	chunkData                     // bytes to pass over
	objectID                      // zero ends the large objects
	nothingBehind                 // damage was found
)

// walk follows the data blocks of an archive as its bytes pass by. It knows to
// the byte whether the file ends where the last block does: pg_restore alone
// takes two dumps in one file, or rubbish behind one, without a word.
type walk struct {
	intSize int
	entries map[int64]bool // entries that have data; true once seen
	objects int64          // large objects

	next    expected
	inBlock byte
	left    int64 // of what is passed over
	field   [maxIntSize + 1]byte
	have    int
	offset  int64
	err     *DamageError
}

func newWalk(c Contents) *walk {
	w := &walk{intSize: c.intSize, left: c.begins, entries: map[int64]bool{}}
	for _, e := range c.Entries {
		if e.hasData {
			w.entries[int64(e.ID)] = false
		}
	}

	return w
}

// Write never fails: what it finds is told by finish, when the whole file has
// passed and its digest is known too.
func (w *walk) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.err == nil {
		if w.next == contentsEnd || w.next == chunkData {
			p = w.pass(p)
			continue
		}
		p = w.gather(p)
	}

	return n, nil
}

// pass goes over bytes that mean nothing here.
func (w *walk) pass(p []byte) []byte {
	n := min(int64(len(p)), w.left)
	w.left -= n
	w.offset += n
	if w.left > 0 {
		return nil
	}
	if w.next == contentsEnd {
		w.next = blockKind
	} else {
		w.next = chunkLength
	}

	return p[n:]
}

// gather collects a field, which two writes may share between them.
func (w *walk) gather(p []byte) []byte {
	need := w.intSize + 1
	if w.next == blockKind {
		need = 1
	}
	n := copy(w.field[w.have:need], p)
	w.have += n
	w.offset += int64(n)
	if w.have == need {
		w.have = 0
		w.take(w.field[:need])
	}

	return p[n:]
}

func (w *walk) take(field []byte) {
	switch w.next {
	case blockKind:
		w.begin(field[0])
	case blockID:
		w.identify(integer(field))
	case objectID:
		w.object(integer(field))
	default:
		w.chunk(integer(field))
	}
}

func (w *walk) begin(kind byte) {
	if kind != rowsBlock && kind != objectsBlock {
		w.damaged(fmt.Sprintf("a block of kind %d begins, which there is not", kind))
		return
	}
	w.inBlock, w.next = kind, blockID
}

func (w *walk) identify(id int64) {
	seen, known := w.entries[id]
	if !known || seen {
		w.damaged(fmt.Sprintf("a block begins for entry %d, which has none or had one", id))
		return
	}
	w.entries[id] = true
	w.next = chunkLength
	if w.inBlock == objectsBlock {
		w.next = objectID
	}
}

func (w *walk) object(oid int64) {
	if oid == 0 {
		w.next = blockKind
		return
	}
	w.objects++
	w.next = chunkLength
}

func (w *walk) chunk(length int64) {
	switch {
	case length < 0:
		w.damaged(fmt.Sprintf("a piece of data has %d bytes", length))
	case length > 0:
		w.next, w.left = chunkData, length
	case w.inBlock == objectsBlock:
		w.next = objectID
	default:
		w.next = blockKind
	}
}

func (w *walk) damaged(what string) {
	w.err = &DamageError{Offset: w.offset, What: what, Cause: ErrCorrupt}
	w.next = nothingBehind
}

// finish tells whether the file ended where its last block did, with a block
// for every entry that has one.
func (w *walk) finish() *DamageError {
	if w.err != nil {
		return w.err
	}
	if w.next != blockKind || w.have > 0 {
		return &DamageError{Offset: w.offset, What: "the file ends inside a block", Cause: ErrTruncated}
	}
	missing := 0
	for _, seen := range w.entries {
		if !seen {
			missing++
		}
	}
	if missing > 0 {
		return &DamageError{Offset: w.offset, What: fmt.Sprintf("the file ends before %d blocks of data", missing), Cause: ErrTruncated}
	}

	return nil
}
