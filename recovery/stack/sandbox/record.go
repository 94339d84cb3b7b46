package sandbox

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"firmflow-recovery/recovery/secret"
)

// record is what is known of a service that was created: DIR/run/NAME.json.
type record struct {
	ID        string    `json:"id"`
	Keys      []string  `json:"keys"` // the names in its environment, never the values
	PID       int       `json:"pid,omitempty"`
	Ticks     uint64    `json:"ticks,omitempty"` // when the process began, as the kernel counts
	StartedAt time.Time `json:"startedAt,omitzero"`
	Starting  bool      `json:"starting,omitempty"` // begun, and by whom it is not known yet
	Started   bool      `json:"started,omitempty"`
	Stopped   bool      `json:"stopped,omitempty"` // by us: it did not die
}

// errNoRecord says that a service was never created.
var errNoRecord = errors.New("never created")

func newRecord(environment map[string]secret.String) record {
	return record{ID: strings.ToLower(rand.Text()[:12]), Keys: slices.Sorted(maps.Keys(environment))}
}

func (r *Runtime) recordFile(service string) string {
	return filepath.Join(r.dir, runDir, service+".json")
}

func (r *Runtime) read(service string) (record, error) {
	text, err := os.ReadFile(r.recordFile(service))
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, errNoRecord
	}
	if err != nil {
		return record{}, fmt.Errorf("read what is known of %s: %w", service, err)
	}

	var known record
	if err := json.Unmarshal(text, &known); err != nil {
		return record{}, fmt.Errorf("read %s: %w", r.recordFile(service), err)
	}

	return known, nil
}

func (r *Runtime) write(service string, known record) error {
	if err := os.MkdirAll(filepath.Join(r.dir, runDir), 0o755); err != nil {
		return fmt.Errorf("record %s: %w", service, err)
	}
	text, err := json.Marshal(known)
	if err != nil {
		return fmt.Errorf("record %s: %w", service, err)
	}
	if err := renameio.WriteFile(r.recordFile(service), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("record %s: %w", service, err)
	}

	return nil
}

// markStarted records that a service runs as a process.
func (r *Runtime) markStarted(service string, p process) error {
	known, err := r.read(service)
	if err != nil {
		return err
	}
	known.PID, known.Ticks, known.StartedAt = p.pid, p.ticks, p.startedAt
	known.Starting, known.Started, known.Stopped = false, true, false

	return r.write(service, known)
}

// markStopped records that a service ended because we asked it to.
func (r *Runtime) markStopped(service string) error {
	known, err := r.read(service)
	if errors.Is(err, errNoRecord) {
		return nil // a database that somebody else started
	}
	if err != nil {
		return err
	}
	known.Started = known.Started || known.Starting
	known.Starting, known.Stopped = false, true

	return r.write(service, known)
}
