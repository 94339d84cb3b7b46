package drill_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"firmflow-recovery/recovery/drill"
)

func made(t *testing.T, root, home string) drill.Place {
	t.Helper()
	p := drill.In(root, drill.Receipt{Run: "20261123-030107", Home: home, Made: time.Unix(0, 0)})
	if err := p.Make(); err != nil {
		t.Fatal(err)
	}

	return p
}

func remove(t *testing.T, p drill.Place) error {
	t.Helper()

	return p.Remove(context.WithoutCancel(t.Context()), nil)
}

func TestAPlaceIsMadeFoundByItsHomeAloneAndRemovedWhole(t *testing.T) {
	root := t.TempDir()
	p := made(t, root, "/home/a")
	if err := p.Make(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a place that is there is made again: %v", err)
	}
	if err := os.WriteFile(filepath.Join(p.Work(), "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if other, err := drill.Found(root, "/home/b"); err != nil || len(other) != 0 {
		t.Errorf("another home finds %v, %v", other, err)
	}
	if err := p.Keep(); err != nil {
		t.Fatal(err)
	}
	found, err := drill.Found(root, "/home/a")
	if err != nil || len(found) != 1 || found[0].Dir != p.Dir || !found[0].Receipt.Kept {
		t.Fatalf("found %+v, %v", found, err)
	}
	if err := remove(t, found[0]); err != nil {
		t.Fatal(err)
	}
	if err := p.Gone(); err != nil {
		t.Error(err)
	}
}

// Whoever may write into /var/tmp can make directories with our names.
func TestWhatBearsNoReceiptOfOursIsNeverRemoved(t *testing.T) {
	for name, spoil := range map[string]func(dir, receipt string) error{
		"no receipt":        func(_, receipt string) error { return os.Remove(receipt) },
		"another program's": func(_, receipt string) error { return os.WriteFile(receipt, []byte(`{"program":"x"}`), 0o600) },
		"of another place": func(_, receipt string) error {
			return os.WriteFile(receipt, []byte(`{"program":"firmflow-recovery drill","dir":"/x"}`), 0o600)
		},
		"half a receipt":     func(_, receipt string) error { return os.WriteFile(receipt, []byte(`{"progr`), 0o600) },
		"somebody else's":    func(dir, _ string) error { return os.Lchown(dir, 1, 1) },
		"a receipt not ours": func(_, receipt string) error { return os.Lchown(receipt, 1, 1) },
		"a link": func(_, receipt string) error {
			return errors.Join(os.Rename(receipt, receipt+"2"), os.Symlink(receipt+"2", receipt))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			p := made(t, root, "/home/a")
			keep := filepath.Join(p.Work(), "precious")
			if err := os.WriteFile(keep, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			err := spoil(p.Dir, filepath.Join(p.Dir, ".firmflow-recovery-drill.json"))
			if errors.Is(err, fs.ErrPermission) {
				return // who is not root cannot give files away, and cannot be given any here
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := remove(t, p); !errors.Is(err, drill.ErrNotOurs) {
				t.Errorf("removed, or another error: %v", err)
			}
			if found, err := drill.Found(root, "/home/a"); err != nil || len(found) != 0 {
				t.Errorf("found %v, %v", found, err)
			}
			if _, err := os.Stat(keep); err != nil {
				t.Errorf("what was in there is gone: %v", err)
			}
		})
	}
}

func TestABeginningIsTakenAwayOnceItIsOld(t *testing.T) {
	root := t.TempDir()
	old := time.Now().Add(-time.Hour)
	empty, half, fresh := filepath.Join(root, "firmflow-drill-1"), filepath.Join(root, "firmflow-drill-2"), filepath.Join(root, "firmflow-drill-3")
	for _, dir := range []string{empty, half, fresh} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(half, ".firmflow-recovery-drill.json"), []byte(`{"pro`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chtimes(empty, old, old), os.Chtimes(half, old, old)); err != nil {
		t.Fatal(err)
	}
	if found, err := drill.Found(root, "/home/a"); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(fresh) {
		t.Errorf("left: %v, %v; want the fresh one, which may be in the making", left, err)
	}
}

func TestWhatRunsInAPlaceIsEndedAndLinksAreNotFollowed(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	precious := filepath.Join(outside, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := made(t, root, "/home/a")
	if err := os.Symlink(outside, filepath.Join(p.Work(), "link")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000") // left by an engine that was killed
	cmd.Dir, cmd.SysProcAttr = p.Work(), &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := remove(t, p); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("it ended by itself, and well")
	}
	if err := p.Gone(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
}

func TestSomethingMountedInAPlaceIsNotRemoved(t *testing.T) {
	p := made(t, t.TempDir(), "/home/a")
	at := filepath.Join(p.Work(), "with a blank")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, "size=64k"); err != nil {
		if os.Geteuid() == 0 && os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skipf("nothing can be mounted here: %v", err)
	}
	defer func() { _ = syscall.Unmount(at, 0) }()
	var mounted *drill.MountedError
	if err := remove(t, p); !errors.As(err, &mounted) || mounted.At != at {
		t.Errorf("%v, want what is mounted at %s", err, at)
	}
}

func TestAPlaceInWhichSomebodyWorksAtATerminalStays(t *testing.T) {
	p := made(t, t.TempDir(), "/home/a")
	shell := exec.Command("sleep", "1000")
	shell.Dir = p.Work()
	terminal, err := pty.Start(shell)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var used *drill.InUseError
	if err := remove(t, p); !errors.As(err, &used) || len(used.Processes) != 1 {
		t.Errorf("%v, want what works there", err)
	}
	if err := shell.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = shell.Wait()
	if err := remove(t, p); err != nil {
		t.Error(err)
	}
}
