package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// wantUndone is the end of an undo: the old is live, the new is kept under its
// own name, and nothing lies under any other.
func wantUndone(t *testing.T, p Place, before []string) {
	t.Helper()
	p = located(t, p.Path)
	wantContent(t, "live", p.Real, before)
	wantContent(t, "undone", p.Undone(run), newContent)
	wantContent(t, "staging", p.Staging(run), nil)
	wantContent(t, "aside", p.Aside(run), nil)
	if at, err := p.Standing(run); at != TakenBack || err != nil {
		t.Errorf("standing %q, %v; want %q", at, err, TakenBack)
	}
}

func TestUndoOfASwapCutOffAnywhereIsFinished(t *testing.T) {
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			for _, after := range []bool{false, true} {
				for n := 0; ; n++ {
					p := staged(t, sc.make(t))
					before := content(t, p.Real)
					must(t, errorOf(swap(context.Background(), crashing{left: ptr(1000), noExchange: sc.noExchange}, p, run)))
					want := Replaced
					if !sc.replaced {
						want = Added
					}
					if at, err := located(t, p.Path).Standing(run); at != want || err != nil {
						t.Fatalf("after the swap: standing %q, %v; want %q", at, err, want)
					}
					_, err := undo(context.Background(), crashing{ptr(n), after, sc.noExchange}, located(t, p.Path), run)
					crashed := errors.Is(err, errCrash)
					if err != nil && !crashed {
						t.Fatalf("operation %d: %v", n, err)
					}
					for range 2 { // and twice is once
						if _, err := undo(context.Background(), crashing{left: ptr(1000), noExchange: sc.noExchange}, located(t, p.Path), run); err != nil {
							t.Fatalf("after a crash at operation %d: %v", n, err)
						}
						wantUndone(t, p, before)
					}
					if !crashed {
						break
					}
				}
			}
		})
	}
}

// A recovery that was cut off in its switch is undone from there.
func TestUndoOfAHalfDoneSwap(t *testing.T) {
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			for n := 0; ; n++ {
				p := staged(t, sc.make(t))
				before := content(t, p.Real)
				_, err := swap(context.Background(), crashing{left: ptr(n), noExchange: sc.noExchange}, p, run)
				was, undoing := Undo(context.Background(), located(t, p.Path), run)
				if undoing != nil {
					t.Fatalf("swap cut off at operation %d: %v", n, undoing)
				}
				wantContent(t, "live", p.Real, before)
				if was == Untouched {
					wantContent(t, "staging", p.Staging(run), newContent)
				} else {
					wantUndone(t, p, before)
				}
				if err == nil {
					return
				}
			}
		})
	}
}

func TestUndoRefusesWhereWhatWasSetAsideIsGone(t *testing.T) {
	for name, make := range map[string]func(*testing.T) string{"directory": liveVault, "mount point": mountedVault} {
		t.Run(name, func(t *testing.T) {
			p := staged(t, make(t))
			must(t, errorOf(Swap(context.Background(), p, run)))
			must(t, os.RemoveAll(p.Aside(run)))
			if _, err := Undo(context.Background(), p, run); !errors.Is(err, ErrAsideGone) {
				t.Errorf("got %v, want ErrAsideGone", err)
			}
			wantContent(t, "live", p.Real, newContent)
			if _, err := Unswap(context.Background(), p, run); err == nil && name == "directory" {
				t.Error("Unswap took the only vault away")
			}
		})
	}
}

func TestUndoRefusesWhereSomethingElseIsLive(t *testing.T) {
	p := staged(t, liveVault(t))
	must(t, errorOf(Swap(context.Background(), p, run)))
	must(t, os.Rename(p.Real, p.Real+".moved"))
	fill(t, p.Real, "somebody/else.pdf")
	var confused *ConfusedError
	if _, err := Undo(context.Background(), p, run); !errors.As(err, &confused) {
		t.Errorf("got %v, want a ConfusedError", err)
	}
	wantContent(t, "live", p.Real, []string{"somebody/else.pdf"})
}

func TestUndoOfWhatWasNeverSwappedTouchesNothing(t *testing.T) {
	p := located(t, liveVault(t))
	for _, stage := range []bool{false, true} {
		if stage {
			staged(t, p.Path)
		}
		if at, err := Undo(context.Background(), p, run); at != Untouched || err != nil {
			t.Errorf("staged %v: %q, %v", stage, at, err)
		}
		wantContent(t, "live", p.Real, oldContent)
	}
	wantContent(t, "staging", p.Staging(run), newContent)
}

func none(int64, int64) {}

func TestFreeDeletesWhatWasSetAsideAndNothingElse(t *testing.T) {
	for _, sc := range scenes {
		for _, taken := range []bool{false, true} {
			t.Run(sc.name, func(t *testing.T) {
				p := staged(t, sc.make(t))
				must(t, errorOf(Swap(context.Background(), p, run)))
				p = located(t, p.Path)
				if taken {
					if _, err := Undo(context.Background(), p, run); err != nil {
						t.Fatal(err)
					}
					p = located(t, p.Path)
				}
				live := content(t, p.Real)
				for range 2 {
					must(t, Free(context.Background(), p, run, none))
					wantContent(t, "live", p.Real, live)
					gone := []string{p.Aside(run), p.Undone(run), p.Staging(run)}
					if taken {
						gone = append(gone, p.recordPath(run))
					} else if _, complete, err := p.StagedComplete(run); err != nil || !complete {
						t.Errorf("what is live can no longer be proven: %v, %v", complete, err)
					}
					for _, dir := range gone {
						if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
							t.Errorf("%s is still there: %v", dir, err)
						}
					}
				}
			})
		}
	}
}

