package dump

import (
	"fmt"
	"os"

	"filippo.io/age"

	"firmflow-recovery/recovery/secret"
)

// ReadKeys reads the identities of a key file, as age-keygen writes it.
func ReadKeys(path string) ([]age.Identity, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	defer func() { _ = file.Close() }()
	keys, err := age.ParseIdentities(file)
	if err != nil {
		return nil, fmt.Errorf("read the key file %s: no age identity can be read from it", path) // age's own text may quote a line
	}

	return keys, nil
}

// Passphrase makes a key of a passphrase, for what age -p has encrypted.
func Passphrase(phrase secret.String) ([]age.Identity, error) {
	key, err := age.NewScryptIdentity(secret.Reveal(phrase))
	if err != nil {
		return nil, fmt.Errorf("take the passphrase: %w", err)
	}

	return []age.Identity{key}, nil
}
