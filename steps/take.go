package steps

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/vault"
)

// The steps of a backup.
const (
	TakeLookID  recovery.StepID = "take-look"
	TakeDumpID  recovery.StepID = "take-dump"
	TakeVaultID recovery.StepID = "take-vault"
	TakeSealID  recovery.StepID = "take-seal"
	TakePruneID recovery.StepID = "take-prune"

	TakeOffsiteID recovery.StepID = "take-offsite"
)

// EnvKept says what becomes of .env in a backup.
type EnvKept string

// What can become of .env. The zero value is the careful one.
const (
	EnvEncrypted EnvKept = ""      // it is in the backup, and encrypted
	EnvPlain     EnvKept = "plain" // it is in the backup, for whoever can read that
	EnvApart     EnvKept = "apart" // it is not in the backup
)

// Take says how a backup is taken, beside what Stack says. Program and Cost are
// required.
type Take struct {
	Program    string // and version, for the manifest
	Env        EnvKept
	Protection backup.Protection // for whom .env is encrypted; needed unless Env says otherwise
	Shrunk     bool              // the operator knows that the vault has shrunk
	Retention  backup.Retention
	Cost       backup.Cost // of the fingerprints
	Offsite    Offsite     // where it is copied to; nil: nowhere
}

// taking is a backup while it is taken: dump first, so that every document that
// it names is in the vault that is packed after it. Everything is written beside
// and verified, and named in the end.
type taking struct {
	*Stack
	Take
	making   backup.Making
	manifest backup.Manifest
	env      envfile.File
	sync     *vault.Sync // what Delete is left for, once the archive is there
	dumped   bool
	packed   bool
}

// Runner makes a run of a backup. Nothing that is live is changed by any of its
// steps. The backup is named after the run: no two runs of a host have one name.
func (how Take) Runner(s *Stack) (recovery.Runner, error) {
	born, err := s.RunID.Born()
	if err != nil {
		return recovery.Runner{}, err
	}
	t := &taking{Stack: s, Take: how, making: backup.Making{Dir: s.BackupDir, Date: backup.NameOf(born)}}
	t.manifest = backup.Manifest{Program: how.Program, Backup: t.making.Date, Host: backup.HostNamed(s.Host)}

	r := recovery.Runner{
		Steps: []recovery.Step{&takeLook{taking: t}, &takeDump{taking: t}, &takeVault{taking: t}, &takeSeal{taking: t}, &takePrune{taking: t}},
		Now:   s.Now, Run: s.RunID, Host: s.Host, Backup: t.making.Date, Purpose: recovery.BackingUp,
		Target: s.Target(), Inputs: []recovery.Input{
			{Name: "project directory", Value: s.ProjectDir}, {Name: "vault", Value: s.Vault}, {Name: "database", Value: s.Database},
			{Name: "backups", Value: s.BackupDir},
		},
	}
	if how.Offsite != nil {
		r.Steps = append(r.Steps, &takeOffsite{taking: t})
		r.Inputs = append(r.Inputs, recovery.Input{Name: "off-site", Value: how.Offsite.String()})
	}

	return r, nil
}

func (t *taking) path(part backup.Part) string { return t.making.Path(t.name(part)) }

func (t *taking) name(part backup.Part) string {
	encryption := backup.Encrypted
	if t.Env == EnvPlain {
		encryption = backup.Plain
	}

	return t.making.FileName(part, encryption)
}

func (t *taking) mirror() string { return filepath.Join(t.BackupDir, "vault_sync") }

// note lists a file of the backup, instead of what an attempt before has listed.
func (t *taking) note(part backup.Part, size int64, sum string) {
	kept := t.manifest.Files[:0]
	for _, f := range t.manifest.Files {
		if f.Part != part {
			kept = append(kept, f)
		}
	}
	t.manifest.Files = append(kept, backup.ListedFile{Name: t.name(part), Part: part, Size: size, SHA256: sum})
}

// keys are those that fingerprints are taken of.
func (t *taking) keys() map[string]secret.String {
	keys := make(map[string]secret.String)
	for _, key := range envfile.Keys() {
		if value := t.env.Value(key); !value.Empty() {
			keys[key] = value
		}
	}

	return keys
}

// published tells whether the backup has its name.
func (t *taking) published(ctx context.Context) (backup.Set, bool, error) {
	directory, err := openDirectory(ctx, t.BackupDir)
	if err != nil {
		return backup.Set{}, false, err
	}
	for _, set := range directory.Sets {
		if set.Date == t.making.Date && !set.Repaired() {
			return set, true, nil
		}
	}

	return backup.Set{}, false, nil
}

// waits is the assessment of a step that has not run.
func waits(changes ...string) recovery.Assessment { return recovery.Assessment{Changes: changes} }

// provenly is the assessment of one that has: the first finding sums it up.
func provenly(findings ...recovery.Finding) recovery.Assessment {
	return recovery.Assessment{Standing: recovery.Done, Summary: findings[0].Text, Findings: findings}
}

// stamp gives a time as texts of a backup have it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

func files(n int, bytes int64) string {
	return fmt.Sprintf("%s, %s", recovery.Counted(int64(n), "file"), recovery.Size(bytes))
}
