package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const value = "s3cr3t-va/lue$x"

func TestD14NoFormOfAStringShowsItsValue(t *testing.T) {
	s := New(value)
	nested := struct {
		Key   String
		Inner map[string]String
		List  []*String
	}{s, map[string]String{"k": s}, []*String{&s}}

	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10.3s"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, nested))
	}
	encoded, err := json.Marshal(nested)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("run", "secret", s, "nested", nested)
	shown = append(shown, string(encoded), log.String(), fmt.Errorf("with %w and %v", fmt.Errorf("%s", s), s).Error())

	for _, text := range shown {
		if strings.Contains(text, "s3cr3t") || strings.Contains(text, fmt.Sprintf("%x", "s3cr3t")) {
			t.Errorf("the value is shown: %s", text)
		}
	}
}

func TestEqualComparesValuesOnly(t *testing.T) {
	for _, c := range []struct {
		a, b String
		want bool
	}{
		{New("a"), New("a"), true},
		{New("a"), New("b"), false},
		{New("a"), New("aa"), false},
		{String{}, New(""), true},
		{New(""), New("a"), false},
	} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("Equal(%q, %q) = %v, want %v", Reveal(c.a), Reveal(c.b), got, c.want)
		}
	}
}

func TestScrubRemovesEveryForm(t *testing.T) {
	var s Scrubber
	s.Learn(New(value), New(value+"-longer"), New("on"))

	got := s.Scrub("a " + value + " b " + value + "-longer on postgres://u:s3cr3t-va%2Flue%24x@h s3cr3t-va/lue$$x")
	want := "a [redacted] b [redacted] on postgres://u:[redacted]@h [redacted]"
	if got != want {
		t.Errorf("Scrub = %q, want %q", got, want)
	}
}

func TestScrubWithoutKnowledgeChangesNothing(t *testing.T) {
	var none *Scrubber
	for _, s := range []*Scrubber{none, {}} {
		if got := s.Scrub("text"); got != "text" {
			t.Errorf("Scrub = %q, want the text itself", got)
		}
	}
}
