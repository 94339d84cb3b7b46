package dump

import (
	"fmt"

	"filippo.io/age"

	"firmflow-recovery/recovery/secret"
)

// Passphrase makes a key of a passphrase, for what age -p has encrypted.
func Passphrase(phrase secret.String) ([]age.Identity, error) {
	key, err := age.NewScryptIdentity(secret.Reveal(phrase))
	if err != nil {
		return nil, fmt.Errorf("take the passphrase: %w", err)
	}

	return []age.Identity{key}, nil
}
