package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/durable"
)

// Thin deletes the oldest runs of backup, with their reports, but for so many of
// the newest. Nothing of a recovery is ever deleted, nor what cannot be read. It
// is for whoever holds the lock.
func (h Home) Thin(keep int) error {
	runs, err := h.Runs()
	if err != nil {
		return err
	}
	kept := 0
	for _, run := range runs { // the newest first
		state, err := h.Read(run)
		var broken *BrokenError
		if errors.Is(err, ErrNoRun) || errors.As(err, &broken) {
			continue // somebody should look at it
		}
		if err != nil {
			return err
		}
		if state.Purpose != recovery.BackingUp || state.Confirmed || state.Undoing || state.Cleaning {
			continue
		}
		if kept++; kept <= keep {
			continue
		}
		if err := os.RemoveAll(h.dir(run)); err != nil {
			return fmt.Errorf("delete the journal of backup run %s: %w", run, err)
		}
	}
	if kept <= keep {
		return nil
	}

	return durable.SyncDir(filepath.Join(h.Dir, runsName))
}
