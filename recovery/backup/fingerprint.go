package backup

import (
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/scrypt"

	"firmflow-recovery/recovery/secret"
)

// Print is the fingerprint of a secret: salted, so that two backups with the
// same secret do not show it, and slow, so that a weak secret is not found by
// trying. It confirms a candidate and gives nothing else away.
type Print struct {
	KDF string `json:"kdf"` // scrypt
	Cost
	Salt []byte `json:"salt"`
	Sum  []byte `json:"sum"` // the first half of what scrypt makes; the second is nowhere
}

// Cost is scrypt's: 128*N*R bytes of memory, gone over P times.
type Cost struct {
	N int `json:"n"`
	R int `json:"r"`
	P int `json:"p"`
}

// ErrCostly means that a file asks for more memory or time than one of ours
// does: it was not written by this program, or was changed.
var ErrCostly = errors.New("its fingerprints ask for more work than they may")

const (
	kdf      = "scrypt"
	saltSize = 16
	sumSize  = 32

	// What a file may ask for at most: eight times the memory and the time of
	// Slow.
	mostMemory = 256 << 20
	mostWork   = 1 << 31
)

// Slow is the cost of what is written: 32 MiB, and a fifth of a second or so.
// It is one of those that OWASP's cheat sheet on storing passwords has.
func Slow() Cost { return Cost{N: 1 << 15, R: 8, P: 3} }

// allowed keeps a file from making us work for hours, or scrypt from refusing.
func (c Cost) allowed() error {
	n, r, p := int64(c.N), int64(c.R), int64(c.P)
	if n < 2 || n&(n-1) != 0 || r < 1 || p < 1 || n > mostMemory || r > mostMemory || p > mostMemory ||
		128*n > mostMemory/r || 128*n*r > mostWork/p {
		return fmt.Errorf("%w: n %d, r %d, p %d", ErrCostly, c.N, c.R, c.P)
	}

	return nil
}

// take makes a fingerprint, and gives what may seal with it.
func take(value secret.String, cost Cost) (Print, []byte, error) {
	p := Print{KDF: kdf, Cost: cost, Salt: make([]byte, saltSize)}
	if _, err := rand.Read(p.Salt); err != nil {
		return Print{}, nil, fmt.Errorf("make a salt: %w", err)
	}
	sum, rest, err := p.stretch(value)
	p.Sum = sum

	return p, rest, err
}

// stretch gives the fingerprint of a value, and a key that can be had only from
// the value and not from the fingerprint.
func (p Print) stretch(value secret.String) (sum, key []byte, err error) {
	if p.KDF != kdf {
		return nil, nil, fmt.Errorf("%w: fingerprints by %q are unknown", ErrNewer, p.KDF)
	}
	if err := p.allowed(); err != nil {
		return nil, nil, err
	}
	made, err := scrypt.Key([]byte(secret.Reveal(value)), p.Salt, p.N, p.R, p.P, 2*sumSize)
	if err != nil {
		return nil, nil, err
	}

	return made[:sumSize], made[sumSize:], nil
}

// Confirms tells whether a candidate is the secret that the fingerprint was
// taken of. It takes as long as taking it. ErrCostly and ErrNewer mean that it
// was not tried.
func (p Print) Confirms(candidate secret.String) (bool, error) {
	sum, _, err := p.stretch(candidate)
	if err != nil {
		return false, fmt.Errorf("compare with a fingerprint: %w", err)
	}

	return hmac.Equal(sum, p.Sum), nil
}
