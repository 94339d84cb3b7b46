package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"firmflow-recovery/recovery/durable"
)

// Receipt lies beside a live vault, or inside where it is a mount point, and
// tells what was restored there and by which run.
type Receipt struct {
	Run           string    `json:"run"`
	Backup        string    `json:"backup"`
	Time          time.Time `json:"time"`
	Files         int       `json:"files"`
	Bytes         int64     `json:"bytes"`
	Tree          string    `json:"tree"`
	ArchiveSHA256 string    `json:"archive_sha256,omitempty"`

	// Which directory it is about, filled in by WriteReceipt. A vault that was
	// replaced by other means is another directory.
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
}

// ReceiptPath is where the receipt of a vault lies.
func (p Place) ReceiptPath() string {
	if p.MountPoint {
		return filepath.Join(p.Real, ours+"receipt.json")
	}

	return filepath.Join(filepath.Dir(p.Real), "."+filepath.Base(p.Real)+".firmflow-receipt.json")
}

// ReadReceipt reads the receipt beside a vault; fs.ErrNotExist when there is none.
func ReadReceipt(p Place) (Receipt, error) {
	var r Receipt
	if err := readJSON(p.ReceiptPath(), &r); err != nil {
		return Receipt{}, fmt.Errorf("read the vault's receipt: %w", err)
	}

	return r, nil
}

// WriteReceipt notes beside the live vault what was restored there.
func WriteReceipt(p Place, r Receipt) error {
	info, err := os.Stat(p.Real)
	if err != nil {
		return fmt.Errorf("write the receipt of vault %q: %w", p.Real, bare(err))
	}
	s := info.Sys().(*syscall.Stat_t) //nolint:errcheck // on Linux a FileInfo of os.Stat always holds one
	r.Device, r.Inode = s.Dev, s.Ino

	if err := writeJSON(durable.WriteFile, p.ReceiptPath(), r); err != nil {
		return fmt.Errorf("write the vault's receipt: %w", err)
	}

	return nil
}

// Describes tells whether the receipt is about the directory that is live now.
// The device is not compared: a reboot may give it another number.
func (r Receipt) Describes(p Place) (bool, error) {
	inode, err := inodeOf(p.Real)

	return inode != 0 && inode == r.Inode, err
}

// removeReceipt takes back what a run has said about the vault.
func removeReceipt(p Place, run string) error {
	r, err := ReadReceipt(p)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && r.Run != run) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Remove(p.ReceiptPath()); err != nil {
		return fmt.Errorf("remove the vault's receipt: %w", bare(err))
	}

	return durable.SyncDir(filepath.Dir(p.ReceiptPath()))
}
