package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ErrNoTerminal says that a passphrase cannot be asked for here: it would show,
// or come from nobody.
var ErrNoTerminal = errors.New("a passphrase is only read from a terminal; without one, use --phrase-file FILE or a key file: --identity FILE")

// Passphrase asks for a passphrase and does not show it.
func Passphrase(in *os.File, ask io.Writer) ([]byte, error) {
	shown, err := hide(in)
	if err != nil {
		return nil, err
	}
	defer shown()
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

// longestPhrase is how much of a file can be a passphrase, in bytes.
const longestPhrase = 4096

// PassphraseIn reads a passphrase from a file, a pipe or a descriptor: what
// stands there but for one line end. Nothing of it is in an error.
func PassphraseIn(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	defer func() { _ = file.Close() }()
	phrase, err := io.ReadAll(io.LimitReader(file, longestPhrase+1))
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	phrase = bytes.TrimSuffix(bytes.TrimSuffix(phrase, []byte("\n")), []byte("\r"))
	switch {
	case len(phrase) == 0:
		return nil, fmt.Errorf("%s holds no passphrase", path)
	case len(phrase) > longestPhrase || bytes.ContainsAny(phrase, "\n\x00"):
		return nil, fmt.Errorf("%s is no passphrase: it must be one line of text", path)
	default:
		return phrase, nil
	}
}

// hide turns a terminal's echo off, until shown is called. It is to be called
// before a question stands there: whoever sees it may type at once.
func hide(in *os.File) (shown func(), err error) {
	terminal := int(in.Fd())
	before, err := unix.IoctlGetTermios(terminal, unix.TCGETS)
	if err != nil {
		return nil, ErrNoTerminal
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(terminal, unix.TCSETS, &hidden); err != nil {
		return nil, fmt.Errorf("hide what is typed: %w", err)
	}

	return func() { _ = unix.IoctlSetTermios(terminal, unix.TCSETS, before) }, nil
}
