// Package sandbox runs FirmFlow's services as processes of this host, for
// drills, demos and tests: PostgreSQL from the programs installed here, the
// app as a program. Everything lies in one directory:
//
//	DIR/sandbox.json  the services; see Config
//	DIR/.env          read and interpolated as Compose does it
//	DIR/uploads/      the vault
//	DIR/pgdata/       the database's files
//	DIR/run/          what was created and started, sockets
//	DIR/log/          what the services wrote
//
// It promises:
//   - A service outlives us, and is found again by the next program that opens
//     the directory. A process id that was recycled is never taken for ours.
//   - No value of .env is written anywhere, or stands in an argument vector.
//   - The first start of a database on a missing or empty directory makes it,
//     as the official image does on a fresh volume, or leaves nothing.
//
// It does not promise isolation: programs run in the host's filesystem, and
// the database lets in whoever has an account on this host. A created service
// is held without its environment, which is resolved when it starts.
//
// PostgreSQL refuses to run as root. There it runs as postgres, or else as
// nobody, who must be able to pass through DIR and every directory above it:
// a *TraverseError names the one that is closed.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// Options say where a sandbox is. Only Dir is required.
type Options struct {
	Dir         string
	Environment []string         // the operator's; as with Compose it wins over .env
	Scrub       *secret.Scrubber // learns the secrets of .env; nil: one of its own
}

// Runtime is a sandbox. It keeps nothing in memory: two of them on the same
// directory see the same services.
type Runtime struct {
	dir   string
	shell map[string]string
	scrub *secret.Scrubber

	grace    time.Duration // how long a service has to end itself
	packages string        // where Debian puts each version of PostgreSQL's programs
}

var _ stack.Runtime = (*Runtime)(nil)

// New opens a sandbox. What is wrong with its directory is told by the first
// method that needs it.
func New(o Options) *Runtime {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		dir = o.Dir
	}
	r := &Runtime{dir: dir, shell: map[string]string{}, scrub: o.Scrub, grace: grace, packages: packages}
	if r.scrub == nil {
		r.scrub = &secret.Scrubber{}
	}
	for _, entry := range o.Environment {
		if name, value, ok := strings.Cut(entry, "="); ok {
			r.shell[name] = value
		}
	}

	return r
}

// Create makes a service anew, and holds it. A running one is stopped first.
func (r *Runtime) Create(ctx context.Context, service string) error {
	s, err := r.service(ctx, service)
	if err != nil {
		return err
	}
	if err := r.stop(ctx, s); err != nil {
		return err
	}

	return r.create(s)
}

func (r *Runtime) create(s configured) error {
	if _, err := r.program(s); err != nil {
		return err
	}
	resolved, err := r.environment(s)
	if err != nil {
		return err
	}
	if err := r.write(s.name, newRecord(resolved)); err != nil {
		return fmt.Errorf("create %s: %w", s.name, err)
	}

	return nil
}

// Start runs services, one after the other. A database has been accepting
// connections when Start returns, unless it is still recovering from a crash.
func (r *Runtime) Start(ctx context.Context, services ...string) error {
	for _, name := range services {
		s, err := r.service(ctx, name)
		if err != nil {
			return err
		}
		if err := r.start(ctx, s); err != nil {
			return err
		}
	}

	return nil
}

func (r *Runtime) start(ctx context.Context, s configured) error {
	if p, running := r.running(s); running {
		return r.adopt(s, p)
	}
	if _, err := r.read(s.name); errors.Is(err, errNoRecord) {
		if err := r.create(s); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := free(ctx, s); err != nil {
		return err
	}
	if s.Kind == Postgres {
		return r.startPostgres(ctx, s)
	}

	return r.startApp(s)
}

// adopt records an app that was left running by somebody who was killed before it
// was recorded.
func (r *Runtime) adopt(s configured, p process) error {
	known, err := r.read(s.name)
	if err != nil || !known.Starting {
		return nil //nolint:nilerr // a database that somebody else started has no record
	}

	return r.markStarted(s.name, p)
}

// Stop ends services and leaves them there.
func (r *Runtime) Stop(ctx context.Context, services ...string) error {
	for _, name := range services {
		s, err := r.service(ctx, name)
		if err != nil {
			return err
		}
		if err := r.stop(ctx, s); err != nil {
			return err
		}
	}

	return nil
}

func (r *Runtime) stop(ctx context.Context, s configured) error {
	p, running := r.running(s)
	if !running {
		return nil
	}
	end := r.endApp
	if s.Kind == Postgres {
		end = r.endPostgres
	}
	if err := end(ctx, s, p); err != nil {
		return fmt.Errorf("stop %s: %w", s.name, err)
	}

	return r.markStopped(s.name)
}

// local runs programs on this host in the sandbox's directory, and never with
// the operator's own environment, which may hold PGHOST, PGUSER or secrets.
func (r *Runtime) local(environment ...string) command.Local {
	base := []string{"PATH=" + r.path(), "HOME=" + r.dir, "LC_ALL=C.UTF-8"}

	return command.Local{Env: append(base, environment...), Dir: r.dir, Scrub: r.scrub}
}

// path is where programs are looked for.
func (r *Runtime) path() string {
	if p := r.shell["PATH"]; p != "" {
		return p
	}

	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
