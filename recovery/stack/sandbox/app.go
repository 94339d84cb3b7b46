package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// grace is how long a service has to end itself after it was asked to.
const grace = 10 * time.Second

func (r *Runtime) startApp(s configured) error {
	program, err := r.program(s)
	if err != nil {
		return err
	}
	environment, err := r.environment(s)
	if err != nil {
		return err
	}

	known, err := r.read(s.name)
	if err != nil {
		return err
	}
	known.Starting = true // whoever is killed from here on has left it running, perhaps
	if err := r.write(s.name, known); err != nil {
		return err
	}

	return r.spawn(s, r.local(mark+known.ID), command.Cmd{
		Args:    append([]string{program}, s.Command[1:]...),
		Secrets: environment,
	})
}

// mark begins the variable by which an app is found that nobody lived to record.
const mark = "FIRMFLOW_RECOVERY_SANDBOX="

// spawn starts a service's program, which outlives us, and records it.
func (r *Runtime) spawn(s configured, local command.Local, c command.Cmd) error {
	log, err := os.OpenFile(r.logFile(s.name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return &stack.StartError{Service: s.name, Text: err.Error(), Err: err}
	}
	defer func() { _ = log.Close() }() // ours only: the program has its own

	c.Stdout = log
	pid, err := local.Start(c)
	if err != nil {
		return &stack.StartError{Service: s.name, Text: r.scrub.Scrub(err.Error()), Err: err}
	}

	p, ok := find(pid)
	if ok {
		p.startedAt, err = p.began()
	} // else it has ended already: recorded as started, found dead
	typed := os.WriteFile(r.pidFile(s.name), []byte(strconv.Itoa(pid)+"\n"), 0o600)

	return errors.Join(err, r.markStarted(s.name, p), typed)
}

// endApp ends the app and whatever it started: it leads a process group.
func (r *Runtime) endApp(ctx context.Context, _ configured, p process) error {
	if err := signal(p, syscall.SIGTERM); err != nil {
		return err
	}
	gone, err := await(ctx, r.grace, func() bool { return !p.alive() })
	if err != nil {
		return err
	}
	if err := signal(p, syscall.SIGKILL); err != nil || gone {
		return err
	}
	if gone, err = await(ctx, r.grace, func() bool { return !p.alive() }); err != nil || gone {
		return err
	}

	return fmt.Errorf("process %d does not end", p.pid)
}

func signal(p process, s syscall.Signal) error {
	if err := syscall.Kill(-p.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", p.pid, err)
	}

	return nil
}

// running returns the process of a service, if it runs.
func (r *Runtime) running(s configured) (process, bool) {
	if s.Kind == Postgres {
		return r.postmaster(s)
	}
	known, err := r.read(s.name)
	if err != nil {
		return process{}, false
	}
	if p := (process{known.PID, known.Ticks, known.StartedAt}); p.alive() || !known.Starting {
		return p, p.alive()
	}

	return marked(mark + known.ID)
}

// program is what a service runs, by its full path.
func (r *Runtime) program(s configured) (string, error) {
	if s.Kind == Postgres {
		bin, err := r.bin(s)
		return filepath.Join(bin, "postgres"), err
	}
	if found, ok := r.find(s.Command[0], r.path()); ok {
		return found, nil
	}

	return "", &ProgramError{s.name, s.Command[0]}
}

// find looks for a program in a PATH, as a shell in DIR would.
func (r *Runtime) find(program, path string) (string, bool) {
	places := filepath.SplitList(path)
	if strings.ContainsRune(program, filepath.Separator) {
		places = []string{""}
	}
	for _, place := range places {
		file := filepath.Join(place, program)
		if !filepath.IsAbs(file) {
			file = filepath.Join(r.dir, file)
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, true
		}
	}

	return "", false
}

// free makes sure that nobody else listens where the service will.
func free(ctx context.Context, s configured) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(s.Port)))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &stack.PortError{Service: s.name, Text: err.Error()}
	}

	return listener.Close()
}

// loopback is the only address on which a sandbox is reached.
const loopback = "127.0.0.1"

func (r *Runtime) logFile(service string) string {
	return filepath.Join(r.dir, logDir, service+".log")
}

func secrets(values map[string]string) map[string]secret.String {
	wrapped := make(map[string]secret.String, len(values))
	for name, value := range values {
		wrapped[name] = secret.New(value)
	}

	return wrapped
}
