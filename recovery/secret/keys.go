package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// What can be wrong with a file of keys.
var (
	ErrKeyFile   = errors.New("no age identity can be read from the key file")
	ErrKeyLocked = fmt.Errorf("%w: it has a passphrase of its own", ErrKeyFile)
)

// largestKeys bounds what is read of a file of keys, in bytes.
const largestKeys = 1 << 20

// ReadIdentities reads what opens a file that age encrypted: identities as
// age-keygen writes them, or a private key of SSH without a passphrase. No error
// quotes what stands in the file.
func ReadIdentities(path string) ([]age.Identity, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, largestKeys))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN ")) {
		all, err := age.ParseIdentities(bytes.NewReader(text))
		if err != nil {
			return nil, ErrKeyFile // age's own text may quote a line
		}

		return all, nil
	}
	one, err := agessh.ParseIdentity(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, ErrKeyLocked
	case err != nil:
		return nil, ErrKeyFile
	}

	return []age.Identity{one}, nil
}
