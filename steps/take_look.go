package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/vault"
)

// takeLook is step 1 of a backup: whether all is there that is to be backed up,
// and room for it. It clears away what an interrupted backup has left.
type takeLook struct {
	*taking
}

func (l *takeLook) ID() recovery.StepID { return TakeLookID }
func (l *takeLook) Title() string       { return "look at what is to be backed up" }

// Check looks at project, database, secrets, vault, the backup directory and the
// room in it.
func (l *takeLook) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	findings, err := l.look(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	directory, err := openDirectory(ctx, l.BackupDir)
	if err != nil {
		return recovery.Assessment{}, err
	}
	for _, part := range []func(context.Context, backup.Directory) ([]recovery.Finding, error){
		l.database, l.secrets, l.documents, l.room,
	} {
		found, err := part(ctx, directory)
		if err != nil {
			return recovery.Assessment{}, err
		}
		findings = append(findings, found...)
	}
	left, err := backup.Remainders(l.BackupDir)
	if err != nil {
		return recovery.Assessment{}, err
	}
	a := recovery.Assessment{Findings: findings, Summary: "database, vault and secrets are there, and room for them"}
	for _, r := range left {
		if r.Date == l.making.Date {
			continue // this one's own
		}
		if r.Whole {
			a.Changes = append(a.Changes, "finish backup "+r.Date+", of which only names are missing")
		} else {
			a.Changes = append(a.Changes, "clear away the unfinished backup "+r.Date)
		}
	}
	switch {
	case standing(findings) == recovery.Blocked:
		a.Standing = recovery.Blocked
	case len(a.Changes) == 0:
		a.Standing = recovery.Done
	}

	return a, nil
}

// Run clears away what interrupted backups have left, and finishes those of which
// only names are missing.
func (l *takeLook) Run(_ context.Context, p recovery.Progress) error {
	left, err := backup.Remainders(l.BackupDir)
	if err != nil {
		return err
	}
	for _, r := range left {
		if r.Date == l.making.Date {
			continue
		}
		if err := r.Settle(); err != nil {
			return err
		}
		if r.Whole {
			p.Note("finished backup " + r.Date + ": only names were missing")
		} else {
			p.Note("cleared away the unfinished backup " + r.Date)
		}
	}

	return nil
}

// database must answer: nothing here starts it.
func (l *takeLook) database(ctx context.Context, _ backup.Directory) ([]recovery.Finding, error) {
	up, err := l.dbRuns(ctx)
	if err != nil {
		return nil, err
	}
	if !up {
		return []recovery.Finding{recovery.Problem("database", recovery.Failed, takeDown(l.Stack))}, nil
	}
	_, version, err := l.server().Version(ctx)
	if err != nil {
		return nil, err
	}
	l.manifest.Database.Name, l.manifest.Database.Server = l.Database, version

	return []recovery.Finding{recovery.OK("database", l.Database+" answers, PostgreSQL "+version)}, nil
}

// secrets reads .env, and compares it with what the app got: a backup with other
// keys than those the documents are encrypted with would be worth nothing.
func (l *takeLook) secrets(ctx context.Context, _ backup.Directory) ([]recovery.Finding, error) {
	env, err := envfile.Read(l.envPath())
	if err != nil {
		return []recovery.Finding{recovery.Problem("secrets", recovery.Failed, takeEnv(l.envPath(), err))}, nil
	}
	l.env = env
	for _, key := range envfile.Keys() {
		l.Scrub.Learn(env.Value(key))
	}
	if env.Value(envfile.AuthSecret).Empty() {
		return []recovery.Finding{recovery.Problem("secrets", recovery.Failed, takeEnv(l.envPath(), errors.New("it has no "+envfile.AuthSecret)))}, nil
	}
	if l.Env == EnvEncrypted && l.Protection.None() {
		return []recovery.Finding{recovery.Problem("secrets", recovery.Failed, takeUnprotected())}, nil
	}
	holds, err := l.Runtime.Holds(ctx, l.AppService)
	if err != nil {
		holds = nil // there is no container, so the app has nothing yet
	}
	var other []string
	for _, key := range envfile.Keys() {
		if held, is := holds[key]; is && !held.Equal(env.Value(key)) {
			other = append(other, key)
		}
	}
	if len(other) > 0 {
		return []recovery.Finding{recovery.Problem("secrets", recovery.Failed, takeOtherKeys(l.Stack, other))}, nil
	}
	text := join(l.keyNames()) + " in .env"
	if holds != nil {
		text += " as " + l.AppService + " holds them"
	}

	return []recovery.Finding{recovery.OK("secrets", text+"; "+l.envFate())}, nil
}

func (l *takeLook) keyNames() []string {
	var names []string
	for _, key := range envfile.Keys() {
		if !l.env.Value(key).Empty() {
			names = append(names, key)
		}
	}

	return names
}

