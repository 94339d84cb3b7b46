package dump

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"firmflow-recovery/recovery/command"
)

// Engine is a program that changes databases of a server. There is one for each
// live database, wherever it runs: it holds an advisory lock for as long as it
// works. The server frees the lock when the engine's session ends, however it
// ends.
type Engine struct {
	Run  string
	PID  int
	Host string
}

// The names under which sessions of this program are seen in the server's list.
// What only looks is told from what changes something: that must not go on when
// its engine is gone.
const (
	looks   = "firmflow-recovery"
	acts    = "firmflow-recovery acts " // and the live database
	loads   = "firmflow-recovery loads "
	engaged = "firmflow-recovery engine "
)

// name is what the engine's session is called. PostgreSQL keeps 63 bytes, and of
// these only ASCII.
func (e Engine) name() string {
	return session(engaged, e.Run+" "+strconv.Itoa(e.PID)+" "+e.Host)
}

func session(what, whose string) string {
	ascii := []byte(what + whose)
	for i, b := range ascii {
		if b < ' ' || b > '~' {
			ascii[i] = '?'
		}
	}

	return string(ascii[:min(len(ascii), longestName)])
}

// engineOf reads such a name.
func engineOf(name string) Engine {
	fields := strings.SplitN(strings.TrimPrefix(name, engaged), " ", 3)
	if !strings.HasPrefix(name, engaged) || len(fields) != 3 {
		return Engine{}
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil {
		return Engine{}
	}

	return Engine{Run: fields[0], PID: pid, Host: fields[2]}
}

// AtWorkError is a database that somebody else works on.
type AtWorkError struct {
	Engine  Engine // zero: it is no engine of ours
	Session Session
}

func (e *AtWorkError) Error() string {
	if e.Engine.Run == "" {
		return "somebody works on the database: " + e.Session.String()
	}

	return fmt.Sprintf("run %s, process %d on %s, since %s", e.Engine.Run, e.Engine.PID, e.Engine.Host, e.Session.Since.UTC().Format(time.RFC3339))
}

// String tells who a session is.
func (s Session) String() string {
	from := s.Address
	if from == "" {
		from = "the server's own host"
	}
	name := s.Application
	if name == "" {
		name = "a session"
	}

	return fmt.Sprintf("%s of user %s from %s on %s, since %s (process %d of the server)", name, s.User, from, s.Database, s.Since.UTC().Format(time.RFC3339), s.PID)
}

// Engagement is a lock that is held.
type Engagement struct {
	hold    *os.File
	answers *bufio.Reader
	ended   chan struct{}
}

// Holds asks the session that holds the lock whether it still does: it ends with
// its server.
func (g *Engagement) Holds(ctx context.Context) bool {
	holds := make(chan bool, 1)
	go func() {
		_, err := io.WriteString(g.hold, "select 'still';\n")
		if err != nil {
			holds <- false
			return
		}
		line, err := g.answers.ReadString('\n')
		holds <- err == nil && strings.TrimSpace(line) == "still"
	}()
	select {
	case still := <-holds:
		return still
	case <-ctx.Done():
		return false
	}
}

// Release gives the lock back, and returns when its session has ended, or ctx
// has.
func (g *Engagement) Release(ctx context.Context) {
	_ = g.hold.Close() // its input ends, and so does psql
	select {
	case <-g.ended:
	case <-ctx.Done():
	}
}

// the lock's key: a number of ours and one of the database.
const (
	lockClass = 0x46465245
	lockKey   = "%d, hashtext(%s)"
)

// attempts is how often the lock is asked for, where who had it is gone.
const attempts = 5

// Engage makes e the engine of a live database. Whoever holds its lock is asked
// of: gone tells whether an engine is known to be gone, for its session to be
// ended; any other is an *AtWorkError. Sessions that an engine before this one
// has left at work are ended, so that nothing is done twice.
func (s Server) Engage(ctx context.Context, live string, e Engine, gone func(Engine) bool) (*Engagement, error) {
	var err error
	for range attempts {
		var held *Engagement
		if held, err = s.engage(ctx, live, e); err == nil && held != nil {
			if err = s.endLeft(ctx, live); err != nil {
				held.Release(ctx)
				return nil, err
			}
			return held, nil
		}
		if err != nil {
			return nil, err
		}
		if err = s.evict(ctx, live, gone); err != nil {
			return nil, err
		}
	}

	return nil, fmt.Errorf("take the lock of %s: %w", live, ErrInUse)
}

// engage asks for the lock once; nil without an error means that another has it.
func (s Server) engage(ctx context.Context, live string, e Engine) (*Engagement, error) {
	const doing = "take the database's lock"
	// A pipe of package io would be read by a goroutine that outlives a psql which
	// lost its server, and be waited for.
	input, hold, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	output, answer := io.Pipe()
	cmd := s.psql(maintenance, "")
	cmd.Env = append(clientEnv(), "PGAPPNAME="+e.name())
	cmd.Stdin, cmd.Stdout = input, answer
	g := &Engagement{hold: hold, answers: bufio.NewReader(output), ended: make(chan struct{})}
	var failed error
	go func() {
		defer close(g.ended)
		failed = errors.Join(s.Run.Run(context.WithoutCancel(ctx), cmd), input.Close())
		_ = answer.CloseWithError(io.EOF)
	}()
	sql := fmt.Sprintf("select pg_try_advisory_lock("+lockKey+");\n", lockClass, literal(live))
	_, err = io.WriteString(hold, sql)
	line, short := g.answers.ReadString('\n')
	switch {
	case err != nil, short != nil:
		_ = hold.Close()
		<-g.ended

		return nil, explain(doing, errors.Join(failed, err, short))
	case strings.TrimSpace(line) != "t":
		g.Release(ctx)
		return nil, nil //nolint:nilnil // another has it, which is no error of asking
	default:
		return g, nil
	}
}

// Holder gives the engine that holds the lock of a live database, and its
// session; ok is false where nobody does.
func (s Server) Holder(ctx context.Context, live string) (e Engine, session Session, ok bool, err error) {
	found, err := s.sessions(ctx, "see who holds the database's lock", fmt.Sprintf(`pid in (select pid from pg_locks
where locktype = 'advisory' and granted and objsubid = 2 and classid = %d and objid::bigint = hashtext(%s)::bigint & 4294967295)`, lockClass, literal(live)))
	if err != nil || len(found) == 0 {
		return Engine{}, Session{}, false, err
	}

	return engineOf(found[0].Application), found[0], true, nil
}

// evict ends the session of an engine that is gone.
func (s Server) evict(ctx context.Context, live string, gone func(Engine) bool) error {
	e, session, held, err := s.Holder(ctx, live)
	if err != nil || !held {
		return err
	}
	if e.Run == "" || !gone(e) {
		return &AtWorkError{Engine: e, Session: session}
	}

	return s.end(ctx, "end the session of an engine that is gone", "pid = "+strconv.Itoa(session.PID))
}

// endLeft ends what an engine before has left at work.
func (s Server) endLeft(ctx context.Context, live string) error {
	return s.end(ctx, "end what an earlier run has left at work",
		"application_name in ("+literal(session(acts, live))+", "+literal(session(loads, live))+")")
}

func (s Server) end(ctx context.Context, doing, which string) error {
	_, err := s.query(ctx, doing, maintenance, "select pg_terminate_backend(pid, "+strconv.FormatInt(endWithin.Milliseconds(), 10)+
		"), pid from pg_stat_activity where pid <> pg_backend_pid() and "+which)

	return err
}

// Foreign lists who loads into or dumps the live database and is not of this
// program: pg_restore, pg_dump and their like, by the name that they give
// themselves.
func (s Server) Foreign(ctx context.Context, live string) ([]Session, error) {
	return s.sessions(ctx, "see who works on "+live, `application_name ~ '^pg_(restore|dump)' and datname = `+literal(live))
}

// sessionAs gives a program's session another name.
func sessionAs(cmd command.Cmd, name string) command.Cmd {
	cmd.Env = append(clientEnv(), "PGAPPNAME="+name)

	return cmd
}
