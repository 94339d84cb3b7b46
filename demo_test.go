package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/recovery/stack/stacktest"
)

// rehearsal is a demo in a place of the test's own, without a terminal.
type rehearsal struct {
	dir   string
	cmd   *exec.Cmd
	watch *watcher
}

// rehearse starts a demo. The first time it says a text, it is sent a signal
// twice, as one that make has started is: by the group's sender and by make.
func rehearse(t *testing.T, text string, s syscall.Signal, args ...string) result {
	t.Helper()
	_, err := sandbox.Programs(os.Environ())
	need(t, "postgres", err == nil)
	r := rehearsal{dir: os.Getenv("TMPDIR"), cmd: exec.Command(program, append([]string{"demo"}, args...)...), watch: &watcher{text: text, seen: make(chan struct{})}}
	r.cmd.Stdout, r.cmd.Stderr = r.watch, r.watch
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = r.cmd.Wait()
	}()
	select {
	case <-r.watch.seen:
		_ = r.cmd.Process.Signal(s)
		_ = r.cmd.Process.Signal(s)
	case <-ended:
	}
	<-ended

	return result{r.watch.all.String(), r.cmd.ProcessState.ExitCode()}
}

// stage gives demos a directory, and looks afterwards whether anything of them
// is left there or runs.
func stage(t *testing.T) string {
	t.Helper()
	dir := stacktest.Dir(t)
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		noneRuns(t, dir)
	})

	return dir
}

// noneRuns waits until nothing runs in a directory. What was just stopped may
// take a moment to be gone.
func noneRuns(t *testing.T, dir string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); len(processesIn(t, dir)) > 0; {
		if time.Now().After(end) {
			t.Errorf("still running: %q", processesIn(t, dir))
			return
		}
	}
}

// processesIn gives the processes that name a directory among their arguments,
// or work in it, by their number in /proc.
func processesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, process := range all {
		argv, _ := os.ReadFile(filepath.Join(process, "cmdline")) // it may end meanwhile
		cwd, _ := os.Readlink(filepath.Join(process, "cwd"))
		if bytes.Contains(argv, []byte(dir)) || strings.HasPrefix(cwd, dir) {
			found[filepath.Base(process)] = string(bytes.ReplaceAll(argv, []byte{0}, []byte(" ")))
		}
	}

	return found
}

func TestTheDemoWithoutATerminalIsVerifiedAndCleansUp(t *testing.T) {
	stage(t)
	r := rehearse(t, "never said", 0)
	r.want(t, 0, "demo: inventing", "pg_dump -Fc, tar -czf", "demo: losing", "220 files", "VERIFIED in", "everything is removed again")
}

func TestF2ADemoThatIsStoppedLeavesNothing(t *testing.T) {
	for text, c := range map[string]struct {
		signal syscall.Signal
		exit   int
		says   string
	}{
		"starting PostgreSQL":               {syscall.SIGTERM, 143, "NOTHING CHANGED: stopped by terminated"},
		"inventing":                         {syscall.SIGINT, 130, "NOTHING CHANGED: stopped by interrupt"},
		"taking a backup":                   {syscall.SIGTERM, 143, "NOTHING CHANGED: stopped by terminated"},
		"losing":                            {syscall.SIGINT, 130, "stopped by"},
		"step 3 of 5, start the database":   {syscall.SIGTERM, 143, "INTERRUPTED, RESUMABLE"},
		"step 4 of 5, load the database":    {syscall.SIGINT, 130, "INTERRUPTED, RESUMABLE"},
		"live now":                          {syscall.SIGTERM, 143, "INTERRUPTED, RESUMABLE"},
		"step 5 of 5, make it live, restar": {syscall.SIGINT, 130, "INTERRUPTED, RESUMABLE"},
	} {
		t.Run(text, func(t *testing.T) {
			stage(t)
			rehearse(t, text, c.signal).want(t, c.exit, c.says)
		})
	}
}

func TestADemoIsKeptWhereThatWasAsked(t *testing.T) {
	dir := stage(t)
	r := rehearse(t, "step 2 of 5, restore the vault: started", syscall.SIGTERM, "--keep")
	r.want(t, 143, "INTERRUPTED, RESUMABLE", "demo: kept in ")
	_, kept, _ := strings.Cut(r.out, "demo: kept in ")
	kept, _, _ = strings.Cut(kept, "\n")
	if _, err := os.Stat(filepath.Join(kept, "safe", "original.env")); err != nil || !strings.HasPrefix(kept, dir) {
		t.Errorf("%q is not the demo: %v", kept, err)
	}
	for pid := range processesIn(t, dir) {
		_ = exec.Command("kill", "-QUIT", pid).Run() // one may end the other
	}
	noneRuns(t, dir)
	remove(t, kept)
}
