package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one process of this host. Its id alone would do only until the
// kernel gives it to another.
type process struct {
	pid       int
	ticks     uint64
	startedAt time.Time
}

// ticksPerSecond is USER_HZ, which is 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// find returns the process that has an id now. One that ended and was not yet
// waited for is none.
func find(pid int) (process, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil || pid <= 0 {
		return process{}, false
	}

	// The program's name may hold anything, also spaces and parentheses, so
	// fields are counted from the last one. The state is the first behind it,
	// the start time the twentieth.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return process{}, false
	}
	ticks, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return process{}, false
	}

	return process{pid: pid, ticks: ticks}, true
}

// alive tells whether it is still the same process.
func (p process) alive() bool {
	now, ok := find(p.pid)

	return ok && now.ticks == p.ticks
}

// began is when the process started. The kernel's boot time moves with the
// clock, so the answer is recorded once and not asked for again.
func (p process) began() (time.Time, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, fmt.Errorf("read the boot time: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if seconds, ok := strings.CutPrefix(line, "btime "); ok {
			boot, err := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64)
			after := time.Duration(p.ticks) * (time.Second / ticksPerSecond)
			return time.Unix(boot, 0).Add(after), err
		}
	}

	return time.Time{}, fmt.Errorf("read the boot time: /proc/stat does not tell it")
}

// environ is the environment the process was started with.
func (p process) environ() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "environ"))
	if err != nil {
		return nil, err
	}
	environment := map[string]string{}
	for entry := range strings.SplitSeq(string(text), "\x00") {
		if name, value, ok := strings.Cut(entry, "="); ok {
			environment[name] = value
		}
	}

	return environment, nil
}

// marked finds the process that leads its group and was started with an entry in its
// environment.
func marked(entry string) (process, bool) {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return process{}, false
	}
	for _, dir := range all {
		text, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, text...), []byte("\x00"+entry+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if leads, err := syscall.Getpgid(pid); err != nil || leads != pid {
			continue
		}
		if p, ok := find(pid); ok {
			p.startedAt, err = p.began()
			return p, err == nil
		}
	}

	return process{}, false
}

// interval is how often we look whether something has come about.
const interval = 20 * time.Millisecond

// await looks again and again until it is so, and tells whether it came about.
// Processes that are not our children cannot be waited for.
func await(ctx context.Context, patience time.Duration, so func() bool) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()

	for !so() {
		select {
		case <-ticker.C:
		case <-bounded.Done():
			return false, ctx.Err()
		}
	}

	return true, nil
}
