package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// packed writes a directory as an archive and its list.
func packed(t testing.TB, dir string) (Archive, []byte, Summary) {
	t.Helper()
	var archive, list bytes.Buffer
	s, err := Pack(context.Background(), dir, &archive, &list, nil)
	must(t, err)

	return archiveOf(t, archive.Bytes()), list.Bytes(), s
}

// wholeSeconds gives everything times that an archive keeps.
func wholeSeconds(t testing.TB, dir string) {
	t.Helper()
	var dirs []string
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		dirs = append(dirs, path)

		return err
	}))
	slices.Reverse(dirs)
	for i, path := range dirs {
		at := unixTime(int64(1763625600 + i))
		if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSymlink {
			must(t, os.Chtimes(path, at, at))
		}
	}
}

func TestWhatIsPackedComesBackByGNUTarAndByExtract(t *testing.T) {
	from := guideVault(t)
	must(t, os.Symlink("1763625600000-00000000.pdf", filepath.Join(from, "firm0", "link")))
	must(t, os.WriteFile(filepath.Join(from, "firm1", "letter.txt"), bytes.Repeat([]byte("a letter, and another\n"), 90_000), 0o600))
	wholeSeconds(t, from)
	a, _, s := packed(t, from)

	into := t.TempDir()
	runTar(t, "-xzf", a.Path, "-C", into)
	wantSame(t, "by GNU tar", described(t, into), described(t, from))
	if out, err := exec.Command("gzip", "-t", a.Path).CombinedOutput(); err != nil {
		t.Errorf("gzip -t: %v: %s", err, out)
	}
	own := filepath.Join(t.TempDir(), "own")
	got, err := a.Extract(context.Background(), own, Owner{}, nil)
	must(t, err)
	wantSame(t, "by Extract", described(t, own), described(t, from))
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("packed (-) is not what is read (+):\n%s", diff)
	}
	peek, err := a.Inspect()
	if err != nil || !peek.Ends || peek.First != "./" {
		t.Errorf("inspect: %+v, %v", peek, err)
	}
}

func TestAnyTreeThatIsPackedComesBackAsItWas(t *testing.T) {
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(base, fmt.Sprint(n))
		from, into := filepath.Join(dir, "from"), filepath.Join(dir, "into")
		must(t, os.MkdirAll(from, 0o755))
		drawTree(rt, from)
		wholeSeconds(t, from)
		var archive bytes.Buffer
		s, err := Pack(context.Background(), from, &archive, nil, nil)
		if err != nil {
			rt.Fatal(err)
		}
		a := Archive{Path: filepath.Join(dir, "a.tar.gz")}
		must(t, os.WriteFile(a.Path, archive.Bytes(), 0o600))
		got, err := a.Extract(context.Background(), into, Owner{}, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(described(t, from), described(t, into)); diff != "" {
			rt.Fatalf("restored (+) is not the original (-):\n%s", diff)
		}
		if naive := naiveDigest(t, from); s.Tree != naive || got.Tree != naive {
			rt.Fatalf("digests: packed %s, read %s, plain %s", s.Tree, got.Tree, naive)
		}
	})
}

func TestAnyContentSurvivesTheSqueezer(t *testing.T) {
	s, err := newSqueezer()
	must(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		var data []byte
		var parts []part
		noise := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		for range rapid.IntRange(0, 6).Draw(rt, "parts") {
			some := make([]byte, rapid.SampledFrom([]int{1, 511, 512, 4095, 4096, 4097, 12_288, 65_535, 65_536, 200_000}).Draw(rt, "size"))
			for i := range some {
				some[i] = byte(noise.IntN(rapid.SampledFrom([]int{1, 4, 180, 256}).Draw(rt, "values")))
				if i > 64 {
					break // a beginning is enough to make it neither
				}
			}
			if rapid.Bool().Draw(rt, "dense") {
				for i := range some {
					some[i] = byte(noise.Uint32())
				}
			}
			data = append(data, some...)
			parts = append(parts, part{end: len(data), content: rapid.Bool().Draw(rt, "content")})
		}
		var out bytes.Buffer
		must(t, s.member(&out, data, parts))
		if got := gunzip(t, out.Bytes()); !bytes.Equal(got, data) {
			rt.Fatalf("%d bytes came back as %d others", len(data), len(got))
		}
	})
}

