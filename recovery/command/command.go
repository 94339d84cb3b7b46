// Package command runs other programs. It is the only importer of os/exec.
//
// A Cmd is an argument vector, never a shell line. What a program writes to its
// error stream is scrubbed of secrets, handed on line by line, and its last
// 64 KiB are kept for the error. A program runs in a process group of its own:
// the terminal's Ctrl-C and hangup reach us, not it. Cancelling the context
// asks it to end (SIGTERM), and after a grace period ends it (SIGKILL). However we
// end, it ends with us: what it would still do, whoever comes next must not meet.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"firmflow-recovery/recovery/secret"
)

// Cmd is one program to run. Only Args is required.
type Cmd struct {
	Args    []string                 // program and its arguments
	Dir     string                   // working directory; empty: the runner's
	Env     []string                 // KEY=value, beside the runner's own; never a secret
	Secrets map[string]secret.String // the same for values that are secret; local runners only
	Stdin   io.Reader                // nil: an empty input, never the terminal
	Stdout  io.Writer                // nil: thrown away
	Line    func(string)             // called with each line of the error stream, scrubbed; may be nil
}

// String gives the command as it could be typed into a shell, without secrets.
func (c Cmd) String() string { return Quote(c.Args...) }

// Runner runs a command somewhere: on this host, inside a service, in a
// one-off container. It returns a *Error if the program could not be started
// or ended with anything but success.
type Runner interface {
	Run(ctx context.Context, c Cmd) error
}

// Error is a program that failed.
type Error struct {
	Args     []string // as run, without secrets
	ExitCode int      // -1 if it did not start or was ended by a signal
	Stderr   string   // the last 64 KiB it wrote to its error stream, scrubbed
	Err      error    // what os/exec or the context said
}

func (e *Error) Error() string {
	program := "program"
	if len(e.Args) > 0 {
		program = e.Args[0]
	}
	last := e.LastLine()
	if last == "" {
		return fmt.Sprintf("run %s: %v", program, e.Err)
	}

	return fmt.Sprintf("run %s: %v: %s", program, e.Err, last)
}

func (e *Error) Unwrap() error { return e.Err }

// LastLine is the last line of the error stream that says anything.
func (e *Error) LastLine() string {
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")

	return strings.TrimSpace(lines[len(lines)-1])
}

// Says tells whether the error stream's tail holds a text.
func (e *Error) Says(text string) bool { return strings.Contains(e.Stderr, text) }

// grace is how long a program has to end itself after it was asked to.
const grace = 10 * time.Second

// Local runs programs on this host.
type Local struct {
	Env        []string            // the whole environment; empty means none
	Dir        string              // working directory; empty: ours
	Scrub      *secret.Scrubber    // may be nil
	Credential *syscall.Credential // run as somebody else; nil: as we are
}

// Run runs the program and waits for it. When the context ends first, the
// program's whole process group is ended and the context's error returned
// inside the *Error.
func (l Local) Run(ctx context.Context, c Cmd) error {
	if len(c.Args) == 0 {
		return errors.New("run a program: no arguments given")
	}
	errs := &tail{line: c.Line, scrub: l.Scrub}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir = l.Dir
	if c.Dir != "" {
		cmd.Dir = c.Dir
	}
	cmd.Env = l.environment(c)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: l.Credential, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace

	err := start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	errs.flush()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}

	return &Error{Args: c.Args, ExitCode: exitCode(cmd), Stderr: errs.text(), Err: err}
}

// Start starts a program that outlives us: in a session of its own, with its
// output in the given writer (a file, or it would end with us). It returns the
// process id. Nobody waits for it but init; on the way there a goroutine of
// ours reaps it, so that it is no zombie while we live.
func (l Local) Start(c Cmd) (int, error) {
	if len(c.Args) == 0 {
		return 0, errors.New("start a program: no arguments given")
	}
	cmd := exec.Command(c.Args[0], c.Args[1:]...) //nolint:noctx // it is meant to outlive every context of ours
	cmd.Dir = l.Dir
	if c.Dir != "" {
		cmd.Dir = c.Dir
	}
	cmd.Env = l.environment(c)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: l.Credential}
	if err := start(cmd); err != nil {
		return 0, &Error{Args: c.Args, ExitCode: -1, Err: err}
	}
	go func() { _ = cmd.Wait() }()

	return cmd.Process.Pid, nil
}

func (l Local) environment(c Cmd) []string {
	env := make([]string, 0, len(l.Env)+len(c.Env)+len(c.Secrets))
	env = append(env, l.Env...)
	env = append(env, c.Env...)
	for name, value := range c.Secrets {
		env = append(env, name+"="+secret.Reveal(value))
	}

	return env
}

func exitCode(cmd *exec.Cmd) int {
	if cmd.ProcessState == nil {
		return -1
	}

	return cmd.ProcessState.ExitCode()
}

// Find looks a program up in the PATH of the given environment's process.
// It returns an error that matches exec.ErrNotFound when there is none.
func Find(program string) (string, error) { return exec.LookPath(program) }

// ErrMissing is a program that was not found. Runners elsewhere, which learn of
// it in another way than we do, wrap it too.
var ErrMissing = exec.ErrNotFound

// IsMissing tells whether an error means that the program itself was not found.
func IsMissing(err error) bool { return errors.Is(err, ErrMissing) }
