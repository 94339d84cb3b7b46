// Package secret holds values that have no printable form.
//
// A String keeps its value in a closure, so that no formatting verb, no
// encoder, no debugger's %#v and no reflection over its fields can show it:
// every textual form reads "[redacted]". A value leaves only through Reveal,
// whose callers are the few places that hand it on: a child's environment, the
// .env file that is written, and the Scrubber here.
package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a value would have stood.
const redacted = "[redacted]"

// String is a secret value. Its zero value is the empty secret.
type String struct{ reveal func() string }

// New wraps a value.
func New(value string) String {
	return String{reveal: func() string { return value }}
}

// Reveal gives the value itself. Whoever calls it answers for where it goes.
func Reveal(s String) string {
	if s.reveal == nil {
		return ""
	}

	return s.reveal()
}

// Empty tells whether there is no value.
func (s String) Empty() bool { return Reveal(s) == "" }

// Equal compares two values in constant time, whatever their lengths: both are
// digested under a key of this call alone.
func (s String) Equal(other String) bool {
	key := make([]byte, sha256.Size)
	if _, err := rand.Read(key); err != nil {
		return false // crypto/rand never fails; if it did, unequal is the safe answer
	}

	return hmac.Equal(digest(key, s), digest(key, other))
}

func digest(key []byte, s String) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(Reveal(s)))

	return mac.Sum(nil)
}

// Format writes the redacted form for every verb and flag.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String gives the redacted form.
func (s String) String() string { return redacted }

// LogValue gives the redacted form to log/slog.
func (s String) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives the redacted form to every encoder.
func (s String) MarshalText() ([]byte, error) { return []byte(redacted), nil }
