package plain

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// input reads lines from somebody who may never type one. A read cannot be
// ended from here: when the context ends first, its goroutine waits for the
// line or for the end of the input, and there is never more than one.
type input struct {
	from    *bufio.Reader
	got     chan typed
	reading bool
}

type typed struct {
	line string
	err  error
}

// longest is the longest line that can be an answer, in bytes.
const longest = 4096

// errTooLong is a line that is longer than any answer.
var errTooLong = errors.New("the line is too long")

func newInput(r io.Reader) *input {
	return &input{from: bufio.NewReaderSize(r, longest), got: make(chan typed, 1)}
}

// line gives the next line, without its end. A last line that nobody ended
// counts as an ended input.
func (i *input) line(ctx context.Context) (string, error) {
	i.discard()
	if !i.reading {
		i.reading = true
		go func() { i.got <- i.read() }()
	}
	select {
	case t := <-i.got:
		i.reading = false
		return t.line, t.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// discard drops a line that was typed for a question given up before.
func (i *input) discard() {
	if !i.reading {
		return
	}
	select {
	case <-i.got:
		i.reading = false
	default:
	}
}

func (i *input) read() typed {
	part, err := i.from.ReadSlice('\n')
	if err == nil {
		return typed{line: strings.TrimSuffix(strings.TrimSuffix(string(part), "\n"), "\r")}
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		if _, err = i.from.ReadSlice('\n'); err == nil {
			err = errTooLong
		}
	}

	return typed{err: err}
}
