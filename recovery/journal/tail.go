package journal

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// tail reads the whole lines of a file that another process appends to.
type tail struct {
	path   string
	file   *os.File
	offset int64 // of the first line that was not read
	buffer []byte
}

// open opens the file, unless it is open already.
func (t *tail) open() error {
	if t.file != nil {
		return nil
	}
	file, err := os.Open(t.path)
	if err != nil {
		return err
	}
	t.file, t.offset = file, 0

	return nil
}

// lines hands out the lines that are whole and were not handed out yet. A half
// one at the end is read again later, from its beginning: a resumed run cuts it
// off and writes another in its place.
func (t *tail) lines(each func(line []byte) error) error {
	if t.buffer == nil {
		t.buffer = make([]byte, 64<<10)
	}
	for {
		if _, err := t.file.Seek(t.offset, io.SeekStart); err != nil {
			return err
		}
		// One call of the kernel's read, so that no line is put together from two states of the file.
		n, err := t.file.Read(t.buffer)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		end := bytes.LastIndexByte(t.buffer[:n], '\n') + 1
		if end == 0 && n < len(t.buffer) {
			return nil
		}
		if end == 0 {
			t.buffer = make([]byte, 2*len(t.buffer))
			continue
		}
		for whole := t.buffer[:end]; len(whole) > 0; {
			line, rest, _ := bytes.Cut(whole, []byte{'\n'})
			if err := each(line); err != nil {
				return err
			}
			t.offset += int64(len(line)) + 1
			whole = rest
		}
	}
}

// replaced tells whether the name now stands for another file than the open one.
func (t *tail) replaced() bool {
	is, err := os.Stat(t.path)
	if err != nil {
		return false
	}
	was, err := t.file.Stat()

	return err == nil && !os.SameFile(was, is)
}

func (t *tail) close() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
}
