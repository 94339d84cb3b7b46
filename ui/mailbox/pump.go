package mailbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"firmflow-recovery/recovery"
)

// Screen is what a Pump shows events on. Its functions are called one after the
// other, by one goroutine.
type Screen struct {
	Show  func(e recovery.Event)
	Beat  func(now time.Time) // called every so often, also when nothing happens; may be nil
	Every time.Duration       // how often; zero: never
}

// Pump is a mailbox with the goroutine that empties it.
type Pump struct {
	screen Screen
	box    *Box
	marks  chan chan struct{}
	done   chan struct{}
	shown  atomic.Int64 // events, so far
	err    error        // the first panic of the screen; to be read once done is closed
}

// ErrClosed means that a pump has ended.
var ErrClosed = errors.New("the screen is closed")

// ErrStalled means that a screen did not take what was left for it, as a pipe
// that nobody reads.
var ErrStalled = errors.New("the screen takes nothing any more")

// Patience is how long Close waits for a screen that takes nothing. One that is
// only slow is waited for.
const Patience = 2 * time.Second

// Start starts a pump. Close ends it.
func Start(s Screen) *Pump {
	p := &Pump{screen: s, box: New(), marks: make(chan chan struct{}), done: make(chan struct{})}
	go p.run()

	return p
}

// Put hands over an event. It never blocks.
func (p *Pump) Put(e recovery.Event) { p.box.Put(e) }

// Sync waits until all that was put before has been shown.
func (p *Pump) Sync(ctx context.Context) error {
	mark := make(chan struct{})
	select {
	case p.marks <- mark:
	case <-p.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-mark:
		return nil
	case <-p.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close shows what still waits and ends the goroutine. A screen that hangs is
// left behind after a moment, with ErrStalled. It may be called twice.
func (p *Pump) Close() error {
	p.box.Close()
	for before := int64(-1); before != p.shown.Load(); {
		before = p.shown.Load()
		select {
		case <-p.done:
			return p.err
		case <-time.After(Patience):
		}
	}

	return ErrStalled
}

func (p *Pump) run() {
	defer close(p.done)
	var beat <-chan time.Time
	if p.screen.Every > 0 && p.screen.Beat != nil {
		ticker := time.NewTicker(p.screen.Every)
		defer ticker.Stop()
		beat = ticker.C
	}
	for more := true; more; {
		select {
		case <-p.box.Wake():
			more = p.showAll()
		case mark := <-p.marks:
			more = p.showAll()
			close(mark)
		case now := <-beat:
			p.guard(func() { p.screen.Beat(now) })
		}
	}
}

func (p *Pump) showAll() bool {
	events, more := p.box.Take()
	for _, e := range events {
		p.guard(func() { p.screen.Show(e) })
		p.shown.Add(1)
	}

	return more
}

// guard keeps a mistake in a screen from ending the program, and the work with
// it. Events that follow are shown as well as they can be.
func (p *Pump) guard(show func()) {
	defer func() {
		if cause := recover(); cause != nil && p.err == nil {
			p.err = fmt.Errorf("show an event: %v", cause)
		}
	}()
	show()
}
