package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLocateTellsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, "file")

	cases := []struct {
		path string
		want error
	}{
		{filepath.Join(dir, "missing", "uploads"), ErrNoParent},
		{filepath.Join(dir, "file"), ErrNotDirectory},
		{"/", ErrRoot},
	}
	for _, c := range cases {
		if _, err := Locate(c.path); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.path, err, c.want)
		}
	}
	if p := located(t, noVault(t)); !p.Missing || p.MountPoint {
		t.Errorf("got %+v, want it missing", p)
	}
	if p := located(t, emptyVault(t)); !p.Empty || p.Missing {
		t.Errorf("got %+v, want it empty", p)
	}
	if p := located(t, mountedVault(t)); !p.MountPoint || p.Empty {
		t.Errorf("got %+v, want a mount point", p)
	}
	if p := located(t, danglingVault(t)); !p.Missing || p.Real == p.Path {
		t.Errorf("got %+v, want it missing behind a link", p)
	}
}

var (
	oldContent = []string{"f1/old1.enc", "f2/old2.enc"}
	newContent = []string{"f1/new1.enc", "f3/new3.enc"}
)

func noVault(t *testing.T) string { return filepath.Join(t.TempDir(), "uploads") }

func liveVault(t *testing.T) string {
	path := noVault(t)
	fill(t, path, oldContent...)

	return path
}

func emptyVault(t *testing.T) string {
	path := noVault(t)
	must(t, os.Mkdir(path, 0o700))

	return path
}

func linkedVault(t *testing.T) string {
	link := filepath.Join(t.TempDir(), "uploads")
	must(t, os.Symlink(liveVault(t), link))

	return link
}

func danglingVault(t *testing.T) string {
	link := filepath.Join(t.TempDir(), "uploads")
	must(t, os.Symlink(noVault(t), link))

	return link
}

func mountedVault(t *testing.T) string {
	path := noVault(t)
	mountTmpfs(t, path, "size=8m")
	fill(t, path, oldContent...)

	return path
}

// mountTmpfs mounts a small filesystem of its own at path.
func mountTmpfs(t *testing.T, path, options string) {
	t.Helper()
	must(t, os.MkdirAll(path, 0o755))
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		if os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
			t.Fatalf("mount: %v", err)
		}
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
}

func located(t *testing.T, path string) Place {
	t.Helper()
	p, err := Locate(path)
	must(t, err)

	return p
}

// staged locates a vault and stages newContent for it, complete.
func staged(t *testing.T, path string) Place {
	t.Helper()
	p := located(t, path)
	dir, err := p.Stage(run)
	must(t, err)
	fill(t, dir, newContent...)
	must(t, p.MarkStaged(run, Summary{Files: len(newContent)}))

	return p
}

func fill(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(name), 0o644))
	}
}

// content lists the files of a vault; nil when it is not there.
func content(t *testing.T, dir string) []string {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	defer root.Close()

	names := map[string]bool{}
	must(t, walk(context.Background(), root, func(name string, e fs.DirEntry) error {
		if !e.IsDir() {
			names[name] = true
		}
		return nil
	}))

	return sortedKeys(names)
}

func wantContent(t *testing.T, what, dir string, want []string) {
	t.Helper()
	if got := content(t, dir); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", what, got, want)
	}
}

func wantAlready(t *testing.T, p Place, verb func(context.Context, Place, string) (Swapped, error)) {
	t.Helper()
	got, err := verb(context.Background(), p, run)
	if err != nil || !got.Already {
		t.Errorf("once more: got %+v, %v; want that it was done already", got, err)
	}
}
