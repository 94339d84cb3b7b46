package drill

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// process is one process of this host that works in a place. Its start, in the
// kernel's ticks, tells it from a later one with the same id.
type process struct {
	pid      int
	name     string
	began    string
	terminal bool // it belongs to a terminal: somebody sits there
}

func (p process) String() string { return fmt.Sprintf("%s (%d)", p.name, p.pid) }

// processesIn lists the processes whose working directory lies in a directory.
// Everything that a drill starts works there. Ourselves are never among them.
func processesIn(dir string) []process {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		real = dir // already removed: what works in it still names it
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var found []process
	for _, path := range all {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil || pid == os.Getpid() {
			continue
		}
		at, err := os.Readlink(filepath.Join(path, "cwd"))
		if err != nil || !within(strings.TrimSuffix(at, " (deleted)"), real) {
			continue
		}
		if p, alive := read(pid); alive {
			found = append(found, p)
		}
	}

	return found
}

// read tells what the kernel knows of a process. The program's name may hold
// anything, so fields are counted from the parenthesis behind it.
func read(pid int) (process, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	open, shut := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || shut < open {
		return process{}, false
	}
	fields := strings.Fields(string(text[shut+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return process{}, false
	}

	return process{pid: pid, name: string(text[open+1 : shut]), began: fields[19], terminal: fields[4] != "0"}, true
}

func terminate(p process) error { return p.signal(syscall.SIGTERM) }
func kill(p process) error      { return p.signal(syscall.SIGKILL) }

// signal sends a signal to the very process that was seen.
func (p process) signal(s syscall.Signal) error {
	if now, alive := read(p.pid); !alive || now.began != p.began {
		return nil
	}
	if err := syscall.Kill(p.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end %s: %w", p, err)
	}

	return nil
}
