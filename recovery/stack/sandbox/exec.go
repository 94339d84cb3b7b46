package sandbox

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// In runs commands where the running service is: with its environment, and
// with PostgreSQL's programs and clients pointed at it if it is a database.
func (r *Runtime) In(service string) command.Runner { return inside{r, service} }

// Tool runs a program of this host with the service's PATH.
func (r *Runtime) Tool(service string) command.Runner { return tool{r, service} }

// Host runs this host's own pg_restore, of the newest version that is installed,
// for a dump that is looked at and no service. It returns ErrNoPostgres where
// there is none.
func Host(environment []string, scrub *secret.Scrubber) (command.Runner, error) {
	r := New(Options{Environment: environment, Scrub: scrub})
	bin, err := r.newestWith("pg_restore")
	if err != nil {
		return nil, err
	}

	return host{r, bin}, nil
}

type host struct {
	r   *Runtime
	bin string
}

func (h host) Run(ctx context.Context, c command.Cmd) error {
	return h.r.runIn(ctx, h.bin+string(filepath.ListSeparator)+h.r.path(), c)
}

type inside struct {
	r       *Runtime
	service string
}

func (i inside) Run(ctx context.Context, c command.Cmd) error {
	if len(c.Secrets) > 0 {
		return ErrSecret
	}
	s, err := i.r.service(ctx, i.service)
	if err != nil {
		return err
	}
	p, running := i.r.running(s)
	if !running {
		return fmt.Errorf("run a command in %s: %w", i.service, stack.ErrNotRunning)
	}
	if s.Kind == Postgres {
		return i.r.run(ctx, s, c, i.r.client(s)...)
	}

	environment, err := p.environ()
	if err != nil {
		return fmt.Errorf("run a command in %s: %w", i.service, err)
	}
	c.Secrets = secrets(environment)
	for _, entry := range c.Env {
		if name, value, ok := strings.Cut(entry, "="); ok {
			c.Secrets[name] = secret.New(value)
		}
	}

	return i.r.run(ctx, s, c)
}

type tool struct {
	r       *Runtime
	service string
}

func (t tool) Run(ctx context.Context, c command.Cmd) error {
	if len(c.Secrets) > 0 {
		return ErrSecret
	}
	s, err := t.r.service(ctx, t.service)
	if err != nil {
		return err
	}

	return t.r.run(ctx, s, c)
}

// run runs a command with the service's PATH. A program is looked for there
// and not in ours, where Debian keeps wrappers that choose another server.
func (r *Runtime) run(ctx context.Context, s configured, c command.Cmd, environment ...string) error {
	path := r.path()
	if s.Kind == Postgres {
		bin, err := r.bin(s)
		if err != nil {
			return err
		}
		path = bin + string(filepath.ListSeparator) + path
	}

	return r.runIn(ctx, path, c, environment...)
}

// runIn runs a command that is looked for in a path.
func (r *Runtime) runIn(ctx context.Context, path string, c command.Cmd, environment ...string) error {
	asked := c.Args
	if len(asked) > 0 {
		if program, ok := r.find(asked[0], path); ok {
			c.Args = append([]string{program}, asked[1:]...)
		}
	}
	err := r.local(append(environment, "PATH="+path)...).Run(ctx, c)
	var failed *command.Error
	if errors.As(err, &failed) {
		failed.Args = asked
	}

	return err
}

// client points PostgreSQL's programs at the service.
func (r *Runtime) client(s configured) []string {
	return []string{"PGHOST=" + r.socketDir(s), "PGPORT=" + strconv.Itoa(s.Port)}
}
