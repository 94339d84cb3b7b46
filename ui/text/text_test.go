package text_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"firmflow-recovery/ui/text"
)

func TestCleanSpellsOutWhatHasNoGlyph(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain text", "vault_snapshot_2026-11-22.tar.gz", "vault_snapshot_2026-11-22.tar.gz"},
		{"accents and scripts", "Müller & Söhne 会計.pdf", "Müller & Söhne 会計.pdf"},
		{"a command with a backslash", `sed 's/\n/ /'`, `sed 's/\n/ /'`},
		{"escape sequence", "\x1b[2J\x1b[1;1Hok", `\x1b[2J\x1b[1;1Hok`},
		{"line ends", "a\r\nVERIFIED in 1 s.", `a\x0d\x0aVERIFIED in 1 s.`},
		{"tab, bell, backspace, delete", "\t\a\b\x7f", `\x09\x07\x08\x7f`},
		{"C1 as a rune", "\u009b31m", `\x9b31m`},
		{"C1 as a byte", "\x9b31m", `\x9b31m`},
		{"broken UTF-8", "caf\xc3", `caf\xc3`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
		{"direction of reading", "gpj.\u202etxt", `gpj.\u202etxt`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"nothing to be seen", "a\u200bb\ufeff", `a\u200bb\ufeff`},
		{"beyond 16 bits", "\U000e0041", `\U000e0041`},
		{"nothing", "", ""},
	} {
		if got := text.Clean(c.in); got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestLinesKeepsOnlyItsOwnLineEnds(t *testing.T) {
	got := text.Lines("one\r\n\ttwo\x1b[A\n\n three\rfour\n\n")
	want := []string{"one", `  two\x1b[A`, "", ` three\x0dfour`}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("Lines = %q, want %q", got, want)
	}
}

// FuzzClean: whatever comes in, what goes out is one line of glyphs, and going
// through it again changes nothing.
func FuzzClean(f *testing.F) {
	f.Add("\x1b]0;title\a\u009b\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := text.Clean(s)
		if !utf8.ValidString(got) {
			t.Errorf("Clean(%q) = %q: not UTF-8", s, got)
		}
		for _, r := range got {
			if !unicode.IsGraphic(r) {
				t.Errorf("Clean(%q) = %q: holds %U", s, got, r)
			}
		}
		if again := text.Clean(got); again != got {
			t.Errorf("Clean(%q) = %q, and again %q", s, got, again)
		}
	})
}
