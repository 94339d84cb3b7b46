package compose

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"firmflow-recovery/recovery/secret"
)

const redacted = "[redacted]"

var (
	// Compose quotes the part of an environment file it stumbles over, which is
	// most often a piece of a secret.
	quotesFile     = regexp.MustCompile(`(?ms)^(failed to read .*?: (?:line \d+: )?[^"'\n]*)["'].*\z`)
	quotesMessage  = regexp.MustCompile(`(?m)^(failed to read .*? is missing a value:).*$`)
	quotesTemplate = regexp.MustCompile(`(?s)(Invalid template:).*\z`)
	quotesValue    = regexp.MustCompile(`(?s)(invalid interpolation format for [\w.\[\]-]+).*\z`)

	logged = regexp.MustCompile(`^time="[^"]*" level=warning msg=("(?:[^"\\]|\\.)*"|\S+)|^WARN\[\d+\] (.*)$`)
	notSet = regexp.MustCompile(`^The "(.+)" variable is not set`)
)

// cut removes from a message of Compose what it quotes from the files it read.
func cut(text string) string {
	text = quotesFile.ReplaceAllString(text, "${1}"+redacted)
	text = quotesMessage.ReplaceAllString(text, "${1} "+redacted)
	text = quotesTemplate.ReplaceAllString(text, "${1} "+redacted)

	return quotesValue.ReplaceAllString(text, "${1}: "+redacted+" (a $ that is meant is written $$$$)")
}

// warning gives the message of a line in which Compose warns.
func warning(line string) (string, bool) {
	found := logged.FindStringSubmatch(line)
	if found == nil {
		return "", false
	}
	if found[2] != "" {
		return strings.TrimSpace(found[2]), true
	}

	return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, " ").Replace(strings.Trim(found[1], `"`)), true
}

// warnings are the different warnings among lines, fit to be shown. In
// AUTH_SECRET=abc$def Compose calls "def" a variable that is not set: a name
// that the configuration files (their text) do not use is a piece of a value.
func (r *Runtime) warnings(lines []string, files string) []string {
	var all []string
	for _, line := range lines {
		text, ok := warning(line)
		if !ok {
			continue
		}
		if found := notSet.FindStringSubmatch(text); found != nil && !uses(files, found[1]) {
			r.scrub.Learn(secret.New(found[1]))
			text = "a variable that no configuration file names is not set: a value in an environment file holds a $ and is cut there"
		}
		if text = r.scrub.Scrub(text); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}

	return all
}

func uses(files, variable string) bool {
	return strings.Contains(files, "$"+variable) || strings.Contains(files, "${"+variable)
}

// learn teaches the scrubber the values that must not be shown.
func (r *Runtime) learn(environment map[string]secret.String) {
	for name, value := range environment {
		if sounds(name) {
			r.scrub.Learn(value)
		}
		if u, err := url.Parse(secret.Reveal(value)); err == nil && u.User != nil {
			password, _ := u.User.Password()
			r.scrub.Learn(secret.New(password))
		}
	}
}

// sounds tells whether a variable of this name holds a secret.
func sounds(name string) bool {
	name = strings.ToUpper(name)

	return name == "DATABASE_URL" || slices.ContainsFunc([]string{"PASSWORD", "SECRET", "KEY", "TOKEN"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}
