package recovery

import (
	"context"
	"sync"
	"time"
)

// Stall says when work is told to stand still. Its zero value: never. Nothing is
// ended for it: only the operator knows whether a disk is slow or dead.
type Stall struct {
	After time.Duration // without any progress
	// Ticks gives the moments to look at, and a function that ends them; nil: by
	// the clock, nine in After.
	Ticks func(every time.Duration) (<-chan time.Time, func())
}

// Waiter is a step that can tell what its work waits for, and who is in the way.
type Waiter interface {
	// Waits gives one line for each; none where nothing is known.
	Waits(ctx context.Context) ([]string, error)
}

// looksIn is how often work is looked at in the time after which it is told.
const looksIn = 9

func (s Stall) ticks() (<-chan time.Time, func()) {
	every := max(s.After/looksIn, time.Millisecond)
	if s.Ticks != nil {
		return s.Ticks(every)
	}
	t := time.NewTicker(every)

	return t.C, t.Stop
}

// watched is a step's progress that remembers when it last moved.
type watched struct {
	Progress
	now func() time.Time

	mu    sync.Mutex
	moved time.Time
	last  string // the last thing that was seen
	phase string
	done  int64
	total int64
	told  time.Duration // for how long the work stood still when that was told last
}

func (p *watched) Phase(name string, unit Unit) {
	p.saw(func() { p.phase, p.done, p.total, p.last = name, 0, 0, name })
	p.Progress.Phase(name, unit)
}

// Advance that repeats itself is no progress.
func (p *watched) Advance(done, total int64) {
	p.mu.Lock()
	same := done == p.done && total == p.total
	p.mu.Unlock()
	if !same {
		p.saw(func() { p.done, p.total = done, total })
	}
	p.Progress.Advance(done, total)
}

func (p *watched) Note(text string) {
	p.saw(func() { p.last = text })
	p.Progress.Note(text)
}

func (p *watched) Log(text string) {
	p.saw(func() { p.last = text })
	p.Progress.Log(text)
}

// saw remembers that something moved, and says so where it had stood still.
func (p *watched) saw(what func()) {
	p.mu.Lock()
	stood := p.told
	p.told = 0
	since := p.now().Sub(p.moved)
	p.moved = p.now()
	what()
	p.mu.Unlock()
	if stood > 0 {
		p.Progress.Note("it goes on, after " + Span(since))
	}
}

// stands gives for how long nothing moved, where that is to be told now: after
// the time that was asked for, and each time it has doubled.
func (p *watched) stands(after time.Duration) (time.Duration, string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	still := p.now().Sub(p.moved)
	if still < max(after, 2*p.told) {
		return 0, "", false
	}
	p.told = still
	last := p.last
	if last == "" {
		last = "nothing yet"
	}

	return still, last, true
}

// watch tells when a step's work stands still, until the function that it returns
// is called.
func (w *walker) watch(ctx context.Context, step Step) (Progress, func()) {
	plain := w.progress(step.ID())
	if w.Stall.After <= 0 {
		return plain, func() {}
	}
	p := &watched{Progress: plain, now: w.Now, moved: w.Now()}
	ctx, cancel := context.WithCancel(ctx)
	ticks, stop := w.Stall.ticks()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks:
			}
			if still, last, is := p.stands(w.Stall.After); is {
				plain.Note("no progress for " + Span(still) + "; the last thing seen: " + last)
				w.tellWaits(ctx, step, plain)
			}
		}
	}()

	return p, func() {
		cancel()
		stop()
		<-ended
	}
}

// tellWaits says who is in the way, as far as that is known.
func (w *walker) tellWaits(ctx context.Context, step Step, p Progress) {
	waiter, can := step.(Waiter)
	if !can {
		return
	}
	lines, err := waiter.Waits(ctx)
	if err != nil && ctx.Err() == nil {
		p.Note("what it waits for cannot be told: " + err.Error())
	}
	for _, line := range lines {
		p.Note(line)
	}
}
