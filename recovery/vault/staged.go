package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"firmflow-recovery/recovery/durable"
)

// record lies beside a staging directory, and outlives it. It tells old and new
// apart by their inodes, never by where they are: after a crash in a swap, the
// old vault may lie under the staging name. Device numbers are left out, since a
// reboot may change them.
type record struct {
	Run      string  `json:"run"`
	New      uint64  `json:"new"`                // inode of the staging directory
	Old      uint64  `json:"old,omitempty"`      // inode of what was live; 0: nothing
	Complete bool    `json:"complete,omitempty"` // staged to its end, and verified
	WasLive  bool    `json:"was_live,omitempty"` // and is no longer, or is being taken back
	Staged   Summary `json:"staged"`

	// Where the vault is a mount point its inode stays and entries are moved.
	// What lies directly in it belongs to one of the two, and this says to which.
	Holds  holds `json:"holds,omitempty"`
	Before *root `json:"before,omitempty"` // attributes of the mount point, to be put back
	After  *root `json:"after,omitempty"`  // attributes it gets from what was staged
}

// holds tells whose entries lie in a mount point.
type holds string

const (
	holdsOld holds = ""
	holdsNew holds = "new"
)

// root is what a vault directory is besides its entries.
type root struct {
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
}

func (p Place) recordPath(run string) string { return p.Staging(run) + ".json" }

// Stage makes the empty staging directory of a run, and notes that it is ours.
func (p Place) Stage(run string) (string, error) {
	if err := checkRun(run); err != nil {
		return "", err
	}
	dir := p.Staging(run)
	if _, err := p.readRecord(run); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("stage %q: %w", dir, errors.Join(ErrStaged, err))
	}

	// Empty and without a record is what a crash between the two lines leaves.
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("stage %q: %w", dir, bare(err))
	}
	if nothing, err := holdsNothing(dir); err != nil || !nothing {
		return "", fmt.Errorf("stage %q: %w", dir, errors.Join(ErrStaged, err))
	}
	inode, err := inodeOf(dir)
	if err != nil {
		return "", fmt.Errorf("stage %q: %w", dir, err)
	}

	return dir, p.writeRecord(record{Run: run, New: inode})
}

// MarkStaged notes that what a run staged is complete, verified and durable.
func (p Place) MarkStaged(run string, s Summary) error {
	rec, err := p.mine(run)
	if err != nil {
		return fmt.Errorf("mark %q as complete: %w", p.Staging(run), err)
	}
	rec.Complete, rec.Staged = true, s

	return p.writeRecord(rec)
}

// StagedComplete tells whether a run has staged everything, so that a resumed
// run can go on to Swap; also when the swap has begun, or is done. What has been
// live and was taken back does not count: it may have changed since.
func (p Place) StagedComplete(run string) (Summary, bool, error) {
	if err := checkRun(run); err != nil {
		return Summary{}, false, err
	}
	rec, err := p.readRecord(run)
	if errors.Is(err, fs.ErrNotExist) {
		return Summary{}, false, nil
	}
	if err != nil {
		return Summary{}, false, fmt.Errorf("look for what run %q staged: %w", run, err)
	}
	if !rec.Complete || rec.WasLive {
		return Summary{}, false, nil
	}
	if rec.Holds == holdsNew {
		return rec.Staged, true, nil
	}

	for _, dir := range []string{p.Staging(run), p.Real} {
		inode, err := inodeOf(dir)
		if err != nil {
			return Summary{}, false, fmt.Errorf("look for what run %q staged: %w", run, err)
		}
		if inode == rec.New {
			return rec.Staged, true, nil
		}
	}

	return Summary{}, false, nil
}

// Discard removes what a run has staged, and nothing else: not what it has
// replaced, even where that lies under the staging name after a crash, and not
// what has been live since. Nothing staged is nothing to do.
func Discard(p Place, run string) error {
	rec, err := p.mine(run)
	if errors.Is(err, fs.ErrNotExist) {
		return p.discardEmpty(run)
	}
	if err != nil {
		return fmt.Errorf("discard %q: %w", p.Staging(run), err)
	}
	if err := p.discardable(rec); err != nil {
		return fmt.Errorf("discard %q: %w", p.Staging(run), err)
	}

	if err := nothingMounted(p.Staging(run)); err != nil {
		return fmt.Errorf("discard %q: %w", p.Staging(run), err)
	}
	if err := os.RemoveAll(p.Staging(run)); err != nil {
		return fmt.Errorf("discard %q: %w", p.Staging(run), bare(err))
	}
	if err := os.Remove(p.recordPath(run)); err != nil {
		return fmt.Errorf("discard the record of %q: %w", p.Staging(run), bare(err))
	}

	return nil
}

// discardable refuses once a swap has begun, since its record is what the swap
// is finished by, or undone.
func (p Place) discardable(rec record) error {
	live, err := inodeOf(p.Real)
	if err != nil {
		return err
	}
	if rec.WasLive || rec.Holds == holdsNew || live == rec.New {
		return ErrWasLive
	}
	aside, err := inodeOf(p.Aside(rec.Run))
	if err != nil {
		return err
	}
	if aside != 0 {
		return ErrSwapBegun
	}

	return nil
}

// discardEmpty is for a staging directory without a record. Whose it is cannot
// be proven, so only an empty one goes.
func (p Place) discardEmpty(run string) error {
	err := os.Remove(p.Staging(run))
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTEMPTY):
		err = ErrNotOurs
	}

	return fmt.Errorf("discard %q: %w", p.Staging(run), bare(err))
}

// mine reads the record of a run and compares it with the staging directory.
// Without a record the error is fs.ErrNotExist. A staging directory that is gone
// is no obstacle.
func (p Place) mine(run string) (record, error) {
	if err := checkRun(run); err != nil {
		return record{}, err
	}
	rec, err := p.readRecord(run)
	if err != nil {
		return record{}, err
	}
	inode, err := inodeOf(p.Staging(run))
	if err != nil {
		return record{}, err
	}
	if inode != 0 && inode != rec.New {
		return record{}, ErrNotOurs
	}

	return rec, nil
}

func (p Place) readRecord(run string) (record, error) {
	var rec record
	if err := readJSON(p.recordPath(run), &rec); err != nil {
		return record{}, err
	}
	if rec.Run != run || rec.New == 0 {
		return record{}, fmt.Errorf("read %q: %w", p.recordPath(run), ErrNotOurs)
	}

	return rec, nil
}

func (p Place) writeRecord(rec record) error {
	return writeJSON(durable.WriteFile, p.recordPath(rec.Run), rec)
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read %q: %w", path, bare(err))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %q: %w", path, err)
	}

	return nil
}

func writeJSON(write func(string, []byte, fs.FileMode) error, path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}

	return write(path, append(text, '\n'), 0o600)
}

// inodeOf tells which directory is at path, and 0 for none.
func inodeOf(path string) (uint64, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at %q: %w", path, bare(err))
	}
	if !info.IsDir() {
		return 0, fmt.Errorf("look at %q: %w", path, ErrNotDirectory)
	}

	return info.Sys().(*syscall.Stat_t).Ino, nil //nolint:errcheck // on Linux a FileInfo of os.Stat always holds one
}
