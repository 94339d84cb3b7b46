package steps

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
)

// takeSeal is step 4 of a backup: .env, the card, the manifest; and the names,
// which make it a backup.
type takeSeal struct{ *taking }

func (s *takeSeal) ID() recovery.StepID { return TakeSealID }
func (s *takeSeal) Title() string       { return "seal the backup, give it its name" }

// Check believes of the backup what lies in the directory.
func (s *takeSeal) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	set, there, err := s.published(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if !there {
		return waits("write "+s.name(backup.Proof)+" with digests, rows, the audit chain's head and fingerprints, sealed with AUTH_SECRET",
			"give everything its name"), nil
	}
	m, err := set.ReadManifest()
	if err == nil {
		err = m.Verify(s.env.Value(envfile.AuthSecret))
	}
	if err != nil {
		return recovery.Assessment{}, err
	}
	if wrong := set.Sizes(m.Manifest); len(wrong) > 0 {
		return recovery.Assessment{}, fmt.Errorf("look at backup %s: %s: %w", set.Date, wrong[0].Name, wrong[0].Err)
	}
	var size int64
	for _, f := range m.Files {
		size += f.Size
	}
	a := provenly(recovery.OK("backup", fmt.Sprintf("%s: %s, %s, sealed with AUTH_SECRET", set.Date, recovery.Counted(int64(len(m.Files)+2), "file"), recovery.Size(size))))
	if s.Env == EnvApart {
		a.Next = []string{"keep .env where the backups are not: without its AUTH_SECRET the documents stay encrypted for good"}
	}

	return a, nil
}

// Run writes the small files, the manifest last, and publishes the backup.
func (s *takeSeal) Run(ctx context.Context, p recovery.Progress) error {
	if err := s.configuration(); err != nil {
		return err
	}
	for _, part := range []backup.Part{backup.Env, backup.Compose} {
		if s.Env == EnvApart {
			break
		}
		if err := s.secretly(part); err != nil {
			return err
		}
	}
	card, err := s.begin(backup.Card)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(card, s.card()); err != nil {
		return fmt.Errorf("write %s: %w", s.path(backup.Card), err)
	}
	if err := card.end(); err != nil {
		return err
	}
	p.Phase("take fingerprints and seal", recovery.Items)
	if err := s.prove(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.making.Publish(); err != nil {
		return err
	}
	p.Note("backup " + s.making.Date + " has its name")
	defer s.sync.Close()

	return s.sync.Delete(ctx)
}

// configuration notes what the services run on.
func (s *takeSeal) configuration() error {
	s.manifest.Engine, s.manifest.Services, s.manifest.Compose = s.project.Tool, nil, nil
	for _, spec := range s.project.Specs {
		s.manifest.Services = append(s.manifest.Services, backup.ServiceRecord{Name: spec.Name, Image: spec.Image, Digest: spec.ImageID})
	}
	for _, path := range s.project.Files {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read a compose file: %w", err)
		}
		sum := sha256.Sum256(content)
		s.manifest.Compose = append(s.manifest.Compose, backup.ComposeRecord{Name: filepath.Base(path), SHA256: hex.EncodeToString(sum[:])})
	}

	return nil
}

// secretly writes what may hold secrets: for those who may read it, unless the
// operator has said otherwise.
func (s *takeSeal) secretly(part backup.Part) error {
	var content []byte
	var err error
	if part == backup.Env {
		content, err = os.ReadFile(s.envPath())
	} else {
		content, err = s.composeTar()
	}
	if err != nil {
		return fmt.Errorf("read what goes into %s: %w", s.name(part), err)
	}
	f, err := s.begin(part)
	if err != nil {
		return err
	}
	defer f.file.Close() // after end it has nothing left to do
	write := func(w io.Writer) error { _, err := w.Write(content); return err }
	if s.Env == EnvPlain {
		err = write(f)
	} else {
		err = s.Protection.Write(f, write)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", s.path(part), err)
	}

	return f.end()
}

// composeTar packs the compose files, which may hold passwords.
func (s *takeSeal) composeTar() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, path := range s.project.Files {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(s.project.Dir, path)
		if err != nil || strings.HasPrefix(name, "..") {
			name = filepath.Base(path)
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o600}); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}

	if err := w.Close(); err != nil { // which is what ends the last file
		return nil, err
	}

	return b.Bytes(), nil
}

// prove writes the manifest and the list of checksums.
func (s *takeSeal) prove() error {
	s.manifest.Ended = s.Now().UTC()
	data, err := s.manifest.Encode(s.keys(), s.Cost)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	listed := append(s.manifest.Files[:len(s.manifest.Files):len(s.manifest.Files)], backup.ListedFile{Name: s.name(backup.Proof), SHA256: hex.EncodeToString(sum[:])})
	for part, content := range map[backup.Part][]byte{backup.Proof: data, backup.Sums: backup.SumsFile(listed)} {
		f, err := s.making.Create(s.name(part))
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", s.path(part), err)
		}
	}

	return nil
}
