package recovery

import (
	"cmp"
	"context"
	"errors"
	"strings"
)

// prepare brings a run to the point from which things change: planned, mended
// where the operator agreed, and confirmed.
func (w *walker) prepare(ctx context.Context) error {
	for _, action := range w.Earlier.Accepted {
		w.accept(action)
	}
	plan, err := w.plan(ctx)
	if err != nil {
		return err
	}
	for plan.Blocked() {
		if err := w.unblock(ctx, plan); err != nil {
			return err
		}
		if plan, err = w.plan(ctx); err != nil {
			return err
		}
	}
	if !w.consented() {
		if err := w.confirm(ctx, plan); err != nil {
			return err
		}
	}
	w.out.tell(Event{Kind: RunStarted})

	return w.out.broken()
}

// unblock asks what to do about a plan that cannot be carried out. It returns
// nil where another look is worth it: something was mended, here or by hand.
func (w *walker) unblock(ctx context.Context, plan Plan) error {
	d, _ := plan.problem()
	q, remedy := w.offer(plan)
	if remedy == nil {
		q = Question{
			ID: AskBlocked, Step: plan.blocking(), Text: d.Summary,
			Options: append([]Option{{Key: Again, Label: "Check again", Detail: "once it is mended"}}, w.aside(plan)...),
		}
	}
	answer, err := w.ask(ctx, q)
	var none *NoAnswerError
	switch {
	case errors.As(err, &none):
		return &blockedError{d} // the problem itself is what the operator must hear of
	case err != nil:
		return err
	case remedy != nil && remedy.Consent != "" && answer.Choice == Apply:
		return w.giveUp(ctx, d, q, *remedy)
	case remedy != nil && q.Consents(answer, Apply):
		w.accept(remedy.Action)
		return nil
	case answer.Choice == Again, answer.Choice == Shell:
		return nil
	case w.Guided && (answer.Choice == Back || answer.Choice == Original):
		return &turnedError{to: answer.Choice}
	default:
		return &blockedError{d}
	}
}

// giveUp asks for a remedy by which something live is deleted for good: in words,
// since nothing brings it back. Whoever goes back is asked again what to do.
func (w *walker) giveUp(ctx context.Context, d Diagnosis, q Question, r Remedy) error {
	q.Text, q.Typed, q.Action = r.Do+". Nothing brings that back. Type  "+r.Consent+"  to agree", r.Consent, r.Action
	q.Options = []Option{{Key: Go, Label: "Give up undo"}, {Key: Back, Label: "Go back", Detail: "nothing has been changed"}}
	answer, err := w.ask(ctx, q)
	var none *NoAnswerError
	switch {
	case errors.As(err, &none):
		return &blockedError{d}
	case err != nil:
		return err
	case q.accepts(answer):
		w.accept(r.Action)
		return nil
	case answer.Choice == Back:
		return nil
	default:
		return &notConfirmedError{q}
	}
}

// offer makes a question of the first remedy that a blocking step can carry out
// itself; nil where there is none.
func (w *walker) offer(plan Plan) (Question, *Remedy) {
	for _, s := range plan.Steps {
		for _, f := range s.Assessment.Findings {
			if f.Status != Failed || f.Diagnosis == nil {
				continue
			}
			for _, remedy := range f.Diagnosis.Remedies {
				if remedy.Action == "" {
					continue
				}
				if remedy.Consent != "" {
					return Question{
						ID: AskGiveUp, Step: s.ID, Text: f.Diagnosis.Summary, Flag: "--give-up-undo '" + remedy.Consent + "'",
						Options: append([]Option{{Key: Again, Label: "Check again", Detail: "once there is room"}, {Key: Apply, Label: "Give up undo", Detail: "asks once more"}}, w.aside(plan)...),
					}, &remedy
				}

				return Question{
					ID: AskRemedy, Step: s.ID, Text: f.Diagnosis.Summary + ". " + remedy.Do + "?", Flag: "--fix", Action: remedy.Action,
					Options: append([]Option{{Key: Apply, Label: remedy.Do}, {Key: Again, Label: "Check again"}}, w.aside(plan)...),
				}, &remedy
			}
		}
	}

	return Question{}, nil
}

// aside are the ways out of a plan that is blocked.
func (w *walker) aside(plan Plan) []Option {
	options := []Option{{Key: Shell, Label: "Open a shell", Detail: "exit comes back here"}}
	if w.Guided && plan.secrets() {
		options = append(options, Option{Key: Original, Label: "Compare with another original .env"})
	}
	switch {
	case w.Guided && w.Purpose == Recovering:
		options = append(options, Option{Key: Back, Label: "Choose another backup"})
	case w.Guided:
		options = append(options, Option{Key: Back, Label: "Go back"})
	}

	return append(options, Option{Key: Stop, Label: "Stop here", Detail: "nothing has been changed"})
}

func (w *walker) accept(action Action) {
	for _, step := range w.Steps {
		if r, can := step.(Remedier); can {
			r.Accept(action)
		}
	}
}

// confirm asks for the consent that fits the danger: a plain go where nothing
// stands, the host's name typed out where data would be replaced, taken back or
// deleted.
func (w *walker) confirm(ctx context.Context, plan Plan) error {
	q := Question{
		ID: AskStart, Text: "Start the " + w.Purpose.noun(), Flag: "--yes",
		Options: []Option{{Key: Go, Label: "Start"}, {Key: Stop, Label: "Stop here", Detail: "nothing has been changed"}},
	}
	if w.Guided {
		q.Options[1] = Option{Key: Back, Label: "Go back", Detail: "nothing has been changed"}
	}
	switch {
	case w.Phrase != "":
		q.Text, q.Typed = w.Warning+" Type  "+w.Phrase+"  to start", w.Phrase
		q.Flag = "--confirm '" + w.Phrase + "'"
	case w.Purpose == Drilling: // nothing that is live can be replaced
		q.Text = strings.TrimSpace(w.Warning + " " + q.Text)
	case len(plan.Replaces())+len(plan.GivesUp()) > 0, w.Purpose != Recovering:
		warning := cmp.Or(w.Warning, "This replaces the data of a running installation.")
		if len(plan.GivesUp()) > 0 {
			warning = "This replaces the data of a running installation, and deletes some of it first."
		}
		q.Text, q.Typed = warning+" Type the host name "+w.Host+" to start", w.Host
		q.Flag = "--confirm " + w.Host
	}
	answer, err := w.ask(ctx, q)
	if err != nil {
		return err
	}
	named := w.Phrase == "" && answer.Choice == Go && answer.Typed == w.Host // more than was asked for is enough; another host's name never is
	switch {
	case named || q.Consents(answer, Go):
		return nil
	case w.Guided && answer.Choice == Back:
		return &turnedError{to: Back}
	default:
		return &notConfirmedError{q}
	}
}

// turnedError is an operator who went back before anything was begun.
type turnedError struct{ to Choice }

func (e *turnedError) Error() string { return "went back: " + string(e.to) }
