package dump

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/command"
)

// mostJobs is where more of them gain nothing: the disk and the write-ahead log
// are shared.
const mostJobs = 8

// Capacity is what a load may use of the server's host.
type Capacity struct {
	Jobs   int   // processors the service may use, at most 8
	Memory int64 // bytes that are free for it
}

// Capacity asks what the service may use: the processors it sees, less where its
// control group has a quota, and the memory that is free, less where its group
// is nearer to its limit. A quota counts under control groups of version 2 only;
// under version 1 the processors seen are taken.
func (s Server) Capacity(ctx context.Context) (Capacity, error) {
	const doing = "ask what the database service may use"
	text, err := s.output(ctx, doing, "nproc")
	if err != nil {
		return Capacity{}, err
	}
	cores, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return Capacity{}, fmt.Errorf("%s: %w", doing, err)
	}
	info, err := s.output(ctx, doing, "cat", "/proc/meminfo")
	if err != nil {
		return Capacity{}, err
	}
	c := Capacity{Jobs: cores, Memory: available(info)}
	quota, err := s.group(ctx, doing, "cpu.max")
	if err != nil {
		return Capacity{}, err
	}
	c.Jobs = min(c.Jobs, quotaCores(quota, c.Jobs), mostJobs)
	limit, err := s.group(ctx, doing, "memory.max")
	if err != nil {
		return Capacity{}, err
	}
	used, err := s.group(ctx, doing, "memory.current")
	if err != nil {
		return Capacity{}, err
	}
	c.Memory = min(c.Memory, left(limit, used, c.Memory))

	return c, nil
}

// group reads a file of the service's own control group; empty where the system
// has none of that name, which sets no limit.
func (s Server) group(ctx context.Context, doing, name string) (string, error) {
	text, err := s.output(ctx, doing, "cat", "/sys/fs/cgroup/"+name)
	var failed *command.Error
	if errors.As(err, &failed) && failed.Says("No such file") {
		return "", nil
	}

	return text, err
}

// available reads MemAvailable, in bytes; zero where the kernel does not say.
func available(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10
		}
	}

	return 0
}

// quotaCores reads "150000 100000": one and a half processors, which is two
// jobs. "max" is no quota.
func quotaCores(text string, otherwise int) int {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return otherwise
	}
	quota, err := strconv.Atoi(fields[0])
	period, err2 := strconv.Atoi(fields[1])
	if err != nil || err2 != nil || period <= 0 {
		return otherwise
	}

	return max(1, (quota+period-1)/period)
}

// left is what a group may still take, of a limit that may be "max".
func left(limit, used string, otherwise int64) int64 {
	most, err := strconv.ParseInt(strings.TrimSpace(limit), 10, 64)
	now, err2 := strconv.ParseInt(strings.TrimSpace(used), 10, 64)
	if err != nil || err2 != nil {
		return otherwise
	}

	return max(0, most-now)
}
