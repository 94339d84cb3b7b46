package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Where tells which directory holds what a run has staged: the staging place,
// or the live one once the swap has come that far. It goes by the directory
// itself, not by its name: a crash inside a swap leaves the old vault under the
// staging name. Empty means that it is in neither.
func (p Place) Where(run string) (string, error) {
	if err := checkRun(run); err != nil {
		return "", err
	}
	rec, err := p.readRecord(run)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for what run %q staged: %w", run, err)
	}
	if rec.Holds == holdsNew {
		return p.Real, nil
	}
	for _, dir := range []string{p.Staging(run), p.Real} {
		inode, err := inodeOf(dir)
		if err != nil {
			return "", fmt.Errorf("look for what run %q staged: %w", run, err)
		}
		if inode == rec.New {
			return dir, nil
		}
	}

	return "", nil
}

// Reprove makes what a run had live, and took back, count as staged again, if
// every byte of it is still what was staged. It tells whether that is so;
// false means that there is nothing to reprove.
func (p Place) Reprove(ctx context.Context, run string) (bool, error) {
	rec, err := p.mine(run)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("prove %q again: %w", p.Staging(run), err)
	}
	if !rec.Complete || !rec.WasLive || rec.Holds == holdsNew {
		return false, nil
	}
	tree, err := TreeDigest(ctx, p.Staging(run))
	if err != nil {
		return false, err
	}
	if tree != rec.Staged.Tree {
		return false, fmt.Errorf("prove %q again: %w", p.Staging(run), ErrWasLive)
	}
	rec.WasLive = false

	return true, p.writeRecord(rec)
}
