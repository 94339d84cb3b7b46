package steps

import (
	"context"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/vault"
)

// LeaveOutLevel is what step 2 can do about a vault that lies one directory too
// deep, once the operator agrees.
const LeaveOutLevel recovery.Action = "vault.leave-out-level"

// levels is what was seen of a source's directories. Reading an archive takes
// time, so it is kept as long as the file is the same.
type levels struct {
	source string
	nested string // the one directory at the top that should not be there
	files  int    // directly in it
}

// Accept remembers that the operator agreed; Check plans it, and Run does it.
func (v *vaultStep) Accept(action recovery.Action) {
	if action == LeaveOutLevel {
		v.flat = true
	}
}

// tooDeep tells whether the source has a directory level too many that nobody
// has agreed to leave out. An archive is read in full only where its beginning
// looks like it.
func (v *vaultStep) tooDeep(ctx context.Context, p recovery.Progress) (recovery.Diagnosis, bool, error) {
	if v.flat {
		return recovery.Diagnosis{}, false, nil // whether that is exact, the extraction sees entry by entry
	}
	if v.seen == nil || v.seen.source != v.vaultSource() {
		seen, err := v.lookAtLevels(ctx, p)
		if err != nil {
			return recovery.Diagnosis{}, false, err
		}
		v.seen = &seen
	}
	if v.seen.nested == "" {
		return recovery.Diagnosis{}, false, nil
	}
	d := archiveNested(v.sourceName(), v.seen.nested, v.seen.files, v.raiseIt())
	d.Intact = nothingTouched

	return d, true, nil
}

func (v *vaultStep) lookAtLevels(ctx context.Context, p recovery.Progress) (levels, error) {
	seen := levels{source: v.vaultSource()}
	if v.fromMirror() {
		var err error
		seen.nested, seen.files, err = vault.NestedMirror(v.Backup.Mirror.Path)

		return seen, err
	}
	archive := vault.Archive{Path: v.Backup.Archive.Path}
	looks, err := archive.LooksNested(ctx)
	if err != nil || !looks {
		return seen, err
	}
	p.Phase("see whether all of it lies too deep", recovery.Bytes)
	summary, err := archive.Verify(ctx, meter(p, v.Backup.Archive.Size))
	seen.nested, seen.files = summary.Nested, summary.NestedFiles

	return seen, err
}

// raiseIt is the command that makes a copy of the archive without the level; the
// mirror is no archive.
func (v *vaultStep) raiseIt() string {
	if v.fromMirror() {
		return ""
	}

	return filled(repairIt, v.Backup, v.BackupDir)
}

// leftOut is the level that is left out; empty: none is.
func (v *vaultStep) leftOut() string {
	if v.flat {
		return vault.Nested
	}

	return ""
}

func (v *vaultStep) leavingOut() string {
	if !v.flat {
		return ""
	}

	return ", without its directory " + v.leftOut() + "/,"
}
