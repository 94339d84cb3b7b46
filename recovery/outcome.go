package recovery

import (
	"errors"
	"fmt"
	"slices"
)

// end gives a run its last word.
func (w *walker) end(v Verdict) Verdict {
	v.Took = w.Now().Sub(w.began)
	if v.Diagnosis != nil {
		d := w.goOn(*v.Diagnosis)
		v.Diagnosis = &d
	}
	w.out.tell(Event{Kind: RunEnded, Verdict: &v})

	return v
}

// stopped is the verdict over a run that changed nothing.
func (w *walker) stopped(err error) Verdict {
	if v, is := w.drillEnded(err); is {
		return v
	}
	var blockedBy *blockedError
	var refused *notConfirmedError
	var none *NoAnswerError
	var turned *turnedError
	var request *StopRequest
	var failure *Failure
	switch {
	case errors.As(err, &failure):
		return w.unchanged(failure.Diagnosis, ExitUnexpected)
	case errors.As(err, &blockedBy):
		return w.unchanged(blockedBy.Diagnosis, ExitBlocked)
	case errors.As(err, &refused):
		return w.unchanged(w.notConfirmed(refused.Question), ExitNotConfirmed)
	case errors.As(err, &none):
		return w.unchanged(AnswerMissing(none.Question), ExitNotConfirmed)
	case errors.As(err, &turned):
		return Verdict{Outcome: NothingChanged, Exit: ExitNotConfirmed, Turn: turned.to}
	case errors.As(err, &request):
		return Verdict{Outcome: NothingChanged, Exit: request.Exit}
	default:
		return w.unchanged(unexpected(err), ExitUnexpected)
	}
}

// failed is the verdict over a run that had begun: by now things may have
// changed, beside the live data.
func (w *walker) failed(index int, err error) Verdict {
	if v, is := w.drillEnded(err); is {
		return v
	}
	if w.Purpose != Recovering {
		return w.incomplete(index, err)
	}
	var request *StopRequest
	if errors.As(err, &request) {
		return Verdict{Outcome: Interrupted, Exit: request.Exit, Proofs: w.proofs, Next: w.wayBack()}
	}
	v := Verdict{Outcome: PreviousLive, Exit: ExitStep1 + ExitCode(index), Proofs: w.proofs, Next: w.wayBack()}
	if w.gone() != "" {
		v.Outcome = PreviousGone
	}
	if w.turn == Undo {
		v.Turn, v.Next = Undo, nil
	}
	var failure *Failure
	if !errors.As(err, &failure) {
		d := unexpected(err)
		v.Diagnosis, v.Exit = &d, ExitUnexpected
		return v
	}
	v.Diagnosis = &failure.Diagnosis
	if exit, ok := failure.Diagnosis.Code.Exit(); ok {
		v.Exit = exit
	}
	if s, can := w.Steps[index].(Switcher); can && s.Switched() {
		v.Outcome, v.Exit = NotVerified, ExitNotVerified
	}

	return v
}

// wayBack is how a run that did not come to its end is given up: until then the
// app is held.
func (w *walker) wayBack() []string {
	if w.gone() != "" {
		return []string{"there is no way back, as was agreed; to go on, with what is done not repeated:\n" + resumes}
	}

	return []string{"to give it up, and start the app on what was live before:\n" + Undoing.Command(w.Run)}
}

// Spender is a step that knows whether something live was deleted before its
// replacement was there, as the operator had agreed.
type Spender interface {
	// GivenUp says what is gone; empty while nothing is.
	GivenUp() string
}

// gone says what was live and is deleted; empty: nothing.
func (r Runner) gone() string {
	for _, step := range r.Steps {
		if s, can := step.(Spender); can && s.GivenUp() != "" {
			return s.GivenUp()
		}
	}

	return ""
}

func (r Runner) switched() bool {
	return slices.ContainsFunc(r.Steps, func(step Step) bool {
		s, can := step.(Switcher)
		return can && s.Switched()
	})
}

// Switcher is a step that makes the restored data live: after that a failure no
// longer leaves the previous data in place.
type Switcher interface {
	Switched() bool
}

func (w *walker) unchanged(d Diagnosis, exit ExitCode) Verdict {
	if own, ok := d.Code.Exit(); ok {
		exit = own
	}
	if w.Purpose == Undoing && exit != ExitNotConfirmed {
		exit = ExitUndo // one code for every undo that was wanted and did not happen
	}

	return Verdict{Outcome: NothingChanged, Exit: exit, Diagnosis: &d}
}

// blockedError is a plan that cannot be carried out.
type blockedError struct{ Diagnosis Diagnosis }

func (e *blockedError) Error() string { return e.Diagnosis.Summary }

// notConfirmedError is an operator who did not consent.
type notConfirmedError struct{ Question Question }

func (e *notConfirmedError) Error() string { return "not confirmed: " + e.Question.Text }

func (w *walker) notConfirmed(q Question) Diagnosis {
	return Diagnosis{
		Code: CodeNotConfirmed, Summary: "The " + w.Purpose.noun() + " was not confirmed", Seen: q.Text,
		Intact:   "Nothing was changed.",
		Remedies: []Remedy{{Do: "Read the plan, then confirm with " + q.Flag}},
	}
}

// AnswerMissing is a question that nobody could be asked before anything was
// begun.
func AnswerMissing(q Question) Diagnosis {
	return Diagnosis{
		Code: CodeAnswerMissing, Summary: "An answer is missing and nobody can be asked", Seen: q.Text,
		Intact:   "Nothing was changed.",
		Remedies: []Remedy{{Do: "Add the flag that answers it: " + q.Flag}},
	}
}

func unexpected(err error) Diagnosis {
	return Diagnosis{
		Code: CodeUnexpected, Summary: "Something happened that this program does not know",
		Seen: err.Error(), Intact: "Nothing that was replaced has been deleted; the journal tells how far the run came.",
		Remedies: []Remedy{{Do: "Look at what stands, then continue", Command: resumes}},
	}
}

// diagnose gives an error its meaning: its own, if it carries one, else what
// the step makes of it.
func (w *walker) diagnose(step Step, err error) Diagnosis {
	var failure *Failure
	if errors.As(err, &failure) {
		return w.goOn(failure.Diagnosis)
	}
	d := step.Diagnose(err)
	if d.Code == "" {
		d = unexpected(fmt.Errorf("%s: %w", step.Title(), err))
	}

	return w.goOn(d)
}
