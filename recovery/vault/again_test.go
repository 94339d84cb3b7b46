package vault

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// stagedPlace gives a live vault with one document, and another one staged.
func stagedPlace(t *testing.T, run string) Place {
	t.Helper()
	live := filepath.Join(t.TempDir(), "uploads")
	if err := os.MkdirAll(live, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(live, "old.pdf"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Locate(live)
	if err != nil {
		t.Fatal(err)
	}
	staging, err := p.Stage(run)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(staging, "new.pdf"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := TreeDigest(t.Context(), staging)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.MarkStaged(run, Summary{Files: 1, Bytes: 3, Tree: tree}); err != nil {
		t.Fatal(err)
	}

	return p
}

func TestWhereFollowsWhatWasStagedThroughTheSwapAndBack(t *testing.T) {
	const run = "r1"
	p := stagedPlace(t, run)
	want := func(dir string) {
		t.Helper()
		if got, err := p.Where(run); err != nil || got != dir {
			t.Errorf("Where = %q, %v; want %q", got, err, dir)
		}
	}
	want(p.Staging(run))
	if _, err := Swap(t.Context(), p, run); err != nil {
		t.Fatal(err)
	}
	want(p.Real)
	if _, err := Unswap(t.Context(), p, run); err != nil {
		t.Fatal(err)
	}
	want(p.Staging(run))
	if got, err := p.Where("r2"); err != nil || got != "" {
		t.Errorf("Where of a run that staged nothing = %q, %v", got, err)
	}
}

func TestWhatWasTakenBackCountsAgainOnlyIfEveryByteIsThere(t *testing.T) {
	const run = "r1"
	p := stagedPlace(t, run)
	if _, err := Swap(t.Context(), p, run); err != nil {
		t.Fatal(err)
	}
	if _, err := Unswap(t.Context(), p, run); err != nil {
		t.Fatal(err)
	}
	if _, complete, err := p.StagedComplete(run); complete || err != nil {
		t.Fatalf("complete before it was proven again: %v, %v", complete, err)
	}
	if again, err := p.Reprove(t.Context(), run); !again || err != nil {
		t.Fatalf("Reprove = %v, %v", again, err)
	}
	if _, complete, err := p.StagedComplete(run); !complete || err != nil {
		t.Errorf("complete = %v, %v after it was proven again", complete, err)
	}

	if _, err := Swap(t.Context(), p, run); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Real, "added.pdf"), []byte("added while live"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Unswap(t.Context(), p, run); err != nil {
		t.Fatal(err)
	}
	if again, err := p.Reprove(t.Context(), run); again || !errors.Is(err, ErrWasLive) {
		t.Errorf("Reprove of a changed vault = %v, %v; want ErrWasLive", again, err)
	}
}
