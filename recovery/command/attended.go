package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Attended runs a program in the operator's own terminal and waits for it: a
// shell. It shares our process group, since only the group in the foreground
// may read the terminal; an interactive shell puts itself there. Its exit code
// says nothing to us.
func Attended(ctx context.Context, terminal *os.File, dir string, environment []string, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, environment
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", Quote(args...), err)
	}
	_ = cmd.Wait()

	return ctx.Err()
}
