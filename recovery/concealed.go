package recovery

import (
	"fmt"
	"io"
)

// Concealed is a text that was typed and is not to be seen: a passphrase, or a
// secret. It has no textual form; Reveal gives it to whoever needs it.
type Concealed struct{ reveal func() string }

// Conceal wraps a text.
func Conceal(text string) *Concealed { return &Concealed{func() string { return text }} }

// Reveal gives the text; nothing for a nil one.
func (c *Concealed) Reveal() string {
	if c == nil || c.reveal == nil {
		return ""
	}

	return c.reveal()
}

// Format writes the same for every verb, and whatever the text is.
func (*Concealed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[concealed]") }

// MarshalText gives the same to every encoder.
func (*Concealed) MarshalText() ([]byte, error) { return []byte("[concealed]"), nil }
