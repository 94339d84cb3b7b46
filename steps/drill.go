package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/stack"
)

// Drill rehearses the whole recovery in surroundings of its own: the same five
// steps, the same questions, the same proofs. The installation is only looked
// at, before and after.
//
// It takes no lock of a recovery, so that one can begin at any time; it does not
// begin beside one.
type Drill struct {
	Home         journal.Home // where drills are kept; its lock lets in one at a time
	Live         journal.Home // of the recoveries of this host
	Installation *Stack       // what must not be touched
	Rehearsal    *Stack       // what is rehearsed on; its place is filled in here
	Root         string       // the directory in which surroundings are made
	Sandbox      drill.Sandbox
	Compose      drill.Compose
	OnCompose    bool // rehearse in containers of the installation's own images
	Host         string
	Program      string        // the version, for the report
	Target       time.Duration // how long the recovery may take; zero: no target
	Fault        drill.Fault   // what is to go wrong; its zero value: nothing
	Hangup       func() error  // drops the line to the operator
	Keep         bool          // leave the surroundings there
	Guided       bool          // something was asked before the drill, and can be gone back to
	Note         func(text string)
	Enough       func() error

	left []string // what of the installation's configuration the containers have not
}

// Drilled is what a drill gave.
type Drilled struct {
	Run     recovery.RunID
	Backup  string
	DataAge time.Duration // how old the data of the backup was when the drill began
	Verdict recovery.Verdict
	Report  string // path; empty: none was written

	Scorecard string // how it went, for the one who did it
	Kept      []string
}

