// Package jsonl is the operator for programs: one event a line, the same bytes
// as the journal keeps, and progress besides. Nobody can be asked through it:
// what flags did not answer is a *recovery.NoAnswerError. A reader that goes
// away or stops reading changes nothing about the work.
package jsonl

import (
	"context"
	"io"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
)

// Operator writes events. It answers from flags only. Close ends it.
type Operator struct {
	out     io.Writer
	failed  bool // of the pump's goroutine: the reader is gone
	answers *mailbox.Answers
	pump    *mailbox.Pump
}

// New starts an operator. given come from flags and are used in order.
func New(out io.Writer, given map[recovery.QuestionID][]recovery.Answer) *Operator {
	o := &Operator{out: out, answers: mailbox.Prepared(given)}
	o.pump = mailbox.Start(mailbox.Screen{Show: o.write})

	return o
}

// Tell hands over an event. It never blocks.
func (o *Operator) Tell(e recovery.Event) { o.pump.Put(e) }

// Ask gives the prepared answer, if there is one.
func (o *Operator) Ask(_ context.Context, q recovery.Question) (recovery.Answer, error) {
	if answer, ok := o.answers.Take(q.ID); ok {
		return answer, nil
	}

	return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
}

// Close writes what waits and ends the operator. A writer that hangs is left
// behind after a moment. What a reader missed is in the journal, and changes
// nothing about the verdict, so it is no error.
func (o *Operator) Close() { _ = o.pump.Close() }

// write stops at the first line that could not be written: one that is cut off
// in the middle would run into the next.
func (o *Operator) write(e recovery.Event) {
	if o.failed {
		return
	}
	line, err := recovery.Encode(e)
	if err != nil {
		return // the journal, which comes first, has ended the run over it
	}
	_, err = o.out.Write(line)
	o.failed = err != nil
}
