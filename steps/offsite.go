package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/journal"
)

// Offsite is where copies of the backups are kept besides. Whatever it does, the
// backups of here are only read.
type Offsite interface {
	fmt.Stringer
	// Directory lists what is there; what it names need not be files of this host.
	Directory(ctx context.Context) (backup.Directory, error)
	// Sealed reads the manifest of a backup that is there, and sees that its files
	// are as long as that says.
	Sealed(ctx context.Context, set backup.Set) (backup.Sealed, error)
	// Copy puts a backup there and reads it back; twice equals once. moved is told
	// of twice its bytes.
	Copy(ctx context.Context, set backup.Set, m backup.Manifest, moved func(int64)) error
	// Remove deletes backups there, and gives those that may not be deleted yet,
	// with the reason.
	Remove(ctx context.Context, d backup.Directory, sets []backup.Set) (kept map[string]string, err error)
}

// idle is for how long a copy may stand still: a share that is asked to make 64
// MiB durable takes its time.
const idle = 3 * time.Minute

// answers is how long an off-site share may take to answer.
const answers = 10 * time.Second

// SecondDirectory is an off-site place that is mounted here.
type SecondDirectory struct {
	Dir   string
	Mount string // what must be a mount point; empty: nobody said
}

func (d SecondDirectory) String() string { return d.Dir }

// errNotMounted is a mount point on which nothing is mounted: what is written
// there lands on the disk that the copy is to be apart from.
var errNotMounted = errors.New("nothing is mounted there")

// Directory sees that the share is mounted and answers, and lists it.
func (d SecondDirectory) Directory(ctx context.Context) (backup.Directory, error) {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	if d.Mount != "" {
		mounted, err := backup.Within(ctx, func() (bool, error) { return durable.IsMountPoint(d.Mount) })
		if err == nil && !mounted {
			err = errNotMounted
		}
		if err != nil {
			return backup.Directory{}, fmt.Errorf("look at %q: %w", d.Mount, err)
		}
	}

	return backup.Open(ctx, d.Dir)
}

// Sealed reads a manifest.
func (d SecondDirectory) Sealed(ctx context.Context, set backup.Set) (backup.Sealed, error) {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()

	return backup.Within(ctx, func() (backup.Sealed, error) { return soundByManifest(set) })
}

// Copy looks first whether the share answers, so that one that hangs is told in
// seconds.
func (d SecondDirectory) Copy(ctx context.Context, set backup.Set, m backup.Manifest, moved func(int64)) error {
	if _, err := d.Directory(ctx); err != nil {
		return err
	}

	return set.Copy(ctx, m, d.Dir, idle, moved)
}

// Remove deletes backups.
func (d SecondDirectory) Remove(_ context.Context, in backup.Directory, sets []backup.Set) (map[string]string, error) {
	return nil, in.Remove(sets)
}

// equalOffsite sees that a backup of here is there as well: the same manifest,
// and files as long as it says.
func equalOffsite(ctx context.Context, o Offsite, here backup.Sealed) error {
	directory, err := o.Directory(ctx)
	if err != nil {
		return err
	}
	for _, set := range directory.Sets {
		if set.Date != here.Backup || set.Repaired() {
			continue
		}
		there, err := o.Sealed(ctx, set)
		if err == nil && !there.Same(here) {
			err = fmt.Errorf("backup %s: %w", set.Date, backup.ErrOther)
		}

		return err
	}

	return fmt.Errorf("backup %s: %w", here.Backup, backup.ErrMissing)
}

// takeOffsite is the last step of a backup, where there is a place for copies. If
// it fails, the backup of here is whole all the same.
type takeOffsite struct {
	*taking
	looked bool
	copied bool
}

func (o *takeOffsite) ID() recovery.StepID { return TakeOffsiteID }
func (o *takeOffsite) Title() string       { return "copy the backup off-site" }

// Added tells that a failure of this step takes nothing from the others.
func (o *takeOffsite) Added() string { return copyAgainOffsite(o.making.Date) }