// Encrypted documents do not compress, so all that an archive of them could
// gain or lose are the headers and the padding between.
func TestAnArchiveOfSmallEncryptedDocumentsIsNoLargerThanTars(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault_sync")
	noise := rand.NewChaCha8([32]byte{7})
	for i := range 200 {
		text := make([]byte, 35<<10+i)
		_, _ = noise.Read(text)
		path := filepath.Join(dir, fmt.Sprintf("firm%02d", i%7), fmt.Sprintf("17636256%05d-%08x.pdf", i, i*7919))
		must(t, os.MkdirAll(filepath.Dir(path), 0o750))
		must(t, os.WriteFile(path, text, 0o640))
	}
	_, _, ours := packed(t, dir)
	if theirs := len(guideArchive(t, dir)); float64(ours.CompressedBytes) > 1.005*float64(theirs) {
		t.Errorf("%d bytes, tar -czf makes %d: %.2f %% more", ours.CompressedBytes, theirs, 100*(float64(ours.CompressedBytes)/float64(theirs)-1))
	}
}

func TestAnArchiveOfTextIsHardlyLargerThanTars(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault_sync")
	noise := rand.New(rand.NewPCG(7, 7))
	words := strings.Fields("the auditor of a firm found that every entry in this journal follows from one before and none is missing although two were late")
	for i := range 12 {
		var text strings.Builder
		for text.Len() < 60_000 {
			text.WriteString(words[noise.IntN(len(words))] + " " + fmt.Sprint(noise.IntN(100_000)) + " ")
		}
		must(t, os.MkdirAll(dir, 0o750))
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".txt")), []byte(text.String()), 0o640))
	}
	_, _, ours := packed(t, dir)
	if theirs := len(guideArchive(t, dir)); float64(ours.CompressedBytes) > 1.10*float64(theirs) {
		t.Errorf("%d bytes, tar -czf makes %d: %.1f %% more", ours.CompressedBytes, theirs, 100*(float64(ours.CompressedBytes)/float64(theirs)-1))
	}
}

func TestTheListIsWhatSha256sumChecks(t *testing.T) {
	from := guideVault(t)
	must(t, os.WriteFile(filepath.Join(from, "firm1", "odd\nname\\ \xff.pdf"), []byte("x"), 0o600))
	_, list, _ := packed(t, from)
	check := func() error {
		cmd := exec.Command("sha256sum", "-c", "--quiet", "--strict")
		cmd.Dir, cmd.Stdin = from, bytes.NewReader(list)

		return cmd.Run()
	}
	if err := check(); err != nil {
		t.Errorf("sha256sum -c: %v", err)
	}
	if names := bytes.Count(list, []byte("\n# ")) + 1; names != 42 {
		t.Errorf("%d documents listed, want 42", names)
	}
	path := filepath.Join(from, "firm1", "odd\nname\\ \xff.pdf")
	must(t, os.WriteFile(path, []byte("y"), 0o600))
	if err := check(); err == nil {
		t.Error("sha256sum -c does not see a changed document")
	}
}

func TestC15WhatChangesWhileItIsPackedIsAnError(t *testing.T) {
	for name, change := range map[string]func(*os.File) error{
		"grows":   func(f *os.File) error { return errorOf(f.WriteAt([]byte("more"), 3<<20)) },
		"shrinks": func(f *os.File) error { return f.Truncate(2 << 20) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "big.pdf")
			must(t, os.WriteFile(path, make([]byte, 3<<20), 0o600))
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			must(t, err)
			defer f.Close()
			changed := false
			_, err = Pack(context.Background(), dir, io.Discard, nil, func(int64) {
				if !changed {
					changed = true
					must(t, change(f))
				}
			})
			if !errors.Is(err, ErrChanged) {
				t.Errorf("got %v, want ErrChanged", err)
			}
		})
	}
}

