package console

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"firmflow-recovery/recovery"
)

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
		signal.Stop(signals)
		exit := recovery.ExitInterrupt
		if s == syscall.SIGTERM {
			exit = recovery.ExitTerminated
		}
		cancel(&recovery.StopRequest{By: s.String(), Exit: exit})
	}()

	return ctx, func(cause error) {
		signal.Stop(signals)
		cancel(cause)
	}
}
