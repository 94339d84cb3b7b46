package steps

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/evidence"
)

// sealedManifest is the backup's manifest as it was read, and what its seal says
// of the original .env. The seal takes a good part of a second, so it is kept as
// long as both files are the same.
type sealedManifest struct {
	file     string
	original *openedFile
	sealed   backup.Sealed
	err      error // of reading it
	seal     error
}

// manifest gives what the backup says of itself; ok is false where it says nothing,
// or nothing that can be read.
func (s *Stack) manifest() (m backup.Manifest, ok bool) {
	seen := s.readManifest()

	return seen.sealed.Manifest, seen.err == nil
}

func (s *Stack) readManifest() *sealedManifest {
	file := identity(s.Backup.Manifest)
	if s.sealed != nil && s.sealed.file == file {
		return s.sealed
	}
	s.sealed = &sealedManifest{file: file, err: errNoManifest}
	if s.Backup.Manifest.Exists() {
		s.sealed.sealed, s.sealed.err = s.Backup.ReadManifest()
	}

	return s.sealed
}

// sealFindings hold the backup against its manifest, and the manifest against the
// original's AUTH_SECRET. One that cannot be read is told with the secrets.
func (s *Stack) sealFindings() []recovery.Finding {
	seen := s.readManifest()
	if seen.err != nil {
		return nil
	}
	var findings []recovery.Finding
	for _, wrong := range s.Backup.Sizes(seen.sealed.Manifest) {
		status := recovery.Warned
		if wrong.Part == backup.Dump || wrong.Part == backup.Archive && !s.fromMirror() {
			status = recovery.Failed
		}
		findings = append(findings, recovery.Problem("manifest", status, fileDiffers(s.Backup, wrong)))
	}
	if s.opened != nil && seen.original != s.opened {
		seen.original, seen.seal = s.opened, seen.sealed.Verify(s.opened.file.Value(envfile.AuthSecret))
	}
	switch {
	case errors.Is(seen.seal, backup.ErrChanged):
		findings = append(findings, recovery.Problem("manifest", recovery.Failed, manifestForged(s.Backup)))
	case seen.original != nil && seen.seal == nil && len(findings) == 0:
		findings = append(findings, recovery.OK("manifest", "sealed with the original's AUTH_SECRET; every file of the backup is as long as it says"))
	}

	return findings
}

// asInManifest says whether the vault that was staged is the one that was backed
// up; empty: nothing says so. The error carries a diagnosis where it is another.
func (v *vaultStep) asInManifest(sum, tree string) (string, error) {
	m, known := v.manifest()
	switch {
	case !known:
		return "", nil
	case m.Vault.Tree == tree:
		return "every byte as in the manifest", nil
	case v.fromMirror():
		return "", nil // which is of now, and not of the backup's moment
	case m.File(backup.Archive).SHA256 == sum, v.Backup.RepairedArchive:
		return "", nil // some of it was left out on the way in, or into the copy
	default:
		wrong := backup.Mismatch{Name: filepath.Base(v.Backup.Archive.Path), Part: backup.Archive, Err: backup.ErrDigest}
		return "", recovery.Fail(fileDiffers(v.Backup, wrong), wrong.Err)
	}
}

// chainInManifest holds a restored audit chain against the one that was backed up.
// The app may have gone on writing since: the recorded head then is further back.
func (s *Stack) chainInManifest(ctx context.Context, db evidence.Database, c evidence.Chain) (string, *recovery.Diagnosis, error) {
	m, known := s.manifest()
	if !known || m.Chain == nil || m.Chain.Head == "" || m.Chain.Table != c.Table {
		return "", nil, nil
	}
	for _, head := range c.Heads {
		if head == m.Chain.Head && c.Length == m.Chain.Length {
			return "length and head as in the manifest", nil, nil
		}
	}
	found, err := c.Holds(ctx, db, m.Chain.Head)
	if err != nil {
		return "", nil, err
	}
	if found && c.Length > m.Chain.Length {
		return fmt.Sprintf("the manifest's head is in it, and %s since", recovery.Counted(c.Length-m.Chain.Length, "new one")), nil, nil
	}
	d := chainOther(c, *m.Chain)

	return "", &d, nil
}

func fileDiffers(b backup.Set, wrong backup.Mismatch) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupFile, Summary: "The " + string(wrong.Part) + " is not the one that was backed up", Seen: fmt.Sprintf("%s: %v (%s)", wrong.Name, wrong.Err, filepath.Base(b.Manifest.Path)),
		Intact:   nothingTouched,
		Remedies: do("Copy the file again from another copy of the backup, then look again", "firmflow-recovery verify "+b.Name()+" --full", otherBackup, listBackups),
	}
}

func manifestForged(b backup.Set) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupForged, Summary: "Somebody who does not know AUTH_SECRET has changed the manifest", Seen: b.Manifest.Path + " was sealed with this AUTH_SECRET, and its seal does not match what it says now",
		Intact: nothingTouched,
		Remedies: do("Find out who can write to the backups. Another copy of the backup, or another backup, is safer", listBackups,
			"To go on without what the manifest says, move it away", typed("mv", b.Manifest.Path, b.Manifest.Path+".distrusted")),
	}
}

func chainOther(c evidence.Chain, was backup.ChainRecord) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeChainOther, Summary: "The audit chain links, and is not the one that was backed up",
		Seen:   fmt.Sprintf("%s: %s entries, the manifest has %s; the head it records is not there: an end was cut off, or the database is another one", c.Table, recovery.Count(c.Length), recovery.Count(was.Length)),
		Intact: restoredLive, Remedies: do("Look at the backup as a whole", "firmflow-recovery verify --full", "Go back to what was live before, if that is better", "firmflow-recovery undo"),
	}
}
