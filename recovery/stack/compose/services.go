package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// Services tells what stands now, in the order of the services' names. Of a
// service with several containers it tells of one, a running one if there is.
func (r *Runtime) Services(ctx context.Context) ([]stack.Service, error) {
	p, err := r.pin(ctx)
	if err != nil {
		return nil, err
	}
	found, err := r.containers(ctx, p)
	if err != nil {
		return nil, err
	}
	var services []stack.Service
	for _, name := range slices.Sorted(maps.Keys(p.model.Services)) {
		services = append(services, found[name].service(name))
	}

	return services, nil
}

// Holds tells the environment that a service's container was made with.
func (r *Runtime) Holds(ctx context.Context, service string) (map[string]secret.String, error) {
	p, err := r.known(ctx, service)
	if err != nil {
		return nil, err
	}
	found, err := r.containers(ctx, p)
	if err != nil {
		return nil, err
	}
	c, ok := found[service]
	if !ok {
		return nil, fmt.Errorf("service %s: %w", service, stack.ErrNotRunning)
	}
	r.learn(c.Config.Env)

	return c.Config.Env, nil
}

// Logs gives the last lines a service wrote, to both of its streams.
func (r *Runtime) Logs(ctx context.Context, service string, lines int) ([]string, error) {
	p, err := r.known(ctx, service)
	if err != nil {
		return nil, err
	}
	var out ending
	cmd := r.cmd(r.compose(p, "logs", "--no-color", "--no-log-prefix", "--tail", strconv.Itoa(max(lines, 0)), service))
	cmd.Stdout = &out
	if err := engineFailure(r.run.Run(ctx, cmd)); err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", service, r.plain(err))
	}
	// A secret may hold a line's end, so the text is scrubbed before it is split.
	text := strings.TrimRight(r.scrub.Scrub(strings.ToValidUTF8(out.text(), "\uFFFD")), "\r\n")
	if text == "" {
		return nil, nil
	}
	all := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")

	return all[max(0, len(all)-lines):], nil
}

// container is a container as the engine has it.
type container struct {
	ID    string `json:"Id"`
	Name  string
	State struct {
		Status    string
		StartedAt time.Time
		ExitCode  int
		OOMKilled bool
		Health    *struct{ Status string }
	}
	RestartCount int
	Config       struct {
		Env    list
		Labels map[string]string
	}
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

// list is an environment as the engine keeps it, read into secrets at once.
type list map[string]secret.String

func (l *list) UnmarshalJSON(data []byte) error {
	var entries []string
	if err := json.Unmarshal(data, &entries); err != nil {
		return errNotUnderstood
	}
	*l = list(fields(entries))

	return nil
}

// fields takes NAME=value entries apart.
func fields(entries []string) map[string]secret.String {
	all := make(map[string]secret.String, len(entries)+1)
	for _, entry := range entries {
		if name, value, ok := strings.Cut(entry, "="); ok {
			all[name] = secret.New(value)
		}
	}

	return all
}

// containers gives the project's containers by their services, and remembers which
// these are. They are found by their label, as Compose itself finds them.
func (r *Runtime) containers(ctx context.Context, p pin) (map[string]container, error) {
	all, err := r.ofProject(ctx, p)
	if err != nil {
		return nil, err
	}
	found := byService(all)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = map[string]string{}
	for name, c := range found {
		r.ids[name] = c.ID
	}

	return found, nil
}

// ofProject gives all containers of the project.
func (r *Runtime) ofProject(ctx context.Context, p pin) ([]container, error) {
	all, err := r.marked(ctx, labelProject+"="+p.name)
	if err != nil {
		return nil, fmt.Errorf("the containers of %s: %w", p.name, err)
	}

	return all, nil
}

// marked gives the containers that bear labels.
func (r *Runtime) marked(ctx context.Context, labels ...string) ([]container, error) {
	ids, err := r.labelled(ctx, []string{"docker", "ps", "--all", "--quiet", "--no-trunc"}, labels)
	if err != nil {
		return nil, err
	}

	return inspected[container](ctx, r, "container", ids)
}

// byService sorts containers by their service. One-off containers are nobody's.
func byService(all []container) map[string]container {
	found := map[string]container{}
	for _, c := range all {
		name := c.of()
		before, ok := found[name]
		oneOff := c.Config.Labels["com.docker.compose.oneoff"] == "True"
		if oneOff || ok && (before.state() == stack.Running || c.state() != stack.Running) {
			continue
		}
		found[name] = c
	}

	return found
}

func (c container) service(name string) stack.Service {
	s := stack.Service{
		Name: name, ID: c.ID, State: c.state(), Restarts: c.RestartCount,
		ExitCode: c.State.ExitCode, OOMKilled: c.State.OOMKilled,
	}
	if c.State.StartedAt.Year() > 1 { // the engine's "never" is the year 1
		s.StartedAt = c.State.StartedAt
	}
	if c.State.Health != nil && c.State.Health.Status != "none" {
		s.Health = stack.Health(c.State.Health.Status)
	}

	return s
}

// of is the service that a container belongs to.
func (c container) of() string { return c.Config.Labels["com.docker.compose.service"] }

// runs tells whether a container has something to be stopped. One of whose state
// nothing is known here has.
func (c container) runs() bool {
	return c.State.Status != "created" && c.State.Status != "exited" && c.State.Status != "dead"
}

func (c container) state() stack.State {
	switch c.State.Status {
	case "":
		return stack.Absent
	case "created", "running", "restarting", "paused":
		return stack.State(c.State.Status)
	}

	return stack.Exited // exited, dead, removing: it is over
}

// most is how much of a log is kept, whatever the number of lines.
const most = 1 << 20

// ending keeps the last part of what is written to it.
type ending struct{ kept []byte }

func (e *ending) Write(p []byte) (int, error) {
	e.kept = append(e.kept, p...)
	if len(e.kept) > 2*most {
		e.kept = append([]byte(nil), e.kept[len(e.kept)-most:]...)
	}

	return len(p), nil
}

func (e *ending) text() string {
	return string(e.kept[max(0, len(e.kept)-most):])
}
