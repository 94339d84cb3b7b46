// Package plain is the operator without a screen: one line per fact, for ssh,
// cron, CI and screen readers.
//
// It only ever appends whole lines: no cursor movement, no colour, nothing to
// be read again. Nothing it writes, or fails to write, holds up the work. It
// asks on lines too, and takes only what was asked for as consent: an empty
// line, an ended input and anything not understood stop.
package plain

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
)

// Options are how it speaks. Out is required.
type Options struct {
	Out     io.Writer
	In      io.Reader                                 // nil: nobody can be asked
	Answers map[recovery.QuestionID][]recovery.Answer // from flags; used in order
	Every   time.Duration                             // heartbeat of a long step; zero: 30 s
	Verbose bool                                      // also the lines of other programs
	Past    []recovery.Event                          // told elsewhere already, and not told again
	// Conceal keeps what is typed into In from being shown until shown is called.
	// nil: it cannot, and nothing that must not be seen is asked for.
	Conceal func() (shown func(), err error)
}

// Operator writes a transcript and asks on lines. Close ends it.
type Operator struct {
	out     io.Writer
	in      *input // nil: nobody can be asked
	answers *mailbox.Answers
	conceal func() (shown func(), err error)
	verbose bool
	pump    *mailbox.Pump
	failed  atomic.Bool // the output is gone
	script  transcript  // of the pump's goroutine
}

// heartbeat is how often a long step says that it goes on.
const heartbeat = 30 * time.Second

// New starts an operator.
func New(o Options) *Operator {
	if o.Every == 0 {
		o.Every = heartbeat
	}
	op := &Operator{out: o.Out, answers: mailbox.Prepared(o.Answers), conceal: o.Conceal, verbose: o.Verbose, script: transcript{every: o.Every}}
	for _, e := range o.Past {
		op.script.add(e)
	}
	if o.In != nil {
		op.in = newInput(o.In)
	}
	op.pump = mailbox.Start(mailbox.Screen{
		Show:  func(e recovery.Event) { op.write(op.script.add(e)) },
		Beat:  func(now time.Time) { op.write(op.script.beat(now)) },
		Every: o.Every / 2, // so that no silence lasts much longer than Every
	})

	return op
}

// Tell hands over an event. It never blocks.
func (o *Operator) Tell(e recovery.Event) {
	if e.Kind == recovery.StepLog && !o.verbose {
		return
	}
	o.pump.Put(e)
}

// Close writes what waits and ends the operator. A writer that hangs is left
// behind after a moment. What a reader missed is in the journal, and changes
// nothing about the verdict, so it is no error.
func (o *Operator) Close() { _ = o.pump.Close() }

// write is the one place that writes. An output that failed is not written to
// again: half a line would run into the next.
func (o *Operator) write(text string) {
	if text == "" || o.failed.Load() {
		return
	}
	if _, err := io.WriteString(o.out, text); err != nil {
		o.failed.Store(true)
	}
}

// say puts lines of our own after the events, and waits until they stand there:
// events are in the order of their numbers, and these lines have none. A
// question that cannot be shown has nobody to answer it.
func (o *Operator) say(ctx context.Context, q recovery.Question, lines string) error {
	err := o.pump.Sync(ctx)
	if err == nil {
		o.pump.Put(recovery.Event{Kind: said, Text: lines})
		err = o.pump.Sync(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || o.failed.Load() {
		return &recovery.NoAnswerError{Question: q}
	}

	return nil
}
