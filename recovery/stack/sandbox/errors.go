package sandbox

import (
	"errors"
	"fmt"

	"firmflow-recovery/recovery/command"
)

// InstallCommand is what to type where PostgreSQL's programs are missing.
const InstallCommand = "apt-get install -y postgresql"

// ErrNoPostgres says that PostgreSQL's programs are not on this host.
var ErrNoPostgres = errors.New("PostgreSQL's programs are not on this host; install them: " + InstallCommand)

// ErrSecret is a secret meant for a program in a service. Under Docker it would
// have to pass through an argument vector, so the real stack refuses it; what
// cannot be done there must not succeed in a drill.
var ErrSecret = errors.New("a secret cannot be handed to a program in a service")

// ProgramError is an app whose program is not there, or cannot be run.
type ProgramError struct{ Service, Program string }

func (e *ProgramError) Error() string {
	return fmt.Sprintf("create %s: there is no program %s", e.Service, e.Program)
}

// TraverseError is a directory that PostgreSQL's account cannot pass through.
type TraverseError struct{ Dir, User string }

func (e *TraverseError) Error() string {
	return fmt.Sprintf("reach the database's files: the account %s, as which PostgreSQL runs, cannot pass through %s; "+
		"let it (%s), or put the sandbox elsewhere", e.User, e.Dir, command.Quote("chmod", "o+x", e.Dir))
}
