package evidence

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"firmflow-recovery/recovery/secret"
)

// Decryption is how many documents of a sample opened. A document is opened by
// AES-256-GCM, whose tag verifies with the right key and, but for one chance in
// 2^128, with no other.
type Decryption struct {
	Tried  int
	Opened int
	Failed []string // those that did not open although others did
	Key    string   // which secret, and how the key is made from it
	Layout string   // how nonce, tag and ciphertext lie in a file
}

// largest is the longest document that is opened, in bytes: it is held in memory.
const largest = 32 << 20

// tries is how many documents are tried with every key. One may be damaged.
const tries = 3

// Decrypt tries to open documents with keys made from secrets, in the ways that
// Node.js applications usually do. The secrets are named, by the variable they
// come from. ErrUnrecognised means that no document opened: then either a secret
// is wrong or the application does it in another way, and which one cannot be
// told.
func Decrypt(ctx context.Context, root fs.FS, paths []string, secrets map[string]secret.String) (Decryption, error) {
	made := keys(secrets)
	var found *way
	err := each(ctx, root, paths[:min(len(paths), tries)], func(_ string, sealed []byte) {
		if found == nil {
			found = search(ctx, sealed, made)
		}
	})
	if err != nil {
		return Decryption{}, err
	}
	if found == nil {
		return Decryption{}, fmt.Errorf("open a document: %w", ErrUnrecognised)
	}
	d := Decryption{Key: found.key.name, Layout: found.layout.name}
	err = each(ctx, root, paths, func(path string, sealed []byte) {
		d.Tried++
		if found.opens(sealed) {
			d.Opened++
		} else {
			d.Failed = append(d.Failed, path)
		}
	})

	return d, err
}

// each reads documents. What is gone by now or too large is passed over.
func each(ctx context.Context, root fs.FS, paths []string, do func(path string, sealed []byte)) error {
	for _, path := range paths {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		sealed, err := contentOf(root, path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errLarge):
			continue
		case err != nil:
			return fmt.Errorf("read a document: %w", err)
		}
		do(path, sealed)
	}

	return nil
}

var errLarge = errors.New("too large to be held in memory")

func contentOf(root fs.FS, path string) ([]byte, error) {
	file, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	sealed, err := io.ReadAll(io.LimitReader(file, largest+1))
	if len(sealed) > largest {
		return nil, errLarge
	}

	return sealed, err
}

// way is a key and a layout that opened a document.
type way struct {
	key    key
	layout layout
}

func (w way) opens(sealed []byte) bool {
	p, fits := w.layout.split(sealed)

	return fits && p.openWith(w.key.make(p.salt))
}

// search tries every layout with every key.
func search(ctx context.Context, sealed []byte, made []key) *way {
	for _, k := range made {
		bySalt := make(map[int][]byte) // layouts share salts, and a derivation may take a tenth of a second
		for _, l := range layouts() {
			if ctx.Err() != nil {
				return nil
			}
			p, fits := l.split(sealed)
			if !fits || k.own != (len(p.salt) > 0) {
				continue
			}
			derived, known := bySalt[len(p.salt)]
			if !known {
				derived = k.make(p.salt)
				bySalt[len(p.salt)] = derived
			}
			if p.openWith(derived) {
				return &way{key: k, layout: l}
			}
		}
	}

	return nil
}

// openWith tells whether the tag verifies. The plaintext is thrown away.
func (p parts) openWith(key []byte) bool {
	if len(key) != 32 || len(p.nonce) == 0 {
		return false
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return false
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(p.nonce))
	if err != nil {
		return false
	}
	sealed := append(append(make([]byte, 0, len(p.text)+len(p.tag)), p.text...), p.tag...)
	_, err = gcm.Open(sealed[:0], p.nonce, sealed, nil)

	return err == nil
}
