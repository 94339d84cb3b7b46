package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"golang.org/x/sys/unix"
)

// cut is how much of a tar goes into one gzip member. It is a multiple of tar's
// blocks, so that the length in the last member's trailer is one, too: Inspect
// looks for that.
const cut = 1 << 20

// piece is a part of the tar on its way to its gzip member.
type piece struct {
	data    []byte
	parts   []part
	out     bytes.Buffer
	made    chan struct{} // closed when out is
	problem error
}

// part is a run of bytes within a piece: headers and padding, or content.
type part struct {
	end     int
	content bool
}

// cutter cuts a tar into pieces, hands them to the crew, and to the writer in
// their order.
type cutter struct {
	ctx   func() error // whether to stop
	free  chan *piece
	give  func(*piece) error
	order chan<- *piece
	now   *piece
	kind  bool
}

// content says what is written from now on.
func (c *cutter) content(is bool) {
	c.mark()
	c.kind = is
}

func (c *cutter) mark() {
	if c.now == nil {
		return
	}
	last := 0
	if n := len(c.now.parts); n > 0 {
		last = c.now.parts[n-1].end
	}
	if end := len(c.now.data); end > last {
		c.now.parts = append(c.now.parts, part{end: end, content: c.kind})
	}
}

func (c *cutter) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		if c.now == nil {
			if err := c.begin(); err != nil {
				return 0, err
			}
		}
		n := min(len(p), cut-len(c.now.data))
		c.now.data = append(c.now.data, p[:n]...)
		p = p[n:]
		if len(c.now.data) == cut {
			if err := c.hand(); err != nil {
				return 0, err
			}
		}
	}

	return all, nil
}

func (c *cutter) begin() error {
	p, open := <-c.free // the writer gives every piece back, also after a failure
	if !open {
		return c.ctx()
	}
	p.data, p.parts, p.problem, p.made = p.data[:0], p.parts[:0], nil, make(chan struct{})
	p.out.Reset()
	c.now = p

	return c.ctx()
}

// hand passes the current piece on.
func (c *cutter) hand() error {
	if c.now == nil {
		return nil
	}
	c.mark()
	p := c.now
	c.now = nil
	if err := c.give(p); err != nil {
		return err
	}
	c.order <- p // there is room for every piece

	return nil
}

// made is what was written to the archive.
type made struct {
	bytes   int64
	sha     hash.Hash
	flushed int64
}

// compressed runs a function that writes a tar, and writes it compressed: pieces
// at once, as many as there are processors, and each in its turn.
func compressed(ctx context.Context, to io.Writer, write func(context.Context, *cutter) error) (made, error) {
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	pieces := 2*writers() + 2
	free, order := make(chan *piece, pieces), make(chan *piece, pieces)
	for range pieces {
		free <- &piece{}
	}
	squeezers := make(chan *squeezer, writers())
	for range writers() {
		s, err := newSqueezer()
		if err != nil {
			return made{}, err
		}
		squeezers <- s
	}
	crew := muster(work, stop, func(_ context.Context, p *piece) error {
		defer close(p.made)
		s := <-squeezers
		defer func() { squeezers <- s }()
		p.problem = s.member(&p.out, p.data, p.parts)

		return p.problem
	})
	c := &cutter{ctx: work.Err, free: free, order: order, give: func(p *piece) error { return crew.give(work, p) }}

	m := made{sha: sha256.New()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.collect(work, stop, to, order, free)
	}()
	err := write(work, c)
	if err == nil {
		err = c.hand()
	}
	if err != nil {
		stop(err)
	}
	crew.wait()
	close(order)
	<-ended
	if err := ctx.Err(); err != nil {
		return m, err
	}

	return m, context.Cause(work)
}

// flush has the kernel begin to write what it was given, where the archive is a
// file: whoever syncs it at the end then waits for less.
func (m *made) flush(to io.Writer) {
	if m.bytes-m.flushed < flushEvery {
		return
	}
	if file, is := to.(interface{ Fd() uintptr }); is {
		_ = unix.SyncFileRange(int(file.Fd()), m.flushed, m.bytes-m.flushed, unix.SYNC_FILE_RANGE_WRITE) // it only begins; the sync tells
	}
	m.flushed = m.bytes
}

// collect writes the members in their order. After a failure it only takes the
// pieces off, so that nobody waits for one.
func (m *made) collect(ctx context.Context, stop context.CancelCauseFunc, to io.Writer, order <-chan *piece, free chan<- *piece) {
	for p := range order {
		select {
		case <-p.made:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			free <- &piece{} // the crew may still hold the piece itself
			continue
		}
		m.sha.Write(p.out.Bytes())
		n, err := to.Write(p.out.Bytes())
		m.bytes += int64(n)
		m.flush(to)
		if err != nil {
			stop(fmt.Errorf("write the archive: %w", bare(err)))
		}
		free <- p
	}
}
