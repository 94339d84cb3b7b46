package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
)

// fewCuts is how often the power goes where nothing else is said.
const fewCuts = 8

// powered is a disk that keeps only what was synced, below an installation: an ext4
// that commits by itself no sooner than in ten minutes. Its image, copied while all
// that writes stands still, is what a loss of power leaves.
type powered struct {
	at, dir string
	runtime *sandbox.Runtime

	mu    sync.Mutex
	image int
	cut   bool // the power is off
	err   error
}

func (p *powered) path(n int) string { return filepath.Join(p.dir, "image-"+strconv.Itoa(n)) }

func (p *powered) mount() error {
	out, err := exec.Command("mount", "-o", "loop,commit=600,noauto_da_alloc", p.path(p.image), p.at).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount: %w\n%s", err, out)
	}

	return nil
}

// onPoweredDisk moves an installation to such a disk.
func onPoweredDisk(t *testing.T, i *demo.Installation) *powered {
	t.Helper()
	p := &powered{at: i.Dir, dir: t.TempDir(), runtime: sandbox.New(sandbox.Options{Dir: i.Project, Environment: compose.Environment(os.Environ())})}
	onDisk(t, i, p.runtime, func() {
		write(t, p.path(0), "")
		out, err := exec.Command("mkfs.ext4", "-q", "-F", "-J", "size=16", p.path(0), "640M").CombinedOutput()
		if err == nil {
			err = p.mount()
		}
		if err != nil {
			t.Logf("%v\n%s", err, out)
			need(t, "docker", false) // who may use Docker in CI may mount, too
		}
		remove(t, filepath.Join(p.at, "lost+found"))
		if err := os.Chmod(p.at, 0o711); err != nil {
			t.Fatal(err)
		}
	})

	return p
}

// off cuts the power: everything that works on the disk stands still, what was
// synced by then is copied, and nothing of the rest ever happens.
func (p *powered) off(engine *os.Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return
	}
	p.cut = true
	all := append(workers(p.at), engine.Pid)
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	if more := workers(p.at); len(more) > len(all) { // begun while the others were stopped
		all = append(all, more...)
		for _, pid := range more {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
	}
	out, err := exec.Command("cp", "--sparse=always", p.path(p.image), p.path(p.image+1)).CombinedOutput()
	if err != nil {
		p.err = fmt.Errorf("copy the disk: %w\n%s", err, out)
	}
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// on starts the host again, on what the loss of power has left.
func (p *powered) on(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cut {
		return
	}
	for len(workers(p.at)) > 0 {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
	if err := errors.Join(p.err, syscall.Unmount(p.at, syscall.MNT_DETACH)); err != nil {
		t.Fatal(err)
	}
	remove(t, p.path(p.image))
	p.image, p.cut = p.image+1, false
	if err := p.mount(); err != nil {
		t.Fatal(err)
	}
	if err := p.runtime.Start(t.Context(), "db"); err != nil {
		t.Fatal(err)
	}
}

// workers are the processes that work in a directory: where they stand, or have a
// file open there. This one is none.
func workers(dir string) []int {
	within := func(link string) bool {
		to, err := os.Readlink(link)
		return err == nil && (to == dir || strings.HasPrefix(to, dir+"/"))
	}
	var all []int
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil || pid == os.Getpid() {
			continue
		}
		files, _ := filepath.Glob(process + "/fd/*")
		if within(process+"/cwd") || slices.ContainsFunc(files, within) {
			all = append(all, pid)
		}
	}

	return all
}

// TestNothingIsLostWhereverThePowerGoes is the campaign with a loss of power in the
// place of each kill: vault, database, .env and journal share a disk that keeps what
// was synced by then and nothing else. What was told is in the journal, and what the
// journal says is done is there.
func TestNothingIsLostWhereverThePowerGoes(t *testing.T) {
	i := sandboxedWith(t, tiny)
	p := onPoweredDisk(t, i)
	var entry atomic.Int64
	c := newCampaign(t, inSandbox(t, i), i.State, uint64(tortured(t, "FIRMFLOW_RECOVERY_KILLS_SEED", 1)), &entry)
	c.stride = 11 // few cuts still reach every step
	settle := func(t *testing.T) {
		t.Helper()
		if err := durable.SyncFS(p.at); err != nil {
			t.Fatal(err)
		}
	}
	settle(t)
	c.settle, c.strike = settle, p.off
	c.after = func(t *testing.T, told recovery.Event) {
		t.Helper()
		p.on(t)
		if s, err := c.home.Read(told.Run); told.Seq > 0 && (err != nil || s.Seq < told.Seq) {
			t.Fatalf("entry %d was told, and the journal ends with %d: %v", told.Seq, s.Seq, err)
		}
	}
	c.run(t, tortured(t, "FIRMFLOW_RECOVERY_CUTS", fewCuts))
}

// TestABackupThatIsDoneOutlivesALossOfPower: the disk of the backups loses whatever
// was not synced when the program said that it was done.
func TestABackupThatIsDoneOutlivesALossOfPower(t *testing.T) {
	i := sandboxedWith(t, tiny)
	disk := &powered{at: filepath.Join(i.Dir, "elsewhere"), dir: t.TempDir()}
	mkdir(t, disk.at)
	write(t, disk.path(0), "")
	out, err := exec.Command("mkfs.ext4", "-q", "-F", disk.path(0), "48M").CombinedOutput()
	if err == nil {
		err = disk.mount()
	}
	if err != nil {
		t.Logf("%v\n%s", err, out)
		need(t, "docker", false)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk.at, syscall.MNT_DETACH) })
	backups := filepath.Join(disk.at, "backups")
	mkdir(t, backups)
	taking := []string{"backup", "--runtime", "sandbox", "--project", i.Project, "--backups", backups, "--state-dir", i.State, "--env", "apart", "--plain"}
	firmflow(t, nil, taking...).want(t, 0, "BACKED UP in")
	must(t, "/", "cp", "--sparse=always", disk.path(0), disk.path(1))
	if err := syscall.Unmount(disk.at, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	disk.image = 1
	if err := disk.mount(); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, "verify", "--full", "--project", i.Project, "--backups", backups, "--state-dir", i.State, "--plain").want(t, 0, "GOOD: every byte was read")
}
