package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// What can be wrong with a backup directory. A missing one is os.ErrNotExist,
// one that may not be read os.ErrPermission, as the system says it.
var (
	ErrNotDirectory = errors.New("it is not a directory")
	ErrStalled      = errors.New("it did not answer in time; the disk or share it is on may hang")
	ErrNone         = errors.New("no backup is in the directory")
)

// Why a name of the guide's script is passed over.
var (
	ErrPartial    = errors.New("it was not finished")
	ErrNotRegular = errors.New("it is not a file")
	ErrNoContents = errors.New("it is a directory without toc.dat: no dump, or one that was not finished")
	ErrNowhere    = errors.New("it is a link that leads nowhere")
	ErrRepeated   = errors.New("another file has the same date and time")
)

// NotFoundError is a backup that was asked for and is not there.
type NotFoundError struct {
	Name string
	Have []string // the dates that are there, newest first
}

func (e *NotFoundError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("find backup %q: none is there", e.Name)
	}

	return fmt.Sprintf("find backup %q: it is not among the %d that are there, the newest of %s", e.Name, len(e.Have), e.Have[0])
}

// IncompleteError is a backup set that cannot be recovered from.
type IncompleteError struct {
	Set     Set
	Missing []Part
}

func (e *IncompleteError) Error() string {
	missing := make([]string, len(e.Missing))
	for i, part := range e.Missing {
		missing[i] = string(part)
	}

	return fmt.Sprintf("use backup %q: it has no %s", e.Set.Name(), strings.Join(missing, " and no "))
}

// plain takes the path out of an error of package os: our own text has it
// already, quoted, so that a name cannot write to the operator's terminal.
func plain(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}

	return err
}
