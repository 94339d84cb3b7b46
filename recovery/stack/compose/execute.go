package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/stack"
)

// ErrSecret is a secret meant for a program in a container. Docker takes such a
// program's environment from its own arguments, which every process on the host
// can read.
var ErrSecret = errors.New("a secret cannot be handed to a program in a container")

var errNoProgram = errors.New("run a program: no arguments given")

// locale keeps a program's messages in one language.
const locale = "LC_ALL=C.UTF-8"

// In runs commands inside the running service. Their Dir is a directory there.
func (r *Runtime) In(service string) command.Runner { return inside{r, service} }

// Tool runs commands in a container of its own, made from the service's image
// and gone afterwards.
func (r *Runtime) Tool(service string) command.Runner { return beside{r, service} }

type inside struct {
	runtime *Runtime
	service string
}

func (s inside) Run(ctx context.Context, c command.Cmd) error {
	if err := allowed(c); err != nil {
		return err
	}
	p, err := s.runtime.known(ctx, s.service)
	if err != nil {
		return err
	}
	// Where the input can be given once more, the container of before will do: if it
	// is another one by now, that is found out, and no program has begun.
	again := rewinds(c.Stdin)
	if id := s.runtime.container(s.service); id != "" && again != nil {
		if err = s.exec(ctx, c, id); !errors.Is(err, stack.ErrNotRunning) {
			return err
		}
		if err := again(); err != nil {
			return err
		}
	}
	found, err := s.runtime.containers(ctx, p)
	if err != nil {
		return err
	}
	if found[s.service].ID == "" {
		return fmt.Errorf("service %s: %w", s.service, stack.ErrNotRunning)
	}

	return s.exec(ctx, c, found[s.service].ID)
}

// container is the service's, as last seen; empty where none was.
func (r *Runtime) container(service string) string {
	r.mu.Lock()
	defer r.mu.Unlock()

	return r.ids[service]
}

// rewinds gives what sets an input back to where it is now; nil where that cannot
// be done.
func rewinds(input io.Reader) func() error {
	if input == nil {
		return func() error { return nil }
	}
	seeker, can := input.(io.Seeker)
	if !can {
		return nil
	}
	at, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // a pipe
	}

	return func() error {
		_, err := seeker.Seek(at, io.SeekStart)

		return err
	}
}

// exec runs a command in a container.
func (s inside) exec(ctx context.Context, c command.Cmd, id string) error {
	args := append(append([]string{"docker", "exec", "--interactive"}, given(c)...), id)
	out := &opening{to: c.Stdout}
	c.Stdout = out
	err := s.runtime.hand(ctx, c, append(args, c.Args...))

	return s.failure(out.explain(err), c)
}

// failure tells a service that does not run from a program that failed.
func (s inside) failure(err error, c command.Cmd) error {
	var failed *command.Error
	if !errors.As(err, &failed) || failed.ExitCode <= 0 || engineWord(err) {
		return err
	}
	own := own(failed, c)
	line := own.LastLine()
	// Only docker's own words count: what a program has begun is not begun again.
	engine := strings.HasPrefix(line, "Error response from daemon: ")
	gone := strings.HasPrefix(line, "Error: No such container: ") || engine && strings.Contains(line, " No such container: ")
	stopped := engine && strings.Contains(strings.ToLower(line), " container ") &&
		(strings.Contains(line, " is not running") || strings.Contains(line, " is restarting, wait") || strings.Contains(line, " is paused, unpause"))
	ended := strings.HasPrefix(line, refusal) && strings.Contains(line, " setns ") // as the program was to begin
	if failed.ExitCode == 1 && (gone || stopped) || ended {
		return fmt.Errorf("service %s: %w: %w", s.service, stack.ErrNotRunning, own)
	}

	return own
}

// refusal begins what the engine says of a program that it cannot execute. It
// says so where the program would have written: to its output.
const refusal = "OCI runtime exec failed: "

// opening passes an output on and keeps its beginning.
type opening struct {
	to   io.Writer
	kept []byte
}

