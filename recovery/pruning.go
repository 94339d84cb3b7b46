package recovery

// Pruning is what became of the backups in a directory, or would.
type Pruning struct {
	Directory string         `json:"directory"`
	DryRun    bool           `json:"dry_run,omitempty"` // nothing was deleted
	Verified  int            `json:"verified"`          // before
	Backups   []PrunedBackup `json:"backups"`           // newest first
	Offsite   *Pruning       `json:"offsite,omitempty"` // the same for where copies are kept; nil: nowhere
}

// PrunedBackup is what becomes of one, and why.
type PrunedBackup struct {
	Name   string `json:"name"`
	Delete bool   `json:"delete"` // it was deleted, or in a rehearsal would be
	Why    string `json:"why"`
}

// Deleted counts those that go.
func (p Pruning) Deleted() int {
	n := 0
	for _, b := range p.Backups {
		if b.Delete {
			n++
		}
	}

	return n
}
