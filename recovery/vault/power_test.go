package vault

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"firmflow-recovery/recovery/durable"
)

// losing is a filesystem that keeps only what was synced: an ext4 that commits by
// itself no sooner than in ten minutes. What lies in its image is what a loss of
// power would leave.
type losing struct{ image, at string }

func losingDisk(t *testing.T) losing {
	t.Helper()
	dir := t.TempDir()
	d := losing{filepath.Join(dir, "image"), filepath.Join(dir, "disk")}
	f, err := os.Create(d.image)
	must(t, err)
	must(t, errors.Join(f.Truncate(16<<20), f.Close(), os.Mkdir(d.at, 0o755)))
	ran(t, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", d.image)
	mountImage(t, d.image, d.at)

	return d
}

func mountImage(t *testing.T, image, at string) {
	t.Helper()
	ran(t, "mount", "-o", "loop,commit=600,noauto_da_alloc", image, at)
	t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
}

func ran(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		if os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		t.Skipf("%s: %v\n%s", name, err, out)
	}
}

// lost is where the disk is mounted as a loss of power at this instant would leave
// it. The disk itself goes on.
func (d losing) lost(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	image, at := filepath.Join(dir, "image"), filepath.Join(dir, "disk")
	ran(t, "cp", "--sparse=always", d.image, image)
	must(t, os.Mkdir(at, 0o755))
	mountImage(t, image, at)

	return at
}

func TestWhatIsCalledDurableOutlivesALossOfPower(t *testing.T) {
	text := func(dir, name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "gone"
		}
		return string(b)
	}
	d := losingDisk(t)
	path := func(name string) string { return filepath.Join(d.at, name) }
	for _, name := range []string{"a", "b", "c"} {
		must(t, durable.WriteFile(path(name), []byte("old "+name), 0o600))
	}
	for _, name := range []string{"one", "two"} {
		must(t, os.Mkdir(path(name), 0o700))
		must(t, durable.WriteFile(filepath.Join(path(name), "is"), []byte(name), 0o600))
	}
	must(t, durable.SyncDir(d.at))

	// The disk does lose what is not synced: else this test could not fail.
	must(t, os.WriteFile(path("unsynced"), []byte("x"), 0o600))
	must(t, os.Rename(path("c"), path("d")))
	pending, err := durable.Create(path("a"))
	must(t, err)
	_, err = pending.WriteString("half")
	must(t, err)
	lost := d.lost(t)
	if text(lost, "unsynced") != "gone" || text(lost, "c") != "old c" || text(lost, "a") != "old a" {
		t.Fatal("nothing was lost")
	}
	pending.Discard()
	must(t, os.Rename(path("d"), path("c")))

	must(t, durable.WriteFile(path("a"), []byte("new a"), 0o600))
	if lost := d.lost(t); text(lost, "a") != "new a" {
		t.Errorf("a file that was replaced is %q", text(lost, "a"))
	}
	must(t, durable.Rename(path("b"), path("e")))
	if lost := d.lost(t); text(lost, "b") != "gone" || text(lost, "e") != "old b" {
		t.Errorf("renamed, b is %q and e %q", text(lost, "b"), text(lost, "e"))
	}
	must(t, durable.Exchange(path("one"), path("two")))
	if lost := d.lost(t); text(lost, "one/is") != "two" || text(lost, "two/is") != "one" {
		t.Errorf("exchanged, one is %q and two %q", text(lost, "one/is"), text(lost, "two/is"))
	}
}

// TestAVaultOutlivesALossOfPower at any instant: after each operation of a
// restore, a swap, an undo, a cleanup, the vault is the old one or the new one to
// the last byte, what is noted as done is there, and what was begun is finished.
func TestAVaultOutlivesALossOfPower(t *testing.T) {
	a := archiveOf(t, guideArchive(t, guideVault(t)))
	for _, noExchange := range []bool{false, true} {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("exchange %v, undo %v", !noExchange, back), func(t *testing.T) {
				for at := 0; ; at++ {
					if swapLosing(t, a, noExchange, back, at) {
						return
					}
				}
			})
		}
	}
}

