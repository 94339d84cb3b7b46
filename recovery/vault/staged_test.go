package vault

import (
	"context"
	"errors"
	"testing"
)

func TestDiscardRefusesTheOldVaultUnderTheStagingName(t *testing.T) {
	p := staged(t, liveVault(t))
	// Record, exchange, and then the crash.
	if _, err := swap(context.Background(), crashing{left: ptr(2)}, p, run); !errors.Is(err, errCrash) {
		t.Fatalf("got %v, want the crash", err)
	}

	if err := Discard(p, run); !errors.Is(err, ErrNotOurs) {
		t.Errorf("got %v, want ErrNotOurs", err)
	}
	wantContent(t, "staging", p.Staging(run), oldContent)
}

// After a crash at any operation, Discard either refuses, and the swap can still
// be undone, or nothing had been swapped yet.
func TestDiscardNeverStrandsASwapThatWasCutOff(t *testing.T) {
	for _, sc := range scenes {
		for _, after := range []bool{false, true} {
			t.Run(sc.name, func(t *testing.T) {
				for n, crashed := 0, true; crashed; n++ {
					p := staged(t, sc.make(t))
					before := content(t, p.Real)
					_, err := swap(context.Background(), crashing{ptr(n), after, sc.noExchange}, p, run)
					crashed = errors.Is(err, errCrash)

					p = located(t, p.Path)
					if refused := Discard(p, run); refused != nil {
						must(t, errorOf(Unswap(context.Background(), p, run)))
						wantContent(t, "staging", p.Staging(run), newContent)
					}
					wantContent(t, "live", p.Real, before)
				}
			})
		}
	}
}

func TestDiscardRemovesOnlyWhatNeverWasLive(t *testing.T) {
	for name, make := range map[string]func(*testing.T) string{"directory": liveVault, "mount point": mountedVault} {
		t.Run(name, func(t *testing.T) {
			p := staged(t, make(t))
			must(t, Discard(p, run))
			wantContent(t, "staging", p.Staging(run), nil)
			wantContent(t, "live", p.Real, oldContent)
			must(t, Discard(p, run)) // nothing staged is nothing to do

			p = staged(t, p.Path)
			must(t, errorOf(Swap(context.Background(), p, run)))
			if err := Discard(p, run); !errors.Is(err, ErrWasLive) {
				t.Errorf("after a swap: got %v, want ErrWasLive", err)
			}
			must(t, errorOf(Unswap(context.Background(), p, run)))
			if err := Discard(p, run); !errors.Is(err, ErrWasLive) {
				t.Errorf("after an undo: got %v, want ErrWasLive", err)
			}
			wantContent(t, "staging", p.Staging(run), newContent)
		})
	}
}

func TestDiscardRefusesADirectoryThatIsNotProvenOurs(t *testing.T) {
	p := located(t, liveVault(t))
	fill(t, p.Staging(run), "f/precious.enc")

	if err := Discard(p, run); !errors.Is(err, ErrNotOurs) {
		t.Errorf("got %v, want ErrNotOurs", err)
	}
	if _, err := p.Stage(run); !errors.Is(err, ErrStaged) {
		t.Errorf("stage: got %v, want ErrStaged", err)
	}
	if err := Discard(p, "../../etc"); !errors.Is(err, ErrRunName) {
		t.Errorf("got %v, want ErrRunName", err)
	}
}

func TestStagedCompleteIsWhatAResumedRunMayTrust(t *testing.T) {
	p := located(t, liveVault(t))
	want := func(when string, complete bool) {
		t.Helper()
		s, got, err := p.StagedComplete(run)
		if err != nil || got != complete {
			t.Errorf("%s: got %v, %v; want %v", when, got, err, complete)
		}
		if complete && s.Files != 7 {
			t.Errorf("%s: the summary has %d files, want 7", when, s.Files)
		}
	}

	want("nothing", false)
	dir, err := p.Stage(run)
	must(t, err)
	fill(t, dir, newContent...)
	want("in part", false)
	must(t, p.MarkStaged(run, Summary{Files: 7}))
	want("staged", true)
	must(t, errorOf(Swap(context.Background(), p, run)))
	want("swapped", true)
	must(t, errorOf(Unswap(context.Background(), p, run)))
	want("undone", false)
}
