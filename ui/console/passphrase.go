package console

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ErrNoTerminal says that a passphrase cannot be asked for here: it would show,
// or come from nobody.
var ErrNoTerminal = errors.New("a passphrase is only read from a terminal; without one, use a key file: --identity FILE")

// Passphrase asks for a passphrase and does not show it.
func Passphrase(in *os.File, ask io.Writer) ([]byte, error) {
	terminal := int(in.Fd())
	shown, err := unix.IoctlGetTermios(terminal, unix.TCGETS)
	if err != nil {
		return nil, ErrNoTerminal
	}

	// The echo is off before the question stands there: whoever sees it may type
	// at once.
	hidden := *shown
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(terminal, unix.TCSETS, &hidden); err != nil {
		return nil, fmt.Errorf("hide what is typed: %w", err)
	}
	defer func() { _ = unix.IoctlSetTermios(terminal, unix.TCSETS, shown) }()
	_, _ = fmt.Fprint(ask, "Passphrase: ")
	phrase, err := term.ReadPassword(terminal)
	_, _ = fmt.Fprintln(ask)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	if len(phrase) == 0 {
		return nil, errors.New("the passphrase is empty")
	}

	return phrase, nil
}
