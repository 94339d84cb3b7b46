package console

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"firmflow-recovery/recovery"
)

// echo is how long a signal may come again and still be the same one: make
// passes on what the whole group has been sent already, and so does timeout.
const echo = 500 * time.Millisecond

// UntilStopped gives a context that ends with the first SIGINT or SIGTERM; the
// second one ends the program as the system does. A hangup ends nothing: the
// work goes on without a reader.
func UntilStopped() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP) // caught, not ignored: children would inherit that
	go func() {
		s, open := <-signals
		if !open {
			return
		}
		exit := recovery.ExitInterrupt
		if s == syscall.SIGTERM {
			exit = recovery.ExitTerminated
		}
		cancel(&recovery.StopRequest{By: s.String(), Exit: exit})
		drain(signals, time.After(echo))
		signal.Stop(signals)
	}()

	return ctx, func(cause error) {
		signal.Stop(signals)
		cancel(cause)
	}
}

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
