package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
)

// fewFills is how often the disk is filled where nothing else is said.
const fewFills = 4

// TestB29C9AFullDiskLeavesTheOldStateWhole: vault, database, .env and journal
// share a small disk, of which somebody takes the last byte, or the last inode,
// at one entry of the journal after another. Once there is room again, the run
// goes on to its end, or is taken back.
func TestB29C9AFullDiskLeavesTheOldStateWhole(t *testing.T) {
	i := sandboxedWith(t, tiny)
	runtime := sandbox.New(sandbox.Options{Dir: i.Project, Environment: compose.Environment(os.Environ())})
	onSmallDisk(t, i, runtime)
	var entry atomic.Int64
	c := newCampaign(t, inSandbox(t, i), i.State, 7, &entry)
	codes := map[recovery.Code]int{}
	fills := tortured(t, "FIRMFLOW_RECOVERY_FILLS", fewFills)
	const from, entries = 14, 56 // of the journal, from the confirmation on
	for n := range fills {
		c.age(t)
		before := c.last(t).Run
		at := int64(from + n*entries/fills)
		exhaust := lastByte
		if n%2 == 1 {
			exhaust = lastInode
		}
		free, code, exit := c.filled(t, at, func() func() { return exhaust(t, filepath.Join(i.Dir, "ballast")) })
		if exit != 0 && (code == "" || code == recovery.CodeUnexpected || code == recovery.CodeStepPanicked) {
			t.Errorf("filled at entry %d: exit code %d, and the diagnosis is %q\n%s", at, exit, code, c.report(t))
		}
		codes[code]++
		free()
		wakened(t, runtime)
		c.look(t)
		c.end(t, before)
	}
	t.Logf("%d times full, 0 mixtures: %v; ended: %v", fills, codes, c.ends)
}

// wakened has the database answer again: a server whose log cannot be written ends,
// and may do so a moment after it was seen to run.
func wakened(t *testing.T, runtime *sandbox.Runtime) {
	t.Helper()
	var err error
	for late := time.Now().Add(time.Minute); time.Now().Before(late); time.Sleep(100 * time.Millisecond) {
		if err = runtime.Start(t.Context(), "db"); err != nil {
			continue
		}
		err = runtime.In("db").Run(t.Context(), command.Cmd{Args: []string{"psql", "-X", "-U", "firmflow", "-d", "postgres", "-c", "select 1"}})
		if err == nil {
			return
		}
	}
	t.Fatalf("the database does not answer: %v", err)
}

// onSmallDisk moves an installation to a disk of its own.
func onSmallDisk(t *testing.T, i *demo.Installation, runtime *sandbox.Runtime) {
	t.Helper()
	onDisk(t, i, runtime, func() {
		if err := syscall.Mount("tmpfs", i.Dir, "tmpfs", 0, "size=320m,nr_inodes=20000,mode=711"); err != nil {
			need(t, "docker", false) // who may use Docker in CI may mount, too
		}
	})
}

// onDisk moves an installation to the disk that is then mounted in its place.
func onDisk(t *testing.T, i *demo.Installation, runtime *sandbox.Runtime, mount func()) {
	t.Helper()
	if err := runtime.Stop(t.Context(), "app", "db"); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "kept")
	must(t, "/", "cp", "-a", i.Dir, kept)
	mount()
	t.Cleanup(func() {
		if err := errors.Join(runtime.Stop(context.WithoutCancel(t.Context()), "app", "db"), syscall.Unmount(i.Dir, syscall.MNT_DETACH)); err != nil {
			t.Log(err)
		}
	})
	must(t, "/", "cp", "-a", kept+"/.", i.Dir)
	if err := runtime.Start(t.Context(), "db", "app"); err != nil {
		t.Fatal(err)
	}
}

// lastByte fills a disk; the function frees it again.
func lastByte(t *testing.T, path string) (free func()) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	return func() { remove(t, path) }
}

// lastInode takes every file that could still be made.
func lastInode(t *testing.T, dir string) (free func()) {
	t.Helper()
	mkdir(t, dir)
	for n := 0; ; n++ {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(n)))
		if errors.Is(err, syscall.ENOSPC) {
			return func() { remove(t, dir) }
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// filled recovers, and has the disk filled at an entry of the journal. It gives
// the diagnosis with which the run ended.
func (c *campaign) filled(t *testing.T, entry int64, fill func() func()) (free func(), code recovery.Code, exit int) {
	t.Helper()
	cmd := exec.Command(program, c.args("restore", "--confirm", hostname(t), "--fix", "--patience", "20s")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	free = func() {}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for n := int64(0); lines.Scan(); {
		e, err := recovery.Decode(lines.Bytes())
		if err != nil || e.Kind.Lossy() {
			continue
		}
		if e.Verdict != nil && e.Verdict.Diagnosis != nil {
			code = e.Verdict.Diagnosis.Code
		}
		if n++; n == entry {
			free = fill()
		}
	}
	_ = cmd.Wait()
	if exit = cmd.ProcessState.ExitCode(); exit != 0 && code == "" {
		t.Logf("it ended with %d: %s", exit, said.String())
	}

	return free, code, exit
}
