package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"filippo.io/age"
	"filippo.io/age/armor"

	"firmflow-recovery/recovery/secret"
)

// Lock is what an encrypted .env is opened with.
type Lock string

// The locks. Foreign is another program's encryption, which is not opened here.
const (
	Open         Lock = ""
	ByPassphrase Lock = "a passphrase"
	ByIdentity   Lock = "an age identity"
	Foreign      Lock = "another program's encryption"
)

// Key opens an encrypted .env: the path of a file that secret.ReadIdentities
// reads, or a passphrase. Its zero value opens nothing.
type Key struct {
	Identity   string
	Passphrase secret.String
}

// Given tells whether there is a key at all.
func (k Key) Given() bool { return k.kind() != Open }

// kind is what a key can open.
func (k Key) kind() Lock {
	switch {
	case k.Identity != "":
		return ByIdentity
	case !k.Passphrase.Empty():
		return ByPassphrase
	default:
		return Open
	}
}

// What can be wrong with a key, or with what it should open.
var (
	ErrPassphrase = errors.New("the passphrase does not open it")
	ErrIdentity   = errors.New("none of the identities opens it")
	ErrKeyFile    = secret.ErrKeyFile
	ErrWorkFactor = errors.New("it demands more work for its passphrase than any honest file does")
	ErrDamaged    = errors.New("what is encrypted is damaged")
)

// LockedError is a .env that another key is needed for than was given.
type LockedError struct{ Needs, Given Lock }

func (e *LockedError) Error() string {
	if e.Given == Open {
		return fmt.Sprintf("it is encrypted; %s opens it", e.Needs)
	}

	return fmt.Sprintf("it is encrypted; %s opens it, and %s was given", e.Needs, e.Given)
}

// Unwrap makes every locked file an encrypted one.
func (e *LockedError) Unwrap() error { return ErrEncrypted }

// mostWork is the largest scrypt work factor that is accepted, as the logarithm
// to the base of two: 1 GiB of memory and some seconds. age itself writes 18. A
// hostile file could otherwise hold a recovery up for days.
const mostWork = 20

// ReadWith reads a .env like Read, and opens an encrypted one with the key. What
// was encrypted is only ever held in memory.
func ReadWith(path string, k Key) (File, error) {
	f, data, err := load(path)
	if err != nil {
		return File{}, fmt.Errorf("read environment file %q: %w", path, plain(err))
	}
	if recognise(data) == ErrEncrypted { //nolint:errorlint // recognise gives it as it is
		if data, err = unlock(data, k); err != nil {
			return File{}, fmt.Errorf("open environment file %q: %w", path, err)
		}
		f.Locked = true
	}
	if err := f.parse(data); err != nil {
		return File{}, fmt.Errorf("read environment file %q: %w", path, err)
	}

	return f, nil
}

// unlock decrypts the content of a file. Errors of age are not passed on where
// they could quote it.
func unlock(data []byte, k Key) ([]byte, error) {
	sealed, err := binary(data)
	if err != nil {
		return nil, err
	}
	seen := &witness{}
	switch lock := lockOf(sealed, seen); {
	case lock != Foreign && !seen.looked:
		return nil, ErrDamaged
	case lock == Foreign || lock != k.kind():
		return nil, &LockedError{Needs: lock, Given: k.kind()}
	}
	keys, err := k.identities()
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), keys...)
	if err != nil {
		return nil, seen.explain(err, k)
	}
	content, err := io.ReadAll(io.LimitReader(r, largest+1))
	switch {
	case err != nil:
		return nil, ErrDamaged
	case len(content) > largest:
		return nil, ErrTooLarge
	default:
		return content, nil
	}
}

// binary takes the armour off.
func binary(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte(armor.Header)) {
		return data, nil
	}
	sealed, err := io.ReadAll(armor.NewReader(bytes.NewReader(data)))
	if err != nil {
		return nil, ErrDamaged
	}

	return sealed, nil
}

// lockOf tells what opens a file, by its header.
func lockOf(sealed []byte, seen *witness) Lock {
	if !bytes.HasPrefix(sealed, []byte("age-encryption.org/")) {
		return Foreign
	}
	_, _ = age.Decrypt(bytes.NewReader(sealed), seen) // it opens nothing, and tells what would
	if seen.scrypt {
		return ByPassphrase
	}

	return ByIdentity
}

// witness is an identity that looks at the recipients of a file and opens none.
type witness struct {
	looked, scrypt bool
	work           int // of a passphrase
}

// Unwrap notes what kind of recipients there are.
func (w *witness) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	w.looked = true
	for _, s := range stanzas {
		if s.Type != "scrypt" || len(s.Args) != 2 {
			continue
		}
		w.scrypt = true
		if n, err := strconv.Atoi(s.Args[1]); err == nil {
			w.work = n
		}
	}

	return nil, age.ErrIncorrectIdentity
}

// explain tells a wrong key from a damaged file.
func (w *witness) explain(err error, k Key) error {
	var none *age.NoIdentityMatchError
	switch {
	case w.scrypt && w.work > mostWork:
		return ErrWorkFactor
	case errors.As(err, &none) && k.kind() == ByPassphrase:
		return ErrPassphrase
	case errors.As(err, &none):
		return ErrIdentity
	default:
		return ErrDamaged
	}
}

// identities are what age opens a file with.
func (k Key) identities() ([]age.Identity, error) {
	if k.kind() == ByPassphrase {
		one, err := age.NewScryptIdentity(secret.Reveal(k.Passphrase))
		if err != nil {
			return nil, ErrPassphrase
		}
		one.SetMaxWorkFactor(mostWork)

		return []age.Identity{one}, nil
	}

	return secret.ReadIdentities(k.Identity)
}
