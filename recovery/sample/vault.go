package sample

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// orphanedDir is where purge puts blobs. It begins with a dot, as nothing that a document is stored under does.
const orphanedDir = ".orphaned"

// vault is the uploads directory with the key to its blobs. The directory is opened anew for each call: a recovery may
// swap it while the app runs, and a handle kept open would go on reading the one that was set aside.
type vault struct {
	dir  string
	seal sealer
}

func newVault(c Config) (vault, error) {
	seal, err := storageSealer(c.AuthSecret)
	return vault{c.Uploads, seal}, err
}

// storageKey is a blob's path in the vault: <firmId>/<timestamp>-<hash>.<ext>, with the hash of the plaintext.
func storageKey(firm string, at time.Time, plain [sha256.Size]byte, ext string) string {
	name := strconv.FormatInt(at.UnixMilli(), 10) + "-" + hex.EncodeToString(plain[:])[:16] + ext
	return path.Join(firm, name)
}

// write encrypts a document and puts it in place whole: written beside, synced, renamed.
func (v vault) write(key string, plain []byte) error {
	if err := os.MkdirAll(v.dir, 0o755); err != nil {
		return fmt.Errorf("create the uploads directory: %w", err)
	}

	root, err := os.OpenRoot(v.dir)
	if err != nil {
		return fmt.Errorf("open the uploads directory: %w", err)
	}
	defer root.Close()

	if err := root.MkdirAll(path.Dir(key), 0o755); err != nil {
		return fmt.Errorf("create the firm's directory: %w", err)
	}

	beside := path.Join(path.Dir(key), "."+rand.Text()+".partial")
	if err := writeSynced(root, beside, v.seal.seal(plain)); err != nil {
		return errors.Join(fmt.Errorf("write blob %s: %w", key, err), root.Remove(beside))
	}

	if err := root.Rename(beside, key); err != nil {
		return errors.Join(fmt.Errorf("put blob %s in place: %w", key, err), root.Remove(beside))
	}
	return nil
}

func writeSynced(root *os.Root, name string, content []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}

	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// read returns a document's plaintext. A blob that is not there is fs.ErrNotExist, one that the key does not open is
// errUndecryptable.
func (v vault) read(key string) ([]byte, error) {
	root, err := os.OpenRoot(v.dir)
	if err != nil {
		return nil, fmt.Errorf("open the uploads directory: %w", err)
	}
	defer root.Close()

	sealed, err := root.ReadFile(key)
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", key, err)
	}

	plain, err := v.seal.open(sealed)
	if err != nil {
		return nil, fmt.Errorf("decrypt blob %s: %w", key, err)
	}
	return plain, nil
}

// purge moves every blob that known does not name to .orphaned, and returns how many. This is the harm that a start on
// an empty database does to a restored vault.
func purge(ctx context.Context, dir string, known map[string]bool) (int, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open the uploads directory: %w", err)
	}
	defer root.Close()

	orphans, err := findOrphans(ctx, root, known)
	if err != nil {
		return 0, fmt.Errorf("look for orphaned blobs: %w", err)
	}

	for moved, key := range orphans {
		aside := path.Join(orphanedDir, key)
		if err := root.MkdirAll(path.Dir(aside), 0o755); err != nil {
			return moved, fmt.Errorf("create the directory of orphans: %w", err)
		}
		if err := root.Rename(key, aside); err != nil {
			return moved, fmt.Errorf("move orphaned blob %s: %w", key, err)
		}
	}
	return len(orphans), nil
}

// findOrphans lists before anything moves, because a walk over a changing tree may miss entries.
func findOrphans(ctx context.Context, root *os.Root, known map[string]bool) ([]string, error) {
	var orphans []string
	err := fs.WalkDir(root.FS(), ".", func(key string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}

		hidden := key != "." && strings.HasPrefix(d.Name(), ".")
		if hidden && d.IsDir() {
			return fs.SkipDir
		}
		if !hidden && d.Type().IsRegular() && !known[key] {
			orphans = append(orphans, key)
		}
		return nil
	})

	return orphans, err
}
