package evidence

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"sync"

	"golang.org/x/crypto/scrypt"

	"firmflow-recovery/recovery/secret"
)

// key is one way to make a key of 256 bits from a secret.
type key struct {
	name string
	make func(salt []byte) []byte
	own  bool // each file has a salt of its own
}

// fixed is a key that is the same for all files. It is made when it is first
// wanted: some take long.
func fixed(name string, derive func() []byte) key {
	made := sync.OnceValue(derive)

	return key{name: name, make: func([]byte) []byte { return made() }}
}

// keys are the ways in use: the secret itself, its digest, or a derivation with a
// salt that the application has in its source. Those that take long come last.
func keys(secrets map[string]secret.String) []key {
	var fast, slow []key
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		value := []byte(secret.Reveal(secrets[name]))
		if len(value) == 0 {
			continue
		}
		fast = append(append(fast, plain(name, value)...), derived(name, value)...)
		slow = append(slow, stretched(name, value)...)
	}

	return append(fast, slow...)
}

// plain are the secret as it is, decoded, and digested.
func plain(name string, value []byte) []key {
	var all []key
	add := func(how string, b []byte) {
		if len(b) == 32 {
			all = append(all, fixed(name+" "+how, func() []byte { return b }))
		}
	}
	add("as it is", value)
	add("padded or cut to 32 bytes", append(value[:min(len(value), 32):min(len(value), 32)], make([]byte, 32-min(len(value), 32))...))
	if b, err := hex.DecodeString(string(value)); err == nil {
		add("from hexadecimal", b)
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := encoding.DecodeString(string(value)); err == nil {
			add("from base64", b)
		}
	}
	sum := sha256.Sum256(value)
	add("by SHA-256", sum[:])
	long := sha512.Sum512(value)
	add("by SHA-512, cut", long[:32])

	return all
}

// words are what applications put where a derivation wants a salt or a purpose.
func words() []string {
	return []string{"", "salt", "storage", "documents", "document", "vault", "encryption", "firmflow", "firmflow-storage", "firmflow-vault", "firmflow-documents", "aes-256-gcm",
		"field", "fields", "field-encryption", "firmflow-field", "mfa"}
}

// derived are HMAC and HKDF (RFC 5869) with the usual words.
func derived(name string, value []byte) []key {
	var all []key
	for _, salt := range words() {
		all = append(all, fixed(name+" by HMAC-SHA-256", func() []byte {
			mac := hmac.New(sha256.New, value)
			mac.Write([]byte(salt))

			return mac.Sum(nil)
		}))
		for _, info := range words() {
			all = append(all, fixed(name+" by HKDF-SHA-256", func() []byte { return made(hkdf.Key(sha256.New, value, []byte(salt), info, 32)) }))
		}
	}

	return all
}

// stretched are scrypt with Node.js's defaults (N 16384, r 8, p 1) and PBKDF2.
func stretched(name string, value []byte) []key {
	var all []key
	scrypted := func(salt []byte) []byte { return made(scrypt.Key(value, salt, 16384, 8, 1, 32)) }
	for _, salt := range words()[:4] {
		all = append(all, fixed(name+" by scrypt", func() []byte { return scrypted([]byte(salt)) }))
	}
	for _, rounds := range []int{1000, 10_000, 100_000} {
		for _, salt := range words()[:4] {
			all = append(all, fixed(name+" by PBKDF2-SHA-256", func() []byte {
				return made(pbkdf2.Key(sha256.New, string(value), []byte(salt), rounds, 32))
			}))
		}
	}

	return append(all, key{name: name + " by scrypt, with each file's salt", make: scrypted, own: true},
		key{name: name + " by PBKDF2-SHA-512, with each file's salt", own: true, make: func(salt []byte) []byte {
			return made(pbkdf2.Key(sha512.New, string(value), salt, 100_000, 32))
		}})
}

// made is a derived key, or none where the derivation refuses.
func made(b []byte, err error) []byte {
	if err != nil {
		return nil
	}

	return b
}
