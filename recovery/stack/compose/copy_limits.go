package compose

import (
	"context"
	"encoding/json"
	"fmt"
)

// limits is what each service of a copy may take of the host: half of its
// processors, a quarter of its memory.
type limits struct {
	cpus         float64
	memory, pids int64
}

const (
	leastCPUs   = 0.5
	leastMemory = 512 << 20
	mostPIDs    = 1024
)

// limits leaves out what this host's kernel cannot keep; a container with such a
// limit would not start.
func (r *Runtime) limits(ctx context.Context) (limits, error) {
	out, err := r.ask(ctx, "docker", "info", "--format", "{{json .}}")
	if err != nil {
		return limits{}, fmt.Errorf("ask what the engine can limit: %w", err)
	}
	var has struct {
		NCPU        int
		MemTotal    int64
		MemoryLimit bool
		CPUCfsQuota bool `json:"CpuCfsQuota"`
		PidsLimit   bool
	}
	if err := json.Unmarshal(out, &has); err != nil {
		return limits{}, fmt.Errorf("ask what the engine can limit: %w", errNotUnderstood)
	}
	var l limits
	if has.CPUCfsQuota {
		l.cpus = max(float64(has.NCPU)/2, leastCPUs)
	}
	if has.MemoryLimit {
		l.memory = max(has.MemTotal/4, leastMemory)
	}
	if has.PidsLimit {
		l.pids = mostPIDs
	}

	return l, nil
}
