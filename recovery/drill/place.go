// Package drill makes the surroundings of a drill, keeps them apart from the
// installation, and takes them away again.
//
// What it promises:
//   - A place is a directory that did not exist before, in a directory that the
//     operator named, and it carries a receipt from the first moment.
//   - Nothing is removed but what bears our receipt, is owned by us, and lies
//     where its receipt says. Where something foreign is mounted in it, or
//     somebody at a terminal works in it, it stays and the reason is said.
//   - Removal is finished only when no process of the place is left.
//   - A place never lies in, around or beside the same name as anything of the
//     installation; see Barrier.
package drill

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"firmflow-recovery/recovery/durable"
)

const (
	prefix      = "firmflow-drill-"
	receiptName = ".firmflow-recovery-drill.json"
	program     = "firmflow-recovery drill"
)

// Receipt says whose a place is. It is written before anything else of it.
type Receipt struct {
	Program string    `json:"program"`
	Run     string    `json:"run"`
	Dir     string    `json:"dir"`
	Home    string    `json:"home"`    // where the drill's journal lies: drills of another home are not ours to remove
	Project string    `json:"project"` // the name of the drill's project
	Made    time.Time `json:"made"`
	Kept    bool      `json:"kept,omitempty"` // the operator asked for it to stay

	// Of a drill under Compose: what Docker was asked to make, by label.
	Compose bool `json:"compose,omitempty"`
}

// Place is the directory that holds everything of one drill.
type Place struct {
	Dir     string
	Receipt Receipt
}

// ErrNotOurs means that a directory bears no receipt of ours, or that of
// another place.
var ErrNotOurs = errors.New("it bears no receipt of a drill of ours")

// In gives the place that a drill would have, and makes nothing. Its name holds
// a few digits of its home, since drills of two homes may begin in one second.
func In(root string, r Receipt) Place {
	r.Project = prefix + r.Run + of(r.Home)
	r.Dir = filepath.Join(root, r.Project)
	r.Program = program

	return Place{Dir: r.Dir, Receipt: r}
}

// of is how the names of a home's places end.
func of(home string) string {
	sum := sha256.Sum256([]byte(home))

	return "-" + hex.EncodeToString(sum[:3])
}

// Make makes the place. A directory that is there already is fs.ErrExist.
func (p Place) Make() error {
	if err := os.Mkdir(p.Dir, 0o711); err != nil { // PostgreSQL's account passes through it
		return fmt.Errorf("make the drill's place: %w", err)
	}
	if err := p.write(os.O_EXCL); err != nil {
		return errors.Join(err, os.RemoveAll(p.Dir))
	}
	if err := os.Mkdir(p.Work(), 0o711); err != nil {
		return fmt.Errorf("make the drill's place: %w", err)
	}
	for _, dir := range []string{p.Dir, p.Work()} { // whatever the umask says, they must be passed through
		if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // as above
			return fmt.Errorf("make the drill's place: %w", err)
		}
	}

	return nil
}

// Work is where the drill's installation lies: the project directory.
func (p Place) Work() string { return filepath.Join(p.Dir, "firmflow") }

// Vault is the drill's vault.
func (p Place) Vault() string { return filepath.Join(p.Work(), "uploads") }

// Copies is where a training fault makes its copies of the backup.
func (p Place) Copies() string { return filepath.Join(p.Dir, "copies") }

// Keep notes that the operator wants the place to stay.
func (p *Place) Keep() error {
	p.Receipt.Kept = true
	text, err := json.Marshal(p.Receipt)
	if err != nil {
		return fmt.Errorf("keep the drill's place: %w", err)
	}

	return durable.WriteFile(filepath.Join(p.Dir, receiptName), append(text, '\n'), 0o600)
}

func (p Place) write(flag int) error {
	text, err := json.Marshal(p.Receipt)
	if err != nil {
		return fmt.Errorf("write the drill's receipt: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(p.Dir, receiptName), os.O_WRONLY|os.O_CREATE|flag, 0o600)
	if err != nil {
		return fmt.Errorf("write the drill's receipt: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the drill's receipt: %w", err)
	}

	return durable.SyncDir(p.Dir)
}

// Open reads the receipt of a place. What is not ours is ErrNotOurs.
func Open(dir string) (Place, error) {
	if err := ours(dir); err != nil {
		return Place{}, err
	}
	text, err := os.ReadFile(filepath.Join(dir, receiptName))
	if err != nil {
		return Place{}, fmt.Errorf("read the receipt of %s: %w", dir, errors.Join(ErrNotOurs, err))
	}
	var r Receipt
	if err := json.Unmarshal(text, &r); err != nil || r.Program != program || r.Dir != dir {
		return Place{}, fmt.Errorf("read the receipt of %s: %w", dir, ErrNotOurs)
	}

	return Place{Dir: dir, Receipt: r}, nil
}

// ours wants a directory, no link, that we own: in a directory like /var/tmp
// anybody can make one of any name.
func ours(dir string) error {
	for _, path := range []string{dir, filepath.Join(dir, receiptName)} {
		info, err := os.Lstat(path)
		if err != nil {
			return fmt.Errorf("look at %s: %w", path, errors.Join(ErrNotOurs, err))
		}
		owner, known := info.Sys().(*syscall.Stat_t)
		if known && int(owner.Uid) == os.Geteuid() && (info.IsDir() || info.Mode().IsRegular()) && info.IsDir() == (path == dir) {
			continue
		}

		return fmt.Errorf("look at %s: %w", path, ErrNotOurs)
	}

	return nil
}

// Found gives the places of a home in a directory, the oldest first. One of
// which only the beginning was made, an empty directory or one with half a
// receipt and nothing else, is taken away at once where we own it.
func Found(root, home string) ([]Place, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for what drills left: %w", err)
	}
	var places []Place
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		dir := filepath.Join(root, e.Name())
		p, err := Open(dir)
		switch {
		case err == nil && p.Receipt.Home == home:
			places = append(places, p)
		case err != nil:
			if err := begun(dir); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(places, func(a, b Place) int { return strings.Compare(a.Dir, b.Dir) })

	return places, nil
}

// fresh is how old a beginning is at least before it counts as left behind:
// another drill may be making it right now.
const fresh = time.Minute

// begun takes away a directory that a drill had only begun to make.
func begun(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || time.Since(info.ModTime()) < fresh {
		return nil //nolint:nilerr // gone, or none of ours: nothing to take away
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	entries, err := os.ReadDir(dir)
	if err != nil || !known || int(owner.Uid) != os.Geteuid() || len(entries) > 1 {
		return nil //nolint:nilerr // as above
	}
	if len(entries) == 1 {
		receipt := filepath.Join(dir, receiptName)
		text, err := os.ReadFile(receipt)
		if err != nil || json.Valid(text) {
			return nil //nolint:nilerr // somebody else's file, or a whole receipt of another home
		}
		if err := os.Remove(receipt); err != nil {
			return fmt.Errorf("take away %s: %w", dir, err)
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take away %s: %w", dir, err)
	}

	return nil
}
