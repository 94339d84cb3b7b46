package dump

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"firmflow-recovery/recovery/command"
)

// LoadOptions are how a dump is loaded. The zero value restores everything the
// dump holds.
type LoadOptions struct {
	NoOwner      bool     // everything belongs to the loading user
	NoPrivileges bool     // no GRANT is restored
	NoTablespace bool     // everything goes to the default tablespace
	Settings     []string // of the session, beside ours: "maintenance_work_mem=256MB"
}

// LoadProgress is told how a load goes on. Any of its functions may be nil.
type LoadProgress struct {
	Moved func(bytes int64)                  // bytes of the file taken since the last call
	Item  func(done, total int, what string) // entries of the table of contents, as each begins
	Line  func(line string)                  // everything pg_restore says, scrubbed

	// Of a load by several jobs:
	Rows       func(loaded int64) // rows in the tables by now
	DataLoaded func()             // all rows are: indexes and constraints remain
}

// ours are the session's settings: an index is built faster with more memory,
// and a commit need not wait for the disk in a database that is not live. The
// swap waits for it, and with it for everything before.
var ours = []string{"maintenance_work_mem=256MB", "synchronous_commit=off"}

// Load loads a dump into an empty database, and stops at the first error. What
// it leaves behind then, or when ctx ends, is in that database alone. It does
// not prove that everything arrived: Compare does.
func (s Server) Load(ctx context.Context, path, into string, expect Contents, o LoadOptions, p LoadProgress) error {
	if err := checkName(into); err != nil {
		return err
	}
	doing := "load the dump into " + into
	if err := s.empty(ctx, into); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	options, err := s.options(ctx, o)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	from, err := opened(path)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	in, err := from.stream(ctx, expect, p.Moved)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { _ = in.close() }()
	if from.shape == Plain {
		err = s.loadScript(ctx, in, into, options, p)
	} else {
		err = s.restored(ctx, in, into, options, expect, o, p)
	}

	return loadFailed(ctx, doing, in, err)
}

func (s Server) restored(ctx context.Context, in *stream, into, options string, expect Contents, o LoadOptions, p LoadProgress) error {
	follow := &follower{progress: p, total: len(expect.Entries)}

	return s.Run.Run(ctx, command.Cmd{
		Args:  s.restore(into, o),
		Env:   append(clientEnv(), "PGAPPNAME="+session(loads, s.Live), "PGOPTIONS="+options),
		Stdin: in,
		Line:  follow.line,
	})
}

// loadFailed tells why a load failed. What is wrong with the dump itself comes
// first: a program that is handed half of one only says that it ended.
func loadFailed(ctx context.Context, doing string, in *stream, err error) error {
	if ctx.Err() != nil {
		return explain(doing, err)
	}
	var member *MemberError
	var damage *DamageError
	if errors.As(in.err, &member) || errors.As(in.err, &damage) {
		return fmt.Errorf("%s: %w", doing, in.err)
	}
	if err != nil {
		return explain(doing, err)
	}
	if rest, err := in.left(ctx); rest > 0 || err != nil {
		return fmt.Errorf("%s: %w", doing, errors.Join(err, &DamageError{Offset: in.total - rest, What: "it was read no further", Cause: ErrCorrupt}))
	}

	return nil
}

func (s Server) restore(into string, o LoadOptions) []string {
	args := []string{
		"pg_restore", "--exit-on-error", "--no-password", "--verbose",
		"--username=" + s.User, "--dbname=" + connection(into),
	}
	if o.NoOwner {
		args = append(args, "--no-owner")
	}
	if o.NoPrivileges {
		args = append(args, "--no-privileges")
	}
	if o.NoTablespace {
		args = append(args, "--no-tablespaces")
	}

	return args
}

// empty refuses a database with tables in it: loading on top doubles rows where
// no key forbids it.
func (s Server) empty(ctx context.Context, db string) error {
	row, err := s.row(ctx, "look into "+db, db, `
select count(*), min(n.nspname || '.' || c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and `+ofOperators)
	if err != nil {
		return err
	}
	if row[0] != "0" {
		return fmt.Errorf("%w: it holds %s relations, %s for one", ErrNotEmpty, row[0], row[1])
	}

	return nil
}

// options gives the session's settings as the server takes them from its
// client. Its language may be set by a superuser only, and for anybody else
// asking for it would end the connection.
func (s Server) options(ctx context.Context, o LoadOptions) (string, error) {
	row, err := s.row(ctx, "ask who is connected", maintenance, `select current_setting('is_superuser'), 1`)
	if err != nil {
		return "", err
	}
	settings := append(append([]string{}, ours...), o.Settings...)
	if row[0] == "on" {
		settings = append(settings, "lc_messages=C")
	}
	escape := strings.NewReplacer(`\`, `\\`, ` `, `\ `)
	var text strings.Builder
	for _, setting := range settings {
		text.WriteString(" -c " + escape.Replace(setting))
	}

	return strings.TrimSpace(text.String()), nil
}

// follower counts the entries pg_restore goes through by what it says.
type follower struct {
	progress LoadProgress
	done     int
	total    int
}

func (f *follower) line(text string) {
	if f.progress.Line != nil {
		f.progress.Line(text)
	}
	said, ok := strings.CutPrefix(text, "pg_restore: ")
	if !ok || f.progress.Item == nil {
		return
	}
	for _, begins := range []string{"creating ", "processing ", "executing "} {
		if what, ok := strings.CutPrefix(said, begins); ok {
			f.done = min(f.done+1, f.total)
			f.progress.Item(f.done, f.total, what)
			return
		}
	}
}
