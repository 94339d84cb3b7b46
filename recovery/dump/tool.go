package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"firmflow-recovery/recovery/command"
)

// clientEnv makes psql and pg_restore speak the language we read, whatever the
// container is set to.
func clientEnv() []string {
	return []string{"LC_ALL=C", "LANGUAGE=C", "PGCLIENTENCODING=UTF8"}
}

// mostOutput is more than any answer we ask for.
const mostOutput = 64 << 20

// bounded keeps what a program writes, up to a limit.
type bounded struct {
	text  bytes.Buffer
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("the answer is longer than %d bytes", b.limit)
	}

	return b.text.Write(p)
}

// complaint is a text in a program's error stream and what it means. A group
// in the pattern is what the complaint is about.
type complaint struct {
	pattern *regexp.Regexp
	cause   error
}

// complaints are looked for in this order: a full disk or a lost server is
// what explains the errors that follow from it.
var complaints = []complaint{
	{says(`No space left on device`), ErrNoSpace},
	{says(`could not extend file`), ErrNoSpace},
	{says(`server closed the connection unexpectedly`), ErrServerGone},
	{says(`terminating connection due to`), ErrServerGone},
	{says(`the database system is (?:shutting down|starting up|in recovery mode|not yet accepting connections)`), ErrServerGone},
	{says(`connection to server was lost|no connection to the server|connection not open|SSL connection has been closed`), ErrServerGone},
	{says(`unsupported version \(([^)]*)\) in file header`), ErrUnsupported},
	{says(`unrecognized configuration parameter "([^"]*)"`), ErrVersion},
	{says(`server version mismatch`), ErrVersion},
	{says(`extension "([^"]*)" is not available`), ErrExtensionMissing},
	{says(`could not open extension control file ".*/([^/"]*)\.control"`), ErrExtensionMissing},
	{says(`database "[^"]*" is not currently accepting connections`), ErrClosed},
	{says(`database "[^"]*" does not exist`), ErrNoDatabase},
	{says(`role "([^"]*)" does not exist`), ErrRoleMissing},
	{says(`must be (?:a )?member of role "([^"]*)"`), ErrPermission},
	{says(`must be able to SET ROLE "([^"]*)"`), ErrPermission},
	{says(`query would be affected by row-level security policy for table "([^"]*)"`), ErrPermission},
	{says(`must be (?:superuser|owner of|able to)|permission denied`), ErrPermission},
	{says(`(?:password|[Pp]eer|Ident) authentication failed for user "([^"]*)"|no password supplied|no pg_hba\.conf entry`), ErrPermission},
	{says(`(?:relation|schema|type|function|role|database) "?([^"\n]*)"? already exists`), ErrNotEmpty},
	{says(`could not create unique index "([^"]*)"`), ErrDuplicate},
	{says(`duplicate key value violates unique constraint "([^"]*)"`), ErrDuplicate},
	{says(`has no equivalent in encoding "([^"]*)"`), ErrEncoding},
	{says(`invalid byte sequence for encoding "([^"]*)"`), ErrEncoding},
	{says(`invalid (?:LC_\w+ )?locale name: "([^"]*)"`), ErrLocale},
	{says(`encoding "[^"]*" does not match locale "([^"]*)"`), ErrLocale},
	{says(`out of shared memory`), ErrLocks},
	{says(`could not read from input file: end of file`), ErrTruncated},
	{says(`input file is too short`), ErrTruncated},
	{says(`unexpected end of file`), ErrTruncated},
	{says(`could not (?:uncompress|decompress) data`), ErrCorrupt},
	{says(`does not appear to be a valid archive`), ErrCorrupt},
	{says(`perhaps a corrupt TOC|corrupt|unrecognized data block type|found unexpected block ID|unexpected data offset flag`), ErrCorrupt},
	{says(`pg_restore: error: (?:out of memory|could not find block ID)`), ErrCorrupt},
	{says(`(?:Connection refused|could not connect to server|connection to server .* failed)`), ErrNoAnswer},
}

func says(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?m)^.*` + pattern + `.*$`) }

// explain gives a failed program's complaint its meaning. An error that is not
// a program's is returned as it is, under what was being done.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var failed *command.Error
	if !errors.As(err, &failed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	told := &ToolError{Doing: doing, Text: saidOf(failed), Err: err}
	if state := sqlState(failed.Stderr); state.text != "" {
		told.Cause, told.Text = state.cause, state.text
	}
	if told.Cause != nil {
		return told
	}
	for _, c := range complaints {
		m := c.pattern.FindStringSubmatch(failed.Stderr)
		if m == nil {
			continue
		}
		told.Cause = c.cause
		if !strings.Contains(m[0], told.Text) {
			told.Text = strings.TrimSpace(m[0])
		}
		if len(m) > 1 {
			told.Subject = m[1]
		}

		return told
	}
	if m := firstError.FindStringSubmatch(failed.Stderr); m != nil {
		told.Text = strings.TrimSpace(m[1]) // behind it stands the whole statement, and what follows from it
	} else if failed.ExitCode == killed {
		told.Cause = ErrServerGone
	}

	return told
}

// killed is the exit code of a program that was killed, which happens to one in a
// container when that is: it has no last words.
const killed = 137

// firstError is what pg_restore and psql say of a statement that the server
// refused.
var firstError = regexp.MustCompile(`(?m)^(?:pg_restore: error: |psql:).*?((?:ERROR|FATAL): .*)$`)

// saidOf gives the line that says what went wrong: the last one, but where a
// job failed the first, since the last only says that one did.
func saidOf(failed *command.Error) string {
	last := failed.LastLine()
	if !strings.HasSuffix(last, "a worker process died unexpectedly") {
		return last
	}
	for line := range strings.Lines(failed.Stderr) {
		if strings.HasPrefix(line, "pg_restore: error: ") {
			return strings.TrimSpace(line)
		}
	}

	return last
}

// lastWords gives the last line a failed program wrote; nothing for any other
// error.
func lastWords(err error) string {
	var failed *command.Error
	if !errors.As(err, &failed) {
		return ""
	}

	return failed.LastLine()
}

// states are the codes psql shows, in any language.
var states = map[string]error{
	"53100": ErrNoSpace,
	"57P01": ErrServerGone, "57P02": ErrServerGone, "57P03": ErrServerGone,
	"08000": ErrServerGone, "08003": ErrServerGone, "08006": ErrServerGone,
	"42501": ErrPermission,
	"42P04": ErrExists,
	"3D000": ErrNoDatabase,
	"55006": ErrInUse,
	"23505": ErrDuplicate,
	"22021": ErrEncoding, "22P05": ErrEncoding,
	"53200": ErrLocks,
}

type stated struct {
	cause error
	text  string
}

var stateLine = regexp.MustCompile(`(?m)^(?:psql:[^ ]* )?[^ :]+:\s+([0-9A-Z]{5}): (.*)$`)

// sqlState finds the first error with a code: the ones behind it follow from it.
func sqlState(text string) stated {
	m := stateLine.FindStringSubmatch(text)
	if m == nil {
		return stated{}
	}

	return stated{cause: states[m[1]], text: m[2]}
}
