// Package text makes the text of others safe to show.
//
// File names, error streams and table names may hold escape sequences, line
// ends and broken UTF-8. What leaves this package moves no cursor, rings no
// bell, turns no direction of reading and starts no line of its own: whatever
// has no glyph is spelled out, as \x1b or \u202e. Backslashes that were there
// stay as they are, so that commands can still be pasted.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean gives a text as one line. A line end inside it reads \x0a.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		spell(&b, r, s[i:i+size])
		i += size
	}

	return b.String()
}

// Lines gives a text as the lines it consists of, each safe to show. Tabs are
// two spaces; the line ends of Windows and empty lines at the end are dropped.
func Lines(s string) []string {
	s = strings.NewReplacer("\r\n", "\n", "\t", "  ").Replace(s)
	s = strings.TrimRight(s, "\n")
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}

	return lines
}

// plain tells whether a text needs no spelling. Almost all of them do not.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}

	return true
}

func spell(b *strings.Builder, r rune, raw string) {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		fmt.Fprintf(b, `\x%02x`, raw[0])
	case unicode.IsGraphic(r):
		b.WriteString(raw)
	case r <= 0xff:
		fmt.Fprintf(b, `\x%02x`, r)
	case r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}
