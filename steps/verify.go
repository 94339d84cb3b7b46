package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/vault"
)

// onlyRead is what stands after a look.
const onlyRead = "Nothing was changed: this only reads."

// Verify looks at one backup, and touches nothing. Dir, Database and Now are
// required.
type Verify struct {
	Dir      string
	Name     string // latest, a date, or a dump
	Full     bool   // read every byte; else beginnings and ends, at a cost that does not grow
	Rehearse bool   // and load the dump into a scratch database; implies Full
	Database string
	Key      envfile.Key                                // opens the backup's .env, where that is encrypted
	Tool     command.Runner                             // runs pg_restore; nil: there is none on this host
	Scratch  func(ctx context.Context) (Scratch, error) // makes the scratch database; required to rehearse
	Now      func() time.Time
	Moved    func(part string, done, total int64) // may be nil
}

// Run gives what was found. Its error carries a diagnosis where there is no
// backup to look at, and otherwise is the context's.
func (v Verify) Run(ctx context.Context) (recovery.Verification, error) {
	began := v.Now()
	v.Full = v.Full || v.Rehearse
	directory, err := openDirectory(ctx, v.Dir)
	if err != nil {
		return recovery.Verification{}, err
	}
	set, err := directory.Look(v.Name)
	if err != nil {
		return recovery.Verification{}, recovery.Fail(notChosen(directory, v.Name, err), err)
	}
	found := recovery.Verification{Directory: directory.Path, Backup: set.Name(), Full: v.Full, Rehearsed: v.Rehearse}
	l := look{Verify: v, directory: directory, set: set}
	for _, part := range []func(context.Context) recovery.VerifiedPart{l.dump, l.archive, l.mirror, l.env, l.pairing} {
		found.Parts = append(found.Parts, part(ctx))
		if err := context.Cause(ctx); err != nil {
			return recovery.Verification{}, err
		}
	}
	found.Parts = append(found.Parts, l.manifest(ctx, found.Parts))
	if err := context.Cause(ctx); err != nil {
		return recovery.Verification{}, err
	}
	found.Took = v.Now().Sub(began)
	found.Judge()

	return found, nil
}

// look is one look at one backup.
type look struct {
	Verify
	directory backup.Directory
	set       backup.Set
}

// moved makes a part's count a progress.
func (l look) moved(part string, total int64) func(int64) {
	return func(done int64) {
		if l.Moved != nil {
			l.Moved(part, done, total)
		}
	}
}

func (l look) failed(p *recovery.VerifiedPart, status recovery.Status, d recovery.Diagnosis) {
	d.Intact = onlyRead
	p.Find(recovery.Problem(p.Name, status, l.withNextBest(d)))
}

// archive looks at the vault archive.
func (l look) archive(ctx context.Context) recovery.VerifiedPart {
	p := recovery.VerifiedPart{Name: string(backup.Archive), Path: l.set.Archive.Path, Bytes: l.set.Archive.Size}
	if !l.set.Archive.Filled() {
		l.absent(&p)
		return p
	}
	archive := vault.Archive{Path: p.Path}
	peek, err := archive.Inspect()
	if err != nil {
		l.unread(&p, err)
		return p
	}
	if !l.Full {
		p.Find(recovery.OK(p.Name, fmt.Sprintf("a tar.gz, its first entry is %q", peek.First)))
		if peek.Ends {
			p.Find(recovery.OK(p.Name, "its last bytes are as those of a whole one"))
		} else {
			l.failed(&p, recovery.Unproven, endInDoubt(l.set, l.Dir))
		}
		if looks, err := archive.LooksNested(ctx); err == nil && looks {
			l.failed(&p, recovery.Unproven, archiveNested(p.Path, vault.Nested, 0, filled(repairIt, l.set, l.Dir)))
		}
		p.Untold = []string{"whether the documents between are whole, and how many there are: --full reads them"}

		return p
	}
	summary, err := archive.Verify(ctx, l.moved(p.Name, p.Bytes))
	if err != nil {
		l.unread(&p, err)
		return p
	}
	p.SHA256 = summary.SHA256
	switch {
	case summary.Files == 0:
		l.failed(&p, recovery.Failed, archiveNothing(p.Path))
	case summary.Nested != "":
		l.failed(&p, recovery.Failed, archiveNested(p.Path, summary.Nested, summary.NestedFiles, filled(repairIt, l.set, l.Dir)))
	default:
		p.Find(recovery.OK(p.Name, fmt.Sprintf("%s, %s, read to the last byte; every checksum matches, tar's end is there", recovery.Counted(int64(summary.Files), "file"), recovery.Size(summary.Bytes))))
	}
	p.Untold = []string{"whether documents were missing, or cut short by an interrupted rsync, when it was packed: only the database knows what it should hold"}

	return p
}

