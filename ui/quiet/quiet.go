// Package quiet keeps the terminal unasked until there is a screen.
//
// Linking Bubble Tea makes every start of the program, --version included, ask
// the terminal for its background and its cursor, and wait up to five seconds
// where none answers, as on a serial console. They ask only terminals that can
// answer, so that TERM says "dumb" while packages are initialised. This one comes
// before them, since it imports nothing but os; main restores TERM first of all.
package quiet

import "os"

// term is what TERM was.
var term = hush()

func hush() string {
	was := os.Getenv("TERM")
	if was != "" {
		_ = os.Setenv("TERM", "dumb") // at worst the terminal is asked
	}

	return was
}

// Restore gives TERM its value back, and gives that value.
func Restore() string {
	if term != "" {
		_ = os.Setenv("TERM", term)
	}

	return term
}
