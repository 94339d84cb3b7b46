package console

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// ErrNoTerminal says that a passphrase cannot be asked for here: it would show,
// or come from nobody.
var ErrNoTerminal = errors.New("a passphrase is only read from a terminal; without one, use a key file: --identity FILE")

// Passphrase asks for a passphrase and does not show it.
func Passphrase(in *os.File, ask io.Writer) ([]byte, error) {
	if !term.IsTerminal(int(in.Fd())) {
		return nil, ErrNoTerminal
	}
	_, _ = fmt.Fprint(ask, "Passphrase: ")
	phrase, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(ask)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	if len(phrase) == 0 {
		return nil, errors.New("the passphrase is empty")
	}

	return phrase, nil
}
