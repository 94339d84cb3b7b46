package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/vault"
)

// How much room a dump takes in a database, as multiples of its size. Below the
// first it cannot fit; below the second it may not (FAULTS B29: a dump of
// 22.6 MB made a database of 34 MB, and its log as much again).
const (
	dumpAtLeast = 3
	dumpSurely  = 12
)

// need is what one filesystem must have room for.
type need struct {
	paths         []string
	least, surely uint64
	inodes        uint64
}

// space compares what old and new take at once with what is free, filesystem by
// filesystem: vault and database may share one.
func (e *environment) space(ctx context.Context) ([]recovery.Finding, error) {
	needs := make(map[uint64]*need)
	if err := e.vaultNeeds(ctx, needs); err != nil {
		return nil, err
	}
	if e.project != nil && e.project.DataDir != "" {
		size := uint64(max(e.Backup.Dump.Size, 0))
		if err := add(needs, e.project.DataDir, need{least: size * dumpAtLeast, surely: size * dumpSurely}); err != nil {
			return nil, err
		}
	}
	var findings []recovery.Finding
	for _, n := range needs {
		found, err := n.judge()
		if err != nil {
			return nil, err
		}
		findings = append(findings, found)
	}

	return findings, nil
}

// vaultNeeds adds what the staged vault takes. Encrypted documents do not
// compress, so the archive is about as large as what is in it; a live vault that
// is larger is the better guess. How many files an archive holds only its last
// byte tells, so the live vault and the mirror beside the archive are counted:
// fewer than there will hardly be.
func (e *environment) vaultNeeds(ctx context.Context, needs map[uint64]*need) error {
	live, err := vault.Measure(ctx, e.Vault)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	size, files := uint64(max(e.Backup.Archive.Size, live.Bytes)), uint64(max(live.Files+live.Directories, 0))
	if m := e.Backup.Mirror; m != nil {
		files = max(files, uint64(max(m.Seen, 0)))
	}
	if e.fromMirror() && e.Backup.Mirror != nil {
		mirror, err := vault.Measure(ctx, e.Backup.Mirror.Path)
		if err != nil {
			return fmt.Errorf("measure %s: %w", e.Backup.Mirror.Path, err)
		}
		size, files = uint64(mirror.Bytes), uint64(mirror.Files+mirror.Directories)
	}
	place, err := vault.Locate(e.Vault)
	if err != nil {
		return err
	}

	return add(needs, filepath.Dir(place.Staging(string(e.RunID))), need{least: size, surely: size + size/10, inodes: files})
}

func add(needs map[uint64]*need, path string, n need) error {
	free, err := durable.Free(existing(path))
	if err != nil {
		return err
	}
	sum := needs[free.Filesystem]
	if sum == nil {
		sum = &need{}
		needs[free.Filesystem] = sum
	}
	sum.paths = append(sum.paths, existing(path))
	sum.least += n.least
	sum.surely += n.surely
	sum.inodes += n.inodes

	return nil
}

// existing gives the nearest directory above a path that is there.
func existing(path string) string {
	for path != "/" && path != "." {
		if there, err := durable.Exists(path); err == nil && there {
			return path
		}
		path = filepath.Dir(path)
	}

	return path
}

func (n *need) judge() (recovery.Finding, error) {
	free, err := durable.Free(n.paths[0])
	if err != nil {
		return recovery.Finding{}, err
	}
	switch {
	case free.Bytes < n.least:
		return recovery.Problem("space", recovery.Failed, spaceShort(n, free)), nil
	case !free.InodesUnknown && free.Inodes < n.inodes:
		return recovery.Problem("space", recovery.Failed, inodesShort(n, free)), nil
	case free.Bytes < n.surely:
		return recovery.Problem("space", recovery.Warned, spaceTight(n, free)), nil
	default:
		return recovery.OK("space", fmt.Sprintf("%s free on %s, up to %s needed beside what is there",
			recovery.Size(int64(free.Bytes)), n.paths[0], recovery.Size(int64(n.surely)))), nil
	}
}
