package journal

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"firmflow-recovery/recovery"
)

const (
	liveName = "live.jsonl"
	liveMost = 1 << 20                // beyond it the file is begun anew
	heldMost = 64 << 10               // text that waits in memory, and that one event may have
	flushing = 200 * time.Millisecond // how long an event waits: at most five reports of progress a second get through
)

// live is what followers see of a run beside its journal: the latest progress,
// and the log lines of other programs. Nobody depends on it, so it is never
// synced, and where it cannot be written it goes silent.
type live struct {
	path string

	mu     sync.Mutex
	file   *os.File
	size   int64
	held   []recovery.Event // in the order of their numbers
	weight int              // of the log lines among them, in bytes
	timer  *time.Timer
	silent bool
}

// Show keeps a lossy event for those who follow the run from another process.
// It cannot fail, since the run does not depend on who watches it.
func (j *Journal) Show(e recovery.Event) { j.live.show(e) }

func (l *live) show(e recovery.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.silent || len(e.Text) > heldMost {
		return
	}
	if e.Kind == recovery.StepProgress { // only the newest of a step counts
		l.held = slices.DeleteFunc(l.held, func(old recovery.Event) bool { return old.Kind == e.Kind && old.Step == e.Step })
	} else {
		l.weight += len(e.Text) + 128 // about what surrounds it
	}
	l.held = append(l.held, e)
	if l.weight > heldMost {
		l.write()
		return
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(flushing, l.flush)
	}
}

// flush writes what is held. The journal calls it before it appends, so that a
// line of this file is never younger than the journal's line with a greater
// number.
func (l *live) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.write()
}

func (l *live) close() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.write()
	l.silence()
}

func (l *live) write() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	var lines []byte
	for _, e := range l.held {
		if line, err := recovery.Encode(e); err == nil { // what cannot be encoded cannot be shown
			lines = append(lines, line...)
		}
	}
	l.held, l.weight = l.held[:0], 0
	if len(lines) == 0 {
		return
	}
	if err := l.put(lines); err != nil {
		l.silence()
	}
}

func (l *live) put(lines []byte) error {
	if l.file == nil || l.size+int64(len(lines)) > liveMost {
		return l.restart(lines)
	}
	n, err := l.file.Write(lines)
	l.size += int64(n)

	return err
}

// restart begins the file anew beside the old one. Whoever still reads the old
// one finds it complete, and never finds the new one empty: its numbers are what
// Resume counts on from.
func (l *live) restart(lines []byte) error {
	beside := l.path + ".new"
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("begin the live file: %w", err)
	}
	_, err = file.Write(lines)
	if err == nil {
		err = os.Rename(beside, l.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("begin the live file: %w", err), file.Close(), os.Remove(beside))
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file, l.size = file, int64(len(lines))

	return nil
}

func (l *live) silence() {
	l.silent, l.held = true, nil
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// lastShown gives the greatest number in a live file. What cannot be read was
// shown to nobody.
func lastShown(path string) uint64 {
	var last uint64
	t := tail{path: path}
	defer t.close()
	if t.open() != nil {
		return 0
	}
	_ = t.lines(func(line []byte) error {
		if e, err := recovery.Decode(line); err == nil {
			last = max(last, e.Seq)
		}
		return nil
	})

	return last
}
