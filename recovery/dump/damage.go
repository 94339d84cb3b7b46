package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// enough is how many line feeds must be seen before they are judged: the
// smallest real dump has eleven, and random bytes do not agree eight times.
const enough = 8

// Damage is what the line ends of a file tell. A terminal in the way of a
// binary file writes a carriage return before every line feed.
type Damage struct {
	LineFeeds int64
	Lone      int64 // line feeds without a carriage return before them
	Passes    int   // fewest carriage returns before any line feed: how often it was mangled

	run int // carriage returns just seen
}

// Terminal tells whether a terminal mangled the file.
func (d Damage) Terminal() bool { return d.LineFeeds >= enough && d.Lone == 0 }

// Damaged reads a whole file for the marks of a terminal. moved is called with
// the bytes read since the last call; it may be nil.
func Damaged(ctx context.Context, path string, moved func(int64)) (Damage, error) {
	file, _, err := open(path)
	if err != nil {
		return Damage{}, err
	}
	defer func() { _ = file.Close() }()

	var d Damage
	buffer := make([]byte, probed)
	for ctx.Err() == nil {
		n, err := file.Read(buffer)
		d.scan(buffer[:n])
		report(moved, n)
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		if err != nil {
			return Damage{}, fmt.Errorf("read %s for a terminal's marks: %w", path, err)
		}
	}

	return Damage{}, ctx.Err()
}

// scan goes on with the next bytes of the file. Carriage returns at the end of
// one piece count for a line feed at the beginning of the next.
func (d *Damage) scan(p []byte) {
	for len(p) > 0 {
		at := bytes.IndexByte(p, '\n')
		if at < 0 {
			d.run = returnsBefore(p, len(p), d.run)
			break
		}
		d.count(returnsBefore(p, at, d.run))
		d.run = 0
		p = p[at+1:]
	}
}

func (d *Damage) count(returns int) {
	if returns == 0 {
		d.Lone++
	}
	if d.LineFeeds == 0 || returns < d.Passes {
		d.Passes = returns
	}
	d.LineFeeds++
}

// returnsBefore counts the carriage returns that end p[:end]; where they fill
// it, those seen before p count too.
func returnsBefore(p []byte, end, before int) int {
	n := 0
	for n < end && p[end-1-n] == '\r' {
		n++
	}
	if n == end {
		n += before
	}

	return n
}

func report(moved func(int64), n int) {
	if moved != nil && n > 0 {
		moved(int64(n))
	}
}