func (o *opening) Write(p []byte) (int, error) {
	const enough = 1 << 10
	o.kept = append(o.kept, p[:min(len(p), enough-len(o.kept))]...)
	if o.to == nil {
		return len(p), nil
	}

	return o.to.Write(p)
}

// explain puts a refusal where an error belongs.
func (o *opening) explain(err error) error {
	var failed *command.Error
	if errors.As(err, &failed) && failed.ExitCode >= 126 && strings.HasPrefix(string(o.kept), refusal) {
		failed.Stderr = strings.TrimSpace(failed.Stderr + "\n" + string(o.kept))
	}

	return err
}

type beside struct {
	runtime *Runtime
	service string
}

func (s beside) Run(ctx context.Context, c command.Cmd) error {
	if err := allowed(c); err != nil {
		return err
	}
	p, err := s.runtime.known(ctx, s.service)
	if err != nil {
		return err
	}
	image := p.model.Services[s.service].Image
	// A program that is the container's first process ignores being asked to
	// end. With an init before it, cancelling leaves no container behind. What it writes
	// may be all rows of a database: the engine must not keep that in a log.
	args := []string{"docker", "run", "--rm", "--init", "--interactive", "--network", "none", "--log-driver", "none", "--pull", "never"}
	args = append(append(args, given(c)...), "--entrypoint", c.Args[0], image)
	err = s.runtime.hand(ctx, c, append(args, c.Args[1:]...))

	var failed *command.Error
	if !errors.As(err, &failed) || failed.ExitCode <= 0 || engineWord(err) {
		return err
	}
	// 125 is docker's own failure, before any program ran.
	if failed.ExitCode == 125 && noImage.MatchString(failed.Stderr) {
		return &stack.ImageError{Service: s.service, Image: image}
	}

	return own(failed, c)
}

// allowed refuses what cannot be run in a container.
func allowed(c command.Cmd) error {
	if len(c.Args) == 0 {
		return errNoProgram
	}
	if len(c.Secrets) > 0 {
		return fmt.Errorf("run %s: %w", c.Args[0], ErrSecret)
	}

	return nil
}

// given are the flags for a command's directory and environment.
func given(c command.Cmd) []string {
	flags := []string{"--env", locale}
	for _, entry := range c.Env {
		flags = append(flags, "--env", entry)
	}
	if c.Dir != "" {
		flags = append(flags, "--workdir", c.Dir)
	}

	return flags
}

// hand runs docker with a command's streams. Warnings of Compose are not the
// program's and are left out.
func (r *Runtime) hand(ctx context.Context, c command.Cmd, args []string) error {
	cmd := r.cmd(args)
	cmd.Stdin, cmd.Stdout = c.Stdin, c.Stdout
	if c.Line != nil {
		cmd.Line = func(line string) {
			if _, warned := warning(line); !warned {
				c.Line(line)
			}
		}
	}

	return engineFailure(r.run.Run(ctx, cmd))
}

// own gives docker's failure as that of the program it ran: under the program's
// name, with what the program wrote, and known as missing where it is.
func own(failed *command.Error, c command.Cmd) *command.Error {
	var lines []string
	for line := range strings.SplitSeq(failed.Stderr, "\n") {
		if _, warned := warning(line); !warned {
			lines = append(lines, line)
		}
	}
	program := &command.Error{Args: c.Args, ExitCode: failed.ExitCode, Stderr: strings.Join(lines, "\n"), Err: failed.Err}
	missing := program.Says("executable file not found") ||
		program.Says("exec "+c.Args[0]+" failed: No such file or directory")
	if (failed.ExitCode == 126 || failed.ExitCode == 127) && missing {
		program.Err = command.ErrMissing
	}

	return program
}

// plain gives a failure of Compose without what Compose quotes.
func (r *Runtime) plain(err error) error {
	var failed *command.Error
	if !errors.As(err, &failed) || failed.ExitCode <= 0 || engineWord(err) {
		return err
	}
	if readingFailed(failed) {
		return r.configurationFailure(err)
	}

	return &command.Error{Args: failed.Args, ExitCode: failed.ExitCode, Stderr: r.said(failed), Err: failed.Err}
}
