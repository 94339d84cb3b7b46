package steps

import (
	"context"
	"errors"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
)

// errWentBack is an operator who had no key to give.
var errWentBack = errors.New("went back")

// unlessBack gives no error for an operator who went back: that is an answer.
func unlessBack(err error) error {
	if errors.Is(err, errWentBack) {
		return nil
	}

	return err
}

// unlocked builds the run that was chosen, and asks for what opens its original
// .env until that is given, or the operator goes back.
func (g *Guide) unlocked(ctx context.Context, c Chosen) (recovery.Runner, error) {
	if c.Original == TypedOriginal && g.typed == nil {
		var err error
		if g.typed, err = g.askKeys(ctx); err != nil {
			return recovery.Runner{}, err
		}
	}
	c.Typed = g.typed
	for {
		c.Key = g.Key
		r, err := g.Make(ctx, c)
		needs, given := wanted(err)
		if needs != envfile.ByPassphrase && needs != envfile.ByIdentity {
			return r, err
		}
		answer, asked := g.Operator.Ask(ctx, keyQuestion(originalOf(err), needs, needs == given))
		switch {
		case asked != nil:
			return r, unlessNobody(asked, err)
		case answer.Choice != recovery.Go:
			return r, errWentBack
		case needs == envfile.ByPassphrase:
			g.Key = envfile.Key{Passphrase: secret.New(answer.Concealed.Reveal())}
		default:
			g.Key = envfile.Key{Identity: answer.Typed}
		}
	}
}

// unlessNobody gives what is wrong with the original where nobody can be asked
// about it: that is what the operator must hear of.
func unlessNobody(asked, err error) error {
	var none *recovery.NoAnswerError
	if errors.As(asked, &none) {
		return err
	}

	return asked
}

// keyQuestion asks for a passphrase, or for the file of a key.
func keyQuestion(original string, needs envfile.Lock, wrong bool) recovery.Question {
	q := recovery.Question{
		ID: recovery.AskSecret, Enter: "passphrase", Conceal: true, Flag: "--phrase-file FILE",
		Text:    "The original .env, " + original + ", is encrypted. What is its passphrase?",
		Options: []recovery.Option{{Key: recovery.Go, Label: "Open it"}, {Key: recovery.Back, Label: "Back"}},
	}
	if needs == envfile.ByIdentity {
		q.ID, q.Enter, q.Conceal, q.Flag = recovery.AskOriginal, "path", false, "--identity FILE"
		q.Text = "The original .env, " + original + ", is encrypted to a key. Where is the file of that key (age identity)?"
	}
	if wrong {
		q.Text = "That does not open it. " + q.Text
	}

	return q
}

// originalOf is the name of the file that an error is about.
func originalOf(err error) string {
	if original, is := errors.AsType[*originalError](err); is {
		return filepath.Base(original.path)
	}

	return "the file"
}