// absent is an archive that is missing or empty: a mirror can stand in for it.
func (l look) absent(p *recovery.VerifiedPart) {
	empty := l.set.Archive.Exists()
	mirror := l.set.Mirror != nil && !l.set.Mirror.Empty
	switch {
	case mirror && !empty:
		p.Find(recovery.OK(p.Name, "there is none with this date; a restore takes vault_sync"))
	case mirror:
		l.failed(p, recovery.Warned, archiveEmpty(l.set))
	default:
		l.failed(p, recovery.Failed, notWhole(l.set, backup.Vault))
	}
}

// unread is an archive that could not be read to its end: damage, or a disk
// that does not give it.
func (l look) unread(p *recovery.VerifiedPart, err error) {
	if d, known := archiveDiagnosis(err, p.Path); known {
		d.Remedies = do(copyAgain, filled(verifyIt, l.set, l.Dir), otherBackup, listBackups)
		l.failed(p, recovery.Failed, d)

		return
	}
	l.failed(p, recovery.Unproven, notRead(p.Path, err))
}

// mirror looks at vault_sync. It is read in full only where a restore of this
// backup would take it.
func (l look) mirror(ctx context.Context) recovery.VerifiedPart {
	p := recovery.VerifiedPart{Name: "vault_sync"}
	m := l.set.Mirror
	if m == nil {
		p.Find(recovery.OK(p.Name, "there is none"))
		return p
	}
	p.Path = m.Path
	needed := !l.set.Archive.Filled()
	if m.Empty {
		status := recovery.Warned
		if needed {
			status = recovery.Failed
		}
		l.failed(&p, status, mirrorEmpty(l.set))

		return p
	}
	p.Find(recovery.OK(p.Name, "not empty, newest entry seen of "+m.Newest.UTC().Format("2006-01-02 15:04Z")))
	if len(m.Unfinished) > 0 {
		l.failed(&p, recovery.Warned, mirrorUnfinished(m))
	}
	if nested, files, err := vault.NestedMirror(m.Path); err == nil && nested != "" {
		status := recovery.Warned
		if needed {
			status = recovery.Failed
		}
		l.failed(&p, status, archiveNested(m.Path, nested, files, ""))
	}
	if !l.Full || !needed {
		p.Untold = []string{"anything of its files: it was listed two levels deep, and no file was read"}
		return p
	}
	tree, err := vault.Measure(ctx, m.Path)
	if err == nil {
		_, err = vault.TreeDigest(ctx, m.Path)
	}
	if err != nil {
		l.failed(&p, recovery.Unproven, notRead(p.Path, err))
		return p
	}
	p.Bytes = tree.Bytes
	p.Find(recovery.OK(p.Name, fmt.Sprintf("%s, %s, each could be read", recovery.Counted(int64(tree.Files), "file"), recovery.Size(tree.Bytes))))
	p.Untold = []string{"whether they hold what they should: a mirror has no checksum"}

	return p
}

