package sample

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// errUndecryptable is the answer to a wrong secret and to a changed byte alike: AES-GCM cannot tell them apart.
var errUndecryptable = errors.New("it does not decrypt: another secret wrote it, or it was changed")

// sealer encrypts with AES-256-GCM. What it seals is 12 bytes of nonce, the ciphertext, 16 bytes of tag.
type sealer struct{ aead cipher.AEAD }

// storageSealer is for documents; fieldSealer is for single columns. The salts keep the two apart even where one
// secret is used for both.
func storageSealer(secret string) (sealer, error) { return newSealer(secret, "firmflow-storage") }
func fieldSealer(secret string) (sealer, error)   { return newSealer(secret, "firmflow-field") }

func newSealer(secret, salt string) (sealer, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), []byte(salt), "aes-256-gcm", 32)
	if err != nil {
		return sealer{}, fmt.Errorf("derive the %s key: %w", salt, err)
	}

	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("set up AES for %s: %w", salt, err)
	}

	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, fmt.Errorf("set up GCM for %s: %w", salt, err)
	}
	return sealer{aead}, nil
}

func (s sealer) seal(plain []byte) []byte {
	return s.aead.Seal(nil, nil, plain, nil) //nolint:gosec // no nonce is passed because this AEAD draws its own
}

func (s sealer) open(sealed []byte) ([]byte, error) {
	plain, err := s.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, errUndecryptable
	}
	return plain, nil
}

func (s sealer) sealText(plain string) string {
	return base64.StdEncoding.EncodeToString(s.seal([]byte(plain)))
}

func (s sealer) openText(sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("decode base64: %w", err)
	}

	plain, err := s.open(raw)
	return string(plain), err
}
