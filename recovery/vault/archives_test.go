package vault

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tarOf writes a tar archive of the headers, with the content that a map gives
// for their names.
func tarOf(t testing.TB, content map[string]string, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Size = int64(len(content[h.Name]))
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		must(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, content[h.Name])
		must(t, err)
	}
	must(t, w.Close())

	return b.Bytes()
}

func gz(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	must(t, err)
	must(t, w.Close())

	return b.Bytes()
}

func gunzip(t testing.TB, archive []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(archive))
	must(t, err)
	content, err := io.ReadAll(r)
	must(t, err)

	return content
}

func archiveOf(t testing.TB, archive []byte) Archive {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vault_snapshot_2026-11-20.tar.gz")
	must(t, os.WriteFile(path, archive, 0o600))

	return Archive{Path: path}
}

// guideVault is a vault like FirmFlow's, of about 41 files and 4.6 MB: random
// bytes, as encrypted documents are, and one file larger than a buffer.
func guideVault(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault_sync")
	random := rand.NewChaCha8([32]byte{1})
	for i := range 41 {
		size := 80_000 + i*700
		if i == 20 {
			size = 1_300_000
		}
		if i == 21 {
			size = 0
		}
		text := make([]byte, size)
		_, _ = random.Read(text)

		path := filepath.Join(dir, fmt.Sprintf("firm%d", i%3), fmt.Sprintf("17636256%05d-%08x.pdf", i, i*7919))
		must(t, os.MkdirAll(filepath.Dir(path), 0o750))
		must(t, os.WriteFile(path, text, 0o640))
		must(t, os.Chtimes(path, time.Time{}, time.Unix(1763625600+int64(i), 0)))
	}
	for i := range 3 {
		must(t, os.Chtimes(filepath.Join(dir, fmt.Sprintf("firm%d", i)), time.Time{}, time.Unix(1763625000, 0)))
	}

	return dir
}

// guideArchive packs a directory with the guide's command.
func guideArchive(t testing.TB, dir string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	runTar(t, "-czf", path, "-C", dir, ".")
	archive, err := os.ReadFile(path)
	must(t, err)

	return archive
}

func runTar(t testing.TB, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("tar"); err != nil {
		need(t, err)
	}
	if out, err := exec.Command("tar", args...).CombinedOutput(); err != nil {
		t.Fatalf("tar %q: %v: %s", args, err, out)
	}
}

// need skips a test for want of something, unless nothing may be skipped.
func need(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// described lists a tree: type, mode, time, owner, size and digest of all in it,
// by another way than the code under test.
func described(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		must(t, err)
		info, err := e.Info()
		must(t, err)
		rel, err := filepath.Rel(dir, path)
		must(t, err)

		line := fmt.Sprintf("%q %v %d %d", rel, info.Mode(), info.ModTime().UnixNano(), attributesIn(info).uid)
		if e.Type().IsRegular() {
			text, err := os.ReadFile(path)
			must(t, err)
			line += fmt.Sprintf(" %d %x", len(text), sha256.Sum256(text))
		}
		if e.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			must(t, err)
			line = fmt.Sprintf("%q -> %q", rel, to)
		}
		list = append(list, line)

		return nil
	}))

	return list
}

// naiveDigest is Summary.Tree written down as plainly as its documentation.
func naiveDigest(t testing.TB, dir string) string {
	t.Helper()
	lines := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		must(t, err)
		if e.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		must(t, err)
		if e.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			must(t, err)
			lines[rel] = fmt.Sprintf("%s\x00-1\x00%x\n", rel, sha256.Sum256([]byte(to)))
			return nil
		}
		text, err := os.ReadFile(path)
		must(t, err)
		lines[rel] = fmt.Sprintf("%s\x00%d\x00%x\n", rel, len(text), sha256.Sum256(text))

		return nil
	}))

	var all strings.Builder
	for _, name := range sortedKeys(lines) {
		all.WriteString(lines[name])
	}
	sum := sha256.Sum256([]byte(all.String()))

	return hex.EncodeToString(sum[:])
}

func wantSame(t testing.TB, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s: got %s\nwant %s", what, g, w)
			return
		}
	}
}

func flipped(archive []byte, at int) []byte {
	damaged := slices.Clone(archive)
	damaged[at] ^= 0x10

	return damaged
}
