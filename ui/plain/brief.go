package plain

import (
	"context"
	"fmt"
	"io"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
)

// Brief is an operator for a job that nobody watches: it shows nothing and
// gives the answers that flags gave.
type Brief struct{ answers *mailbox.Answers }

// NewBrief makes one with its answers.
func NewBrief(answers map[recovery.QuestionID][]recovery.Answer) Brief {
	return Brief{answers: mailbox.Prepared(answers)}
}

// Tell shows nothing: the journal keeps it.
func (Brief) Tell(recovery.Event) {}

// Ask answers from the flags.
func (b Brief) Ask(_ context.Context, q recovery.Question) (recovery.Answer, error) {
	if answer, given := b.answers.Take(q.ID); given {
		return answer, nil
	}

	return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
}

// Close has nothing to end.
func (Brief) Close() {}

// Rehearsed is a drill in few words.
type Rehearsed struct {
	Run     recovery.RunID
	Backup  string
	Age     time.Duration // of the data, when the drill began
	Verdict recovery.Verdict
}

// Line gives a drill in one line: what a cron job mails.
func Line(w io.Writer, r Rehearsed) error {
	text := fmt.Sprintf("drill %s of backup %s: %s in %s, data %s old", Clean(string(r.Run)), Clean(r.Backup), r.Verdict.Outcome,
		recovery.Span(r.Verdict.Took), recovery.Span(r.Age))
	if d := r.Verdict.Diagnosis; d != nil {
		text += fmt.Sprintf(": %s [%s]", Clean(d.Summary), Clean(string(d.Code)))
	} else if why := doubt(r.Verdict); why != "" {
		text += ": " + Clean(why)
	}
	_, err := io.WriteString(w, text+"\n")

	return err
}
