package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/journal"
)

// Monitor looks whether this host could be recovered right now, for a check that
// runs every few minutes: it reads no file to its end. Dir, Now and the ages are
// required.
type Monitor struct {
	Dir      string
	Env      string // of the live installation
	Database string
	Home     journal.Home
	Drills   journal.Home
	Now      func() time.Time
	Warn     time.Duration // how old the newest backup may be
	Critical time.Duration // and from when on it is an emergency
	Offsite  Offsite       // where copies are kept; nil: nowhere
}

// Look never fails: what cannot be looked at is a problem of its own.
func (m Monitor) Look(ctx context.Context) recovery.Monitor {
	seen := recovery.Monitor{Word: recovery.LevelOK.String(), Secrets: "unknown"}
	seen.LastRun, seen.LastDrill = newestOf(m.Home, recovery.BackingUp, m.Now()), newestOf(m.Drills, recovery.Drilling, m.Now())
	directory, err := openDirectory(ctx, m.Dir)
	if err != nil {
		seen.Worsen(recovery.LevelCritical, summary(err))
		return seen
	}
	for _, set := range directory.Sets {
		if len(set.Missing()) == 0 {
			seen.Backups++
		}
	}
	set, err := directory.Choose(backup.Latest)
	if err != nil {
		seen.Worsen(recovery.LevelCritical, summary(recovery.Fail(notChosen(directory, backup.Latest, err), err)))
		return seen
	}
	seen.Backup, seen.Bytes = set.Name(), set.Dump.Size+set.Archive.Size
	seen.Taken = directory.Facts(set, m.Now()).Taken
	m.sound(ctx, &seen, set)
	m.age(&seen)
	m.offsite(ctx, &seen, set)
	if seen.LastRun != nil && seen.LastRun.Outcome != recovery.BackedUp {
		seen.Worsen(recovery.LevelWarning, "the last run of backup, "+string(seen.LastRun.Run)+", ended "+wordOf(*seen.LastRun))
	}

	return seen
}

func wordOf(s recovery.Summary) string {
	if s.Outcome == "" {
		return "without a verdict"
	}

	return string(s.Outcome)
}

func summary(err error) string {
	var failure *recovery.Failure
	if errors.As(err, &failure) {
		return failure.Diagnosis.Summary
	}

	return err.Error()
}

func (m Monitor) age(seen *recovery.Monitor) {
	seen.Age = m.Now().Sub(seen.Taken)
	switch {
	case seen.Age > m.Critical:
		seen.Worsen(recovery.LevelCritical, "the newest backup is "+recovery.Span(seen.Age)+" old")
	case seen.Age > m.Warn:
		seen.Worsen(recovery.LevelWarning, "the newest backup is "+recovery.Span(seen.Age)+" old")
	case seen.Age < -time.Hour:
		seen.Worsen(recovery.LevelWarning, "the newest backup is dated in the future")
	}
}

// sound is the fast look that verify has, and the one at the seal with the live
// installation's AUTH_SECRET.
func (m Monitor) sound(ctx context.Context, seen *recovery.Monitor, set backup.Set) {
	found, err := Verify{Dir: m.Dir, Name: backup.Latest, Database: m.Database, Now: m.Now}.Run(ctx)
	if err != nil {
		seen.Worsen(recovery.LevelUnknown, summary(err))
		return
	}
	for _, part := range found.Parts {
		for _, f := range part.Findings {
			switch f.Status {
			case recovery.Failed:
				seen.Worsen(recovery.LevelCritical, f.Text)
			case recovery.Unproven, recovery.Warned:
				seen.Worsen(recovery.LevelWarning, f.Text)
			case recovery.Passed:
			}
		}
	}
	sealed, err := soundByManifest(set)
	if err != nil {
		seen.Secrets = "no manifest says which they are"
		return
	}
	seen.Sealed, seen.Taken = true, sealed.Began
	m.secrets(seen, set, sealed)
}

// offsite tells whether the newest backup is kept elsewhere, too.
func (m Monitor) offsite(ctx context.Context, seen *recovery.Monitor, set backup.Set) {
	if m.Offsite == nil {
		return
	}
	seen.Offsite = m.Offsite.String()
	sealed, err := soundByManifest(set)
	if err == nil {
		err = equalOffsite(ctx, m.Offsite, sealed)
	}
	if err != nil {
		seen.Worsen(recovery.LevelWarning, "off-site: "+summary(recovery.Fail(offsiteFailed(m.Offsite, set.Name(), err), err)))
		return
	}
	seen.Copied = true
}

// secrets tells whether the keys that the backup needs are known: those of the
// live .env, by the seal.
func (m Monitor) secrets(seen *recovery.Monitor, set backup.Set, sealed backup.Sealed) {
	kept := "not in the backup"
	if set.Env.Exists() {
		kept = "in the backup"
	}
	env, err := envfile.Read(m.Env)
	if err != nil {
		seen.Secrets = ".env is " + kept + "; the live one could not be read"
		if !set.Env.Exists() {
			seen.Worsen(recovery.LevelWarning, "the live .env cannot be read, and none is in the backup")
		}
		return
	}
	switch err := sealed.Verify(env.Value(envfile.AuthSecret)); {
	case err == nil:
		seen.Secrets = "the live AUTH_SECRET is the backup's; .env is " + kept
	case errors.Is(err, backup.ErrOtherSecret):
		seen.Secrets = "the live AUTH_SECRET is not the backup's; .env is " + kept
		seen.Worsen(recovery.LevelWarning, "the live AUTH_SECRET is not the backup's: keep the .env of then")
	default:
		seen.Worsen(recovery.LevelCritical, fmt.Sprintf("the manifest of %s: %v", set.Name(), err))
	}
}

// newestOf is the newest run of a purpose; nil where there is none.
func newestOf(home journal.Home, purpose recovery.Purpose, now time.Time) *recovery.Summary {
	runs, err := home.Runs()
	if err != nil {
		return nil // what cannot be read there, the commands about runs tell in full
	}
	for _, run := range runs {
		state, err := home.Read(run)
		if err != nil || state.Purpose != purpose {
			continue
		}
		if state.Verdict == nil {
			if holder, held, err := home.Held(); err == nil && held && holder.Run == run {
				continue // it goes on
			}
		}
		sum := state.Summarise(now)

		return &sum
	}

	return nil
}
