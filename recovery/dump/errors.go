package dump

import (
	"errors"
	"fmt"
)

// What a file is instead of a dump that can be loaded.
var (
	ErrEmpty       = errors.New("the file is empty")
	ErrPlain       = errors.New("the file is a plain SQL script, not an archive")
	ErrScript      = errors.New("the script would do more than fill its database")
	ErrTerminal    = errors.New("a terminal changed the line ends inside the dump")
	ErrPrefix      = errors.New("text stands before the dump")
	ErrUTF16       = errors.New("the file was rewritten as UTF-16 text")
	ErrWrapped     = errors.New("the file is a wrapper of another kind")
	ErrDirectory   = errors.New("the directory has no toc.dat: it is no dump, or one that was not finished")
	ErrTar         = errors.New("the dump is in tar format")
	ErrUnsupported = errors.New("the dump's format is newer than can be read here")
	ErrImplausible = errors.New("the dump's header cannot be true")
	ErrNotDump     = errors.New("the file is not a PostgreSQL dump")
)

// What can be wrong with a dump.
var (
	ErrNothing    = errors.New("the dump holds no table")
	ErrSchemaOnly = errors.New("the dump holds tables but not their rows")
	ErrTruncated  = errors.New("the dump ends early")
	ErrCorrupt    = errors.New("the dump is damaged")
	ErrMismatch   = errors.New("pg_restore reads another table of contents than we do")
)

// What can go wrong in the database.
var (
	ErrNoAnswer         = errors.New("the database does not answer")
	ErrServerGone       = errors.New("the database went away")
	ErrNoSpace          = errors.New("the database's disk is full")
	ErrVersion          = errors.New("the versions of pg_restore and of the database do not fit")
	ErrRoleMissing      = errors.New("a role of the dump does not exist")
	ErrExtensionMissing = errors.New("an extension of the dump is not available")
	ErrPermission       = errors.New("the database user may not do this")
	ErrNotEmpty         = errors.New("the database is not empty")
	ErrDuplicate        = errors.New("rows that must be unique are not")
	ErrEncoding         = errors.New("the database's encoding cannot hold the text")
	ErrLocale           = errors.New("the locale is not available")
	ErrLocks            = errors.New("the database has too few lock slots")
	ErrInUse            = errors.New("the database is in use")
	ErrClosed           = errors.New("nobody may connect to the database")
	ErrNoDatabase       = errors.New("there is no such database")
	ErrExists           = errors.New("a database of this name exists")
	ErrName             = errors.New("the name cannot be used for a database")
	ErrUnchanged        = errors.New("the databases have the names they had")
	ErrNotOurs          = errors.New("the database is not the one this run made")
)

// TerminalError carries what was counted of a terminal's line ends.
type TerminalError struct{ Damage Damage }

func (e *TerminalError) Error() string {
	return fmt.Sprintf("%v: every one of %d line feeds follows a carriage return", ErrTerminal, e.Damage.LineFeeds)
}
func (e *TerminalError) Unwrap() error { return ErrTerminal }

// PrefixError is text before the dump: a warning, most often.
type PrefixError struct {
	Offset int64  // where the dump begins
	Text   string // the first line of the text
}

func (e *PrefixError) Error() string {
	return fmt.Sprintf("%v: %d bytes, beginning %q", ErrPrefix, e.Offset, e.Text)
}
func (e *PrefixError) Unwrap() error { return ErrPrefix }

// PlainError is a plain SQL script.
type PlainError struct {
	Restricted bool // it begins with \restrict, which only a recent psql knows
}

func (e *PlainError) Error() string { return ErrPlain.Error() }
func (e *PlainError) Unwrap() error { return ErrPlain }

// ScriptError is a script that would do more than fill its own database.
type ScriptError struct {
	Line int64  // from 1
	What string // the first words of it
}

func (e *ScriptError) Error() string {
	return fmt.Sprintf("%v: line %d, %s", ErrScript, e.Line, e.What)
}
func (e *ScriptError) Unwrap() error { return ErrScript }

// WrappedError is a file around the dump, or in its place.
type WrappedError struct{ Kind string } // gzip, zstd, xz, bzip2, zip, age, openssl, gpg, xml, html, tar

func (e *WrappedError) Error() string { return fmt.Sprintf("%v: %s", ErrWrapped, e.Kind) }
func (e *WrappedError) Unwrap() error { return ErrWrapped }

// UnsupportedError is an archive format newer than we know, or than pg_restore
// knows.
type UnsupportedError struct{ Version string }

func (e *UnsupportedError) Error() string { return fmt.Sprintf("%v: %s", ErrUnsupported, e.Version) }
func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// ImplausibleError is a header that was read, and cannot be true.
type ImplausibleError struct{ Field, Value string }

func (e *ImplausibleError) Error() string {
	return fmt.Sprintf("%v: %s is %s", ErrImplausible, e.Field, e.Value)
}
func (e *ImplausibleError) Unwrap() error { return ErrImplausible }

// DamageError is a place in the file where it cannot be read on. Cause is
// ErrTruncated or ErrCorrupt.
type DamageError struct {
	Offset int64 // zero where What names the place
	What   string
	Cause  error
	Told   string // what pg_restore said last, scrubbed; may be empty
}

func (e *DamageError) Error() string {
	text := fmt.Sprintf("%v: at byte %d, %s", e.Cause, e.Offset, e.What)
	if e.Offset == 0 {
		text = fmt.Sprintf("%v: %s", e.Cause, e.What) // it is about a file of many
	}
	if e.Told != "" {
		text += " (" + e.Told + ")"
	}

	return text
}
func (e *DamageError) Unwrap() error { return e.Cause }

// ToolError is what psql or pg_restore complained of. Cause is one of the
// errors above, or nil where the complaint is not known.
type ToolError struct {
	Doing   string // "load the dump"
	Cause   error
	Subject string // the role, extension, parameter or version it is about; may be empty
	Text    string // the complaint as the program wrote it, scrubbed
	Err     error  // the *command.Error
}

func (e *ToolError) Error() string {
	switch {
	case e.Cause == nil && e.Text == "":
		return fmt.Sprintf("%s: %v", e.Doing, e.Err)
	case e.Cause == nil:
		return fmt.Sprintf("%s: %s", e.Doing, e.Text)
	case e.Text == "":
		return fmt.Sprintf("%s: %v", e.Doing, e.Cause)
	default:
		return fmt.Sprintf("%s: %v: %s", e.Doing, e.Cause, e.Text)
	}
}

func (e *ToolError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}

	return []error{e.Cause, e.Err}
}
