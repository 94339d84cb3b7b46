package command

import (
	"bytes"
	"strings"
	"sync"

	"firmflow-recovery/recovery/secret"
)

// kept is how much of a program's error stream an Error carries.
const kept = 64 << 10

// longest is where a line without an end is cut, so that a program that writes
// none cannot fill our memory.
const longest = 16 << 10

// tail takes an error stream apart into lines, hands each on and keeps the last
// 64 KiB of them. Secrets are removed line by line, so none can hide in the
// seam between two writes.
type tail struct {
	line  func(string)
	scrub *secret.Scrubber

	mu    sync.Mutex
	begun []byte // the line that has not ended yet
	lines []string
	size  int
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()

	t.begun = append(t.begun, p...)
	for {
		end := bytes.IndexByte(t.begun, '\n')
		if end < 0 && len(t.begun) < longest {
			return len(p), nil
		}
		if end < 0 {
			t.end(t.begun)
			t.begun = nil
			return len(p), nil
		}
		t.end(t.begun[:end])
		t.begun = t.begun[end+1:]
	}
}

// flush ends the line that the program left without an end.
func (t *tail) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()

	if len(t.begun) > 0 {
		t.end(t.begun)
		t.begun = nil
	}
}

func (t *tail) end(raw []byte) {
	line := t.scrub.Scrub(strings.ToValidUTF8(strings.TrimRight(string(raw), "\r"), "\uFFFD"))
	t.lines = append(t.lines, line)
	t.size += len(line) + 1
	for t.size > kept && len(t.lines) > 1 {
		t.size -= len(t.lines[0]) + 1
		t.lines = t.lines[1:]
	}
	if t.line != nil {
		t.line(line)
	}
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()

	return strings.Join(t.lines, "\n")
}