// Run carries out a drill of a backup, and takes its surroundings away again,
// whatever became of it. Its error is about what comes before or after, and
// carries a diagnosis where one is known.
func (d Drill) Run(ctx context.Context, op recovery.Operator, c Chosen) (did Drilled, err error) {
	if err := d.aloneNow(); err != nil {
		return did, err
	}
	now := d.Rehearsal.Now
	did.Run, err = d.newRun(now())
	if err != nil {
		return did, err
	}
	lock, err := d.Home.Lock(journal.Holder{PID: os.Getpid(), Host: d.Host, Run: did.Run, Since: now()})
	if err != nil {
		return did, drillLocked(err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := d.tidy(context.WithoutCancel(ctx)); err != nil {
		return did, err
	}
	if err := ctx.Err(); err != nil {
		return did, context.Cause(ctx)
	}
	if err := d.prepare(ctx, did.Run, c); err != nil {
		return did, err
	}
	did.Backup, did.DataAge = d.Rehearsal.Backup.Name(), now().Sub(d.Rehearsal.Backup.Dump.Modified)

	return d.inPlace(ctx, op, did)
}

// aloneNow refuses a drill while a recovery works on this host, and where that
// cannot be told.
func (d Drill) aloneNow() error {
	holder, held, err := d.Live.Held()
	switch {
	case err != nil:
		return recovery.Fail(recoveryUnknown(err), err)
	case held:
		return locked(&journal.HeldError{Holder: holder})
	default:
		return nil
	}
}

// newRun names the drill: later than every run and every drill of this host, so
// that a report is found by its name alone.
func (d Drill) newRun(now time.Time) (recovery.RunID, error) {
	live, err := d.Live.NewRun(now)
	if err != nil {
		return "", err
	}
	own, err := d.Home.NewRun(now)

	return max(live, own), err
}

// tidy takes away what earlier drills left that were killed. Those of which the
// operator said that they stay, stay.
func (d Drill) tidy(ctx context.Context) error {
	places, err := drill.Found(d.Root, d.Home.Dir)
	if err != nil {
		return recovery.Fail(drillPlace(d.Root, err), err)
	}
	for _, p := range places {
		if p.Receipt.Kept {
			continue
		}
		if err := d.remove(ctx, p); err != nil {
			return err
		}
		d.say("removed what drill " + p.Receipt.Run + " had left, which did not come to its end")
		if _, err := d.report(recovery.RunID(p.Receipt.Run)); err != nil && !errors.Is(err, journal.ErrNoRun) {
			return err
		}
	}
	if !d.OnCompose {
		return nil
	}
	lost, err := d.Compose.ClearLost(ctx, d.Home.Dir)
	for _, name := range lost {
		d.say("removed the containers of " + name + ", whose directory is gone")
	}
	if errors.Is(err, stack.ErrEngineMissing) || errors.Is(err, stack.ErrEngineUnreachable) || errors.Is(err, stack.ErrEngineForbidden) {
		return nil // which is told once the installation is looked at
	}

	return err
}

func (d Drill) say(text string) {
	if d.Note != nil {
		d.Note(text)
	}
}

// Remove takes kept surroundings away: of one drill, or of all if run is empty.
// It gives the names of those drills.
func (d Drill) Remove(ctx context.Context, run recovery.RunID) (removed []string, err error) {
	lock, err := d.Home.Lock(journal.Holder{PID: os.Getpid(), Host: d.Host, Run: run, Since: d.Rehearsal.Now()})
	if err != nil {
		return nil, drillLocked(err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	places, err := drill.Found(d.Root, d.Home.Dir)
	if err != nil {
		return nil, recovery.Fail(drillPlace(d.Root, err), err)
	}
	for _, p := range places {
		if run != "" && p.Receipt.Run != string(run) {
			continue
		}
		if err := d.remove(ctx, p); err != nil {
			return removed, err
		}
		removed = append(removed, p.Receipt.Run)
	}

	return removed, nil
}

func (d Drill) remove(ctx context.Context, p drill.Place) error {
	err := p.Remove(ctx, func(ctx context.Context) error {
		if p.Receipt.Compose {
			return d.Compose.Stop(ctx, p)
		}

		return d.Sandbox.Stop(ctx, p)
	})
	if err != nil {
		return recovery.Fail(drillLeft(p, err), err)
	}

	return nil
}

// prepare chooses the backup and the original, and fills in where the rehearsal
// takes place.
func (d Drill) prepare(ctx context.Context, run recovery.RunID, c Chosen) error {
	set, newer, err := OpenBackup(ctx, d.Installation.BackupDir, c.Backup)
	if err != nil {
		return err
	}
	s := d.Rehearsal
	s.RunID, s.Backup, s.PassedOver, s.BackupDir, s.OriginalEnv = run, set, newer, d.Installation.BackupDir, c.Original
	s.OriginalKey, s.Host = c.Key, d.Host
	if s.OriginalEnv == "" {
		s.OriginalEnv = set.Env.Path
	}
	if there, err := durable.Exists(d.Installation.envPath()); s.OriginalEnv == "" && err == nil && there {
		s.OriginalEnv = d.Installation.envPath()
	}

	return s.Unlock()
}

// inPlace makes the surroundings, rehearses in them, and takes them away.
func (d Drill) inPlace(ctx context.Context, op recovery.Operator, did Drilled) (end Drilled, err error) {
	place, err := d.layOut(ctx, did.Run)
	if err != nil {
		return did, err
	}
	defer func() {
		if err == nil && d.Keep {
			end.Kept, err = d.keep(ctx, place)
			return
		}
		err = errors.Join(err, d.remove(context.WithoutCancel(ctx), place))
	}()
	r := d.runner(ctx, op, place)
	kept, err := d.Home.Create(r.Run)
	if err != nil {
		return did, err
	}
	r.Journal = kept
	did.Verdict = r.Recover(ctx)
	if err := kept.Close(); err != nil {
		return did, err
	}
	if did.Report, err = d.report(did.Run); err != nil {
		return did, err
	}
	state, err := d.Home.Read(did.Run)
	did.Scorecard = d.scorecard(state)

	return did, err
}

// layOut makes the place, once nothing of it would be the installation's.
func (d *Drill) layOut(ctx context.Context, run recovery.RunID) (drill.Place, error) {
	root, err := filepath.Abs(d.Root)
	if err != nil {
		return drill.Place{}, fmt.Errorf("find the place of the drill: %w", err)
	}
	if d.OnCompose {
		if err := d.readInstallation(ctx); err != nil {
			return drill.Place{}, err
		}
	}
	place := drill.In(root, drill.Receipt{Run: string(run), Home: d.Home.Dir, Made: d.Rehearsal.Now(), Compose: d.OnCompose})
	barrier := d.barrier(ctx)
	if err := barrier.Check(place); err != nil {
		return place, recovery.Fail(drillTouches(d.Root, err), err)
	}
	if err := place.Make(); err != nil {
		return place, recovery.Fail(drillPlace(d.Root, err), err)
	}
	s := d.Rehearsal
	if err := d.notMade(d.train(ctx, place)); err != nil {
		return place, errors.Join(err, d.remove(context.WithoutCancel(ctx), place))
	}
	if d.OnCompose {
		d.left, err = d.layOutContainers(ctx, place, barrier)
	} else {
		err = d.layOutSandbox(place, barrier)
	}
	if err != nil {
		return place, errors.Join(err, d.remove(context.WithoutCancel(ctx), place))
	}
	s.Next = d.next()

	return place, nil
}

// layOutSandbox makes an installation of processes of this host in the place.
func (d Drill) layOutSandbox(place drill.Place, b drill.Barrier) error {
	s, box := d.Rehearsal, d.Sandbox
	if d.Fault.Address {
		box.Astray = 1 // nobody listens there
	}
	box.Database, box.User, box.Keys, box.Scrub = s.Database, s.User, s.keysGiven(), s.Scrub
	if _, err := box.LayOut(place, b); err != nil {
		return recovery.Fail(drillTouches(d.Root, err), err)
	}
	s.ProjectDir, s.Vault, s.Runtime = place.Work(), place.Vault(), d.withFault(place, box.Open(place))
	s.DBService, s.AppService, s.AppURL, s.PinProject = drill.DatabaseService, drill.AppService, "", true

	return nil
}

// keysGiven names the keys that the original has; none where it cannot be read,
// which step 1 explains.
func (s *Stack) keysGiven() []string {
	original, err := s.original()
	if err != nil {
		return nil
	}

	return slices.DeleteFunc(envfile.Keys(), func(key string) bool { return original.Value(key).Empty() })
}

// barrier is all by which the installation could be touched. What cannot be
// told, since nothing is installed here or its engine does not answer, cannot be
// met by a sandbox either: it has no container, no volume and no network.
func (d Drill) barrier(ctx context.Context) drill.Barrier {
	i := d.Installation
	b := drill.Barrier{Paths: map[string]string{
		"project": i.ProjectDir, "vault": i.Vault, "backups": i.BackupDir, "journal": d.Live.Dir,
	}}
	project, err := i.Runtime.Project(ctx)
	if err != nil {
		return b
	}
	b.Project, b.Paths["database"] = project.Name, project.DataDir
	for _, spec := range project.Specs {
		for _, p := range spec.Ports {
			b.Ports = append(b.Ports, p.Published)
		}
		for _, m := range spec.Mounts {
			if m.Kind == "bind" && !m.ReadOnly {
				b.Paths["directory of "+spec.Name+", "+m.Target] = m.Source
			}
		}
	}

	return b
}

// runner makes the run. What is proven at its end goes with its proofs.
func (d Drill) runner(ctx context.Context, op recovery.Operator, place drill.Place) recovery.Runner {
	s := d.Rehearsal
	before := d.see(ctx, nil)
	began := s.Now()

	return recovery.Runner{
		Steps: Restore(s), Operator: op, Now: s.Now, Run: s.RunID, Host: d.Host, Backup: s.Backup.Name(), Inputs: s.Inputs(),
		Target:  "surroundings of its own in " + place.Dir + "; FirmFlow in " + d.Installation.ProjectDir + " is not touched",
		History: Reports{Live: d.Live, Drills: d.Home}.History(), Within: d.Target, Program: d.Program,
		Warning: "In earnest this would set aside the vault and the database of now, hold the app meanwhile, and lose what was written since the backup. Here nothing of the installation is touched.",
		Purpose: recovery.Drilling, Guided: d.Guided, Enough: d.Enough, Release: s.Disengage, Intact: "This is a drill in " + place.Dir + ": the installation and its backups are only read.",
		Closing: func(ctx context.Context) []recovery.Finding {
			findings := d.missed()
			if ctx.Err() == nil {
				findings = append(findings, d.untouched(before, d.see(ctx, &before)))
			}

			return append(findings, d.onTime(s.Now().Sub(began))...)
		},
	}
}