// Check looks whether the place answers. One that does not is no reason against a
// backup of here.
func (o *takeOffsite) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	if o.copied {
		return o.see(ctx)
	}
	a := waits("copy it to "+o.Offsite.String(), "read it there to its last byte")
	if o.looked { // one look beforehand is enough: Run sees for itself
		return a, nil
	}
	o.looked = true
	directory, err := o.Offsite.Directory(ctx)
	if err != nil {
		a.Findings = []recovery.Finding{recovery.Problem("off-site", recovery.Warned, o.Diagnose(err))}
		return a, nil
	}
	a.Findings = []recovery.Finding{recovery.OK("off-site", o.Offsite.String()+" answers, and has "+recovery.Counted(int64(len(directory.Sets)), "backup"))}

	return a, nil
}

func (o *takeOffsite) see(ctx context.Context) (recovery.Assessment, error) {
	set, m, err := sealedHere(ctx, o.BackupDir, o.making.Date)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if err := equalOffsite(ctx, o.Offsite, m); err != nil {
		return recovery.Assessment{}, err
	}

	return provenly(recovery.OK("off-site", fmt.Sprintf("%s is in %s too: %s, each read back with the SHA-256 of the manifest", set.Name(), o.Offsite, recovery.Size(m.Total())))), nil
}

// Run copies.
func (o *takeOffsite) Run(ctx context.Context, p recovery.Progress) error {
	set, m, err := sealedHere(ctx, o.BackupDir, o.making.Date)
	if err != nil {
		return err
	}
	p.Phase("copy and read back", recovery.Bytes)
	if err := o.Offsite.Copy(ctx, set, m.Manifest, meter(p, m.Copied())); err != nil {
		return err
	}
	p.Note("backup " + set.Name() + " is copied to " + o.Offsite.String())
	o.copied = true

	return nil
}

// Diagnose gives its errors their meaning.
func (o *takeOffsite) Diagnose(err error) recovery.Diagnosis {
	return offsiteFailed(o.Offsite, o.making.Date, err)
}

// sealedHere finds a backup with a manifest: by its date, or the newest.
func sealedHere(ctx context.Context, dir, name string) (backup.Set, backup.Sealed, error) {
	set, _, err := OpenBackup(ctx, dir, name)
	if err != nil {
		return set, backup.Sealed{}, err
	}
	m, err := soundByManifest(set)
	if errors.Is(err, errNoManifest) {
		err = recovery.Fail(offsiteUnsealed(set), err)
	}

	return set, m, err
}

// OffsiteCopy copies one backup off-site, outside of a run of backup.
type OffsiteCopy struct {
	Home journal.Home
	Host string
	Dir  string // where the backups of here lie
	Name string // latest, or a date
	To   Offsite
	Now  func() time.Time
	// Moved may be nil.
	Moved func(part string, done, total int64)
}

// Run copies, and says what. Its error carries a diagnosis.
func (c OffsiteCopy) Run(ctx context.Context) (told string, err error) {
	run, err := c.Home.NewRun(c.Now())
	if err != nil {
		return "", err
	}
	lock, err := c.Home.Lock(journal.Holder{PID: os.Getpid(), Host: c.Host, Run: run, Since: c.Now()})
	if err != nil {
		return "", unkept(c.Home, locked(err))
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	set, m, err := sealedHere(ctx, c.Dir, c.Name)
	if err != nil {
		return "", err
	}
	err = c.To.Copy(ctx, set, m.Manifest, func(done int64) {
		if c.Moved != nil {
			c.Moved("off-site", done, m.Copied())
		}
	})
	if err == nil {
		err = equalOffsite(ctx, c.To, m)
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", recovery.Fail(offsiteFailed(c.To, set.Name(), err), err)
	}

	return fmt.Sprintf("%s is in %s: %s, each file read back with the SHA-256 of the manifest", set.Name(), c.To, recovery.Size(m.Total())), nil
}
