package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"firmflow-recovery/recovery/secret"
)

// Protection says for whom the files that hold secrets are encrypted: for
// recipients, or with a passphrase. Its zero value is none.
type Protection struct {
	recipients []age.Recipient
	kind       string
	keyed      bool
}

// What can be wrong with a protection.
var (
	ErrNoProtection = errors.New("neither recipients nor a passphrase are given")
	ErrRecipient    = errors.New("it is no recipient of age")
	ErrPassphrase   = errors.New("the passphrase is empty")
)

// None tells that nothing could be encrypted.
func (p Protection) None() bool { return len(p.recipients) == 0 }

// Keyed tells whether the file of a secret key reads what was encrypted, and not
// a passphrase.
func (p Protection) Keyed() bool { return p.keyed }

// String says what is needed to read what was encrypted.
func (p Protection) String() string { return p.kind }

// ForRecipients encrypts for age's recipients, separated by commas or white
// space: age1..., as age-keygen prints them, or public keys of SSH without their
// comments. The secret keys to them belong where the
// backups are not.
func ForRecipients(text string) (Protection, error) {
	named := recipients(text)
	if len(named) == 0 {
		return Protection{}, ErrNoProtection
	}
	p := Protection{keyed: true, kind: fmt.Sprintf("the key of one of %d age recipients", len(named))}
	if len(named) == 1 {
		p.kind = "the key of age recipient " + named[0]
	}
	for i, one := range named {
		parse := age.ParseRecipients
		if strings.HasPrefix(one, "ssh-") {
			parse = sshRecipient
		}
		r, err := parse(strings.NewReader(one))
		if err != nil { // a secret key that was put here by mistake must not be printed
			return Protection{}, fmt.Errorf("recipient %d of %d: %w", i+1, len(named), ErrRecipient)
		}
		p.recipients = append(p.recipients, r...)
	}

	return p, nil
}

// recipients separates what ForRecipients takes. A public key of SSH is a word
// for its kind and one for the key.
func recipients(text string) []string {
	var named []string
	kind := ""
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		if kind == "" && strings.HasPrefix(word, "ssh-") {
			kind = word + " "
			continue
		}
		named, kind = append(named, kind+word), ""
	}
	if kind != "" {
		named = append(named, kind)
	}

	return named
}

func sshRecipient(r io.Reader) ([]age.Recipient, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	one, err := agessh.ParseRecipient(string(text))

	return []age.Recipient{one}, err
}

// WithPassphrase encrypts with a passphrase. work is the logarithm of the work
// that a guess takes; 0 is age's own measure, about a second.
func WithPassphrase(phrase secret.String, work int) (Protection, error) {
	if phrase.Empty() {
		return Protection{}, ErrPassphrase
	}
	r, err := age.NewScryptRecipient(secret.Reveal(phrase))
	if err != nil {
		return Protection{}, fmt.Errorf("use the passphrase: %w", err)
	}
	if work > 0 {
		r.SetWorkFactor(work)
	}

	return Protection{recipients: []age.Recipient{r}, kind: "the passphrase of the backups"}, nil
}

// PassphraseIn reads the passphrase from the first line of a file.
func PassphraseIn(path string) (secret.String, error) {
	text, err := readUpTo(path, 4096)
	if err != nil {
		return secret.String{}, fmt.Errorf("read the passphrase's file %q: %w", path, plain(err))
	}
	first, _, _ := strings.Cut(string(text), "\n")
	phrase := secret.New(strings.TrimSuffix(first, "\r"))
	if phrase.Empty() {
		return phrase, fmt.Errorf("read the passphrase's file %q: %w", path, ErrPassphrase)
	}

	return phrase, nil
}

// Write encrypts into a writer; age -d reads it.
func (p Protection) Write(to io.Writer, content func(io.Writer) error) error {
	if p.None() {
		return ErrNoProtection
	}
	w, err := age.Encrypt(to, p.recipients...)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	if err := content(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}

	return nil
}

// machineID is where Linux keeps the machine's id.
const machineID = "/etc/machine-id"

// HostNamed identifies this machine, whose name is given.
func HostNamed(name string) Host {
	id, err := os.ReadFile(machineID)
	if err != nil || len(strings.TrimSpace(string(id))) == 0 {
		return Host{Name: name}
	}

	// As machine-id(5) asks: a digest under a key of the application's own.
	return Host{Name: name, Machine: fmt.Sprintf("%x", authenticate([]byte("firmflow-recovery host"), []byte(strings.TrimSpace(string(id)))))}
}
