package plain_test

import (
	"errors"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/plain"
)

var passphrase = recovery.Question{
	ID: recovery.AskSecret, Text: "What is its passphrase?", Enter: "passphrase", Conceal: true, Flag: "--phrase-file FILE",
	Options: []recovery.Option{{Key: recovery.Go, Label: "Open it"}, {Key: recovery.Back, Label: "Back"}},
}

func TestWhatMustNotBeSeenIsTypedConcealed(t *testing.T) {
	var out strings.Builder
	hidden, asked, shown := false, false, false
	o := plain.New(plain.Options{Out: &out, In: strings.NewReader("s3cr3t of mine\n"), Conceal: func() (func(), error) {
		hidden, asked = true, strings.Contains(out.String(), "passphrase")
		return func() { shown = true }, nil
	}})
	got, err := o.Ask(t.Context(), passphrase)
	o.Close()
	if err != nil || got.Choice != recovery.Go || got.Typed != "" || got.Concealed.Reveal() != "s3cr3t of mine" {
		t.Errorf("got %+v, %v", got, err)
	}
	if !hidden || asked || !shown {
		t.Errorf("hidden %v, asked before that %v, shown again %v", hidden, asked, shown)
	}
	if !strings.Contains(out.String(), "type the passphrase (it is not shown), or an empty line to go back [back]\n") || strings.Contains(out.String(), "s3cr3t") {
		t.Errorf("it says\n%s", out.String())
	}
}

func TestWhatWouldShowIsNotAskedFor(t *testing.T) {
	for name, conceal := range map[string]func() (func(), error){
		"no terminal": nil, "a terminal that refuses": func() (func(), error) { return nil, errors.New("not a terminal") },
	} {
		var out strings.Builder
		o := plain.New(plain.Options{Out: &out, In: strings.NewReader("s3cr3t\n"), Conceal: conceal})
		_, err := o.Ask(t.Context(), passphrase)
		o.Close()
		if _, none := errors.AsType[*recovery.NoAnswerError](err); !none || out.String() != "" {
			t.Errorf("%s: %v, and it says %q", name, err, out.String())
		}
	}
}

func TestAnEmptyPassphraseGoesBack(t *testing.T) {
	o := plain.New(plain.Options{Out: &strings.Builder{}, In: strings.NewReader("\n"), Conceal: func() (func(), error) { return func() {}, nil }})
	got, err := o.Ask(t.Context(), passphrase)
	o.Close()
	if err != nil || got.Choice != recovery.Back || got.Concealed != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}
