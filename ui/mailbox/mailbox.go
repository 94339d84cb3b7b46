// Package mailbox stands between the work and whoever shows it. Putting an
// event in never blocks, whatever the reader does: transitions are all kept and
// in order; of a step's progress only the latest is, and of other programs'
// lines only the last hundred.
package mailbox

import (
	"cmp"
	"slices"
	"sync"

	"firmflow-recovery/recovery"
)

// lines is how many lines of other programs wait for a slow reader.
const lines = 100

// Box is a mailbox. Its zero value is not usable: see New.
type Box struct {
	mu     sync.Mutex
	queue  []recovery.Event
	logs   []recovery.Event // other programs' lines, the oldest first
	closed bool
	wake   chan struct{}
}

// New makes an empty mailbox.
func New() *Box { return &Box{wake: make(chan struct{}, 1)} }

// Put adds an event. After Close it does nothing.
func (b *Box) Put(e recovery.Event) {
	b.mu.Lock()
	if !b.closed {
		b.add(e)
	}
	b.mu.Unlock()
	b.signal()
}

func (b *Box) add(e recovery.Event) {
	switch e.Kind {
	case recovery.StepProgress:
		if n := len(b.queue) - 1; n >= 0 && b.queue[n].Kind == e.Kind && b.queue[n].Step == e.Step && b.queue[n].Phase == e.Phase {
			b.queue[n] = e
			return
		}
	case recovery.StepLog:
		if len(b.logs) == lines {
			b.logs = append(b.logs[:0], b.logs[1:]...)
		}
		b.logs = append(b.logs, e)

		return
	default:
	}
	b.queue = append(b.queue, e)
}

// Close ends the mailbox: what is in it can still be taken.
func (b *Box) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.signal()
}

// Wake is signalled when there is something to take, or the end.
func (b *Box) Wake() <-chan struct{} { return b.wake }

// Take gives all that waits; more is false after the last.
func (b *Box) Take() (events []recovery.Event, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	events = append(b.queue, b.logs...)
	slices.SortStableFunc(events, func(x, y recovery.Event) int { return cmp.Or(cmp.Compare(x.Run, y.Run), cmp.Compare(x.Seq, y.Seq)) })
	b.queue, b.logs = nil, nil

	return events, !b.closed
}

func (b *Box) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
