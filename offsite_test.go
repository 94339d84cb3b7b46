package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"firmflow-recovery/recovery/bucket/buckettest"
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
	first := newest(t, nas)
	firmflow(t, nil, backing(i, "backup", into, append(offsite, "--env-for", recipient)...)...).want(t, 0, "BACKED UP in")
	second := newest(t, nas)
	for _, pair := range [][2]string{
		{first.Dump.Path, second.Dump.Path}, {first.Archive.Path, second.Archive.Path}, {first.Manifest.Path, second.Manifest.Path}, {first.Env.Path, second.Env.Path},
		{first.List.Path, second.List.Path}, {first.Compose.Path, second.Compose.Path}, {first.Card.Path, second.Card.Path}, {first.Sums.Path, second.Sums.Path},
	} {
		ofThen, ofNow := content(t, pair[0]), content(t, pair[1])
		if ofThen == ofNow {
			continue // nothing new: the vault's archive and list are the same, byte for byte
		}
		write(t, pair[1], ofThen)
		firmflow(t, nil, "verify", "--full", "--backups", nas, "--state-dir", i.State, "--identity", key, "--plain").want(t, 5, filepath.Base(pair[1]))
		write(t, pair[1], ofNow)
	}

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
	need(t, "docker", err == nil && os.Geteuid() == 0) // who may use Docker in CI may mount, too
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

// TestABackupIsSentToABucketAndRecoveredFromIt: everything of this host is lost,
// and what a real S3 server has brings it back, over a line that is slow and is
// cut.
func TestABackupIsSentToABucketAndRecoveredFromIt(t *testing.T) {
	env, server := buckettest.Serve(t)
	env = append(env, "FIRMFLOW_RECOVERY_RUNTIME=sandbox") // of the installation: as a flag, drill takes it for its own
	line := buckettest.Between(t, server)
	i := sandboxed(t)
	into := filepath.Join(t.TempDir(), "backups")
	mkdir(t, into)
	recipient, key := identity(t)
	place := []string{"--offsite", "s3://backups/host", "--s3-endpoint", "http://" + server}
	run := func(args ...string) result {
		r := firmflow(t, env, args...)
		if strings.Contains(r.out, buckettest.Secret) {
			t.Errorf("%v shows the secret key", args)
		}
		return r
	}
	there := func(command string, more ...string) result {
		return run(append([]string{command, "--project", i.Project, "--backups", "s3://backups/host", "--s3-endpoint", "http://" + line.Address, "--state-dir", i.State, "--plain"}, more...)...)
	}
	run(backing(i, "backup", into, append(place, "--env-for", recipient)...)...).want(t, 0, "s3://backups/host answers, and has 0 backups", "BACKED UP in", "is in s3://backups/host too")
	run(backing(i, "status", into, append(place, "--check")...)...).want(t, 0, "equal off-site")
	date := newest(t, into).Date
	there("backups").want(t, 0, "s3://backups/host: 1 backup", date, "has a manifest")
	before := standing(t, i)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(into); err != nil {
		t.Fatal(err)
	}

	line.Cut.Store(3 << 20) // less than the vault's archive has
	there("verify", "--full", "--identity", key).want(t, 0, "byte for byte what it says")
	if line.Cuts.Load() == 0 {
		t.Error("the line was never cut")
	}
	fetched := filepath.Join(i.State, "fetched")
	if left, err := filepath.Glob(filepath.Join(fetched, "*", "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("verify leaves %v, %v", left, err)
	}
	line.Slow.Store(int64(5 * time.Millisecond))
	there("drill", "--identity", key).want(t, 0, "VERIFIED")
	there("plan", "--identity", key).want(t, 0, "backup "+date, "fetched to "+fetched)
	line.Cuts.Store(0)
	there("restore", "--identity", key, "--confirm", hostname(t)).want(t, 0, "VERIFIED in", "every byte as in the manifest", "fetched to "+fetched)
	if line.Cuts.Load() > 0 {
		t.Error("what was fetched for the plan was fetched again")
	}
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the one that was backed up")
	}
	noneHasTheSecret(t, i.State)
}

// TestTheWizardRecoversFromABucket: the backups on its list are those of the bucket,
// and what is chosen is fetched.
func TestTheWizardRecoversFromABucket(t *testing.T) {
	env, server := buckettest.Serve(t)
	i := sandboxed(t)
	into := filepath.Join(t.TempDir(), "backups")
	mkdir(t, into)
	firmflow(t, env, backing(i, "backup", into, "--env", "apart", "--offsite", "s3://backups/host", "--s3-endpoint", "http://"+server)...).want(t, 0, "is in s3://backups/host too")
	date := newest(t, into).Date
	before := standing(t, i)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := tmuxWith(t, env, "--runtime", "sandbox", "--project", i.Project, "--backups", "s3://backups/host", "--s3-endpoint", "http://"+server,
		"--original-env", i.OriginalEnv, "--state-dir", i.State, "--settle", "1s", "--confirm", hostname(t))
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup", date)
	w.press("Enter")
	w.shows("VERIFIED in")
	w.press("Enter")
	w.ends(0)
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the one that was backed up")
	}
	noneHasTheSecret(t, i.State)
}

