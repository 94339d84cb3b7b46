package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/vault"
)

// where are the places a vault can have.
var where = map[string]func(t *testing.T, i *demo.Installation){
	"in a directory": func(*testing.T, *demo.Installation) {},
	"C21 behind a link": func(t *testing.T, i *demo.Installation) {
		t.Helper()
		other := filepath.Join(i.Dir, "disk", "uploads")
		mkdir(t, filepath.Dir(other))
		must(t, "/", "mv", i.Vault, other)
		if err := os.Symlink(other, i.Vault); err != nil {
			t.Fatal(err)
		}
	},
	"on a disk of its own": func(t *testing.T, i *demo.Installation) {
		t.Helper()
		other := filepath.Join(i.Dir, "disk")
		must(t, "/", "mv", i.Vault, other)
		mkdir(t, i.Vault)
		if err := syscall.Mount("tmpfs", i.Vault, "tmpfs", 0, "size=200m,mode=755"); err != nil {
			need(t, "docker", false) // who may use Docker in CI may mount, too
		}
		t.Cleanup(func() { _ = syscall.Unmount(i.Vault, syscall.MNT_DETACH) })
		mkdir(t, filepath.Join(i.Vault, "lost+found"))
		must(t, "/", "cp", "-a", other+"/.", i.Vault)
	},
}

// newer adds a document after the backup, and gives what then stands.
func newer(t *testing.T, i *demo.Installation) (everything, documents string) {
	t.Helper()
	write(t, filepath.Join(i.Vault, "newer.pdf"), "written after the backup")
	tree, err := vault.TreeDigest(t.Context(), i.Vault)
	if err != nil {
		t.Fatal(err)
	}

	return standing(t, i), tree
}

// kept finds the one vault that was set aside, and checks that it is whole.
func kept(t *testing.T, i *demo.Installation, want string) {
	t.Helper()
	real, err := filepath.EvalSymlinks(i.Vault)
	if err != nil {
		t.Fatal(err)
	}
	all := append(directories(t, real+".before-*"), directories(t, filepath.Join(real, ".firmflow-before-*"))...)
	if len(all) != 1 {
		t.Fatalf("set aside: %q, want one", all)
	}
	if got, err := vault.TreeDigest(t.Context(), all[0]); err != nil || got != want {
		t.Errorf("the vault of before is not whole: %s, want %s (%v)", got, want, err)
	}
}

func TestAVaultIsRecoveredWhereverItLies(t *testing.T) {
	for name, put := range where {
		t.Run(name, func(t *testing.T) {
			i := sandboxed(t)
			restored := standing(t, i)
			put(t, i)
			info, err := os.Lstat(i.Vault)
			if err != nil {
				t.Fatal(err)
			}
			_, before := newer(t, i)
			firmflow(t, nil, args(i, "restore", i.Backups, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in", "kept: the vault of before in ")
			if standing(t, i) != restored {
				t.Error("what was recovered differs from the backup")
			}
			kept(t, i, before)
			if now, err := os.Lstat(i.Vault); err != nil || now.Mode() != info.Mode() {
				t.Errorf("the vault is %v, was %v (%v)", now.Mode(), info.Mode(), err)
			}
		})
	}
}

// TestTheRunbookAloneRecoversInTheSandbox runs what plan --runbook prints, and
// nothing of the program: over a running installation with newer data, wherever
// the vault lies, and where everything is lost.
func TestTheRunbookAloneRecoversInTheSandbox(t *testing.T) {
	for name, put := range where {
		t.Run("newer data, "+name, func(t *testing.T) {
			i := sandboxed(t)
			restored := standing(t, i)
			put(t, i)
			_, before := newer(t, i)
			byHand(t, i)
			if standing(t, i) != restored {
				t.Error("what was recovered by hand differs from the backup")
			}
			kept(t, i, before)
			serves(t, i)
		})
	}
	t.Run("everything lost", func(t *testing.T) {
		i := sandboxed(t)
		restored := standing(t, i)
		if err := i.Lose(t.Context()); err != nil {
			t.Fatal(err)
		}
		byHand(t, i)
		if standing(t, i) != restored {
			t.Error("what was recovered by hand differs from what was lost")
		}
		serves(t, i)
	})
}

// byHand runs the runbook as an operator would, with a shell.
func byHand(t *testing.T, i *demo.Installation) {
	t.Helper()
	r := firmflow(t, nil, args(i, "plan", i.Backups, "--runbook")...)
	r.want(t, 0, "#!/bin/sh", "set -eu")
	for _, line := range strings.Split(strings.TrimSpace(content(t, i.OriginalEnv)), "\n") {
		if _, value, _ := strings.Cut(line, "="); len(value) > 20 && strings.Contains(r.out, strings.Trim(value, "'")) {
			t.Error("the runbook shows the value of a key")
		}
	}
	script := filepath.Join(t.TempDir(), "runbook.sh")
	write(t, script, r.out)
	t.Cleanup(func() { // the sandbox knows nothing of an app that it did not start
		pid := strings.TrimSpace(content(t, filepath.Join(i.Project, "run", "app.pid")))
		_ = exec.Command("kill", pid).Run()
	})
	must(t, "/", "sh", script)
}
