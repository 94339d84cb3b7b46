package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/secret"
)

// Repair makes a repaired copy of a backup's dump, where that is exact. Dir,
// Database and Now are required.
type Repair struct {
	Dir        string
	Name       string // latest, a date, or a dump
	Into       string // where the copy goes; empty: beside the dump
	Identity   string // the file of an age key; may be empty
	Passphrase secret.String
	Database   string
	Tool       command.Runner // runs pg_restore; nil: there is none on this host
	Now        func() time.Time
	Moved      func(part string, done, total int64) // may be nil
}

// Run repairs, and proves the copy. Its error carries a diagnosis; a copy that
// could not be proven is not there afterwards.
func (r Repair) Run(ctx context.Context) (recovery.RepairedCopy, error) {
	directory, err := openDirectory(ctx, r.Dir)
	if err != nil {
		return recovery.RepairedCopy{}, err
	}
	set, err := directory.Look(r.Name)
	if err != nil {
		return recovery.RepairedCopy{}, recovery.Fail(notChosen(directory, r.Name, err), err)
	}
	l := look{Verify: Verify{Dir: r.Dir, Name: r.Name, Full: true, Database: r.Database, Tool: r.Tool, Now: r.Now, Moved: r.Moved}, directory: directory, set: set}
	if !set.Dump.Exists() {
		return recovery.RepairedCopy{}, recovery.Fail(l.withNextBest(notWhole(set, backup.Dump)), nil)
	}
	place := directory.Path
	if r.Into != "" {
		if place, err = filepath.Abs(r.Into); err != nil {
			return recovery.RepairedCopy{}, err
		}
	}

	return r.repair(ctx, l, place)
}

func (r Repair) repair(ctx context.Context, l look, place string) (recovery.RepairedCopy, error) {
	file, name := l.set.RepairedName()
	to := filepath.Join(place, file)
	if err := os.MkdirAll(place, 0o700); err != nil {
		return recovery.RepairedCopy{}, recovery.Fail(repairPlace(to, r.Dir, l.set, err), err)
	}
	how := dump.Repair{Tool: r.Tool}
	how.Moved = summed(l.moved("repair", l.set.Dump.Size))
	repaired, err := r.write(ctx, how, l.set.Dump.Path, to)
	if err != nil {
		return recovery.RepairedCopy{}, r.explain(ctx, l, to, err)
	}
	made := recovery.RepairedCopy{
		Backup: name, From: l.set.Dump.Path, To: to, Bytes: repaired.Reading.Bytes, SHA256: repaired.Reading.SHA256, Undone: inWords(repaired.Undone),
		Checks: []recovery.Finding{provenCopy(repaired)}, Next: do("Recover from the copy", "firmflow-recovery restore --backup "+typed(name)+" --backups "+typed(place)),
	}
	if place != l.directory.Path {
		links, err := accompany(l.set, place)
		made.Remarks = append(made.Remarks, links...)
		if err != nil {
			return made, recovery.Fail(repairPlace(to, r.Dir, l.set, err), err)
		}
	}
	for _, c := range repaired.Undone {
		if c.Kind == dump.Age {
			made.Remarks = append(made.Remarks, "the copy is not encrypted: remove it after the recovery")
		}
	}

	return made, nil
}

func (r Repair) write(ctx context.Context, how dump.Repair, from, to string) (dump.Repaired, error) {
	var err error
	switch {
	case r.Identity != "":
		how.Keys, err = secret.ReadIdentities(r.Identity)
	case !r.Passphrase.Empty():
		how.Keys, err = dump.Passphrase(r.Passphrase)
	}
	if err != nil {
		return dump.Repaired{}, recovery.Fail(repairKey(r.Identity, err), err)
	}

	return how.Write(ctx, from, to)
}

// inWords says what was undone.
func inWords(changes []dump.Change) []string {
	var words []string
	for _, c := range changes {
		switch c.Kind {
		case dump.Terminal:
			words = append(words, "the line ends of "+recovery.Counted(c.Count, "terminal"))
		case dump.Text:
			words = append(words, recovery.Counted(c.Count, "byte")+" of text before the dump")
		default:
			words = append(words, c.Kind)
		}
	}

	return words
}

// provenCopy says what is known of the copy.
func provenCopy(r dump.Repaired) recovery.Finding {
	text := fmt.Sprintf("read to its last byte: database %s, PostgreSQL %s, every block is there", r.Header.Database, r.Header.Server)
	if r.Reading.Rows == nil {
		return recovery.OK("copy", text+"; not unpacked, as no pg_restore that reads it is on this host: a restore does that first")
	}

	return recovery.OK("copy", text+" and unpacks; "+rows(r.Reading.Total())+" counted")
}

// accompany puts links to the rest of the backup beside a copy that lies
// elsewhere, so that the directory is one to recover from.
func accompany(set backup.Set, place string) ([]string, error) {
	targets := []string{set.Archive.Path, set.Manifest.Path, set.Env.Path}
	if set.Mirror != nil {
		targets = append(targets, set.Mirror.Path)
	}
	var remarks []string
	for i, target := range targets {
		if target == "" {
			continue
		}
		path := filepath.Join(place, filepath.Base(target))
		if i == len(targets)-1 && set.Mirror != nil { // it may be a link to another name
			path = filepath.Join(place, "vault_sync")
		}
		err := os.Symlink(target, path)
		if errors.Is(err, fs.ErrExist) {
			continue // what is there already is the operator's choice
		}
		if err != nil {
			return remarks, err
		}
		remarks = append(remarks, path+" leads to "+target)
	}

	return remarks, nil
}

// explain gives a failed repair its meaning.
func (r Repair) explain(ctx context.Context, l look, to string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var failure *recovery.Failure
	if errors.As(err, &failure) {
		return err
	}
	if errors.Is(err, dump.ErrNothingToUndo) {
		return recovery.Fail(l.nothingToUndo(ctx), err)
	}
	if d, known := dumpDiagnosis(err, l.set, r.Dir); known {
		d.Intact = "The dump is as it was, and no copy was left."

		return recovery.Fail(l.withNextBest(d), err)
	}
	if errors.Is(err, fs.ErrExist) {
		return recovery.Fail(repairInTheWay(to, l.set, r.Dir), err)
	}
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == l.set.Dump.Path {
		return recovery.Fail(l.withNextBest(notRead(path.Path, err)), err)
	}

	return recovery.Fail(repairPlace(to, r.Dir, l.set, err), err)
}

// nothingToUndo tells a sound dump from one whose damage leaves no mark that
// could be undone, by reading it in full.
func (l look) nothingToUndo(ctx context.Context) recovery.Diagnosis {
	p := l.dump(ctx)
	for _, f := range p.Findings {
		if f.Diagnosis == nil || f.Status == recovery.Warned || f.Diagnosis.Code == CodeVerifyNoTool || f.Diagnosis.Code == CodeDumpOtherDatabase {
			continue
		}
		d := *f.Diagnosis
		d.Intact = "The dump is as it was, and no copy was made."
		if f.Status == recovery.Failed {
			d.Summary += "; nothing about it can be repaired for sure"
		}

		return d
	}

	return repairNothing(l.set, l.Dir, p.Status == recovery.Unproven)
}