func TestPackRefusesWhatAVaultDoesNotHold(t *testing.T) {
	for name, make := range map[string]func(dir string) error{
		"a fifo":              func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "x"), 0o600) },
		"a link that escapes": func(dir string) error { return os.Symlink("../../etc/passwd", filepath.Join(dir, "x")) },
	} {
		dir := t.TempDir()
		must(t, make(dir))
		var entry *EntryError
		if _, err := Pack(context.Background(), dir, io.Discard, nil, nil); !errors.As(err, &entry) || entry.Name != "x" {
			t.Errorf("%s: got %v, want an error about it", name, err)
		}
	}
}

// A document that this account may not read is not left out of an archive that
// is then called complete, as tar leaves it. Root may read all, so that another
// account has to try.
func TestC8AnUnreadableDocumentIsAnError(t *testing.T) {
	const variable = "FIRMFLOW_RECOVERY_TEST_PACKS"
	if dir := os.Getenv(variable); dir != "" {
		if _, err := Pack(context.Background(), dir, io.Discard, nil, nil); err != nil {
			t.Fatal(err)
		}

		return
	}
	if os.Geteuid() != 0 {
		need(t, errors.New("only root may become another account"))
	}
	dir, err := os.MkdirTemp("/tmp", "firmflow-recovery-test-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	test := filepath.Join(dir, "vault.test")
	must(t, exec.Command("cp", os.Args[0], test).Run())
	from := filepath.Join(dir, "vault")
	fill(t, from, "firm/read.pdf", "firm/unread.pdf")
	pack := func() (string, error) {
		cmd := exec.Command(test, "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), variable+"="+from)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()

		return string(out), err
	}
	if out, err := pack(); err != nil {
		t.Fatalf("all may be read: %v: %s", err, out)
	}
	must(t, os.Chmod(filepath.Join(from, "firm", "unread.pdf"), 0))
	if out, err := pack(); err == nil || !strings.Contains(out, "firm/unread.pdf") || !strings.Contains(out, "permission denied") {
		t.Errorf("got %v, want an error about the document: %s", err, out)
	}
}

// failing fails after some bytes, as a full disk does.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, syscall.ENOSPC
	}

	return len(p), nil
}

func TestPackSaysThatTheDiskIsFull(t *testing.T) {
	if _, err := Pack(context.Background(), guideVault(t), &failing{left: 1 << 20}, nil, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
}

func TestPackStopsWhenItIsToldTo(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Pack(ctx, guideVault(t), io.Discard, nil, func(n int64) {
		if n > 1<<20 {
			cancel()
		}
	})
	cancel()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func unixTime(s int64) time.Time { return time.Unix(s, 0) }

// A restored document must not look newer than the mirror's, or the next backup
// copies half of the vault again.
func TestTimesAreCutToSecondsAsGNUTarCutsThem(t *testing.T) {
	dir, ours, theirs := t.TempDir(), t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "x.pdf")
	must(t, os.WriteFile(path, []byte("x"), 0o600))
	must(t, os.Chtimes(path, time.Time{}, time.Unix(1763625600, 700_000_000)))
	a, _, _ := packed(t, dir)
	runTar(t, "-xzf", a.Path, "-C", ours)
	runTar(t, "-xzf", archiveOf(t, guideArchive(t, dir)).Path, "-C", theirs)
	for _, into := range []string{ours, theirs} {
		info, err := os.Stat(filepath.Join(into, "x.pdf"))
		must(t, err)
		if !info.ModTime().Equal(unixTime(1763625600)) {
			t.Errorf("%s: %v, want the second cut off", into, info.ModTime())
		}
	}
}
