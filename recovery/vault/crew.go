package vault

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

const (
	// Writers beyond these wait for the one reader, and each needs buffers.
	maxWriters  = 8
	piecesAhead = 4 // of a large file, waiting for its writer
)

func writers() int { return min(runtime.GOMAXPROCS(0), maxWriters) }

// crew is a handful of writers who take jobs until there are no more, or until
// one of them fails and stops the work of all.
type crew[J any] struct {
	jobs chan J
	done sync.WaitGroup
}

// muster starts the crew. A job that fails ends the context that ctx belongs
// to, through fail.
func muster[J any](ctx context.Context, fail context.CancelCauseFunc, do func(context.Context, J) error) *crew[J] {
	c := &crew[J]{jobs: make(chan J, writers())}
	for range writers() {
		c.done.Go(func() {
			for j := range c.jobs {
				// After a failure the rest is only taken off the queue.
				if ctx.Err() != nil {
					continue
				}
				if err := guarded(ctx, j, do); err != nil {
					fail(err)
				}
			}
		})
	}

	return c
}

// guarded makes a panic of a job its error: in a goroutine of its own it would
// end the program, and leave a terminal as the screen had it.
func guarded[J any](ctx context.Context, j J, do func(context.Context, J) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("a mistake of this program: %v\n%s", cause, debug.Stack())
		}
	}()

	return do(ctx, j)
}

func (c *crew[J]) give(ctx context.Context, j J) error {
	select {
	case c.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait says that there are no more jobs and returns when the last is done.
func (c *crew[J]) wait() {
	close(c.jobs)
	c.done.Wait()
}

// buffers is a bounded supply of buffers, made when first needed. It is what
// bounds memory: whoever finds none waits for a writer to give one back.
type buffers chan []byte

func newBuffers() buffers {
	b := make(buffers, 2*writers()+2*piecesAhead+2)
	for range cap(b) {
		b <- nil
	}

	return b
}

func (b buffers) take(ctx context.Context) ([]byte, error) {
	select {
	case buffer := <-b:
		if buffer == nil {
			buffer = make([]byte, small)
		}

		return buffer[:small], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// back never blocks: there is room for every buffer that was taken.
func (b buffers) back(buffer []byte) {
	if cap(buffer) >= small {
		b <- buffer
	}
}
