package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/joho/godotenv"
)

// errParser is a parser that gave up in a way it should not. Its panic value
// may hold text from the file and is not kept.
var errParser = errors.New("the parser failed")

// simple reads the way most people expect a .env to be read: with godotenv.
// Its errors quote the file and must go no further than this package.
func simple(data []byte) (values map[string]string, err error) {
	defer func() {
		if recover() != nil {
			values, err = nil, errParser // some releases of godotenv panic on "KEY=# set me"
		}
	}()

	return godotenv.Parse(bytes.NewReader(data))
}

// honest finds the forms whose meaning depends on whether a variable is unset
// or empty: ${X-y}, ${X?y}, ${X+y}. The forms with a colon treat both alike.
var honest = regexp.MustCompile(`\{([_A-Za-z][_A-Za-z0-9]*)([-+?])`)

// compose reads text as Compose does, with no shell variables. It calls asked,
// if there is one, for every variable that the text refers to.
//
// compose-go warns about every unset variable, on the process's own error
// stream and by name. It does not where the lookup knows the variable, so ours
// claims that an unset one is set and empty. The few forms for which that makes
// a difference are marked before, and for a marked name the lookup tells the
// truth: there, compose-go does not warn.
func compose(text string, statements []statement, asked func()) (map[string]string, error) {
	mark, values := unusedName(text), map[string]string{}
	if err := feed(marked(text, statements, mark), values, mark, asked); err != nil {
		return nil, err
	}

	return unmarked(values, mark), nil
}

// feed lets compose-go read marked text and add to the values so far.
func feed(text string, values map[string]string, mark string, asked func()) (err error) {
	defer func() {
		if recover() != nil {
			err = errParser
		}
	}()

	lookup := func(name string) (string, bool) {
		if asked != nil {
			asked()
		}
		name, truthful := strings.CutSuffix(name, mark)
		value, ok := values[name]

		return value, ok || !truthful
	}

	return dotenv.ParseWithFormat(strings.NewReader(text), "", values, lookup, "")
}

// unusedName gives characters of a name that occur nowhere in text.
func unusedName(text string) string {
	mark := "_truthful"
	for i := 0; strings.Contains(text, mark); i++ {
		mark = fmt.Sprintf("_truthful%d_", i)
	}

	return mark
}

// marked marks the names for which the lookup must tell the truth: the forms
// above, and the lines without '=', which define nothing if the shell has
// nothing to give.
func marked(text string, statements []statement, mark string) string {
	var b strings.Builder
	from := 0
	for _, s := range statements {
		if s.bare {
			b.WriteString(text[from:s.name] + mark)
			from = s.name
		}
	}
	b.WriteString(text[from:])

	return honest.ReplaceAllString(b.String(), "{${1}"+mark+"${2}")
}

func unmarked(values map[string]string, mark string) map[string]string {
	maps.DeleteFunc(values, func(key, _ string) bool { return strings.HasSuffix(key, mark) })
	for key, value := range values {
		values[key] = strings.ReplaceAll(value, mark, "")
	}

	return values
}

// refusal says what Compose refuses and in which line. compose-go gives no line
// for some errors, for others the last one, and in all of them it quotes the
// file; so only the kind of its error is used.
func refusal(text string, statements []statement, scanned error) error {
	mark := unusedName(text)
	values := map[string]string{}
	for _, s := range statements {
		piece := text[s.start:s.end] + "\n"
		at := statement{name: s.name - s.start, bare: s.bare}
		if err := feed(marked(piece, []statement{at}, mark), values, mark, nil); err != nil {
			return &SyntaxError{Line: s.line, Key: s.shownKey(), Text: kind(err)}
		}
	}
	if scanned != nil {
		return scanned
	}

	return &SyntaxError{Line: 1, Text: "Compose refuses the file"}
}

func kind(err error) string {
	if _, ok := errors.AsType[*template.InvalidTemplateError](err); ok {
		return "a '${' that is no reference to a variable"
	}
	if _, ok := errors.AsType[*template.MissingRequiredError](err); ok {
		return "a variable that the value requires is not set"
	}

	return "Compose refuses the line"
}
