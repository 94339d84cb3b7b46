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

// Settings are a load's: each of its jobs builds indexes in a share of a quarter of the
// free memory, between what PostgreSQL takes by itself and what still gains.
func (c Capacity) Settings() []string {
	const least, most = 64, 256 // MiB

	return []string{fmt.Sprintf("maintenance_work_mem=%dMB", min(max(c.Memory>>22/int64(c.Jobs), least), most))}
}

// The files that tell what there is, and what a control group may use of it.
const (
	memoryInfo  = "/proc/meminfo"
	cpuQuota    = "/sys/fs/cgroup/cpu.max"
	memoryLimit = "/sys/fs/cgroup/memory.max"
	memoryUsed  = "/sys/fs/cgroup/memory.current"
)

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
	files, err := s.files(ctx, doing, memoryInfo, cpuQuota, memoryLimit, memoryUsed)
	if err != nil {
		return Capacity{}, err
	}
	c := Capacity{Jobs: min(quotaCores(files[cpuQuota], cores), cores, mostJobs), Memory: available(files[memoryInfo])}
	c.Memory = min(c.Memory, left(files[memoryLimit], files[memoryUsed], c.Memory))

	return c, nil
}

// files reads small files beside the server, by one program: to begin one in a
// container takes longer than to read them. Those that are not there are left out;
// a control group that sets no limit has none.
func (s Server) files(ctx context.Context, doing string, paths ...string) (map[string]string, error) {
	out := &bounded{limit: mostOutput}
	err := s.Run.Run(ctx, command.Cmd{Args: append([]string{"head", "-v", "-n", "100"}, paths...), Env: clientEnv(), Stdout: out})
	var failed *command.Error
	if errors.As(err, &failed) && failed.Says("No such file") {
		err = nil
	}
	if err != nil {
		return nil, explain(doing, err)
	}
	found := map[string]string{}
	var path string
	for line := range strings.Lines(out.text.String()) {
		if rest, begins := strings.CutPrefix(line, "==> "); begins {
			path = strings.TrimSuffix(strings.TrimSpace(rest), " <==")
			continue
		}
		found[path] += line
	}

	return found, nil
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
