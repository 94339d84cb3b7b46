package envfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"pgregory.net/rapid"

	"firmflow-recovery/recovery/secret"
)

// awkward makes values out of everything that any parser of a .env minds.
func awkward() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		part := rapid.OneOf(
			rapid.SampledFrom([]string{
				"$", "$$", "${", "}", "${X:-y}", "${X-y}", "$def", `\`, `\\`, `\'`, `\"`, `\$`, `\n`, "'", `"`, "`",
				"#", " #", "# set me", " ", "  ", "\t", "\n", "\r", "\r\n", "=", ":", "\u00a0", "\u200b", "\ufeff", "\u201c", "é", "export ",
			}),
			rapid.StringMatching(`[A-Za-z0-9+/=_-]{1,8}`),
			rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })),
		)

		return strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")
	})
}

func TestD1LineMakesComposeReadExactlyTheValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := awkward().Draw(t, "value")
		before := rapid.SampledFrom([]string{"", "X=1\n", "\ufeff", "# note\r\n", "X='a\nb'\n"}).Draw(t, "before")
		after := rapid.SampledFrom([]string{"", "\n", "\nY=2\n", "\n# note", "\r\nY=2\r\n"}).Draw(t, "after")

		line, err := Line(AuthSecret, secret.New(value))
		if err != nil {
			t.Fatalf("Line(%q) = %v", value, err)
		}
		text := before + secret.Reveal(line) + after
		values, err := dotenv.Parse(strings.NewReader(text))
		if err != nil || values[AuthSecret] != value {
			t.Fatalf("compose-go reads %q (%v) from %q, want %q", values[AuthSecret], err, text, value)
		}
	})
}

func TestLineChoosesTheFormThatMostReadersTakeAlike(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"q83vASNFZ4k/+w==", "AUTH_SECRET=q83vASNFZ4k/+w=="},
		{"Zm9vYmFy-_x", "AUTH_SECRET=Zm9vYmFy-_x"},
		{"", "AUTH_SECRET=''"},
		{"abc$def", "AUTH_SECRET='abc$def'"},
		{"a b", "AUTH_SECRET='a b'"},
		{"# set me", "AUTH_SECRET='# set me'"},
		{`a"b\c`, `AUTH_SECRET='a"b\c'`},
		{"a'b", `AUTH_SECRET='a\'b'`},
		{`a\`, `AUTH_SECRET="a\\"`},
		{`a\'b$c`, `AUTH_SECRET="a\\'b\$c"`},
	} {
		got, err := Line(AuthSecret, secret.New(c.value))
		if err != nil || secret.Reveal(got) != c.want {
			t.Errorf("Line(%q) = %s, %v, want %s", c.value, secret.Reveal(got), err, c.want)
		}
	}
}

func TestLineRefusesWhatNoContainerCouldBeGiven(t *testing.T) {
	for _, c := range []struct{ key, value string }{
		{AuthSecret, "s3cr3t\x00"},
		{AuthSecret, "s3cr3t\xff"},
		{"", "s3cr3t"},
		{"A B", "s3cr3t"},
		{"A\nB", "s3cr3t"},
		{"1A", "s3cr3t"},
	} {
		_, err := Line(c.key, secret.New(c.value))
		if _, ok := errors.AsType[*ValueError](err); !ok {
			t.Errorf("Line(%q, %q) = %v, want a ValueError", c.key, c.value, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("the error shows the value: %v", err)
		}
	}
}

// The reading that prints nothing is the reading that warns: what compose-go
// makes of the text when it is called in the plain way.
func TestReadingAgreesWithComposeGoCalledPlainly(t *testing.T) {
	streams(t) // where its warnings go

	piece := rapid.SampledFrom([]string{
		"A=", "B=", "export A=", "A: ", "A", "B", "C.d-e[0]", "\n", "\r\n", "\n", " ", "\t", "'", `"`, "# c\n", " #c", "#", `\`, `\'`,
		"$A", "$B", "${A}", "${A-x}", "${A:-x}", "${A+x}", "${A:+x}", "${A?x}", "${B-$A}", "${A:-${B-y}}", "$$", "${", "}", "{A-x}", "x", "1", "é", "\u00a0", "=",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 24).Draw(t, "pieces"), "")
		statements, scanned := scan(text)
		got, err := compose(text, statements, nil)
		want, wantErr := dotenv.Parse(strings.NewReader(text))

		if (err != nil) != (wantErr != nil) {
			t.Fatalf("compose(%q) = %v, compose-go says %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		if scanned != nil {
			t.Fatalf("scan(%q) = %v, compose-go reads it", text, scanned)
		}
		if len(got) != len(want) {
			t.Fatalf("compose(%q) = %q, compose-go reads %q", text, got, want)
		}
		for key, value := range want {
			if got[key] != value {
				t.Fatalf("compose(%q) = %q, compose-go reads %q", text, got, want)
			}
		}
	})
}
