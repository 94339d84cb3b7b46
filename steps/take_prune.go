package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
)

// takePrune is step 5 of a backup: old ones are deleted, as the retention says.
type takePrune struct {
	*taking
	ran bool
}

func (r *takePrune) ID() recovery.StepID { return TakePruneID }
func (r *takePrune) Title() string       { return "prune old backups" }

func (r *takePrune) prune() Prune { return Prune{Dir: r.BackupDir, Retention: r.Retention, Now: r.Now} }

// Check tells what would be deleted. Before the backup is there, that is not
// known for certain: it counts among those that stay.
func (r *takePrune) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	pruned, err := r.prune().Plan(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if n := pruned.Deleted(); n > 0 {
		return waits("delete " + recovery.Counted(int64(n), "old backup") + "; keep " + recovery.Count(int64(len(pruned.Backups)-n))), nil
	}
	if !r.ran {
		return waits("delete what is older than is kept: nothing today"), nil
	}

	return provenly(recovery.OK("kept", fmt.Sprintf("%s, %d of them verified", recovery.Counted(int64(len(pruned.Backups)), "backup"), pruned.Verified))), nil
}

// Run deletes them.
func (r *takePrune) Run(ctx context.Context, p recovery.Progress) error {
	pruned, err := r.prune().Run(ctx)
	if err != nil {
		return err
	}
	for _, b := range pruned.Backups {
		if b.Delete {
			p.Note("deleted backup " + b.Name + ": " + b.Why)
		}
	}
	r.ran = true

	return nil
}

// Prune deletes old backups. Dir and Now are required.
type Prune struct {
	Dir       string
	Retention backup.Retention
	Now       func() time.Time
	Offsite   Offsite // where there are copies; nil: nowhere
	There     bool    // delete copies as well: without it Run says only which would go
}

// Plan says what would be deleted, and why the rest stays. Its error carries a
// diagnosis.
func (p Prune) Plan(ctx context.Context) (recovery.Pruning, error) {
	pruned, _, _, err := p.decide(ctx)
	pruned.DryRun = true
	if err == nil && p.Offsite != nil {
		pruned.Offsite, err = p.offsite(ctx, false)
	}

	return pruned, err
}

// Run deletes it.
func (p Prune) Run(ctx context.Context) (recovery.Pruning, error) {
	pruned, directory, gone, err := p.decide(ctx)
	if err != nil {
		return pruned, err
	}
	if len(gone) > 0 {
		if err := directory.Remove(gone); err != nil {
			return pruned, recovery.Fail(pruneFailed(p.Dir, err), err)
		}
	}
	if p.Offsite != nil {
		pruned.Offsite, err = p.offsite(ctx, p.There)
	}

	return pruned, err
}

// offsite does the same, or says what it would do, where copies are kept.
func (p Prune) offsite(ctx context.Context, deletes bool) (*recovery.Pruning, error) {
	failed := func(err error) error { return recovery.Fail(offsiteFailed(p.Offsite, backup.Latest, err), err) }
	directory, err := p.Offsite.Directory(ctx)
	if err != nil {
		return nil, failed(err)
	}
	pruned, gone := p.sort(directory, func(set backup.Set) (backup.Sealed, error) { return p.Offsite.Sealed(ctx, set) })
	pruned.DryRun = !deletes
	if !deletes || len(gone) == 0 {
		return &pruned, nil
	}
	locked, err := p.Offsite.Remove(ctx, directory, gone)
	if err != nil {
		return nil, failed(err)
	}
	for i, b := range pruned.Backups {
		if why, is := locked[b.Name]; is {
			pruned.Backups[i].Delete, pruned.Backups[i].Why = false, why
		}
	}

	return &pruned, nil
}

func (p Prune) decide(ctx context.Context) (recovery.Pruning, backup.Directory, []backup.Set, error) {
	directory, err := openDirectory(ctx, p.Dir)
	if err != nil {
		return recovery.Pruning{}, directory, nil, err
	}
	pruned, gone := p.sort(directory, soundByManifest)

	return pruned, directory, gone, nil
}

// sort decides about each backup of a directory; sealed reads a manifest.
func (p Prune) sort(directory backup.Directory, sealed func(backup.Set) (backup.Sealed, error)) (recovery.Pruning, []backup.Set) {
	now := p.Now()
	pruned := recovery.Pruning{Directory: directory.Path}
	var all []backup.Kept
	sets := map[string]backup.Set{}
	for _, set := range directory.Sets {
		if set.Repaired() {
			continue // it goes where the backup goes that was broken
		}
		k := backup.Kept{Name: set.Name(), Taken: directory.Facts(set, now).Taken, Whole: set.Dump.Filled() && set.Archive.Filled()}
		if m, err := sealed(set); err == nil {
			k.Verified, k.Taken = true, m.Began
			pruned.Verified++
		}
		all, sets[k.Name] = append(all, k), set
	}
	var gone []backup.Set
	for _, d := range p.Retention.Decide(now, all) {
		pruned.Backups = append(pruned.Backups, recovery.PrunedBackup{Name: d.Name, Delete: d.Delete, Why: d.Why})
		if d.Delete {
			gone = append(gone, sets[d.Name])
		}
	}

	return pruned, gone
}

// errNoManifest is a backup that cannot be compared with what it was.
var errNoManifest = errors.New("it has no manifest")

// soundByManifest is the fast look: the manifest is as it was written, and the
// files have the sizes that it says.
func soundByManifest(set backup.Set) (backup.Sealed, error) {
	if !set.Manifest.Exists() {
		return backup.Sealed{}, errNoManifest
	}
	m, err := set.ReadManifest()
	if err != nil {
		return m, err
	}
	if wrong := set.Sizes(m.Manifest); len(wrong) > 0 {
		return m, fmt.Errorf("%s: %w", wrong[0].Name, wrong[0].Err)
	}

	return m, nil
}
