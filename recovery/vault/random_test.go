package vault

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever the tree: packed by GNU tar or by archive/tar and restored, it is the
// same, and four ways to its digest agree.
func TestAnyTreeComesBackAsItWas(t *testing.T) {
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(base, fmt.Sprint(n))
		must(t, os.MkdirAll(filepath.Join(dir, "from"), 0o755))
		from, into := filepath.Join(dir, "from"), filepath.Join(dir, "into")
		drawTree(rt, from)

		a := Archive{Path: filepath.Join(dir, "a.tar.gz")}
		if rapid.Bool().Draw(rt, "gnu") {
			runTar(t, "-czf", a.Path, "--format=posix", "-C", from, ".")
		} else {
			packByGo(t, a.Path, from)
		}

		got, err := a.Extract(context.Background(), into, Owner{}, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(described(t, from), described(t, into)); diff != "" {
			rt.Fatalf("restored (+) is not the original (-):\n%s", diff)
		}
		digest, err := TreeDigest(context.Background(), into)
		if naive := naiveDigest(t, from); err != nil || got.Tree != digest || digest != naive {
			rt.Fatalf("digests: archive %s, tree %s, plain %s, %v", got.Tree, digest, naive, err)
		}
		mirrored, err := Mirror(context.Background(), from, filepath.Join(dir, "mirror"), Owner{}, nil)
		if err != nil || mirrored.Tree != digest {
			rt.Fatalf("mirror: got %s, %v; want %s", mirrored.Tree, err, digest)
		}
	})
}

// drawTree fills a directory. Names are drawn from bytes around "/" and "." in
// order, where sorting by path and by directory differ.
func drawTree(rt *rapid.T, dir string) {
	name := rapid.StringOfN(rapid.RuneFrom([]rune("ab-.0 \n\u00e9")), 1, 4, -1).
		Filter(func(s string) bool { return s != "." && s != ".." })
	modes := rapid.SampledFrom([]fs.FileMode{0o600, 0o644, 0o440, 0o755, 0o777})

	dirs := []string{dir}
	for range rapid.IntRange(0, 6).Draw(rt, "dirs") {
		d := filepath.Join(rapid.SampledFrom(dirs).Draw(rt, "in"), name.Draw(rt, "dir"))
		if os.Mkdir(d, 0o755) == nil { // a name drawn twice is one directory
			dirs = append(dirs, d)
		}
	}
	for range rapid.IntRange(0, 12).Draw(rt, "files") {
		path := filepath.Join(rapid.SampledFrom(dirs).Draw(rt, "in"), name.Draw(rt, "file"))
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		size := rapid.SampledFrom([]int{0, 1, 2, 511, 512, 513, 1024, 9_000, 70_000, small + 1}).Draw(rt, "size")
		if err := os.WriteFile(path, bytes.Repeat([]byte(name.Draw(rt, "text")), size)[:size], 0o600); err != nil {
			rt.Fatal(err)
		}
		if err := os.Chmod(path, modes.Draw(rt, "mode")); err != nil {
			rt.Fatal(err)
		}
	}
	for _, d := range dirs {
		if err := os.Chmod(d, 0o700|modes.Draw(rt, "mode")); err != nil {
			rt.Fatal(err)
		}
	}
}

func packByGo(t testing.TB, archive, from string) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		must(t, err)
		info, err := e.Info()
		must(t, err)
		h, err := tar.FileInfoHeader(info, "")
		must(t, err)
		h.Name, err = filepath.Rel(from, path)
		must(t, err)
		h.Format = tar.FormatPAX // for nanoseconds
		must(t, w.WriteHeader(h))
		if e.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		must(t, err)
		_, err = w.Write(text)

		return err
	}))
	must(t, w.Close())
	must(t, os.WriteFile(archive, gz(t, b.Bytes()), 0o600))
}

// FuzzArchive: whatever the bytes, no panic, nothing outside, and Verify and
// Extract of one mind. The seed chooses what the bytes are: the compressed file,
// or the tar archive in it, since no fuzzer gets past a checksum by chance.
func FuzzArchive(f *testing.F) {
	whole := tarOf(f, map[string]string{"f/a": "aaa", "f/b": strings.Repeat("b", 600)},
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}, tar.Header{Name: "f/a"}, tar.Header{Name: "f/b"},
		tar.Header{Name: "l", Linkname: "f/a", Typeflag: tar.TypeSymlink},
		tar.Header{Name: "h", Linkname: "f/b", Typeflag: tar.TypeLink})
	f.Add(whole, true)
	f.Add(gz(f, whole), false)
	f.Add(gz(f, whole[:1024]), false)
	f.Add(tarOf(f, nil, tar.Header{Name: "../x"}), true)
	f.Add(tarOf(f, nil, tar.Header{Name: "l", Linkname: "..", Typeflag: tar.TypeSymlink}, tar.Header{Name: "l/x"}), true)
	f.Add(tarOf(f, nil, tar.Header{Name: strings.Repeat("x/", 90) + "y", Format: tar.FormatPAX,
		PAXRecords: map[string]string{"comment": "none"}}), true)

	f.Fuzz(func(t *testing.T, text []byte, isTar bool) {
		if declares(text, 1<<26) {
			t.Skip() // sparse files of exabytes are honest, and slow
		}
		if isTar {
			text = gz(t, text)
		}
		a := archiveOf(t, text)
		outside := t.TempDir()
		into := filepath.Join(outside, "into")

		want, refused := a.Verify(context.Background(), nil)
		got, err := a.Extract(context.Background(), into, Owner{}, nil)
		if refused != nil && err == nil {
			t.Errorf("verify says %v, extract accepts", refused)
		}
		if names, err := os.ReadDir(outside); err != nil || len(names) > 1 {
			t.Errorf("beside the staging directory: %v, %v", names, err)
		}
		if err != nil {
			return
		}
		if got != want {
			t.Errorf("verify says %+v, extract %+v", want, got)
		}
		if tree, err := TreeDigest(context.Background(), into); err != nil || tree != got.Tree {
			t.Errorf("digest of the tree: got %s, %v; want %s", tree, err, got.Tree)
		}
	})
}

// declares tells whether a tar archive has a file larger than limit.
func declares(text []byte, limit int64) bool {
	r := tar.NewReader(bytes.NewReader(text))
	for {
		h, err := r.Next()
		if err != nil {
			return false
		}
		if h.Size > limit {
			return true
		}
	}
}

func TestSafeLinksResolveInside(t *testing.T) {
	cases := []struct {
		name, to string
		safe     bool
	}{
		{"l", "f/a", true},
		{"f/l", "../g", true},
		{"f/g/l", "../../x", true},
		{"f/l", "./../g", true},
		{"f/l", "..", true},
		{"l", "..", false},
		{"l", "a/..", false},
		{"f/l", "../../x", false},
		{"f/l", "/x", false},
		{"f/l", "", false},
	}
	for _, c := range cases {
		if got := safeLink(c.name, c.to) == nil; got != c.safe {
			t.Errorf("%s -> %s: got %v, want %v", c.name, c.to, got, c.safe)
		}
	}
}