// envFate says what becomes of .env.
func (t *taking) envFate() string {
	switch t.Env {
	case EnvPlain:
		return ".env goes into the backup as it is, as --env plain says"
	case EnvApart:
		return ".env is kept apart, as --env apart says: keep it somewhere"
	default:
		return ".env goes into the backup encrypted; to be read with " + t.Protection.String()
	}
}

// documents looks at the vault, and compares it with its mirror: one that is
// empty or has shrunk may be a disk that is not mounted.
func (l *takeLook) documents(ctx context.Context, d backup.Directory) ([]recovery.Finding, error) {
	place, err := vault.Locate(l.Vault)
	if err != nil {
		return nil, err
	}
	l.manifest.Vault.Source, l.manifest.Vault.Mounted = place.Real, place.MountPoint
	if place.Missing || place.Empty && !l.Shrunk {
		return []recovery.Finding{recovery.Problem("vault", recovery.Failed, takeEmpty(l.Vault))}, nil
	}
	if inside(d.Path, place.Real) {
		return []recovery.Finding{recovery.Problem("vault", recovery.Failed, takeInside(d.Path, l.Vault))}, nil
	}
	if was, unmounted := wasMounted(d, place); unmounted && !l.Shrunk {
		return []recovery.Finding{recovery.Problem("vault", recovery.Failed, takeUnmounted(l.Vault, was))}, nil
	}
	if d.Mirror == nil {
		tree, err := vault.Measure(ctx, place.Real)
		return []recovery.Finding{recovery.OK("vault", l.Vault+": "+files(tree.Files, tree.Bytes))}, err
	}
	plan, err := vault.PlanSync(ctx, place.Real, l.mirror())
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	if err := plan.Refusal(); err != nil && !l.Shrunk {
		return []recovery.Finding{recovery.Problem("vault", recovery.Failed, takeShrunk(l.Vault, err))}, nil
	}
	text := fmt.Sprintf("%s: %s; new or changed since the mirror: %s", l.Vault, files(plan.Source.Files, plan.Source.Bytes), files(plan.Fresh+plan.Changed, plan.Bytes))

	return []recovery.Finding{recovery.OK("vault", text)}, nil
}

func inside(dir, of string) bool {
	real, err := filepath.EvalSymlinks(dir)

	return err == nil && strings.HasPrefix(real+"/", of+"/")
}

// wasMounted tells whether the newest backup with a manifest found the vault on a
// disk of its own, where now there is none.
func wasMounted(d backup.Directory, place vault.Place) (string, bool) {
	i := slices.IndexFunc(d.Sets, func(s backup.Set) bool { return s.Manifest.Exists() })
	if i < 0 || place.MountPoint {
		return "", false
	}
	m, err := d.Sets[i].ReadManifest()
	if err != nil || !m.Vault.Mounted || m.Vault.Source != place.Real {
		return "", false
	}

	return m.Backup, true
}

// room compares what the backup will take with what is free. An archive of
// encrypted documents is as large as they are; a dump is taken to grow by half.
func (l *takeLook) room(ctx context.Context, d backup.Directory) ([]recovery.Finding, error) {
	live, err := vault.Measure(ctx, l.Vault)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // told already
	}
	if err != nil {
		return nil, err
	}
	n := &need{paths: []string{d.Path}, least: uint64(live.Bytes), inodes: uint64(len(backup.Parts()))}
	if d.Mirror == nil {
		n.least, n.inodes = 2*n.least, n.inodes+uint64(live.Files+live.Directories)
	}
	if len(d.Sets) > 0 {
		n.least += uint64(d.Sets[0].Dump.Size)
		n.surely = n.least + uint64(d.Sets[0].Dump.Size)/2
	}
	n.surely = max(n.surely, n.least) + n.least/50
	free, err := durable.Free(d.Path)
	if err != nil {
		return nil, err
	}
	switch {
	case free.ReadOnly:
		return []recovery.Finding{recovery.Problem("space", recovery.Failed, readOnly(n.paths))}, nil
	case free.Bytes < n.least:
		return []recovery.Finding{recovery.Problem("space", recovery.Failed, spaceShort(n, free))}, nil
	case !free.InodesUnknown && free.Inodes < n.inodes:
		return []recovery.Finding{recovery.Problem("space", recovery.Failed, inodesShort(n, free))}, nil
	}

	return []recovery.Finding{recovery.OK("space", fmt.Sprintf("%s free on %s, about %s needed", recovery.Size(int64(free.Bytes)), d.Path, recovery.Size(int64(n.surely))))}, nil
}

// Diagnose gives the errors of the step their meaning.
func (t *taking) Diagnose(err error) recovery.Diagnosis { return t.diagnoseTake(err) }
