package compose

import (
	"context"
	"fmt"
	"slices"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/stack"
)

// Create makes a service's container anew and does not start it. The services
// it depends on are left alone: docker compose create would make them anew too.
// The engine does not start such a container by itself, whatever its restart
// policy and however often the host is started again.
func (r *Runtime) Create(ctx context.Context, service string) error {
	p, err := r.known(ctx, service)
	if err != nil {
		return err
	}
	if err := r.Stop(ctx, service); err != nil {
		return err
	}
	err = r.do(ctx, r.compose(p, "up", "--no-start", "--no-deps", "--force-recreate", "--no-build", "--pull", "never", service)...)

	return r.startFailure(err, p, []string{service})
}

// Start runs services. Compose makes a container anew where its configuration
// has changed, with .env as it is now, and starts the one that is there
// otherwise.
func (r *Runtime) Start(ctx context.Context, services ...string) error {
	p, err := r.known(ctx, services...)
	if err != nil || len(services) == 0 { // to Compose, none would mean all
		return err
	}
	args := append([]string{"up", "--detach", "--no-deps", "--no-build", "--pull", "never"}, services...)

	return r.startFailure(r.do(ctx, r.compose(p, args...)...), p, services)
}

// Stop ends services, with the time to end themselves that the configuration
// gives them. Where none of their containers runs there is nothing to do.
func (r *Runtime) Stop(ctx context.Context, services ...string) error {
	p, err := r.known(ctx, services...)
	if err != nil || len(services) == 0 {
		return err
	}
	all, err := r.ofProject(ctx, p)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(c container) bool { return c.runs() && slices.Contains(services, c.of()) }) {
		return nil
	}
	if err := r.do(ctx, r.compose(p, append([]string{"stop"}, services...)...)...); err != nil {
		return fmt.Errorf("stop services: %w", r.plain(err))
	}

	return nil
}

// Typed gives an action as an operator would type it.
func (r *Runtime) Typed(action stack.Action, services ...string) string {
	args := map[stack.Action][]string{
		stack.Create: {"up", "--no-start", "--no-deps", "--force-recreate"},
		stack.Start:  {"up", "--detach", "--no-deps"},
		stack.Stop:   {"stop"},
	}[action]

	return r.typed(append(args, services...)...)
}

// TypedIn gives a command inside a service as an operator would type it.
func (r *Runtime) TypedIn(service string, args ...string) string {
	return r.typed(append([]string{"exec", "-T", service}, args...)...)
}

// typed names the project, since a directory's name is a poor guide to it, and
// the files only where they were given to us: Compose finds its own.
func (r *Runtime) typed(args ...string) string {
	name := r.options.Project
	r.mu.Lock()
	if r.pinned != nil {
		name = r.pinned.name
	}
	r.mu.Unlock()
	all := []string{"docker", "compose"}
	if name != "" {
		all = append(all, "-p", name)
	}
	for _, file := range r.options.Files {
		all = append(all, "-f", file)
	}

	return "cd " + command.Quote(r.options.Dir) + " && " + command.Quote(append(all, args...)...)
}
