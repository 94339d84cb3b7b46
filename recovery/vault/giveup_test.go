package vault

import (
	"context"
	"errors"
	"os"
	"testing"
)

// TestGiveUpFreesTheNameAndIsNeverTakenForWhatWasThere: whatever kind of vault it
// is, however often it is begun, an undo refuses, and the swap that follows makes
// the new one live.
func TestGiveUpFreesTheNameAndIsNeverTakenForWhatWasThere(t *testing.T) {
	for _, sc := range scenes {
		if sc.noExchange {
			continue
		}
		t.Run(sc.name, func(t *testing.T) {
			path := sc.make(t)
			p := located(t, path)
			held := len(content(t, p.Real)) > 0
			for range 2 {
				must(t, GiveUp(t.Context(), p, run, func(int64, int64) {}))
				p = located(t, path)
				gone, err := p.GivenUp(run)
				must(t, err)
				if gone != held || len(content(t, p.Real)) > 0 {
					t.Fatalf("given up: %v, want %v; left is %q", gone, held, content(t, p.Real))
				}
			}
			p = staged(t, path)
			if held {
				undoRefuses(t, p)
			}
			_, err := Swap(t.Context(), p, run)
			must(t, err)
			p = located(t, path)
			if got := content(t, p.Real); len(got) != len(newContent) {
				t.Errorf("live is %q", got)
			}
			if held {
				undoRefuses(t, p)
			}
			must(t, Free(t.Context(), p, run, func(int64, int64) {}))
			if got := content(t, p.Real); len(got) != len(newContent) {
				t.Errorf("after a cleanup live is %q", got)
			}
		})
	}
}

func undoRefuses(t *testing.T, p Place) {
	t.Helper()
	if _, err := Undo(t.Context(), p, run); !errors.Is(err, ErrGivenUp) {
		t.Errorf("an undo says %v", err)
	}
}

// TestGivingUpIsFinishedAfterACrash begins where each of its steps could have
// ended.
func TestGivingUpIsFinishedAfterACrash(t *testing.T) {
	for name, reached := range map[string]struct {
		by   func(t *testing.T, p Place)
		gone bool
	}{
		"noted": {func(t *testing.T, p Place) {
			t.Helper()
			_, err := p.beginGivingUp(t.Context(), run)
			must(t, err)
		}, false},
		"gone from its name": {func(t *testing.T, p Place) {
			t.Helper()
			rec, err := p.beginGivingUp(t.Context(), run)
			must(t, err)
			must(t, p.takeAway(t.Context(), &rec))
		}, true},
		"half deleted": {func(t *testing.T, p Place) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			if err := GiveUp(ctx, p, run, func(int64, int64) { cancel() }); !errors.Is(err, context.Canceled) {
				t.Fatalf("it ended with %v", err)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := liveVault(t)
			p := located(t, path)
			reached.by(t, p)
			p = located(t, path)
			if gone, err := p.GivenUp(run); err != nil || gone != reached.gone {
				t.Fatalf("given up: %v, %v; want %v", gone, err, reached.gone)
			}
			if standing, err := p.Standing(run); !reached.gone && (err != nil || standing != Untouched) {
				t.Errorf("before it is gone from its name an undo has nothing to do: %v, %v", standing, err)
			}
			must(t, GiveUp(t.Context(), p, run, func(int64, int64) {}))
			if _, err := os.Lstat(p.leaving(run)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("left: %v", err)
			}
			if got := content(t, p.Real); got != nil {
				t.Errorf("left: %q", got)
			}
		})
	}
}

func TestWhatIsStagedKeepsTheLiveVault(t *testing.T) {
	p := staged(t, liveVault(t))
	before := content(t, p.Real)
	if err := GiveUp(t.Context(), p, run, func(int64, int64) {}); !errors.Is(err, ErrStaged) {
		t.Errorf("it says %v", err)
	}
	if now := content(t, p.Real); len(now) != len(before) {
		t.Errorf("live is %q, was %q", now, before)
	}
}
