package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/secret"
)

// Repair makes repaired copies of what is damaged of a backup, where that is
// exact: of its dump, and of a vault archive that lies one directory too deep. Dir,
// Database and Now are required.
type Repair struct {
	Dir        string
	Name       string // latest, a date, or a dump
	Into       string // where the copies go; empty: beside the dump
	Identity   string // the file of an age key; may be empty
	Passphrase secret.String
	Database   string
	Tool       command.Runner // runs pg_restore; nil: there is none on this host
	Now        func() time.Time
	Moved      func(part string, done, total int64) // may be nil
}

// Run repairs, and proves the copies. Its error carries a diagnosis; after one, no
// copy is there.
func (r Repair) Run(ctx context.Context) (recovery.RepairedBackup, error) {
	directory, err := openDirectory(ctx, r.Dir)
	if err != nil {
		return recovery.RepairedBackup{}, err
	}
	set, err := directory.Look(r.Name)
	if err != nil {
		return recovery.RepairedBackup{}, recovery.Fail(notChosen(directory, r.Name, err), err)
	}
	l := look{Verify: Verify{Dir: r.Dir, Name: r.Name, Full: true, Database: r.Database, Tool: r.Tool, Now: r.Now, Moved: r.Moved}, directory: directory, set: set}
	if !set.Dump.Exists() {
		return recovery.RepairedBackup{}, recovery.Fail(l.withNextBest(notWhole(set, backup.Dump)), nil)
	}
	place := directory.Path
	if r.Into != "" {
		if place, err = filepath.Abs(r.Into); err != nil {
			return recovery.RepairedBackup{}, err
		}
	}
	if err := os.MkdirAll(place, 0o700); err != nil {
		return recovery.RepairedBackup{}, recovery.Fail(repairPlace(place, r.Dir, set, err), err)
	}

	return r.repair(ctx, l, place)
}

func (r Repair) repair(ctx context.Context, l look, place string) (recovery.RepairedBackup, error) {
	copies, remarks, err := r.copies(ctx, l, place)
	if err != nil {
		for _, c := range copies {
			err = errors.Join(err, os.Remove(c.To)) // so that it can be asked for again
		}

		return recovery.RepairedBackup{}, err
	}
	_, name := l.set.RepairedDumpName()
	made := recovery.RepairedBackup{
		Backup: name, Copies: copies, Remarks: remarks, Next: do("Recover from the copy", "firmflow-recovery restore --backup "+typed(name)+" --backups "+typed(place)),
	}
	if place != l.directory.Path {
		links, err := accompany(l.set, copies, place)
		made.Remarks = append(made.Remarks, links...)
		if err != nil {
			return made, recovery.Fail(repairPlace(place, r.Dir, l.set, err), err)
		}
	}
	for _, c := range copies {
		if slices.Contains(c.Undone, dump.Age) {
			made.Remarks = append(made.Remarks, "the copy is not encrypted: remove it after the recovery")
		}
	}

	return made, nil
}

// copies makes them, at least one, or says why there is none.
func (r Repair) copies(ctx context.Context, l look, place string) (made []recovery.RepairedCopy, remarks []string, err error) {
	var copies []recovery.RepairedCopy
	var nothing error
	c, err := r.dump(ctx, l, place)
	switch {
	case err == nil:
		copies = append(copies, c)
	case errors.Is(err, dump.ErrNothingToUndo):
		d, broken := l.nothingToUndo(ctx)
		nothing = recovery.Fail(d, err)
		if broken {
			return nil, nil, nothing // whatever the archive is like
		}
	default:
		return nil, nil, err
	}
	var failure *recovery.Failure
	switch c, err := r.archive(ctx, l, place); {
	case err == nil:
		return append(copies, c), nil, nil
	case errors.Is(err, errNotNested):
		return copies, nil, nothing
	case nothing == nil && errors.Is(err, errNotRaised) && errors.As(err, &failure): // vault_sync may serve, or an archive from elsewhere
		return copies, []string{"the vault archive: " + failure.Diagnosis.Summary + "; see firmflow-recovery verify --full"}, nil
	default:
		return copies, nil, err
	}
}

// dump makes a copy of the dump; dump.ErrNothingToUndo says that there is nothing
// to repair, or nothing that could be.
func (r Repair) dump(ctx context.Context, l look, place string) (recovery.RepairedCopy, error) {
	if l.set.RepairedDump {
		return recovery.RepairedCopy{}, dump.ErrNothingToUndo
	}
	file, _ := l.set.RepairedDumpName()
	to := filepath.Join(place, file)
	how := dump.Repair{Tool: r.Tool}
	how.Moved = summed(l.moved("repair", l.set.Dump.Size))
	repaired, err := r.write(ctx, how, l.set.Dump.Path, to)
	if errors.Is(err, dump.ErrNothingToUndo) {
		return recovery.RepairedCopy{}, err
	}
	if err != nil {
		return recovery.RepairedCopy{}, r.explain(ctx, l, to, err)
	}

	return recovery.RepairedCopy{
		From: l.set.Dump.Path, To: to, Bytes: repaired.Reading.Bytes, SHA256: repaired.Reading.SHA256, Undone: inWords(repaired.Undone),
		Checks: []recovery.Finding{provenCopy(repaired)},
	}, nil
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

// accompany puts links to the rest of the backup beside copies that lie
// elsewhere, so that the directory is one to recover from.
func accompany(set backup.Set, copies []recovery.RepairedCopy, place string) ([]string, error) {
	targets := []string{set.Dump.Path, set.Archive.Path, set.Manifest.Path, set.Env.Path}
	targets = slices.DeleteFunc(targets, func(path string) bool {
		return path == "" || slices.ContainsFunc(copies, func(c recovery.RepairedCopy) bool { return c.From == path })
	})
	names := map[string]string{}
	for _, target := range targets {
		names[target] = filepath.Base(target)
	}
	if set.Mirror != nil {
		targets, names[set.Mirror.Path] = append(targets, set.Mirror.Path), "vault_sync" // it may be a link to another name
	}
	var remarks []string
	for _, target := range targets {
		path := filepath.Join(place, names[target])
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
	if d, known := dumpDiagnosis(err, l.set, r.Dir); known {
		d.Intact = "The backup is as it was, and no copy was left."

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
// could be undone, by reading it in full, and whether it is broken.
func (l look) nothingToUndo(ctx context.Context) (recovery.Diagnosis, bool) {
	p := l.dump(ctx)
	for _, f := range p.Findings {
		if f.Diagnosis == nil || f.Status == recovery.Warned || f.Diagnosis.Code == CodeVerifyNoTool || f.Diagnosis.Code == CodeDumpOtherDatabase {
			continue
		}
		d := *f.Diagnosis
		d.Intact = noCopyMade
		if f.Status == recovery.Failed {
			d.Summary += "; nothing about it can be repaired for sure"
		}

		return d, f.Status == recovery.Failed
	}

	return repairNothing(l.set, l.Dir, p.Status == recovery.Unproven), false
}
