package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// planned compares a vault with its mirror.
func planned(t testing.TB, from, into string) *Sync {
	t.Helper()
	s, err := PlanSync(context.Background(), from, into)
	must(t, err)
	t.Cleanup(s.Close)

	return s
}

// mirror makes a mirror equal to a vault.
func mirror(t testing.TB, from, into string) Copied {
	t.Helper()
	s := planned(t, from, into)
	done, err := s.Copy(context.Background(), nil)
	must(t, err)
	must(t, s.Delete(context.Background()))

	return done
}

func TestAMirrorBecomesWhatTheVaultIs(t *testing.T) {
	from, into := guideVault(t), filepath.Join(t.TempDir(), "vault_sync")
	if done := mirror(t, from, into); done.Files != 41 {
		t.Errorf("%+v, want 41 files", done)
	}
	wantSame(t, "first", described(t, into), described(t, from))
	if done := mirror(t, from, into); done.Files != 0 || done.Bytes != 0 {
		t.Errorf("unchanged: %+v, want nothing copied", done)
	}

	must(t, os.WriteFile(filepath.Join(from, "firm0", "new.pdf"), []byte("new"), 0o640))
	must(t, os.MkdirAll(filepath.Join(from, "firm9", "deep"), 0o750))
	must(t, os.Symlink("new.pdf", filepath.Join(from, "firm0", "link")))
	must(t, os.WriteFile(filepath.Join(from, "firm9", "deep", "x.pdf"), []byte("x"), 0o640))
	first := filepath.Join(from, "firm1", "1763625600001-00001eef.pdf")
	must(t, os.WriteFile(first, []byte("rewritten"), 0o640))
	must(t, os.RemoveAll(filepath.Join(from, "firm2")))
	must(t, os.Chmod(filepath.Join(from, "firm0", "1763625600003-00005ccd.pdf"), 0o600))
	if done := mirror(t, from, into); done.Files != 4 || done.Bytes != int64(len("new")+len("x")+len("rewritten")+82_100) {
		t.Errorf("changed: %+v, want four files", done)
	}
	wantSame(t, "changed", described(t, into), described(t, from))
}

// Whatever the two trees, the mirror becomes what the vault is.
func TestAnyMirrorBecomesWhatTheVaultIs(t *testing.T) {
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(base, fmt.Sprint(n))
		from, into := filepath.Join(dir, "from"), filepath.Join(dir, "into")
		must(t, os.MkdirAll(from, 0o755))
		must(t, os.MkdirAll(into, 0o755))
		drawTree(rt, from)
		drawTree(rt, into)
		wholeSeconds(t, into) // the vault's are of now: what has the same size has not the same time
		mirror(t, from, into)
		if diff := cmp.Diff(described(t, from), described(t, into)); diff != "" {
			rt.Fatalf("mirrored (+) is not the vault (-):\n%s", diff)
		}
	})
}

func TestC12AnEmptyOrShrunkenVaultIsNotMirrored(t *testing.T) {
	into := filepath.Join(t.TempDir(), "vault_sync")
	from := guideVault(t)
	mirror(t, from, into)
	before := described(t, into)

	if err := planned(t, t.TempDir(), into).Refusal(); !errors.Is(err, ErrSourceEmpty) {
		t.Errorf("empty: %v, want ErrSourceEmpty", err)
	}
	must(t, os.RemoveAll(filepath.Join(from, "firm1")))
	var shrunk *ShrunkError
	if err := planned(t, from, into).Refusal(); !errors.As(err, &shrunk) || shrunk.Gone != 14 || shrunk.Mirrored != 41 {
		t.Errorf("a firm is gone: %v, want 14 of 41", err)
	}
	if _, err := PlanSync(context.Background(), filepath.Join(t.TempDir(), "gone"), into); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v, want ErrNotExist", err)
	}
	wantSame(t, "the mirror, after looks", described(t, into), before)
	must(t, os.Remove(filepath.Join(from, "firm0", "1763625600000-00000000.pdf")))
	must(t, errorOf(exec.Command("cp", "-a", filepath.Join(into, "firm1"), from).CombinedOutput()))
	if err := planned(t, from, into).Refusal(); err != nil {
		t.Errorf("one document is gone: %v, want none", err)
	}
}

// An interrupted rsync -P leaves a file cut short under its final name, dated
// 1970.
func TestC13AMirrorThatWasInterruptedIsMended(t *testing.T) {
	from, into := guideVault(t), filepath.Join(t.TempDir(), "vault_sync")
	mirror(t, from, into)
	half := filepath.Join(into, "firm2", "1763625600020-00026aac.pdf")
	must(t, os.Truncate(half, 1000))
	must(t, os.Chtimes(half, unixTime(0), unixTime(0)))
	must(t, os.WriteFile(filepath.Join(into, "firm2", ".huge.enc.Xa91bc"), []byte("half"), 0o600))
	must(t, os.MkdirAll(filepath.Join(into, incoming), 0o700))
	must(t, os.WriteFile(filepath.Join(into, incoming, "3"), []byte("half"), 0o600))
	mirror(t, from, into)
	wantSame(t, "mended", described(t, into), described(t, from))
}

