package command

import (
	"errors"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// start starts a program that no hangup reaches. A process group of its own
// keeps the terminal's away, but the program joins it only after it was forked:
// on a busy host a line that drops in between would end it before its first
// instruction. So the signal is held back from before the fork on, which what is
// forked inherits; programs that use it, as a database server does to read its
// settings again, set their own mask.
func start(cmd *exec.Cmd) error {
	runtime.LockOSThread() // the mask is the thread's
	defer runtime.UnlockOSThread()
	var hangup, before unix.Sigset_t
	hangup.Val[(unix.SIGHUP-1)/64] |= 1 << ((unix.SIGHUP - 1) % 64)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &hangup, &before); err != nil {
		return err
	}
	err := cmd.Start()

	return errors.Join(err, unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil))
}
