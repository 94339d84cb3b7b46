package envfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// What can be wrong with a .env as a file. A missing one is os.ErrNotExist, one
// that may not be read os.ErrPermission, as the system says it.
var (
	ErrDirectory  = errors.New("it is a directory")
	ErrNotRegular = errors.New("it is not a regular file")
	ErrTooLarge   = errors.New("it is larger than 1 MiB")
	ErrUTF16      = errors.New("it is written in UTF-16, which Compose cannot read")
	ErrEncrypted  = errors.New("it is encrypted")
	ErrChanged    = errors.New("it changed since it was read")
	ErrKept       = errors.New("a file with other content is in the way")
	ErrOwner      = errors.New("its owner cannot be kept")
	ErrVerify     = errors.New("it would not be read as intended")
)

// SyntaxError is a .env that Compose refuses as a whole: one such line and no
// Compose command works any more.
type SyntaxError struct {
	Line int    // where the refused statement begins
	Key  string // its name, where that is a name beyond doubt; may be empty
	Text string // what is wrong, never with anything from the file
}

func (e *SyntaxError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Text)
	}

	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Key, e.Text)
}

// ValueError is a value, or a name, that no line of a .env can express.
type ValueError struct {
	Key    string
	Reason string // never with anything from the value
}

func (e *ValueError) Error() string { return fmt.Sprintf("write a line for %q: %s", e.Key, e.Reason) }

// plain takes the path out of an error of package os: our own text has it
// already, quoted, so that a name cannot write to the operator's terminal.
func plain(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}

	return err
}
