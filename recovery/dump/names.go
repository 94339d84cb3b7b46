package dump

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// longestName is how many bytes of a name PostgreSQL keeps. It cuts a longer
// one without an error, so that two names could become one.
const longestName = 63

const (
	restoring = "_restoring_"
	before    = "_before_"
	undone    = "_undone_"
)

// RestoringName names the database a run loads into.
func RestoringName(live, run string) string { return fitted(live, restoring+run) }

// AsideName names the database that was live before a run.
func AsideName(live, run string) string { return fitted(live, before+run) }

// UndoneName names the database that was live between a run and its undo.
func UndoneName(live, run string) string { return fitted(live, undone+run) }

// IsRestoring tells whether a database is the load of a run, finished or not.
func IsRestoring(name string) bool {
	live, run, found := strings.Cut(name, restoring)

	return found && live != "" && run != "" && checkName(name) == nil
}

// fitted shortens the live name so that the whole fits. Names that differ only
// in what was cut still differ: a digest takes its place.
func fitted(live, suffix string) string {
	if len(live)+len(suffix) <= longestName {
		return live + suffix
	}
	sum := sha256.Sum256([]byte(live + suffix))
	mark := "~" + hex.EncodeToString(sum[:4])
	room := longestName - len(mark) - len(suffix)
	if room < 1 {
		// A run's name this long is no name of ours. Whatever is made here is
		// too long for PostgreSQL too, and refused before it is used.
		return live + suffix
	}
	cut := live[:min(room, len(live))]
	for !utf8.ValidString(cut) && cut != "" {
		cut = cut[:len(cut)-1]
	}

	return cut + mark + suffix
}

// checkName refuses names that PostgreSQL would change or cannot have.
func checkName(names ...string) error {
	for _, name := range names {
		if name == "" || len(name) > longestName || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return fmt.Errorf("use the name %q: %w", name, ErrName)
		}
	}

	return nil
}

// Identifier quotes a name for SQL, for statements that others are shown.
func Identifier(name string) string { return identifier(name) }

// identifier quotes a name for SQL.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a value for SQL. It is right whatever the server thinks of
// backslashes. A zero byte, which no text of PostgreSQL may hold, is left out.
func literal(value string) string {
	value = strings.ReplaceAll(value, "\x00", "")
	quoted := `'` + strings.ReplaceAll(value, `'`, `''`) + `'`
	if !strings.Contains(value, `\`) {
		return quoted
	}

	return ` E` + strings.ReplaceAll(quoted, `\`, `\\`)
}

// connection names a database as libpq takes it. A bare name with an equals
// sign in it would be read as a whole set of parameters.
func connection(db string) string {
	return `dbname='` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(db) + `'`
}
