package steps

import (
	"context"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
)

// TypedOriginal stands where the path of an original .env would, when there is
// none any more and its keys were typed.
const TypedOriginal = "keys that were typed"

// lost is what is typed instead of a path.
const lost = "lost"

// typed tells whether the original is not a file.
func (s *Stack) typed() bool { return s.OriginalEnv == TypedOriginal }

// fromTyped makes an original of the keys that were typed.
func (s *Stack) fromTyped() (envfile.File, error) {
	if s.opened != nil {
		return s.opened.file, nil
	}
	file, err := envfile.Of(TypedOriginal, s.OriginalTyped)
	if err != nil {
		return envfile.File{}, recovery.Fail(originalUnreadable(TypedOriginal, err), err)
	}
	for _, value := range s.OriginalTyped {
		s.Scrub.Learn(value)
	}
	s.opened = &openedFile{file: file}

	return file, nil
}

// askKeys has the keys of a lost original typed. Nothing typed for one leads
// back; FIELD_ENCRYPTION_KEY is optional, as it was.
func (g *Guide) askKeys(ctx context.Context) (map[string]secret.String, error) {
	keys := make(map[string]secret.String)
	for _, key := range []string{envfile.AuthSecret, envfile.LicenseKey, envfile.FieldEncryptionKey} {
		q := recovery.Question{
			ID: recovery.AskSecret, Text: "What was " + key + " of the lost installation? The backup's manifest confirms it, or does not.", Enter: key, Conceal: true,
			Flag: "--original-env FILE, with these keys in it,", Options: []recovery.Option{{Key: recovery.Go, Label: "Confirm it"}, {Key: recovery.Back, Label: "Back"}},
		}
		if key == envfile.FieldEncryptionKey {
			q.Text = "What was its " + key + "? Go back if it had none."
			q.Options[1].Label = "It had none"
		}
		answer, err := g.Operator.Ask(ctx, q)
		switch {
		case err != nil:
			return nil, err
		case answer.Choice == recovery.Go:
			keys[key] = secret.New(answer.Concealed.Reveal())
		case key != envfile.FieldEncryptionKey:
			return nil, errWentBack
		}
	}

	return keys, nil
}
