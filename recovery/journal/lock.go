package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/durable"
)

const (
	lockName   = "lock"
	holderName = "lock.json"
)

// Holder is who holds the lock.
type Holder struct {
	PID   int            `json:"pid"`
	Host  string         `json:"host"`
	Run   recovery.RunID `json:"run"`
	Since time.Time      `json:"since"`
}

// HeldError is a lock that another engine holds. The kernel frees it when that
// engine ends, however it ends: nobody ever has to remove a file.
type HeldError struct{ Holder Holder }

func (e *HeldError) Error() string {
	return fmt.Sprintf("run %s (process %d on %s, since %s) holds the lock",
		e.Holder.Run, e.Holder.PID, e.Holder.Host, e.Holder.Since.UTC().Format(time.RFC3339))
}

// Lock is held by the one engine of a host.
type Lock struct{ flock *flock.Flock }

// glance is longer than Held, which takes the lock to look at it, ever keeps it,
// on a host where everything waits, too.
const glance = time.Second

// Lock takes the lock, or returns a *HeldError. It waits no longer than it takes
// those who only look to be gone.
func (h Home) Lock(holder Holder) (*Lock, error) {
	if err := os.MkdirAll(h.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the state directory: %w", err)
	}
	lock := flock.New(filepath.Join(h.Dir, lockName), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), glance)
	defer cancel()
	_, err := lock.TryLockContext(ctx, glance/100)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, &HeldError{Holder: h.holder()}
	}
	if err != nil {
		return nil, fmt.Errorf("take the lock: %w", err)
	}
	content, err := json.Marshal(holder)
	if err == nil {
		err = durable.Sweep(h.Dir)
	}
	if err == nil {
		err = durable.WriteFile(filepath.Join(h.Dir, holderName), content, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("describe the lock's holder: %w", err), lock.Unlock())
	}

	return &Lock{flock: lock}, nil
}

// Held tells who holds the lock, if anybody does. It changes nothing.
func (h Home) Held() (Holder, bool, error) {
	path := filepath.Join(h.Dir, lockName)
	there, err := durable.Exists(path)
	if err != nil || !there {
		return Holder{}, false, err
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		return Holder{}, false, fmt.Errorf("look at the lock: %w", err)
	}
	if free {
		return Holder{}, false, lock.Unlock()
	}

	return h.holder(), true, nil
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.flock.Unlock() }

// holder reads who wrote themselves down; an unreadable entry leaves it empty,
// since the lock itself is the kernel's and tells the truth.
func (h Home) holder() Holder {
	var holder Holder
	content, err := os.ReadFile(filepath.Join(h.Dir, holderName))
	if err != nil || json.Unmarshal(content, &holder) != nil {
		return Holder{}
	}

	return holder
}