// env looks at the copy of .env that has the backup's date. That none is there
// is no fault: the guide keeps it apart.
func (l look) env(context.Context) recovery.VerifiedPart {
	p := recovery.VerifiedPart{Name: string(backup.Env), Path: l.set.Env.Path, Bytes: 0} // its size says something of the secrets
	if !l.set.Env.Exists() {
		p.Find(recovery.OK(p.Name, "none beside the backup; a restore needs --original-env"))
		p.Untold = []string{"whether the original .env is kept anywhere: without its AUTH_SECRET the documents stay encrypted for good"}

		return p
	}
	file, err := envfile.ReadWith(p.Path, l.Key)
	switch {
	case errors.Is(err, envfile.ErrEncrypted) && l.Key.Given():
		l.failed(&p, recovery.Unproven, originalUnreadable(p.Path, err))
		return p
	case errors.Is(err, envfile.ErrEncrypted):
		p.Find(recovery.OK(p.Name, "it is encrypted"))
		p.Untold = []string{"what it holds: its key was not given (--identity, --passphrase)"}

		return p
	case errors.Is(err, envfile.ErrPassphrase), errors.Is(err, envfile.ErrIdentity), errors.Is(err, envfile.ErrKeyFile):
		l.failed(&p, recovery.Unproven, originalUnreadable(p.Path, err))
		return p
	case errors.Is(err, fs.ErrPermission):
		l.failed(&p, recovery.Unproven, notRead(p.Path, err))
		return p
	case err != nil:
		l.failed(&p, recovery.Warned, originalUnreadable(p.Path, err))
		return p
	}
	l.keys(&p, file)
	p.Untold = []string{"whether the keys are those of this backup: a restore compares, and only a document that opens proves it"}

	return p
}

// keys tells which of the three keys the copy holds. FIELD_ENCRYPTION_KEY need
// not be there.
func (l look) keys(p *recovery.VerifiedPart, file envfile.File) {
	s := &Stack{OriginalEnv: p.Path}
	var held []string
	for _, key := range envfile.Keys() {
		entry, there := file.Entry(key)
		switch {
		case there && entry.Placeholder:
			l.failed(p, recovery.Warned, s.originalDiffers(envfile.Comparison{Key: key, Result: envfile.OriginalPlaceholder}))
		case there && !entry.Value.Empty():
			held = append(held, key)
		case key != envfile.FieldEncryptionKey:
			l.failed(p, recovery.Warned, s.originalDiffers(envfile.Comparison{Key: key, Result: envfile.OriginalMissing}))
		}
	}
	if len(held) > 0 {
		p.Find(recovery.OK(p.Name, "it holds "+join(held)))
	}
}

// pairing tells whether the parts fit each other, and what newer backup would
// be passed over.
func (l look) pairing(context.Context) recovery.VerifiedPart {
	p := recovery.VerifiedPart{Name: "pairing"}
	facts := l.directory.Facts(l.set, l.Now())
	text := "taken " + recovery.Span(facts.Age) + " ago"
	if facts.ApartKnown {
		text += "; dump and vault archive " + recovery.Span(facts.Apart.Abs()) + " apart"
	}
	p.Find(recovery.OK(p.Name, text))
	if facts.ApartKnown && facts.Apart.Abs() > far {
		l.failed(&p, recovery.Warned, farApart(l.set, facts.Apart.Abs()))
	}
	if facts.MirrorAfter > far && !l.set.Archive.Filled() {
		l.failed(&p, recovery.Warned, mirrorNewer(l.set.Mirror, facts.MirrorAfter))
	}
	if len(facts.Shrunk) > 0 {
		l.failed(&p, recovery.Warned, shrunk(l.set, facts.Shrunk))
	}
	if l.Name == backup.Latest {
		for _, newer := range l.directory.Newer(l.set) {
			l.failed(&p, recovery.Failed, newerBroken(newer, newer.Missing()))
		}
	}
	p.Untold = []string{"whether every document that the database names is in the vault"}

	return p
}
