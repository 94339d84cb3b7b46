// Package compose is the real installation: services under Docker Compose,
// asked and steered through the docker command with its Compose plugin, version
// 2.20 or newer.
//
// What is promised:
//
//   - Docker sees the environment that Environment gives, not the operator's
//     shell: no exported AUTH_SECRET and no COMPOSE_FILE changes what is run.
//   - A Runtime stays with the project it resolved first. Every later call of
//     Compose names the project, its directory and its files, so neither a renamed
//     directory nor a new .env moves it. Project warns when they would by now. What
//     bears the project's label is asked of docker itself, and so is a program in a
//     container: through Compose both take longer.
//   - Nothing is pulled, built, pruned or removed. Volumes are never touched,
//     and the question of Compose whether to make one anew is answered by an
//     ended input, which means no. Only a service's own container is replaced.
//   - What Compose prints of the configuration is held as secret.String, and its
//     messages are cut where they quote an environment file.
//   - Docker's input is what the caller gives, or nothing. It is never the
//     terminal, and no terminal is ever allocated in a container.
//
// Cancelling a context ends the docker command, not what it started in a
// container. A program that reads its input from us ends with its input; one
// that reads a file in the container runs on. Whoever wants the two to end
// together feeds the program through Cmd.Stdin.
//
// Podman under Docker's name is refused with ErrPodman: its compose allocates a
// terminal unless told otherwise and does not know the flags used here. Docker's
// own command in front of Podman's socket works, with a warning.
package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// Options is where the installation is. Only Dir is required.
type Options struct {
	Dir         string           // the project directory
	Files       []string         // the configuration files, relative ones from Dir; empty: those Compose finds
	Project     string           // the project's name; empty: as Compose names it
	Environment []string         // the whole environment of docker: what Environment gives
	Scrub       *secret.Scrubber // learns what the configuration holds; nil: one of our own
	Run         command.Runner   // runs docker; nil: on this host
}

// Runtime is a Compose project. Its methods may be called from several
// goroutines.
type Runtime struct {
	options Options
	run     command.Runner
	scrub   *secret.Scrubber

	mu     sync.Mutex
	engine *Engine
	pinned *pin
	ids    map[string]string // the containers of services, as last seen
}

var _ stack.Runtime = (*Runtime)(nil)

// New describes a project. Nothing is looked at until it is asked for.
func New(o Options) *Runtime {
	if dir, err := filepath.Abs(o.Dir); err == nil {
		o.Dir = dir
	}
	o.Files = slices.Clone(o.Files)
	for i, file := range o.Files {
		if !filepath.IsAbs(file) {
			o.Files[i] = filepath.Join(o.Dir, file)
		}
	}
	if o.Scrub == nil {
		o.Scrub = &secret.Scrubber{}
	}
	if o.Run == nil {
		// The directory is given by flag. Standing in it would only turn a
		// missing one into an error about docker.
		o.Run = command.Local{Env: o.Environment, Dir: "/", Scrub: o.Scrub}
	}

	return &Runtime{options: o, run: o.Run, scrub: o.Scrub}
}

// pin is the project that a Runtime stays with, and its configuration as last
// read.
type pin struct {
	name  string
	files []string // empty: cannot be told, left to Compose
	model model
}

// compose gives the arguments of a Compose command on the pinned project.
func (r *Runtime) compose(p pin, args ...string) []string {
	return r.arguments(p.name, p.files, args...)
}

func (r *Runtime) arguments(name string, files []string, args ...string) []string {
	all := []string{"docker", "compose", "--ansi", "never", "--project-directory", r.options.Dir}
	if name != "" {
		all = append(all, "--project-name", name)
	}
	for _, file := range files {
		all = append(all, "--file", file)
	}

	return append(all, args...)
}

// do runs docker for its effect.
func (r *Runtime) do(ctx context.Context, args ...string) error {
	return engineFailure(r.run.Run(ctx, r.cmd(args)))
}

// ask runs docker and gives what it prints.
func (r *Runtime) ask(ctx context.Context, args ...string) ([]byte, error) {
	var out answer
	cmd := r.cmd(args)
	cmd.Stdout = &out
	err := engineFailure(r.run.Run(ctx, cmd))

	return out.Bytes(), err
}

// cmd is docker as the operator would have called it from the project
// directory, which configurations see as ${PWD}.
func (r *Runtime) cmd(args []string) command.Cmd {
	return command.Cmd{Args: args, Env: []string{"PWD=" + r.options.Dir}}
}

// longest is more than any answer of docker's about one project takes.
const longest = 32 << 20

var errTooLong = errors.New("the answer is longer than 32 MiB")

// answer keeps what docker prints, up to a limit.
type answer struct{ bytes.Buffer }

func (a *answer) Write(p []byte) (int, error) {
	if a.Len()+len(p) > longest {
		return 0, errTooLong
	}

	return a.Buffer.Write(p)
}

// known returns the pinned project, reading the configuration if nobody has
// yet, and refuses services that it does not configure.
func (r *Runtime) known(ctx context.Context, services ...string) (pin, error) {
	p, err := r.pin(ctx)
	if err != nil {
		return pin{}, err
	}
	for _, service := range services {
		if _, ok := p.model.Services[service]; !ok {
			return pin{}, fmt.Errorf("service %s: %w", service, stack.ErrUnknownService)
		}
	}

	return p, nil
}
