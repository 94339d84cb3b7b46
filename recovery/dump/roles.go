package dump

import (
	"regexp"
	"strings"
)

// name matches an identifier as pg_dump writes it.
const name = `("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)`

// named finds roles where pg_dump's own statements name them. PUBLIC, in
// capitals, is none.
var named = []*regexp.Regexp{
	regexp.MustCompile(`(?m) (?:TO|FROM) ` + name + `(?: WITH GRANT OPTION)?;$`),
	regexp.MustCompile(`(?m)^ALTER DEFAULT PRIVILEGES FOR ROLE ` + name + ` `),
	regexp.MustCompile(`(?m)^SET SESSION AUTHORIZATION ` + name + `;$`),
}

// listed finds the roles of a policy, before its expression, in which anything
// may stand.
var listed = regexp.MustCompile(`^CREATE POLICY .*? TO (` + name + `(?:, ` + name + `)*)(?: USING \(| WITH CHECK \(|;)`)

// rolesIn gives the roles that an entry's definition names.
func rolesIn(kind, definition string) []string {
	var found []string
	if kind == "POLICY" {
		if m := listed.FindStringSubmatch(definition); m != nil {
			for _, one := range regexp.MustCompile(name).FindAllString(m[1], -1) {
				found = append(found, unquoted(one))
			}
		}

		return found
	}
	for _, pattern := range named {
		for _, m := range pattern.FindAllStringSubmatch(definition, -1) {
			found = append(found, unquoted(m[1]))
		}
	}

	return found
}

func unquoted(identifier string) string {
	if !strings.HasPrefix(identifier, `"`) {
		return identifier
	}

	return strings.ReplaceAll(identifier[1:len(identifier)-1], `""`, `"`)
}