// noneHasTheSecret looks through every file below a directory.
func noneHasTheSecret(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(content(t, path), buckettest.Secret) {
			t.Errorf("%s holds the secret key", path)
		}

		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAFlippedByteOfABackupInABucketIsNamed, whichever file it is in: what lies
// there is changed behind the server's back.
func TestAFlippedByteOfABackupInABucketIsNamed(t *testing.T) {
	root := t.TempDir()
	env, server := buckettest.ServeIn(t, root)
	i := sandboxed(t)
	into := filepath.Join(t.TempDir(), "backups")
	mkdir(t, into)
	recipient, key := identity(t)
	run := func(command, backups string, more ...string) result {
		return firmflow(t, env, backing(i, command, backups, append(more, "--s3-endpoint", "http://"+server)...)...)
	}
	run("backup", into, "--env-for", recipient, "--offsite", "s3://backups").want(t, 0, "BACKED UP in")
	dir := filepath.Join(root, "backups")
	for file, before := range filesOf(t, dir) {
		flipped(t, filepath.Join(dir, file))
		run("verify", "s3://backups", "--full", "--identity", key).want(t, 5, file)
		run("offsite", into, "--offsite", "s3://backups").want(t, 17, "offsite.differs", file)
		write(t, filepath.Join(dir, file), before)
	}
	run("verify", "s3://backups", "--full", "--identity", key).want(t, 0)

	// Without its dump nothing is taken for a backup: so an interrupted copy looks.
	must(t, dir, "rm", filepath.Base(newest(t, into).Dump.Path))
	run("backups", "s3://backups").want(t, 0, "dump missing")
	run("restore", "s3://backups", "--confirm", hostname(t)).want(t, 5, "backup.incomplete")
	run("offsite", into, "--offsite", "s3://backups").want(t, 0, "is in s3://backups")
	run("verify", "s3://backups", "--full", "--identity", key).want(t, 0)
}

func TestWhatABucketRefusesIsDiagnosed(t *testing.T) {
	env, server := buckettest.Serve(t)
	at := func(endpoint, place string, env []string) result {
		return firmflow(t, env, "backups", "--backups", place, "--s3-endpoint", endpoint, "--state-dir", t.TempDir())
	}
	at("http://"+server, "s3://nowhere", env).want(t, 17, "offsite.place", "There is no such bucket")
	at("http://"+server, "s3://backups", append(env, "AWS_SECRET_ACCESS_KEY=another")).want(t, 17, "offsite.denied")
	at("http://127.0.0.1:1", "s3://backups", env).want(t, 17, "offsite.unreachable")
	at("http://s3.example.com", "s3://backups", env).want(t, 2, "has no TLS")
	if r := at("http://"+server, "s3://key:hunter2@backups", env); r.exit != 2 || strings.Contains(r.out, "hunter2") {
		t.Errorf("exit code %d:\n%s", r.exit, r.out)
	}
	for _, command := range []string{"backup", "prune", "repair", "status"} {
		firmflow(t, env, command, "--backups", "s3://backups").want(t, 2, "takes a directory as --backups")
	}
}

// TestOldCopiesAreDeletedOffsiteOnlyWhenAsked, in a second directory and in a
// bucket: a prune of here says what would go there, and only --delete-offsite
// deletes it, never the newest.
func TestOldCopiesAreDeletedOffsiteOnlyWhenAsked(t *testing.T) {
	root := t.TempDir()
	env, server := buckettest.ServeIn(t, root)
	i := sandboxed(t)
	for place, there := range map[string]string{filepath.Join(t.TempDir(), "nas"): "", "s3://backups": filepath.Join(root, "backups")} {
		if there == "" {
			there = place
		}
		into := filepath.Join(t.TempDir(), "backups")
		mkdir(t, into)
		if place == there {
			mkdir(t, there)
		}
		run := func(command string, more ...string) result {
			return firmflow(t, env, backing(i, command, into, append(more, "--offsite", place, "--s3-endpoint", "http://"+server)...)...)
		}
		var dates []string
		for range 3 {
			run("backup", "--env", "apart").want(t, 0, "BACKED UP in")
			dates = append(dates, newest(t, into).Date)
		}
		before := len(listed(t, there))
		few := []string{"--keep-days", "0", "--generations", "1,0,0,0", "--keep-least", "1"}
		run("prune", append(few, "--dry-run")...).want(t, 0, "would go 2 of 3 backups", "off-site: "+place)
		run("prune", append(few, "--dry-run", "--delete-offsite")...).want(t, 2, "exclude each other")
		run("prune", few...).want(t, 0, "deleted 2 of 3 backups", "Nothing was deleted there; --delete-offsite does it.")
		if after := len(listed(t, there)); after != before {
			t.Errorf("%s has %d files without being asked, had %d", place, after, before)
		}
		run("prune", append(few, "--delete-offsite")...).want(t, 0, "deleted 0 of 1 backup", "deleted 2 of 3 backups")
		for _, file := range listed(t, there) {
			if strings.HasPrefix(file, ".") {
				continue // the server's own
			}
			if strings.Contains(file, dates[0]) || strings.Contains(file, dates[1]) || !strings.Contains(file, dates[2]) {
				t.Errorf("%s: %s is there", place, file)
			}
		}
		firmflow(t, env, backing(i, "verify", place, "--full", "--s3-endpoint", "http://"+server)...).want(t, 0, dates[2], "byte for byte what it says")
		run("status", "--check").want(t, 0, "equal off-site")
	}
}
