package steps

import (
	"errors"
	"os"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
)

// openedFile is the original .env as it was last read. Opening an encrypted one
// takes a second, and four steps ask for it; it is kept as long as the file is
// the same.
type openedFile struct {
	file  envfile.File
	state os.FileInfo
}

// original gives the original .env, opened with its key. Its secrets are known
// to the scrubber before anybody has them.
func (s *Stack) original() (envfile.File, error) {
	if s.typed() {
		return s.fromTyped()
	}
	now, err := os.Stat(s.OriginalEnv)
	if before := s.opened; err == nil && before != nil && os.SameFile(before.state, now) && before.state.Size() == now.Size() && before.state.ModTime().Equal(now.ModTime()) {
		return before.file, nil
	}
	s.Scrub.Learn(s.OriginalKey.Passphrase)
	file, err := envfile.ReadWith(s.OriginalEnv, s.OriginalKey)
	if err != nil {
		return envfile.File{}, recovery.Fail(originalUnreadable(s.OriginalEnv, err), &originalError{s.OriginalEnv, err})
	}
	for _, key := range envfile.Keys() {
		s.Scrub.Learn(file.Value(key))
	}
	s.opened = &openedFile{file: file, state: now}

	return file, nil
}

// originalError is an original .env that could not be read, and which one.
type originalError struct {
	path string
	err  error
}

func (e *originalError) Error() string { return e.err.Error() }
func (e *originalError) Unwrap() error { return e.err }

// Unlock opens an encrypted original .env before a run is begun over it, so that
// what opens it can be asked for. Step 1 says so, too, and whatever else may be
// wrong with the file.
func (s *Stack) Unlock() error {
	if s.OriginalEnv == "" {
		return nil
	}
	_, err := s.original()
	if LockedOut(err) {
		return err
	}

	return nil
}

// LockedOut tells whether an encrypted original could not be opened.
func LockedOut(err error) bool {
	for _, cause := range []error{envfile.ErrEncrypted, envfile.ErrPassphrase, envfile.ErrIdentity, envfile.ErrKeyFile, envfile.ErrWorkFactor, envfile.ErrDamaged} {
		if errors.Is(err, cause) {
			return true
		}
	}

	return false
}

// WantsPassphrase tells whether an original .env waits for a passphrase that
// nobody has given so far.
func WantsPassphrase(err error) bool {
	needs, given := wanted(err)

	return needs == envfile.ByPassphrase && given == envfile.Open
}

// wanted tells what would open an original, and what was tried. It needs nothing
// where the trouble is another.
func wanted(err error) (needs, given envfile.Lock) {
	if lock, is := errors.AsType[*envfile.LockedError](err); is {
		return lock.Needs, lock.Given
	}
	switch {
	case errors.Is(err, envfile.ErrPassphrase):
		return envfile.ByPassphrase, envfile.ByPassphrase
	case errors.Is(err, envfile.ErrIdentity), errors.Is(err, envfile.ErrKeyFile):
		return envfile.ByIdentity, envfile.ByIdentity
	default:
		return envfile.Open, envfile.Open
	}
}

// originalLocked says why an encrypted original does not open.
func originalLocked(path string, err error) recovery.Diagnosis {
	const withIdentity, withPassphrase = "firmflow-recovery preflight --identity FILE", "firmflow-recovery preflight --passphrase"
	d := recovery.Diagnosis{Code: CodeOriginalLocked, Summary: "The original .env is encrypted", Seen: path + ": " + reason(err), Intact: nothingTouched}
	needs, _ := wanted(err)
	switch {
	case errors.Is(err, envfile.ErrPassphrase):
		d.Code, d.Summary = CodeOriginalPassphrase, "This passphrase does not open the original .env"
		d.Remedies = do("Type it again; a passphrase that came from a file must stand there alone, in one line", withPassphrase,
			"If it was changed since, the file may have the older one", "")
	case errors.Is(err, envfile.ErrIdentity):
		d.Code, d.Summary = CodeOriginalIdentity, "This key does not open the original .env"
		d.Remedies = do("Name the file of the key that it was encrypted to", withIdentity)
	case errors.Is(err, envfile.ErrKeyFile):
		d.Code, d.Summary = CodeOriginalIdentity, "The key for the original .env cannot be read"
		d.Remedies = do("Name the file that age-keygen wrote, or a private key of SSH; one that is itself encrypted must be opened first", withIdentity)
	case errors.Is(err, envfile.ErrWorkFactor), errors.Is(err, envfile.ErrDamaged):
		d.Code, d.Summary = CodeOriginalUnreadable, "The encrypted original .env is damaged"
		d.Remedies = do("Copy it again from where it is kept, in binary, or name another copy", "firmflow-recovery preflight --original-env PATH")
	case needs == envfile.ByPassphrase:
		d.Remedies = do("Give its passphrase: it is asked for and not shown", withPassphrase, "Without a terminal, from a file or a descriptor", "firmflow-recovery preflight --phrase-file FILE")
	case needs == envfile.ByIdentity:
		d.Remedies = do("Name the file of the key that it was encrypted to", withIdentity)
	default:
		d.Remedies = do("It is not age's encryption. Open it with the program that made it, into memory, and name that", "firmflow-recovery preflight --original-env /dev/shm/original.env")
	}

	return d
}
