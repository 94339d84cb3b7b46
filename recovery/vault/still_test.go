package vault_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"firmflow-recovery/recovery/vault"
)

func TestAVaultThatGrowsStandsStillAndOneThatWasTouchedDoesNot(t *testing.T) {
	old, now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	written := now.Add(-time.Minute) // when the last one was whole
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		files  int
		same   bool
	}{
		"untouched": {func(*testing.T, string) {}, 2, true},
		"a new document": {func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "a", "3"), "new", now.Add(time.Second))
		}, 2, true},
		"one is gone":  {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "a", "1"))) }, 1, false},
		"written anew": {func(t *testing.T, dir string) { put(t, filepath.Join(dir, "a", "1"), "one", now.Add(time.Second)) }, 1, false},
		"another size": {func(t *testing.T, dir string) { put(t, filepath.Join(dir, "a", "1"), "longer", old) }, 2, false},
		"another date": {func(t *testing.T, dir string) { must(t, os.Chtimes(filepath.Join(dir, "a", "1"), old, old.Add(1))) }, 2, false},
		"another name": {func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, "a", "1"), filepath.Join(dir, "1")))
		}, 2, false},
		"put in its place": {func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, "2"), filepath.Join(dir, "a", "2")))
		}, 2, true},
		"gone before that":  {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "2"))) }, 1, false},
		"changed meanwhile": {func(t *testing.T, dir string) { put(t, filepath.Join(dir, "2"), "longer", now) }, 2, false},
		"the same file":     {func(t *testing.T, dir string) { replaced(t, filepath.Join(dir, "a", "1"), "one", old) }, 2, false},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "a", "1"), "one", old)
		put(t, filepath.Join(dir, "2"), "two", now)
		before, err := vault.StandsStill(t.Context(), dir, now, written)
		if err != nil || before.Files != 2 {
			t.Fatalf("%s: %+v, %v", name, before, err)
		}
		c.change(t, dir)
		after, err := vault.StandsStill(t.Context(), dir, now, written)
		if err != nil {
			t.Fatal(err)
		}
		if same := after == before; same != c.same || after.Files != c.files || after.Root != before.Root {
			t.Errorf("%s: the same is %t, want %t; %d files, want %d", name, same, c.same, after.Files, c.files)
		}
	}
}

func put(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o600))
	must(t, os.Chtimes(path, at, at))
}

// replaced puts another file in the place of one, with the same name, size and date.
func replaced(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	put(t, path+".new", text, at)
	must(t, os.Rename(path+".new", path))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