func TestFreeOfWhatWasNeverLiveLeavesTheLive(t *testing.T) {
	p := staged(t, liveVault(t))
	must(t, Free(context.Background(), p, run, none))
	wantContent(t, "live", p.Real, oldContent)
	wantContent(t, "staging", p.Staging(run), nil)
}

// Killed between the staging directory and its record, a run leaves an empty one.
func TestFreeTakesAnEmptyStagingWithoutARecord(t *testing.T) {
	p := located(t, liveVault(t))
	must(t, os.Mkdir(p.Staging(run), 0o700))
	if dir, err := p.SetAside(run); err != nil || dir != p.Staging(run) {
		t.Errorf("set aside: %q, %v", dir, err)
	}
	must(t, Free(context.Background(), p, run, none))
	wantContent(t, "staging", p.Staging(run), nil)
	must(t, Free(context.Background(), p, run, none))

	fill(t, p.Staging(run), "somebody/else.pdf")
	if dir, err := p.SetAside(run); err != nil || dir != "" {
		t.Errorf("set aside: %q, %v; want nothing", dir, err)
	}
	must(t, Free(context.Background(), p, run, none))
	wantContent(t, "staging", p.Staging(run), []string{"somebody/else.pdf"})
	wantContent(t, "live", p.Real, oldContent)
}

func TestFreeRefusesWhatTheRunDidNotPutThere(t *testing.T) {
	p := staged(t, liveVault(t))
	must(t, errorOf(Swap(context.Background(), p, run)))
	must(t, os.Rename(p.Aside(run), p.Aside(run)+".moved"))
	fill(t, p.Aside(run), "somebody/else.pdf")
	if err := Free(context.Background(), p, run, none); !errors.Is(err, ErrNotOurs) {
		t.Errorf("got %v, want ErrNotOurs", err)
	}
	wantContent(t, "aside", p.Aside(run), []string{"somebody/else.pdf"})
}

// A swap that was cut off leaves the old vault under the staging name.
func TestFreeRefusesInTheMiddleOfASwap(t *testing.T) {
	for n := range 4 {
		p := staged(t, liveVault(t))
		if _, err := swap(context.Background(), crashing{left: ptr(n)}, p, run); err == nil {
			return
		}
		all := len(content(t, p.Real)) + len(content(t, p.Staging(run))) + len(content(t, p.Aside(run)))
		err := Free(context.Background(), p, run, none)
		old := len(content(t, p.Real)) == len(oldContent)
		if left := len(content(t, p.Real)) + len(content(t, p.Staging(run))) + len(content(t, p.Aside(run))); err != nil && left != all || err == nil && !old {
			t.Errorf("operation %d: %d of %d files left, %v", n, left, all, err)
		}
	}
}

func TestFreeRefusesAFilesystemMountedBelow(t *testing.T) {
	p := staged(t, liveVault(t))
	mountTmpfs(t, filepath.Join(p.Real, "mounted"), "size=1m")
	fill(t, filepath.Join(p.Real, "mounted"), "precious.pdf")
	must(t, errorOf(Swap(context.Background(), p, run)))
	inner := filepath.Join(p.Aside(run), "mounted")
	t.Cleanup(func() { _ = syscall.Unmount(inner, syscall.MNT_DETACH) })
	if err := Free(context.Background(), p, run, none); !errors.Is(err, ErrBelow) {
		t.Errorf("got %v, want ErrBelow", err)
	}
	if _, err := os.Stat(filepath.Join(inner, "precious.pdf")); err != nil {
		t.Errorf("what is mounted below was deleted: %v", err)
	}
}

// TestFreeRefusesABindMountBelow: it has the device number of the filesystem
// around it, and what it shows is somebody's.
func TestFreeRefusesABindMountBelow(t *testing.T) {
	precious := filepath.Join(t.TempDir(), "precious")
	fill(t, precious, "deed.pdf")
	for name, onto := range map[string]string{"a directory": "mounted", "a file": "mounted.pdf"} {
		t.Run(name, func(t *testing.T) {
			p := staged(t, liveVault(t))
			must(t, errorOf(Swap(context.Background(), p, run)))
			from, inner := precious, filepath.Join(p.Aside(run), onto)
			if name == "a file" {
				from = filepath.Join(precious, "deed.pdf")
				must(t, os.WriteFile(inner, nil, 0o600))
			} else {
				must(t, os.Mkdir(inner, 0o700))
			}
			if err := syscall.Mount(from, inner, "", syscall.MS_BIND, ""); err != nil {
				if os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
					t.Fatalf("mount: %v", err)
				}
				t.Skipf("mount: %v", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(inner, syscall.MNT_DETACH) })
			before := content(t, p.Aside(run))
			if err := Free(context.Background(), p, run, none); !errors.Is(err, ErrBelow) {
				t.Errorf("got %v, want ErrBelow", err)
			}
			if _, err := os.Stat(filepath.Join(precious, "deed.pdf")); err != nil {
				t.Errorf("what is mounted there was deleted: %v", err)
			}
			if after := content(t, p.Aside(run)); len(after) != len(before) {
				t.Errorf("%d of %d files are left", len(after), len(before))
			}
		})
	}
}
