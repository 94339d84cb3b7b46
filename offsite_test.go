package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestABackupIsCopiedToASecondDirectoryAndRecoveredFromIt: all that is of this
// host is lost, backups too, and what is on the share brings it back.
func TestABackupIsCopiedToASecondDirectoryAndRecoveredFromIt(t *testing.T) {
	i := sandboxed(t)
	into, nas := filepath.Join(t.TempDir(), "backups"), t.TempDir()
	mkdir(t, into)
	recipient, key := identity(t)
	offsite := []string{"--offsite", nas}
	firmflow(t, nil, backing(i, "backup", into, append(offsite, "--env-for", recipient)...)...).want(t, 0, "BACKED UP in", nas+" answers, and has 0 backups", "each read back with the SHA-256 of the manifest")
	firmflow(t, nil, backing(i, "offsite", into, offsite...)...).want(t, 0, "is in "+nas)
	firmflow(t, nil, backing(i, "status", into, append(offsite, "--check")...)...).want(t, 0, "FIRMFLOW BACKUP OK", "equal off-site")
	for file, before := range filesOf(t, nas) {
		flipped(t, filepath.Join(nas, file))
		found := firmflow(t, nil, "verify", "--full", "--backups", nas, "--state-dir", i.State, "--identity", key, "--plain")
		found.want(t, 5, file)
		firmflow(t, nil, backing(i, "offsite", into, offsite...)...).want(t, 17, "offsite.differs")
		write(t, filepath.Join(nas, file), before)
	}
	firmflow(t, nil, "verify", "--full", "--backups", nas, "--state-dir", i.State, "--identity", key, "--plain").want(t, 0)

	before := standing(t, i)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(into); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, "restore", "--runtime", "sandbox", "--project", i.Project, "--backups", nas, "--state-dir", i.State, "--identity", key, "--plain", "--confirm", hostname(t)).want(t, 0, "VERIFIED in", "every byte as in the manifest")
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the one that was backed up")
	}
}

// filesOf reads the files of a directory.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			all[e.Name()] = content(t, filepath.Join(dir, e.Name()))
		}
	}
	if len(all) < 8 {
		t.Fatalf("%d files are there: %v", len(all), all)
	}

	return all
}

// flipped changes one byte in the middle of a file.
func flipped(t *testing.T, path string) {
	t.Helper()
	data := []byte(content(t, path))
	data[len(data)/2] ^= 1
	write(t, path, string(data))
}

// TestWithoutItsShareABackupIsWholeHereAndSaysSo: what is missing is the copy, and
// its exit code says that and nothing worse.
func TestWithoutItsShareABackupIsWholeHereAndSaysSo(t *testing.T) {
	i := sandboxed(t)
	into, nas := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "nas")
	mkdir(t, into)
	backup := func(more ...string) result {
		return firmflow(t, nil, backing(i, "backup", into, append(more, "--env", "apart", "--offsite", nas)...)...)
	}
	backup().want(t, 17, "offsite.place", "BACKED UP HERE, NOT OFF-SITE in", "firmflow-recovery offsite 20")
	soundAfter(t, into, "no share")
	mkdir(t, nas)
	backup("--offsite-mount", nas).want(t, 17, "offsite.not-mounted", "BACKED UP HERE, NOT OFF-SITE in")
	if names, err := os.ReadDir(nas); err != nil || len(names) > 0 {
		t.Errorf("there is %v, %v, though nothing is mounted", names, err)
	}
	firmflow(t, nil, backing(i, "status", into, "--check", "--offsite", nas)...).want(t, 1, "off-site: The copy off-site is not as the backup of here", "BACKED UP HERE, NOT OFF-SITE")
	firmflow(t, nil, backing(i, "offsite", into, "--offsite", nas)...).want(t, 0, "is in "+nas)
	soundAfter(t, nas, "the copy was made up for")
	old := newest(t, into).Date
	firmflow(t, nil, backing(i, "prune", into, "--offsite", nas, "--dry-run")...).want(t, 0, "off-site: "+nas, "kept     "+old)
}

// TestC23AShareThatHangsIsDiagnosedInSeconds mounts a file system whose server
// never answers, and then is gone.
func TestC23AShareThatHangsIsDiagnosedInSeconds(t *testing.T) {
	server, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	need(t, "fuse", err == nil && os.Geteuid() == 0)
	defer server.Close()
	i := sandboxed(t)
	into, nas := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "nas")
	mkdir(t, into)
	mkdir(t, nas)
	if err := unix.Mount("hangs", nas, "fuse", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server.Fd())); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(nas, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	backup := func() result {
		return firmflow(t, nil, backing(i, "backup", into, "--env", "apart", "--offsite", nas, "--offsite-mount", nas)...)
	}
	backup().want(t, 17, "offsite.stalled", "it did not answer in time", "BACKED UP HERE, NOT OFF-SITE in")
	soundAfter(t, into, "the share hung")
	firmflow(t, nil, "backups", "--backups", nas, "--state-dir", i.State).want(t, 5, "backup.directory.unreadable")
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadDir(nas); err == nil || !strings.Contains(err.Error(), syscall.ENOTCONN.Error()) {
		t.Fatalf("the share is not stale: %v", err)
	}
	backup().want(t, 17, "offsite.stalled", "BACKED UP HERE, NOT OFF-SITE in")
}
