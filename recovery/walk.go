package recovery

import (
	"context"
	"slices"
)

// walk takes one step: check, run, check; and again while the operator says so.
func (w *walker) walk(ctx context.Context, step Step) error {
	for attempt := 1; ; attempt++ {
		w.out.tell(Event{Kind: StepStarted, Step: step.ID(), Title: step.Title(), Attempt: attempt})
		a, err := w.attempt(ctx, step)
		if err == nil {
			w.proofs, w.next = append(w.proofs, a.Findings...), append(w.next, a.Next...)
			w.out.tell(Event{Kind: StepFinished, Step: step.ID(), Title: step.Title(), Text: a.Summary, Commands: a.Commands})
			return w.out.broken()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if broken := w.out.broken(); broken != nil {
			return broken
		}
		d := w.diagnose(step, err)
		w.out.tell(Event{Kind: StepFailed, Step: step.ID(), Title: step.Title(), Diagnosis: &d})
		if w.turn = w.askAfter(ctx, step, d); w.turn != Retry {
			return Fail(d, err)
		}
	}
}

// attempt is one check-run-check. Only what the last check saw counts.
func (w *walker) attempt(ctx context.Context, step Step) (Assessment, error) {
	p, done := w.watch(ctx, step)
	defer done()
	a, err := check(ctx, step, p)
	if err != nil {
		return a, err
	}
	if a.Standing == Blocked {
		return a, blocked(a)
	}
	if a.Standing != Done {
		commands := a.Commands
		if err := run(ctx, step, p); err != nil {
			return a, err
		}
		if a, err = check(ctx, step, p); err != nil {
			return a, err
		}
		if len(a.Commands) == 0 {
			a.Commands = commands
		}
	}
	a.Findings = w.goOnAll(a.Findings)
	for _, f := range a.Findings {
		w.out.tell(Event{Kind: StepProof, Step: step.ID(), Finding: &f})
	}
	if a.Standing != Done {
		return a, blocked(a)
	}

	return a, nil
}

// blocked makes an assessment that is not Done an error.
func blocked(a Assessment) error {
	for _, f := range a.Findings {
		if f.Status == Failed && f.Diagnosis != nil {
			return Fail(*f.Diagnosis, nil)
		}
	}

	return Fail(Diagnosis{
		Code: CodeNotDone, Summary: "The step ran, but what it should have done is not there",
		Seen: a.Summary, Intact: "Nothing was taken for done that was not seen.",
		Remedies: []Remedy{{Do: "Continue; the step looks again and does what is missing", Command: resumes}},
	}, nil)
}

// askAfter asks what to do about a failed step until the answer is one: a shell
// leads back to the question. Whatever else it may be, Stop is what stays.
func (w *walker) askAfter(ctx context.Context, step Step, d Diagnosis) Choice {
	q := Question{
		ID: AskFailure, Step: step.ID(), Text: d.Summary, Flag: "--retries N",
		Options: []Option{
			{Key: Retry, Label: "Retry", Detail: "looks again, and does what is missing"},
			{Key: Shell, Label: "Open a shell", Detail: "exit comes back here"},
			{Key: Stop, Label: "Stop, resume later", Detail: w.Purpose.Command(w.Run)},
			{Key: Skip, Label: "Skip this step", Why: "what follows needs it"},
		},
	}
	if w.Purpose == Drilling {
		q.Options[2] = Option{Key: Stop, Label: "End the drill", Detail: "its surroundings are removed, the report stays"}
	}
	if w.Undoable && w.Purpose == Recovering && w.gone() == "" {
		q.Options = slices.Insert(q.Options, 2, Option{Key: Undo, Label: "Undo everything", Detail: "vault, database and .env of before, app started"})
	}
	for {
		answer, err := w.ask(ctx, q)
		switch {
		case err != nil:
			return Stop
		case answer.Choice == Shell:
		case q.Offers(answer.Choice) && q.Consents(answer, answer.Choice):
			return answer.Choice
		default:
			return Stop
		}
	}
}
