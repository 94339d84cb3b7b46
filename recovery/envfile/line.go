package envfile

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"firmflow-recovery/recovery/secret"
)

// bareword is a value that every reader of a .env reads alike without quotes:
// Compose in all its versions, its env_file in the raw format, docker run,
// godotenv and the shell.
var bareword = regexp.MustCompile(`^[A-Za-z0-9_./+@%,:=-]+$`)

// name is what Line accepts as a key.
var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Line gives the line, without its end, that makes Compose read exactly this
// value for the key, and proves it by reading it.
//
// A value that needs no quotes gets none, for not everybody who reads a .env
// takes them off. Any other is put in single quotes, in which a dollar is a
// dollar. Double quotes are left for the values that end single ones too early:
// with a backslash before a quote or at the end.
func Line(key string, value secret.String) (secret.String, error) {
	text := secret.Reveal(value)
	switch {
	case !name.MatchString(key):
		return secret.String{}, &ValueError{Key: key, Reason: "no program could read a variable of this name"}
	case strings.ContainsRune(text, 0):
		return secret.String{}, &ValueError{Key: key, Reason: "the value holds a NUL, which no program can be given"}
	case !utf8.ValidString(text):
		return secret.String{}, &ValueError{Key: key, Reason: "the value is not UTF-8, and Compose would give the app other bytes"}
	}

	for _, written := range []string{
		text,
		"'" + text + "'",
		"'" + strings.ReplaceAll(text, "'", `\'`) + "'",
		`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(text) + `"`,
	} {
		if written == text && !bareword.MatchString(text) {
			continue
		}
		line := key + "=" + written
		if reads(line, key, value) {
			return secret.New(line), nil
		}
	}

	return secret.String{}, &ValueError{Key: key, Reason: "Compose would read another value"}
}

// reads tells whether Compose reads the line, with others around it, as this
// value, and as nothing else.
func reads(line, key string, value secret.String) bool {
	const before, after = "FIRMFLOW_BEFORE", "FIRMFLOW_AFTER"
	text := before + "=1\n" + line + "\n" + after + "=2\n"
	statements, err := scan(text)
	if err != nil {
		return false
	}
	values, err := compose(text, statements, nil)
	if err != nil || len(values) != 3 || values[before] != "1" || values[after] != "2" {
		return false
	}

	return secret.New(values[key]).Equal(value)
}
