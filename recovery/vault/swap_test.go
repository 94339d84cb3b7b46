package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery/durable"
)

const run = "20261123-1"

var errCrash = errors.New("crash")

// crashing is a disk on which the power goes at one operation: before it is
// done, or just after. From then on nothing works.
type crashing struct {
	left       *int // operations that still work
	after      bool // the last of them is done, and its caller never hears of it
	noExchange bool
}

func (c crashing) do(op func() error) error {
	if *c.left--; *c.left < 0 {
		if *c.left == -1 && c.after {
			_ = op()
		}
		return errCrash
	}

	return op()
}

func (c crashing) Exchange(a, b string) error {
	return c.do(func() error {
		if c.noExchange {
			return durable.ErrNoExchange
		}
		return durable.Exchange(a, b)
	})
}

func (c crashing) Rename(old, new string) error {
	return c.do(func() error { return durable.Rename(old, new) })
}

func (c crashing) Move(old, new string) error {
	return c.do(func() error { return durable.Move(old, new) })
}

func (c crashing) WriteFile(path string, data []byte, perm fs.FileMode) error {
	return c.do(func() error { return durable.WriteFile(path, data, perm) })
}

// scenes are the kinds of vault that can be swapped.
var scenes = []struct {
	name       string
	noExchange bool
	make       func(*testing.T) string // the path of a live vault
	replaced   bool                    // there is something to be set aside
}{
	{"exchange", false, liveVault, true},
	{"C19 no exchange", true, liveVault, true},
	{"nothing live", false, noVault, false},
	{"empty vault", false, emptyVault, true},
	{"C21 linked", false, linkedVault, true},
	{"C21 linked, no exchange", true, linkedVault, true},
	{"link that leads nowhere yet", false, danglingVault, false},
	{"mount point", false, mountedVault, true},
}

func TestC19SwapSetsAsideAndUnswapPutsBack(t *testing.T) {
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			p := staged(t, sc.make(t))
			before := content(t, p.Real)
			left := 1000
			d := disk(crashing{left: &left, noExchange: sc.noExchange})

			got, err := swap(context.Background(), d, p, run)
			if err != nil || got.Already {
				t.Fatalf("swap: got %+v, %v", got, err)
			}
			wantContent(t, "live", p.Real, newContent)
			if sc.replaced {
				wantContent(t, "aside", got.Aside, before)
			}
			wantAlready(t, p, Swap)

			got, err = unswap(context.Background(), d, p, run)
			if err != nil || got.Already {
				t.Fatalf("unswap: got %+v, %v", got, err)
			}
			wantContent(t, "live", p.Real, before)
			wantContent(t, "staging", p.Staging(run), newContent)
			wantAlready(t, p, Unswap)
		})
	}
}

// Every instant: a crash before and after each operation of a swap or an undo,
// and then either goes on, or the other way.
func TestC19SwapCutOffAnywhereIsFinishedOrUndone(t *testing.T) {
	type verb func(context.Context, disk, Place, string) (Swapped, error)
	verbs := map[string]verb{"swap": swap, "unswap": unswap}

	for _, sc := range scenes {
		for first := range verbs {
			for second := range verbs {
				for _, after := range []bool{false, true} {
					t.Run(strings.Join([]string{sc.name, first, second}, ", "), func(t *testing.T) {
						for n := 0; ; n++ {
							p := staged(t, sc.make(t))
							before := content(t, p.Real)
							if first == "unswap" {
								must(t, errorOf(swap(context.Background(), crashing{left: ptr(1000), noExchange: sc.noExchange}, p, run)))
							}

							_, err := verbs[first](context.Background(), crashing{ptr(n), after, sc.noExchange}, p, run)
							crashed := errors.Is(err, errCrash)
							if err != nil && !crashed {
								t.Fatalf("operation %d: %v", n, err)
							}

							// The next process looks at the path anew.
							p = located(t, p.Path)
							_, err = verbs[second](context.Background(), crashing{left: ptr(1000), noExchange: sc.noExchange}, p, run)
							if err != nil {
								t.Fatalf("after a crash at operation %d: %v", n, err)
							}
							wantEnd(t, p, second, before, sc.replaced)
							if !crashed {
								return
							}
						}
					})
				}
			}
		}
	}
}

