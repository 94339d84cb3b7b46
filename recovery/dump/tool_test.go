package dump

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
)

// complained is a program that failed with a text.
func complained(stderr string) error {
	return &command.Error{Args: []string{"pg_restore"}, ExitCode: 1, Stderr: stderr, Err: errors.New("exit status 1")}
}

func TestComplaintsAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		id, stderr string
		cause      error
		subject    string
	}{
		{"A1", "pg_restore: error: could not read from input file: end of file", ErrTruncated, ""},
		{"A5", "pg_restore: error: could not uncompress data: (null)", ErrCorrupt, ""},
		{"A5", "pg_restore: error: out of memory", ErrCorrupt, ""},
		{"A8", "pg_restore: error: input file is too short (read 0, expected 5)", ErrTruncated, ""},
		{"B5", "pg_restore: error: input file does not appear to be a valid archive", ErrCorrupt, ""},
		{"B8", "pg_restore: error: unsupported version (1.16) in file header", ErrUnsupported, "1.16"},
		{"B9", "pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter \"transaction_timeout\"\nCommand was: SET transaction_timeout = 0;", ErrVersion, "transaction_timeout"},
		{"B12", "pg_restore: error: could not execute query: ERROR:  role \"app_owner\" does not exist\nCommand was: ALTER TABLE x OWNER TO app_owner;", ErrRoleMissing, "app_owner"},
		{"B13", "pg_restore: error: could not execute query: ERROR:  extension \"vector\" is not available\nDETAIL:  Could not open extension control file \"/usr/share/vector.control\"", ErrExtensionMissing, "vector"},
		{"B13", "ERROR:  could not open extension control file \"/usr/share/postgresql/15/extension/vector.control\": No such file", ErrExtensionMissing, "vector"},
		{"B14", "pg_restore: error: could not execute query: ERROR:  must be member of role \"firmflow\"", ErrPermission, "firmflow"},
		{"B14", "pg_restore: error: could not execute query: ERROR:  must be able to SET ROLE \"firmflow\"", ErrPermission, "firmflow"},
		{"B15", "pg_restore: error: could not execute query: ERROR:  relation \"User\" already exists", ErrNotEmpty, "User"},
		{"B22", "pg_restore: error: COPY failed for table \"x\": ERROR:  character with byte sequence 0xe2 0x80 0x93 in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"", ErrEncoding, "LATIN1"},
		{"B29", "pg_restore: error: COPY failed for table \"x\": ERROR:  could not extend file \"base/1/2\": No space left on device\nHINT:  Check free disk space.", ErrNoSpace, ""},
		{"B29", "PANIC:  could not write to file \"pg_wal/xlogtemp.7\": No space left on device\nserver closed the connection unexpectedly", ErrNoSpace, ""},
		{"B31", "ERROR:  out of shared memory\nHINT:  You might need to increase max_locks_per_transaction.", ErrLocks, ""},
		{"B32", "pg_restore: error: error returned by PQputCopyData: server closed the connection unexpectedly\n\tThis probably means", ErrServerGone, ""},
		{"B32", "psql: error: connection failed: FATAL:  the database system is in recovery mode", ErrServerGone, ""},
		{"B33", "pg_restore: error: could not execute query: FATAL:  terminating connection due to administrator command", ErrServerGone, ""},
		{"B35", "pg_dump: error: Dumping the contents of table \"User\" failed: PQgetResult() failed.\npg_dump: detail: Error message from server: ERROR:  query would be affected by row-level security policy for table \"User\"\npg_dump: detail: Query was: COPY public.\"User\" TO stdout;", ErrPermission, "User"},
		{"B39", "pg_restore: error: could not execute query: ERROR:  could not create unique index \"User_email_key\"\nDETAIL: Key is duplicated.", ErrDuplicate, "User_email_key"},
		{"B42", "psql: error: connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication failed for user \"firmflow\"", ErrPermission, "firmflow"},
		{"E15", "Error response from daemon: container is restarting", nil, ""},
		{"F12", "psql:<stdin>:1: FEHLER:  53100: kann Datei nicht erweitern\nORT:  x", ErrNoSpace, ""},
		{"B18", "ERROR:  55006: database \"firmflow\" is being accessed by other users\nDETAIL:  There is 1 other session", ErrInUse, ""},
	} {
		t.Run(c.id, func(t *testing.T) {
			err := explain("load the dump", complained(c.stderr))
			var tool *ToolError
			if !errors.As(err, &tool) {
				t.Fatalf("error is %T", err)
			}
			if tool.Cause != c.cause || tool.Subject != c.subject { //nolint:errorlint // the field itself
				t.Errorf("%q is understood as %v about %q; want %v about %q", c.stderr, tool.Cause, tool.Subject, c.cause, c.subject)
			}
			var failed *command.Error
			if c.cause != nil && !errors.Is(err, c.cause) || !errors.As(err, &failed) || !strings.HasPrefix(err.Error(), "load the dump: ") {
				t.Errorf("error %q does not carry its cause and its program", err)
			}
		})
	}
}

// A program in a container that is killed has no last words.
func TestB33AProgramKilledWithItsContainerLostItsServer(t *testing.T) {
	if err := explain("load the dump", &command.Error{ExitCode: 137, Stderr: "pg_restore: processing data for table \"public.User\""}); !errors.Is(err, ErrServerGone) {
		t.Errorf("error = %v", err)
	}
}

// An operator who stops, or a deadline, is no fault of the dump or the server.
func TestAStoppedProgramIsNotExplained(t *testing.T) {
	err := explain("load the dump", &command.Error{Stderr: "FATAL:  terminating connection due to administrator command", Err: context.Canceled})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrServerGone) {
		t.Errorf("error = %v", err)
	}
	if explain("x", nil) != nil {
		t.Error("success is explained")
	}
	if err := explain("load", fmt.Errorf("other: %w", errors.ErrUnsupported)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error = %v", err)
	}
}

func TestF12ProgramsAreAskedToSpeakEnglish(t *testing.T) {
	cmd := Server{User: "firmflow"}.psql("x", "select 1")
	if !strings.Contains(strings.Join(cmd.Env, " "), "LC_ALL=C LANGUAGE=C") {
		t.Errorf("environment %q", cmd.Env)
	}
	if strings.Contains(strings.Join(cmd.Args, " "), "select") {
		t.Errorf("SQL is in the arguments: %q", cmd.Args)
	}
}

// The last line is the end of a statement, which may be long: what is wrong with
// it stands before.
func TestAnUnknownComplaintIsTheServersOwn(t *testing.T) {
	for text, want := range map[string]string{
		"pg_restore: while PROCESSING TOC:\npg_restore: error: could not execute query: ERROR:  type \"x\" does not exist\nLINE 2: n x\nCommand was: CREATE TABLE t (\nn x\n);\n": `ERROR:  type "x" does not exist`,
		"psql:<stdin>:31: ERROR:  syntax error at or near \"x\"\nLINE 1: x;\n":                                                                                                    `ERROR:  syntax error at or near "x"`,
		"pg_restore: error: COPY failed for table \"t\": ERROR:  relation \"rates\" does not exist\nLINE 1: x\nCONTEXT:  SQL function \"known\"\nCOPY t, line 1: \"1\"\n":         `ERROR:  relation "rates" does not exist`,
		"something else\n": "something else",
	} {
		var tool *ToolError
		if err := explain("load", complained(text)); !errors.As(err, &tool) || tool.Cause != nil || tool.Text != want {
			t.Errorf("%q is told as %+v, want %q", text, tool, want)
		}
	}
}
