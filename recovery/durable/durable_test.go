package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFileReplacesAndLeavesNothingBeside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "record.json")

	for _, text := range []string{"first", "second"} {
		if err := WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Fatalf("got %q, %v; want %q", got, err, text)
		}
	}

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode: got %v, %v; want 0640", info.Mode(), err)
	}
	names, _ := os.ReadDir(dir)
	if len(names) != 1 {
		t.Errorf("names in the directory: got %d, want 1", len(names))
	}
}

func TestWriteFileQuotesANameThatWouldWriteToTheTerminal(t *testing.T) {
	err := WriteFile(filepath.Join(t.TempDir(), "gone\x1b[2J", "x"), nil, 0o600)
	if err == nil || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("got %q, want an error without a raw escape", err)
	}
}

func TestExchangeSwapsTwoDirectories(t *testing.T) {
	dir := t.TempDir()
	a, b := dirWith(t, dir, "a", "one"), dirWith(t, dir, "b", "two")

	err := Exchange(a, b)
	if errors.Is(err, ErrNoExchange) {
		t.Skip("the filesystem of the test cannot exchange")
	}
	if err != nil {
		t.Fatal(err)
	}

	mustExist(t, filepath.Join(a, "two"))
	mustExist(t, filepath.Join(b, "one"))
}

func TestExchangeOfAMissingNameIsNotTakenForAMissingFeature(t *testing.T) {
	dir := t.TempDir()

	err := Exchange(dirWith(t, dir, "a", "one"), filepath.Join(dir, "b"))
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNoExchange) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestRenameNeverOverwrites(t *testing.T) {
	renames := map[string]func(old, new string) error{
		"Rename": Rename, "Move": Move, "without RENAME_NOREPLACE": renameUnlessTaken,
	}
	for name, rename := range renames {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			// An empty directory is what a plain rename would silently replace.
			old, taken := dirWith(t, dir, "old", "one"), filepath.Join(dir, "taken")
			if err := os.Mkdir(taken, 0o700); err != nil {
				t.Fatal(err)
			}

			if err := rename(old, taken); !errors.Is(err, fs.ErrExist) {
				t.Errorf("onto a taken name: got %v, want fs.ErrExist", err)
			}
			mustExist(t, filepath.Join(old, "one"))

			if err := rename(old, filepath.Join(dir, "free")); err != nil {
				t.Errorf("onto a free name: %v", err)
			}
			mustExist(t, filepath.Join(dir, "free", "one"))
		})
	}
}

func TestFreeTellsBytesAndInodes(t *testing.T) {
	got, err := Free(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got.Bytes == 0 || got.Filesystem == 0 || (got.Inodes == 0 && !got.InodesUnknown) {
		t.Errorf("got %+v, want bytes, a filesystem, and inodes or word that they are unknown", got)
	}

	if _, err := Free(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing path: got %v, want fs.ErrNotExist", err)
	}
}

func TestIsMountPointSeesBindMountsOfTheSameDevice(t *testing.T) {
	dir := t.TempDir()
	from, onto, plain := dirWith(t, dir, "from", "one"), dirWith(t, dir, "on to", "two"), dirWith(t, dir, "plain", "three")
	if err := syscall.Mount(from, onto, "", syscall.MS_BIND, ""); err != nil {
		if os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
			t.Fatalf("mount: %v", err)
		}
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(onto, syscall.MNT_DETACH) })

	for path, want := range map[string]bool{onto: true, plain: false, "/": true} {
		if got, err := IsMountPoint(path); err != nil || got != want {
			t.Errorf("IsMountPoint(%q): got %v, %v; want %v", path, got, err, want)
		}
	}
	if same, err := SameFilesystem(plain, onto); err != nil || same {
		t.Errorf("SameFilesystem across a bind mount: got %v, %v; want false", same, err)
	}
	if same, err := SameFilesystem(plain, from); err != nil || !same {
		t.Errorf("SameFilesystem of siblings: got %v, %v; want true", same, err)
	}
}

func TestListedReadsOctalEscapes(t *testing.T) {
	const info = "23 27 0:22 / /sys rw - sysfs sysfs rw\n" +
		`36 31 0:33 / /mnt/a\040b\134c rw - tmpfs tmpfs rw` + "\n"

	for path, want := range map[string]bool{`/mnt/a b\c`: true, "/sys": true, "/mnt": false} {
		if got, err := listed(strings.NewReader(info), path); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %v", path, got, err, want)
		}
	}
}

func TestExistsCountsALinkThatLeadsNowhere(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]bool{link: true, dir: true, filepath.Join(dir, "x"): false} {
		if got, err := Exists(path); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %v", path, got, err, want)
		}
	}
}

func dirWith(t *testing.T, parent, name, file string) string {
	t.Helper()
	dir := filepath.Join(parent, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	return dir
}

func mustExist(t *testing.T, path string) {
	t.Helper()
	if ok, err := Exists(path); err != nil || !ok {
		t.Errorf("%q: got %v, %v; want it to exist", path, ok, err)
	}
}

func TestMountedInSeesBindMountsBelow(t *testing.T) {
	dir := t.TempDir()
	from, tree := dirWith(t, dir, "from", "one"), dirWith(t, dir, "a tree", "two")
	beside := dirWith(t, dir, "a tree and more", "three")
	below := filepath.Join(tree, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, onto := range []string{below, beside} {
		if err := syscall.Mount(from, onto, "", syscall.MS_BIND, ""); err != nil {
			if os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
				t.Fatalf("mount: %v", err)
			}
			t.Skipf("mount: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(onto, syscall.MNT_DETACH) })
	}
	for path, want := range map[string][]string{tree: {below}, below: {below}, from: nil} {
		found, err := MountedIn(path)
		var got []string
		for _, m := range found {
			got = append(got, m.At)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("MountedIn(%q): got %q, %v; want %q", path, got, err, want)
		}
	}
}