func wantEnd(t *testing.T, p Place, verb string, before []string, replaced bool) {
	t.Helper()
	if verb == "unswap" {
		wantContent(t, "live", p.Real, before)
		wantContent(t, "staging", p.Staging(run), newContent)
		wantContent(t, "aside", p.Aside(run), nil)
		return
	}
	wantContent(t, "live", p.Real, newContent)
	wantContent(t, "staging", p.Staging(run), nil)
	if replaced {
		wantContent(t, "aside", p.Aside(run), before)
	}
}

func TestSwapRefusesWhatIsNotStagedToItsEnd(t *testing.T) {
	p := located(t, liveVault(t))
	if _, err := Swap(context.Background(), p, run); !errors.Is(err, ErrNotStaged) {
		t.Errorf("nothing staged: got %v, want ErrNotStaged", err)
	}
	if _, err := p.Stage(run); err != nil {
		t.Fatal(err)
	}
	if _, err := Swap(context.Background(), p, run); !errors.Is(err, ErrNotStaged) {
		t.Errorf("staged in part: got %v, want ErrNotStaged", err)
	}
	wantContent(t, "live", p.Real, oldContent)
}

func TestSwapRefusesAVaultThatSomebodyPutThereMeanwhile(t *testing.T) {
	p := staged(t, liveVault(t))
	// Without exchange: record, the refused exchange, live set aside. Then, before
	// the run is resumed, Docker makes the missing bind mount's directory.
	_, err := swap(context.Background(), crashing{left: ptr(3), noExchange: true}, p, run)
	if !errors.Is(err, errCrash) {
		t.Fatalf("got %v, want the crash", err)
	}
	must(t, os.Mkdir(p.Real, 0o755))

	var confused *ConfusedError
	if _, err := Swap(context.Background(), p, run); !errors.As(err, &confused) {
		t.Fatalf("got %v, want a ConfusedError", err)
	}
	wantContent(t, "aside", p.Aside(run), oldContent)
	wantContent(t, "staging", p.Staging(run), newContent)
}

func TestC21LinkStaysAndItsTargetIsSwapped(t *testing.T) {
	p := staged(t, linkedVault(t))
	must(t, errorOf(Swap(context.Background(), p, run)))

	info, err := os.Lstat(p.Path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("got %v, %v; want a link still", info.Mode(), err)
	}
	wantContent(t, "through the link", p.Path, newContent)
}

func TestMountPointGetsAndLosesTheRootsAttributes(t *testing.T) {
	p := staged(t, mountedVault(t))
	must(t, os.Chmod(p.Real, 0o700))
	must(t, os.Chmod(p.Staging(run), 0o750))

	must(t, errorOf(Swap(context.Background(), p, run)))
	if info, _ := os.Stat(p.Real); info.Mode().Perm() != 0o750 {
		t.Errorf("after the swap: got %v, want 0750", info.Mode())
	}
	must(t, errorOf(Unswap(context.Background(), p, run)))
	if info, _ := os.Stat(p.Real); info.Mode().Perm() != 0o700 {
		t.Errorf("after the undo: got %v, want 0700", info.Mode())
	}
}

func TestReceiptIsTakenBackByAnUndo(t *testing.T) {
	for name, make := range map[string]func(*testing.T) string{"directory": liveVault, "mount point": mountedVault} {
		t.Run(name, func(t *testing.T) {
			p := staged(t, make(t))
			if _, err := ReadReceipt(p); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("before: got %v, want fs.ErrNotExist", err)
			}
			must(t, errorOf(Swap(context.Background(), p, run)))
			must(t, WriteReceipt(p, Receipt{Run: run, Backup: "2026-11-20", Time: time.Unix(1, 0).UTC(), Files: 2}))

			r, err := ReadReceipt(p)
			must(t, err)
			if ok, err := r.Describes(p); err != nil || !ok || r.Run != run {
				t.Errorf("got %+v, %v, %v; want the receipt of what is live", r, ok, err)
			}

			must(t, errorOf(Unswap(context.Background(), p, run)))
			if _, err := ReadReceipt(p); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after the undo: got %v, want fs.ErrNotExist", err)
			}
		})
	}
}
