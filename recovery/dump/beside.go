package dump

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"firmflow-recovery/recovery/command"
)

// Several jobs of pg_restore need a file they can seek in, where they run. The
// copy lies in a directory that no one else may read, under a name that tells
// whose it is: a dump holds everything the database does.
const (
	copiesIn   = "/tmp"
	copyPrefix = copiesIn + "/firmflow-recovery-"
)

// ErrCopyDiffers says that a copy beside the server is not what was sent there.
var ErrCopyDiffers = errors.New("the copy beside the server differs from the dump")

// Copy is a run's copy of a dump, in a file beside the server.
type Copy struct {
	server Server
	dir    string
}

// CopyOf gives the place of a run's copy. It need not be there.
func (s Server) CopyOf(run string) Copy { return Copy{server: s, dir: copyPrefix + run} }

func (c Copy) file() string { return c.dir + "/dump" }

// Room tells how many bytes are free where the copy would lie.
func (c Copy) Room(ctx context.Context) (int64, error) {
	const doing = "see how much room there is for a copy of the dump"
	text, err := c.server.output(ctx, doing, "df", "-P", "-k", copiesIn)
	if err != nil {
		return 0, err
	}
	// POSIX fixes the columns: ... available, capacity, mounted on. The first
	// one may hold blanks.
	lines := strings.Split(strings.TrimSpace(text), "\n")
	columns := strings.Fields(lines[len(lines)-1])
	if len(columns) < 6 {
		return 0, fmt.Errorf("%s: %q is no answer of df", doing, lines[len(lines)-1])
	}
	free, err := strconv.ParseInt(columns[len(columns)-3], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}

	return free << 10, nil
}

// Put sends a dump there and reads it back: it must have the given SHA-256, in
// hex, or the error is ErrCopyDiffers. moved is called with the bytes sent since
// the last call; it may be nil.
func (c Copy) Put(ctx context.Context, path, digest string, moved func(int64)) error {
	const doing = "copy the dump beside the server"
	if err := c.server.ran(ctx, doing, "mkdir", "-m", "700", c.dir); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { _ = file.Close() }()
	err = c.server.Run.Run(ctx, command.Cmd{
		Args: []string{"dd", "of=" + c.file(), "bs=1048576"}, Env: clientEnv(), Stdin: &meter{from: file, moved: moved},
	})
	if err != nil {
		return explain(doing, err)
	}
	text, err := c.server.output(ctx, doing, "sha256sum", c.file())
	if err != nil {
		return err
	}
	if got, _, _ := strings.Cut(text, " "); got != digest {
		return fmt.Errorf("%s: %w: SHA-256 %.64s, want %s", doing, ErrCopyDiffers, got, digest)
	}

	return nil
}

// Remove deletes the copy, whole or begun. One that is not there is nothing to
// do. A job that starts after it finds no file, and loads nothing.
func (c Copy) Remove(ctx context.Context) error {
	return c.server.ran(ctx, "delete the copy beside the server", "rm", "-rf", c.dir)
}

// Load loads the copy into an empty database, with several jobs, under the
// terms of Server.Load. Killing the program that runs them does not reach jobs
// in a container, so where ctx ends first, their sessions are ended by name.
func (c Copy) Load(ctx context.Context, into string, expect Contents, rows map[Table]int64, jobs int, o LoadOptions, p LoadProgress) error {
	s := c.server
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
	follow := newJobs(expect, rows, p)
	stop := follow.watch(ctx, s, into)
	err = s.Run.Run(ctx, command.Cmd{
		Args: append(s.restore(into, o), "--jobs="+strconv.Itoa(jobs), c.file()),
		Env:  append(clientEnv(), "PGAPPNAME="+session(loads, s.Live), "PGOPTIONS="+options),
		Line: follow.line,
	})
	stop()
	if err != nil {
		return errors.Join(explain(doing, err), s.endJobs(ctx, into))
	}

	return nil
}

// endWithin is how long a session has to end after it was told to.
const endWithin = 10 * time.Second

// endJobs ends whoever still loads into a database. It is called when ctx may
// have ended.
func (s Server) endJobs(ctx context.Context, db string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*endWithin)
	defer cancel()
	err := s.exec(ctx, "end the sessions of "+db, maintenance,
		"select pg_terminate_backend(pid, "+strconv.FormatInt(endWithin.Milliseconds(), 10)+") from pg_stat_activity where datname = "+literal(db))
	if errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrServerGone) {
		return nil // sessions end with their server
	}

	return err
}

// ran runs a program beside the server for its effect.
func (s Server) ran(ctx context.Context, doing string, args ...string) error {
	return explain(doing, s.Run.Run(ctx, command.Cmd{Args: args, Env: clientEnv()}))
}

// output runs a program beside the server and gives what it writes.
func (s Server) output(ctx context.Context, doing string, args ...string) (string, error) {
	out := &bounded{limit: mostOutput}
	if err := s.Run.Run(ctx, command.Cmd{Args: args, Env: clientEnv(), Stdout: out}); err != nil {
		return "", explain(doing, err)
	}

	return out.text.String(), nil
}
