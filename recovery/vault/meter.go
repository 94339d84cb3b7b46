package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"
)

const (
	pieceAhead = 256 << 10
	piecesRead = 4
)

// meter reads a file ahead of who decodes it, digests what it reads, and counts
// what has been taken. Decoding is what an extraction waits for, so the digest of
// the archive is made on another core.
type meter struct {
	full chan read   // in the order of the file
	free chan []byte // buffers to fill
	quit chan struct{}
	done sync.WaitGroup
	sha  hash.Hash // to be asked after the end only

	now   read // what is being taken from, and its buffer
	rest  []byte
	count int64
	moved func(int64)
	err   error // of the file itself: not the archive's fault
}

type read struct {
	text []byte
	err  error
}

// newMeter starts to read. close must be called before r is closed.
func newMeter(r io.Reader, moved func(int64)) *meter {
	m := &meter{
		full:  make(chan read, piecesRead),
		free:  make(chan []byte, piecesRead),
		quit:  make(chan struct{}),
		sha:   sha256.New(),
		moved: moved,
	}
	for range piecesRead {
		m.free <- make([]byte, pieceAhead)
	}
	m.done.Go(func() { m.ahead(r) })

	return m
}

func (m *meter) ahead(r io.Reader) {
	for {
		var buffer []byte
		select {
		case buffer = <-m.free:
		case <-m.quit:
			return
		}
		n, err := r.Read(buffer)
		m.sha.Write(buffer[:n])

		// There is room for every buffer, so this never waits.
		m.full <- read{buffer[:n], err}
		if err != nil {
			return
		}
	}
}

func (m *meter) close() {
	close(m.quit)
	m.done.Wait()
}

func (m *meter) Read(p []byte) (int, error) {
	for len(m.rest) == 0 {
		if m.now.err != nil {
			return 0, m.now.err
		}
		if m.now.text != nil {
			m.free <- m.now.text[:pieceAhead]
		}
		m.now = <-m.full
		m.rest = m.now.text
		if m.now.err != nil && !errors.Is(m.now.err, io.EOF) {
			m.err = m.now.err
		}
	}

	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	m.count += int64(n)
	m.moved(m.count)

	return n, nil
}

// digest is that of the whole file, once Read has said io.EOF.
func (m *meter) digest() string { return hex.EncodeToString(m.sha.Sum(nil)) }
