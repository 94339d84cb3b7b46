package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"firmflow-recovery/recovery/durable"
)

// ErrGivenUp says that what was live before a run was deleted to make room for
// what it restores.
var ErrGivenUp = errors.New("what was live before was deleted to make room, as was agreed")

// givenUp lies beside a vault that is, or was, deleted before its replacement was
// there. An undo must never take the empty place for what was live.
type givenUp struct {
	Run  string `json:"run"`
	Old  uint64 `json:"old"`            // inode of what was live
	Away bool   `json:"away,omitempty"` // it has left its name; from here on its inode may come again
}

func (p Place) leaving(run string) string       { return p.beside("given-up-" + run) }
func (p Place) givenUpRecord(run string) string { return p.leaving(run) + ".json" }

// GiveUp deletes the live vault for good, so that its room is free for what the
// run stages next. The name never has a part of it: it leaves the name in one
// step and is deleted then. In a mount point its entries leave one by one, and
// none is deleted before all have. Cut off, it is finished by calling it again.
// Nothing live is nothing to do. deleted counts entries of the top.
func GiveUp(ctx context.Context, p Place, run string, deleted func(done, total int64)) error {
	doing := fmt.Sprintf("give up %q", p.Real)
	if err := checkRun(run); err != nil {
		return err
	}
	rec, begun, err := p.readGivenUp(run)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if !begun && (p.Missing || p.Empty) {
		return nil
	}
	if !begun {
		if rec, err = p.beginGivingUp(ctx, run); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	if err := p.takeAway(ctx, &rec); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	there, err := durable.Exists(p.leaving(run))
	if err != nil || !there {
		return err
	}
	if err := remove(ctx, p.leaving(run), deleted); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}

	return durable.SyncDir(filepath.Dir(p.leaving(run)))
}

// beginGivingUp looks whether all of it may be deleted, and notes what it is.
func (p Place) beginGivingUp(ctx context.Context, run string) (givenUp, error) {
	if staged, err := durable.Exists(p.recordPath(run)); err != nil || staged {
		return givenUp{}, errors.Join(ErrStaged, err)
	}
	if err := oneFilesystem(ctx, p.Real); err != nil && !p.MountPoint {
		return givenUp{}, err
	}
	inode, err := inodeOf(p.Real)
	if err != nil {
		return givenUp{}, err
	}
	rec := givenUp{Run: run, Old: inode}

	return rec, writeJSON(durable.WriteFile, p.givenUpRecord(run), rec)
}

// takeAway has what was live leave its name.
func (p Place) takeAway(ctx context.Context, rec *givenUp) error {
	if rec.Away {
		return nil
	}
	if err := p.leave(ctx, *rec); err != nil {
		return err
	}
	rec.Away = true

	return writeJSON(durable.WriteFile, p.givenUpRecord(rec.Run), rec)
}

func (p Place) leave(ctx context.Context, rec givenUp) error {
	if p.MountPoint {
		if err := makeDir(p.leaving(rec.Run)); err != nil {
			return err
		}
		s := &swapping{disk: realDisk{}, place: p}

		return s.moveAll(ctx, p.Real, p.leaving(rec.Run))
	}
	live, err := inodeOf(p.Real)
	if err != nil || live != rec.Old {
		return err
	}

	return durable.Rename(p.Real, p.leaving(rec.Run))
}

// GivenUp tells whether a run has deleted what was live before it, or has begun
// to.
func (p Place) GivenUp(run string) (bool, error) {
	rec, begun, err := p.readGivenUp(run)
	if err != nil || !begun || p.MountPoint || rec.Away {
		return begun, err
	}
	live, err := inodeOf(p.Real)

	return live != rec.Old, err
}

func (p Place) readGivenUp(run string) (rec givenUp, begun bool, err error) {
	err = readJSON(p.givenUpRecord(run), &rec)
	if errors.Is(err, fs.ErrNotExist) {
		return rec, false, nil
	}
	if err == nil && (rec.Run != run || rec.Old == 0) {
		err = fmt.Errorf("read %q: %w", p.givenUpRecord(run), ErrNotOurs)
	}

	return rec, err == nil, err
}