// Size and time are compared, the time to the nanosecond: a document that was
// rewritten within the second is copied. Only one whose time was set back by
// hand is taken for the same.
func TestC14ADocumentThatWasRewrittenIsCopied(t *testing.T) {
	from, into := noVault(t), filepath.Join(t.TempDir(), "vault_sync")
	fill(t, from, "firm/a.pdf", "firm/b.pdf")
	path, at := filepath.Join(from, "firm", "a.pdf"), unixTime(1763625600)
	must(t, os.Chtimes(path, at, at.Add(1)))
	mirror(t, from, into)
	must(t, os.WriteFile(path, []byte("FIRM/A.PDF"), 0o644)) // as long as before
	must(t, os.Chtimes(path, at, at.Add(2)))
	if done := mirror(t, from, into); done.Files != 1 {
		t.Errorf("copied %d files, want the one that was rewritten", done.Files)
	}
	wantSame(t, "rewritten", described(t, into), described(t, from))
	must(t, os.WriteFile(path, []byte("firm/a.pdf"), 0o644))
	must(t, os.Chtimes(path, at, at.Add(2)))
	if done := mirror(t, from, into); done.Files != 0 {
		t.Errorf("copied %d files, though nothing tells that one has changed", done.Files)
	}
}

func TestAnInterruptedCopyLeavesOnlyWholeDocuments(t *testing.T) {
	from, into := guideVault(t), filepath.Join(t.TempDir(), "vault_sync")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := planned(t, from, into).Copy(ctx, func(n int64) {
		if n > 1<<20 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	must(t, Files(context.Background(), into, func(name string, size int64) error {
		info, err := os.Stat(filepath.Join(from, name))
		if err != nil || info.Size() != size {
			t.Errorf("%s has %d bytes under its final name", name, size)
		}

		return nil
	}))
	mirror(t, from, into)
	wantSame(t, "gone on", described(t, into), described(t, from))
}

func TestC15ADocumentThatIsStillWrittenIsLeftOut(t *testing.T) {
	from, into := t.TempDir(), filepath.Join(t.TempDir(), "vault_sync")
	must(t, os.WriteFile(filepath.Join(from, "whole.pdf"), []byte("whole"), 0o600))
	path := filepath.Join(from, "growing.pdf")
	must(t, os.WriteFile(path, bytes.Repeat([]byte("x"), 1000), 0o600))
	s := planned(t, from, into)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	defer f.Close()
	done, err := s.Copy(context.Background(), func(int64) { must(t, errorOf(f.WriteString("more"))) })
	must(t, err)
	if done.Files != 1 || done.Unsettled != 1 {
		t.Errorf("%+v, want one named and one left out", done)
	}
	if _, err := os.Stat(filepath.Join(into, "growing.pdf")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it has its name in the mirror: %v", err)
	}
}

func TestADocumentThatIsDeletedMeanwhileIsNoError(t *testing.T) {
	from, into := guideVault(t), filepath.Join(t.TempDir(), "vault_sync")
	s := planned(t, from, into)
	must(t, os.Remove(filepath.Join(from, "firm0", "1763625600000-00000000.pdf")))
	done, err := s.Copy(context.Background(), nil)
	if err != nil || done.Vanished != 1 || done.Files != 40 {
		t.Errorf("%+v, %v; want 40 copied, one vanished", done, err)
	}
}

// What was deleted after the dump was taken is in the archive that is packed
// before Delete.
func TestDeletedDocumentsStayUntilTheyArePacked(t *testing.T) {
	from, into := guideVault(t), filepath.Join(t.TempDir(), "vault_sync")
	mirror(t, from, into)
	gone := "firm0/1763625600000-00000000.pdf"
	must(t, os.Remove(filepath.Join(from, gone)))
	s := planned(t, from, into)
	must(t, errorOf(s.Copy(context.Background(), nil)))
	if _, err := os.Stat(filepath.Join(into, gone)); err != nil {
		t.Errorf("before Delete: %v", err)
	}
	must(t, s.Delete(context.Background()))
	if _, err := os.Stat(filepath.Join(into, gone)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Delete: %v", err)
	}
	wantSame(t, "after Delete", described(t, into), described(t, from))
}

func TestAMirrorInsideTheVaultIsRefused(t *testing.T) {
	from := guideVault(t)
	if _, err := PlanSync(context.Background(), from, filepath.Join(from, "vault_sync")); !errors.Is(err, ErrInside) {
		t.Errorf("got %v, want ErrInside", err)
	}
}
