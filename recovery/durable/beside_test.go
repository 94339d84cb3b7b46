package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// names lists a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}

	return all
}

// TestAKilledWriteIsFoundAgain: what it leaves may hold secrets, and lies under a
// name that is known.
func TestAKilledWriteIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env")
	if err := WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	killed, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := killed.WriteString("AUTH_SECRET=ha"); err != nil {
		t.Fatal(err)
	}
	_ = killed.Close() // the kernel does that
	if info, err := os.Stat(Beside(path)); err != nil || info.Mode().Perm() != 0o600 || filepath.Dir(Beside(path)) != dir {
		t.Errorf("left is %v, %v; want it beside, and private", info, err)
	}
	if err := WriteFile(path, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "new" || !slices.Equal(names(t, dir), []string{".env"}) {
		t.Errorf("%q, %v; the directory has %q", text, err, names(t, dir))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

func TestSweepDeletesWhatKilledWritesLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	kept := []string{".env", ".env.before-20261123-030107", "notes" + Writing, "uploads.json", ".writing"}
	for _, name := range append([]string{filepath.Base(Beside(filepath.Join(dir, ".env"))), filepath.Base(Beside(filepath.Join(dir, "lock.json")))}, kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".a directory"+Writing), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Sweep(dir); err != nil {
			t.Fatal(err)
		}
	}
	want := append(kept, ".a directory"+Writing)
	slices.Sort(want)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if err := Sweep(filepath.Join(dir, "missing")); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestAWriteThatFailsLeavesTheOldFileAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "file")
	if err := WriteFile(path, []byte("x"), 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v, want fs.ErrNotExist", err)
	}
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "by a directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(taken, []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"taken"}) {
		t.Errorf("left are %q", got)
	}
}
