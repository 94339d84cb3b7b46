package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// variables are what a configuration may refer to, and what was said while
// they were read.
type variables struct {
	values   map[string]string
	warnings []string
}

// variables reads .env as Compose does: a missing file is none at all, and the
// operator's environment wins.
func (r *Runtime) variables() (*variables, error) {
	v := &variables{values: map[string]string{}}
	text, err := os.ReadFile(filepath.Join(r.dir, envFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the variables: %w", err)
	}

	if err := v.parse(string(text), r.shell); err != nil {
		return nil, err
	}
	maps.Copy(v.values, r.shell)

	return v, nil
}

// parse gives Compose's own parser one statement at a time. As a whole it would
// log unset variables to our error stream, and its errors quote the line, which
// may be a secret; a statement that fails needs only its number.
func (v *variables) parse(text string, shell map[string]string) error {
	lines := strings.SplitAfter(text, "\n")
	var begun, reason string
	first := 0
	for i, line := range lines {
		if begun == "" {
			first = i
		}
		begun += line

		missing, parsed, err := v.statement(begun, shell)
		if err != nil {
			reason = describe(err)
			continue // a quoted value may go on; anything else fails to the end
		}
		for _, key := range slices.Sorted(maps.Keys(parsed)) {
			if missing {
				v.warn("%s line %d: the value of %s has a $ that names no variable; what it stood for is blank", envFile, first+1, key)
			}
		}
		maps.Copy(v.values, parsed)
		begun = ""
	}
	if begun != "" {
		return &stack.ConfigurationError{Text: fmt.Sprintf("%s line %d: %s", envFile, first+1, reason)}
	}

	return nil
}

func (v *variables) statement(text string, shell map[string]string) (missing bool, parsed map[string]string, err error) {
	parsed, err = dotenv.UnmarshalWithLookup(strings.TrimPrefix(text, "\uFEFF"), quietly(text, func(name string) (string, bool) {
		if value, ok := shell[name]; ok {
			return value, true
		}
		value, ok := v.values[name]
		return value, ok
	}, func(string) { missing = true }))

	return missing, parsed, err
}

// resolve puts the variables into a value of sandbox.json.
func (v *variables) resolve(text string) (string, error) {
	result, err := template.Substitute(text, quietly(text, func(name string) (string, bool) {
		value, ok := v.values[name]
		return value, ok
	}, func(name string) {
		v.warn("The %q variable is not set. Defaulting to a blank string.", name)
	}))
	if err != nil {
		return "", &stack.ConfigurationError{Text: describe(err)}
	}

	return result, nil
}

func (v *variables) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(v.warnings, text) {
		v.warnings = append(v.warnings, text)
	}
}

// quietly answers for an unset variable with an empty one, which comes to the
// same and keeps the template from logging it; except where the text asks
// whether it is set: ${NAME-other}, ${NAME+other}, ${NAME?why}.
func quietly(text string, lookup func(string) (string, bool), missing func(string)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if value, ok := lookup(name); ok {
			return value, true
		}
		asks := func(operator string) bool { return strings.Contains(text, "${"+name+operator) }
		if asks("-") || asks("+") || asks("?") {
			return "", false
		}
		if !asks(":") {
			missing(name)
		}

		return "", true
	}
}

// describe says what the parser or the template found, without quoting any of
// it.
func describe(err error) string {
	var invalid *template.InvalidTemplateError
	var required *template.MissingRequiredError
	switch {
	case errors.As(err, &required):
		return required.Error()
	case errors.As(err, &invalid):
		return "a value has a $ or ${ that begins no variable; put the value in single quotes"
	case strings.Contains(err.Error(), "unterminated"):
		return "a quoted value is not closed"
	}

	return "not a line of the form NAME=value"
}

// environment resolves what a service's program gets.
func (r *Runtime) environment(s configured) (map[string]secret.String, error) {
	v, err := r.variables()
	if err != nil {
		return nil, err
	}

	return r.resolved(s, v)
}

func (r *Runtime) resolved(s configured, v *variables) (map[string]secret.String, error) {
	texts := maps.Clone(s.Environment)
	if s.Kind == Postgres {
		texts = map[string]string{"POSTGRES_USER": s.User, "POSTGRES_DB": s.Database}
		maps.Copy(texts, s.Environment)
	}

	environment := make(map[string]secret.String, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		value, err := v.resolve(texts[name])
		if err != nil {
			return nil, fmt.Errorf("service %s, %s: %w", s.name, name, err)
		}
		environment[name] = secret.New(value)
		if confidential.MatchString(name) {
			r.scrub.Learn(environment[name])
		}
	}

	return environment, nil
}

// confidential are the names whose values are removed from logs. All values
// would be too many: the database's name stands in every other line.
var confidential = regexp.MustCompile(`SECRET|KEY|PASSWORD|TOKEN|DATABASE_URL`)
