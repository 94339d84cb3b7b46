package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
)

// scratchService is the database of a Scratch.
const scratchService = "db"

// ScratchUser is its superuser.
const ScratchUser = "firmflow"

// Scratch is a database server that is only there to try something on: a sandbox
// with nothing else in it, in a directory that goes with it. Nobody's data is
// ever in reach of it.
type Scratch struct {
	dir     string
	runtime *Runtime
}

// NewScratch makes one below the system's directory for temporary files, and
// starts it. It is ErrNoPostgres where this host has no server's programs.
func NewScratch(ctx context.Context, environment []string, scrub *secret.Scrubber) (*Scratch, error) {
	dir, err := os.MkdirTemp("", "firmflow-rehearsal-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch database: %w", err)
	}
	s := &Scratch{dir: dir, runtime: New(Options{Dir: dir, Environment: environment, Scrub: scrub})}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("make a scratch database: %w", err), s.Remove(context.WithoutCancel(ctx)))
	}

	return s, nil
}

func (s *Scratch) start(ctx context.Context) error {
	if _, err := s.runtime.newest(); err != nil {
		return err
	}
	if err := os.Chmod(s.dir, 0o711); err != nil { //nolint:gosec // PostgreSQL, which is not root, passes through it
		return err
	}
	port, err := scratchPort(ctx)
	if err != nil {
		return err
	}
	err = Write(s.dir, Config{Project: "firmflow-rehearsal", Services: map[string]Service{
		scratchService: {Kind: Postgres, Port: port, Data: "pgdata", User: ScratchUser, Database: "postgres"},
	}})
	if err != nil {
		return err
	}

	return s.runtime.Start(ctx, scratchService)
}

func scratchPort(ctx context.Context) (int, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", loopback+":0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("find a free port: the listener has no TCP address")
	}

	return address.Port, nil
}

// Runner runs PostgreSQL's programs against it.
func (s *Scratch) Runner() command.Runner { return s.runtime.In(scratchService) }

// Dir is where it lies.
func (s *Scratch) Dir() string { return s.dir }

// Remove stops it, and deletes it with all that was loaded.
func (s *Scratch) Remove(ctx context.Context) error {
	var stopped error
	if _, err := os.Stat(s.dir); err == nil {
		if _, err := s.runtime.config(); err == nil {
			stopped = s.runtime.Stop(ctx, scratchService)
		}
	}
	if stopped != nil {
		return fmt.Errorf("stop the scratch database in %s: %w", s.dir, stopped)
	}

	return os.RemoveAll(s.dir)
}
