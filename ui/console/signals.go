package console

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"firmflow-recovery/recovery"
)

// echo is how long a signal may come again and still be the same one: make
// passes on what the whole group has been sent already, and so does timeout.
const echo = 500 * time.Millisecond

// Stops are the ways to end a run on purpose.
type Stops struct {
	signals chan os.Signal
	cancel  context.CancelCauseFunc
	enough  atomic.Bool
}

// UntilStopped gives a context that ends with the first SIGINT or SIGTERM; the
// second one ends the program as the system does. A hangup ends nothing: the
// work goes on without a reader.
func UntilStopped() (context.Context, *Stops) {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &Stops{signals: make(chan os.Signal, 1), cancel: cancel}
	signal.Notify(s.signals, os.Interrupt, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP) // caught, not ignored: children would inherit that
	go func() {
		got, open := <-s.signals
		if !open {
			return
		}
		exit := recovery.ExitInterrupt
		if got == syscall.SIGTERM {
			exit = recovery.ExitTerminated
		}
		cancel(&recovery.StopRequest{By: got.String(), Exit: exit})
		drain(s.signals, time.After(echo))
		signal.Stop(s.signals)
	}()

	return ctx, s
}

// Now ends the run at the next safe point.
func (s *Stops) Now() { s.cancel(asked()) }

// AfterStep ends the run when the step in hand is done.
func (s *Stops) AfterStep() { s.enough.Store(true) }

// Enough is what a runner asks between two steps.
func (s *Stops) Enough() error {
	if s.enough.Load() {
		return asked()
	}

	return nil
}

// Release gives signals back their usual meaning.
func (s *Stops) Release() {
	signal.Stop(s.signals)
	s.cancel(nil)
}

func asked() error { return &recovery.StopRequest{By: "the operator", Exit: recovery.ExitInterrupt} }

// drain takes signals and forgets them, until it is over.
func drain(signals <-chan os.Signal, over <-chan time.Time) {
	for {
		select {
		case <-signals:
		case <-over:
			return
		}
	}
}
