package steps

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/vault"
)

// takeVault is step 3 of a backup: the mirror, and the archive of it. What is
// deleted in the vault leaves the mirror only after that.
type takeVault struct {
	*taking
	findings []recovery.Finding
}

func (v *takeVault) ID() recovery.StepID { return TakeVaultID }
func (v *takeVault) Title() string       { return "mirror and pack the vault" }

// Check tells what would be packed, or what was.
func (v *takeVault) Check(context.Context, recovery.Progress) (recovery.Assessment, error) {
	if v.packed {
		return provenly(v.findings...), nil
	}
	a := waits("bring "+v.mirror()+" up to date with "+v.Vault, "pack it into "+v.name(backup.Archive)+", read that to its last byte")
	a.Commands = []string{
		typed("rsync", "-a", v.Vault+"/", v.mirror()+"/"),
		typed("tar", "-czf", v.BackupDir+"/"+v.name(backup.Archive), "-C", v.mirror(), "."),
		typed("rsync", "-a", "--delete", v.Vault+"/", v.mirror()+"/"),
	}

	return a, nil
}

// Run brings the mirror up to date, packs it, and reads the archive again.
func (v *takeVault) Run(ctx context.Context, p recovery.Progress) error {
	v.findings = nil
	if err := v.mirrored(ctx, p); err != nil {
		return err
	}
	summary, err := v.pack(ctx, p)
	if err != nil {
		return err
	}
	p.Phase("read the archive", recovery.Bytes)
	read, err := vault.Archive{Path: v.path(backup.Archive)}.Verify(ctx, meter(p, summary.CompressedBytes))
	if err != nil {
		return err
	}
	if read.SHA256 != summary.SHA256 || read.Tree != summary.Tree {
		return recovery.Fail(takeChanged(v.path(backup.Archive)), nil)
	}
	record := &v.manifest.Vault
	record.Files, record.Bytes, record.Newest, record.Tree = summary.Files, summary.Bytes, summary.Newest.UTC(), summary.Tree
	v.note(backup.Archive, summary.CompressedBytes, summary.SHA256)
	p.Note("vault archive SHA-256 " + summary.SHA256)
	packed := recovery.OK("vault", files(summary.Files, summary.Bytes)+" packed into "+recovery.Size(summary.CompressedBytes)+", read to the last byte")
	v.findings = append([]recovery.Finding{packed}, v.findings...)
	v.packed = true

	return nil
}

// mirrored brings the mirror up to date, without deleting anything.
func (v *takeVault) mirrored(ctx context.Context, p recovery.Progress) error {
	place, err := vault.Locate(v.Vault)
	if err != nil {
		return err
	}
	p.Phase("compare vault and mirror", recovery.Items)
	plan, err := vault.PlanSync(ctx, place.Real, v.mirror())
	if err != nil {
		return err
	}
	if v.sync != nil {
		v.sync.Close()
	}
	v.sync = plan
	if err := plan.Refusal(); err != nil && !v.Shrunk {
		return recovery.Fail(takeShrunk(v.Vault, err), err)
	}
	p.Phase("copy", recovery.Bytes)
	copied, err := plan.Copy(ctx, meter(p, plan.Bytes))
	if err != nil {
		return err
	}
	text := "nothing new since the last time"
	if copied.Files > 0 {
		text = files(copied.Files, copied.Bytes) + " copied"
	}
	if copied.Vanished > 0 {
		text += fmt.Sprintf("; %d deleted meanwhile", copied.Vanished)
	}
	v.findings = append(v.findings, recovery.OK("vault_sync", text))
	if copied.Unsettled > 0 {
		v.findings = append(v.findings, recovery.Problem("vault_sync", recovery.Warned, takeUnsettled(v.Vault, copied.Unsettled)))
	}

	return nil
}

// pack writes archive and list.
func (v *takeVault) pack(ctx context.Context, p recovery.Progress) (vault.Summary, error) {
	archive, err := v.making.Create(v.name(backup.Archive))
	if err != nil {
		return vault.Summary{}, err
	}
	defer archive.Close() // after the sync it has nothing left to do
	list, err := v.begin(backup.List)
	if err != nil {
		return vault.Summary{}, err
	}
	defer list.file.Close() // as above
	zipped := gzip.NewWriter(list)
	p.Phase("pack", recovery.Bytes)
	summary, err := vault.Pack(ctx, v.mirror(), archive, zipped, meter(p, v.sync.Source.Bytes))
	if err != nil {
		return summary, err
	}
	if err := errors.Join(archive.Sync(), archive.Close()); err != nil {
		return summary, fmt.Errorf("write %s: %w", v.path(backup.Archive), err)
	}
	if err := zipped.Close(); err != nil {
		return summary, fmt.Errorf("write %s: %w", v.path(backup.List), err)
	}

	return summary, list.end()
}

// partFile is a small file of the backup while it is written.
type partFile struct {
	*bufio.Writer
	file *os.File
	sum  *counted
	end  func() error // makes it durable, and lists it
}

// begin creates a file of the backup that is digested while it is written.
func (t *taking) begin(part backup.Part) (*partFile, error) {
	file, err := t.making.Create(t.name(part))
	if err != nil {
		return nil, err
	}
	sha := sha256.New()
	c := &counted{to: io.MultiWriter(file, sha), moved: func(int64) {}}
	f := &partFile{Writer: bufio.NewWriter(c), file: file, sum: c}
	f.end = func() error {
		if err := errors.Join(f.Flush(), file.Sync(), file.Close()); err != nil {
			return fmt.Errorf("write %s: %w", t.path(part), err)
		}
		t.note(part, c.count, hex.EncodeToString(sha.Sum(nil)))

		return nil
	}

	return f, nil
}
