package dump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// ErrStalled says that pg_restore had all that it asked for and did nothing with
// it. Over a dump that was half overwritten it can turn in circles for ever.
var ErrStalled = errors.New("pg_restore makes no progress over the dump")

// mostSilence is how long pg_restore may neither take nor give a byte while bytes
// are there for it. A whole table may take hours, a piece of one never this long.
const mostSilence = 10 * time.Minute

// pulse tells whether a program makes progress: when it last took something or
// gave something. While it waits for us, or for the disk that we read, it is not
// its silence.
type pulse struct {
	began time.Time
	last  atomic.Int64 // nanoseconds since began
	waits atomic.Bool
}

func (p *pulse) beat() { p.last.Store(int64(time.Since(p.began))) }

func (p *pulse) silence() time.Duration {
	if p.waits.Load() {
		return 0
	}

	return time.Since(p.began) - time.Duration(p.last.Load())
}

// within runs work and ends it once it was silent for longer than a limit.
func (p *pulse) within(ctx context.Context, limit time.Duration, work func(context.Context) error) error {
	p.began = time.Now()
	p.beat()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(max(limit/16, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if p.silence() > limit {
				end(fmt.Errorf("%w: nothing was read or written for %v", ErrStalled, limit))
			}
		}
	}()
	err := work(ctx)
	if stalled := context.Cause(ctx); errors.Is(stalled, ErrStalled) {
		err = stalled
	}
	end(nil)
	<-done

	return err
}

// heard beats with each read and each write.
type heard struct {
	pulse *pulse
	from  io.Reader
	to    io.Writer
}

func (h heard) Read(b []byte) (int, error) {
	h.pulse.waits.Store(true)
	n, err := h.from.Read(b)
	h.pulse.beat()
	h.pulse.waits.Store(false)

	return n, err
}

func (h heard) Write(b []byte) (int, error) {
	n, err := h.to.Write(b)
	h.pulse.beat()

	return n, err
}
