package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// Project reads sandbox.json and .env.
func (r *Runtime) Project(ctx context.Context) (stack.Project, error) {
	if err := ctx.Err(); err != nil {
		return stack.Project{}, err
	}
	c, err := r.config()
	if err != nil {
		return stack.Project{}, err
	}
	v, err := r.variables()
	if err != nil {
		return stack.Project{}, err
	}

	p := stack.Project{Name: c.Project, Dir: r.dir, Files: []string{filepath.Join(r.dir, configFile)}, Tool: "sandbox"}
	for _, s := range c.sorted() {
		spec, err := r.spec(ctx, s, v)
		if err != nil {
			return stack.Project{}, err
		}
		p.Specs = append(p.Specs, spec)
		if s.Kind == Postgres {
			p.DataDir = r.dataDir(s)
			p.HasData = hasData(p.DataDir)
			p.Tool = "sandbox, " + spec.Image
		}
	}
	p.Warnings = v.warnings

	return p, nil
}

func (r *Runtime) spec(ctx context.Context, s configured, v *variables) (stack.Spec, error) {
	environment, err := r.resolved(s, v)
	if err != nil {
		return stack.Spec{}, err
	}
	spec := stack.Spec{
		Name:        s.name,
		Environment: environment,
		Ports:       []stack.Port{{Host: loopback, Published: s.Port, Target: s.Port}},
		Healthcheck: s.Health != "",
		Restart:     "no",
	}
	if s.Kind == App {
		uploads := filepath.Join(r.dir, uploadsDir)
		spec.Image = s.Command[0]
		spec.Mounts = []stack.Mount{{Kind: "bind", Source: uploads, Target: uploads}}
		_, err = r.program(s)
		spec.ImagePresent = err == nil

		return spec, nil
	}

	a, err := unprivileged()
	if err != nil {
		return stack.Spec{}, err
	}
	spec.User = a.name
	spec.Mounts = []stack.Mount{{Kind: "bind", Source: r.dataDir(s), Target: r.dataDir(s)}}
	spec.Image, err = r.version(ctx, s)
	spec.ImagePresent = err == nil
	if errors.Is(err, ErrNoPostgres) {
		spec.Image, err = "PostgreSQL, not installed", nil
	}

	return spec, err
}

// version is what the installed programs call themselves: "PostgreSQL 15.18".
func (r *Runtime) version(ctx context.Context, s configured) (string, error) {
	program, err := r.program(s)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := r.local().Run(ctx, command.Cmd{Args: []string{program, "--version"}, Stdout: &out}); err != nil {
		return "", err
	}

	// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
	_, rest, _ := strings.Cut(out.String(), ") ")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")

	return "PostgreSQL " + number, nil
}

func hasData(dir string) bool {
	entries, err := os.ReadDir(dir)

	return err == nil && len(entries) > 0
}

// Services tells what stands now.
func (r *Runtime) Services(ctx context.Context) ([]stack.Service, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := r.config()
	if err != nil {
		return nil, err
	}

	var services []stack.Service
	for _, s := range c.sorted() {
		now, err := r.now(ctx, s)
		if err != nil {
			return nil, err
		}
		services = append(services, now)
	}

	return services, nil
}

func (r *Runtime) now(ctx context.Context, s configured) (stack.Service, error) {
	now := stack.Service{Name: s.name, State: stack.Absent}
	known, err := r.read(s.name)
	if err != nil && !errors.Is(err, errNoRecord) {
		return now, err
	}
	now.ID = known.ID

	p, running := r.running(s)
	switch {
	case running:
		now.State, now.StartedAt = stack.Running, p.startedAt
		now.Health = health(ctx, s)
	case err != nil:
	case !known.Started:
		now.State = stack.Created
	default:
		now.State, now.StartedAt = stack.Exited, known.StartedAt
		if !known.Stopped {
			now.ExitCode = -1 // it died, and nobody was there to ask how
		}
	}

	return now, ctx.Err()
}

// health asks the service. One where nobody listens yet is starting.
func health(ctx context.Context, s configured) stack.Health {
	if s.Health == "" {
		return stack.NoCheck
	}
	url := "http://" + net.JoinHostPort(loopback, strconv.Itoa(s.Port)) + s.Health
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return stack.Unhealthy
	}

	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return stack.Starting
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return stack.Unhealthy
	}

	return stack.Healthy
}

// Holds tells the environment of a running app from the kernel. Of a service
// that does not run, it is what it would be started with.
func (r *Runtime) Holds(ctx context.Context, service string) (map[string]secret.String, error) {
	s, err := r.service(ctx, service)
	if err != nil {
		return nil, err
	}
	if p, running := r.running(s); running && s.Kind == App {
		environment, err := p.environ()
		if err != nil {
			return nil, fmt.Errorf("read the environment of %s: %w", service, err)
		}
		return secrets(environment), nil
	}
	if _, err := r.read(service); errors.Is(err, errNoRecord) {
		return nil, fmt.Errorf("read the environment of %s: %w", service, stack.ErrNotRunning)
	} else if err != nil {
		return nil, err
	}

	return r.environment(s)
}

// lastPart is how much of a log is read: its lines are asked for by the dozen.
const lastPart = 1 << 20

// Logs gives the last lines a service wrote.
func (r *Runtime) Logs(ctx context.Context, service string, lines int) ([]string, error) {
	if _, err := r.service(ctx, service); err != nil {
		return nil, err
	}
	f, err := os.Open(r.logFile(service))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", service, err)
	}
	defer func() { _ = f.Close() }()

	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", service, err)
	}
	from := max(0, info.Size()-lastPart)
	text, err := io.ReadAll(io.NewSectionReader(f, from, lastPart))
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", service, err)
	}

	return r.last(string(text), from > 0, lines), nil
}

// last takes the last lines of a text, whose first line may be a rest. A secret
// may hold a line's end, so the text is scrubbed before it is split.
func (r *Runtime) last(text string, cut bool, lines int) []string {
	text = r.scrub.Scrub(strings.ToValidUTF8(strings.TrimRight(text, "\n"), "\uFFFD"))
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	if cut && len(all) > 1 {
		all = all[1:]
	}

	return all[max(0, len(all)-max(0, lines)):]
}

// lastWords is what a service that died wrote at the end.
func (r *Runtime) lastWords(s configured) string {
	lines, err := r.Logs(context.Background(), s.name, 5)
	if err != nil || len(lines) == 0 {
		return "it ended at once, and wrote nothing"
	}

	return strings.Join(lines, "\n")
}
