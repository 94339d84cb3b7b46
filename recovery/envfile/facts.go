package envfile

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"firmflow-recovery/recovery/secret"
)

// Quoting is how a value is written.
type Quoting string

// The ways to write a value.
const (
	Unquoted Quoting = ""
	Single   Quoting = "single"
	Double   Quoting = "double"
)

// Facts is what is odd about a line, or could be.
type Facts struct {
	Quoting Quoting

	// Dollar is a dollar outside single quotes that Compose acts on, so that
	// the value is not what is written.
	Dollar bool

	// Comment is a ' #' that ends an unquoted value.
	Comment bool

	// Placeholder is a value that looks like one nobody has filled in.
	Placeholder bool

	// Odd are characters that cannot be told by looking, or that word
	// processors put in place of others.
	Odd []Odd

	NonASCII bool // other characters beyond ASCII
	NotUTF8  bool // bytes that are no text; a container gets others in their place
	NUL      bool // no program can be given such a value
}

// Odd is one such character: which, and where in the literal text, counted in
// characters from 1.
type Odd struct {
	Code rune
	At   int
}

// examine finds the facts about the statement s of text, read as value.
func examine(text string, s statement, value string) Facts {
	literal, inner := text[s.value:s.end], text[s.inner[0]:s.inner[1]]
	f := Facts{
		Quoting:     Unquoted,
		Comment:     s.quote == 0 && strings.Contains(literal, " #"),
		Placeholder: placeholder(value) || placeholder(inner),
		NUL:         strings.ContainsRune(literal, 0),
		NotUTF8:     !utf8.ValidString(literal),
	}
	switch s.quote {
	case '\'':
		f.Quoting = Single
	case '"':
		f.Quoting = Double
	}
	f.Dollar = f.Quoting != Single && actsOnDollar(text[s.start:s.end], inner)

	at := 0
	for _, r := range literal {
		at++
		switch {
		case odd(r):
			f.Odd = append(f.Odd, Odd{Code: r, At: at})
		case r > unicode.MaxASCII && r != utf8.RuneError:
			f.NonASCII = true
		}
	}

	return f
}

// actsOnDollar tells whether Compose makes something else of a dollar in the
// statement. A dollar before a digit or at the end stays one.
func actsOnDollar(piece, inner string) bool {
	if !strings.Contains(inner, "$") {
		return false
	}
	if strings.Contains(inner, "$$") {
		return true
	}
	acts := false
	_, err := compose(piece, nil, func() { acts = true })

	return acts || err != nil
}

// odd tells characters that are invisible or stand in for an ASCII one. Other
// letters are only counted: to list them would be to tell the value.
func odd(r rune) bool {
	switch {
	case r == ' ':
		return false
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Z):
		return true
	case r >= '\u2010' && r <= '\u2015', r >= '\u2018' && r <= '\u201f': // dashes and curly quotes
		return true
	}

	return r == '\u00ab' || r == '\u00bb' || r == '\u2026' || r == '\u2212' || r == '\ufffc'
}

var placeholders = regexp.MustCompile(`(?i)^(#.*|<.*>|\[.*\]|\{\{.*\}\}|x{3,}|\*{3,}|\.{3,}|todo|fixme|secret|password|none|null|example|placeholder|` +
	`your[-_ ].*|.*-here|insert[-_ ].*|set[-_ ]me)$|change[-_ ]?me|replace[-_ ]?(me|this|with)|placeholder`)

// placeholder tells a value that looks like one to be filled in. "# set me" is
// one: right behind '=' it is no comment, but the value.
func placeholder(value string) bool { return placeholders.MatchString(strings.TrimSpace(value)) }

// withoutOdd gives a value as it looks: without odd characters and spaces.
func withoutOdd(value secret.String) secret.String {
	return secret.New(strings.Map(func(r rune) rune {
		if odd(r) || r == ' ' {
			return -1
		}

		return r
	}, secret.Reveal(value)))
}

// typed gives what a literal says to somebody who knows nothing of Compose:
// the text without the quotes around it.
func typed(literal secret.String) secret.String {
	text := strings.TrimSpace(secret.Reveal(literal))
	if len(text) >= 2 && (text[0] == '\'' || text[0] == '"') && text[0] == text[len(text)-1] {
		text = text[1 : len(text)-1]
	}

	return secret.New(text)
}