// swapLosing takes a vault through its swap, and its undo where that is wanted, up
// to one operation, and then looks at what a loss of power leaves. It tells whether
// that was behind the last.
func swapLosing(t *testing.T, a Archive, noExchange, back bool, at int) bool {
	t.Helper()
	d := losingDisk(t)
	path := filepath.Join(d.at, "uploads")
	fill(t, path, oldContent...)
	must(t, durable.SyncFS(d.at))
	p := located(t, path)
	was := treeOf(t, path)
	staging, err := p.Stage(run)
	must(t, err)
	summary, err := a.Extract(t.Context(), staging, Owner{}, nil)
	must(t, err)
	must(t, p.MarkStaged(run, summary))
	if back {
		_, err := Swap(t.Context(), p, run)
		must(t, err)
	}
	left := at
	disk := crashing{left: &left, noExchange: noExchange}
	if back {
		_, err = undo(t.Context(), disk, p, run)
	} else {
		_, err = swap(t.Context(), disk, p, run)
	}
	if err != nil && !errors.Is(err, errCrash) {
		t.Fatal(err)
	}

	lost := filepath.Join(d.lost(t), "uploads")
	p = located(t, lost)
	if !p.Missing { // without an exchange there is an instant between two renames
		if now := treeOf(t, lost); now != was && now != summary.Tree {
			t.Fatalf("after %d operations the vault is neither the old nor the new one", at)
		}
	} else if !noExchange {
		t.Fatalf("after %d operations there is no vault", at)
	}
	want, finish := summary.Tree, func() error { _, err := Swap(t.Context(), p, run); return err }
	if back {
		want, finish = was, func() error { _, err := Undo(t.Context(), p, run); return err }
	} else if _, complete, err := p.StagedComplete(run); err != nil || !complete {
		t.Fatalf("what was noted as staged is not there: %v", err)
	}
	if err == nil && treeOf(t, lost) != want {
		t.Errorf("after its last operation the vault is not what was made live")
	}
	must(t, finish())
	if treeOf(t, lost) != want {
		t.Errorf("finished after %d operations, the vault is not what it should be", at)
	}

	return err == nil
}

func treeOf(t *testing.T, dir string) string {
	t.Helper()
	digest, err := TreeDigest(t.Context(), dir)
	must(t, err)

	return digest
}

// TestWhatIsDeletedOrNotedOutlivesALossOfPower: what a cleanup has freed does not
// come back, and what was given up is known to be.
func TestWhatIsDeletedOrNotedOutlivesALossOfPower(t *testing.T) {
	d := losingDisk(t)
	path := filepath.Join(d.at, "uploads")
	fill(t, path, oldContent...)
	must(t, durable.SyncFS(d.at))
	p := staged(t, path)
	must(t, durable.SyncFS(d.at)) // what the helper has staged
	_, err := Swap(t.Context(), p, run)
	must(t, err)
	must(t, WriteReceipt(p, Receipt{Run: run, Backup: "2026-11-22"}))
	lost := located(t, filepath.Join(d.lost(t), "uploads"))
	if r, err := ReadReceipt(lost); err != nil || r.Run != run {
		t.Errorf("the receipt: %+v, %v", r, err)
	}
	must(t, Free(t.Context(), p, run, func(int64, int64) {}))
	if there, err := durable.Exists(located(t, filepath.Join(d.lost(t), "uploads")).Aside(run)); err != nil || there {
		t.Errorf("what was freed is back: %v", err)
	}

	const next = "20261124-1"
	must(t, GiveUp(t.Context(), p, next, func(int64, int64) {}))
	lost = located(t, filepath.Join(d.lost(t), "uploads"))
	if gone, err := lost.GivenUp(next); err != nil || !gone || !lost.Missing {
		t.Errorf("given up: %v, %v; missing: %v", gone, err, lost.Missing)
	}
}
