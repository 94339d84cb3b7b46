package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/stack/sandbox"
)

// files are a backup's two, of today.
func files(dir string) (dump, archive string) {
	date := time.Now().Format(time.DateOnly)

	return filepath.Join(dir, "db_"+date+".dump"), filepath.Join(dir, "vault_snapshot_"+date+".tar.gz")
}

// untouched checks that an installation is the one it was, and is served.
func untouched(t *testing.T, i *demo.Installation, before string) {
	t.Helper()
	if standing(t, i) != before {
		t.Error("something changed")
	}
	if staged := directories(t, i.Vault+".restoring-*"); len(staged) > 0 {
		t.Errorf("left beside the vault: %q", staged)
	}
	serves(t, i)
}

// directories are those of a pattern, without the records beside them.
func directories(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}

	return slices.DeleteFunc(all, func(path string) bool {
		info, err := os.Lstat(path)
		return err != nil || !info.IsDir()
	})
}

// serves checks that the app answers.
func serves(t *testing.T, i *demo.Installation) {
	t.Helper()
	_, rest, _ := strings.Cut(content(t, filepath.Join(i.Project, "sandbox.json")), `"PORT": "`)
	port, _, _ := strings.Cut(rest, `"`)
	if status, body := get(t, "http://127.0.0.1:"+port+"/api/health"); status != http.StatusOK {
		t.Errorf("the app answers %d %s", status, body)
	}
}

func TestDamagedDumpsAndArchivesEachHaveTheirDiagnosis(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	for name, c := range map[string]struct {
		damage func(t *testing.T, dump, archive string)
		args   []string
		exit   int
		code   string
	}{
		"B38 dump of another database": {damage: func(t *testing.T, dump, _ string) { dumpInto(t, i, dump, "postgres", "-Fc") }, exit: 5, code: "dump.database.other"},
		"B8 dump of a newer server":    {damage: func(t *testing.T, dump, _ string) { edit(t, dump, newerServer) }, exit: 5, code: "dump.newer"},
		"B2 bit flipped in the dump": {damage: func(t *testing.T, dump, _ string) {
			edit(t, dump, func(b []byte) []byte { b[len(b)*3/4] ^= 8; return b })
		}, exit: 5, code: "dump.damaged"},
		"B5 dump in gzip":       {damage: func(t *testing.T, dump, _ string) { edit(t, dump, zipped) }, exit: 5, code: "dump.wrapped"},
		"B3 script of --create": {damage: func(t *testing.T, dump, _ string) { dumpInto(t, i, dump, "firmflow", "-Fp", "--create") }, exit: 5, code: "dump.plain"},
		"B9 script of a newer pg_dump": {damage: func(t *testing.T, dump, _ string) {
			dumpInto(t, i, dump, "firmflow", "-Fp")
			edit(t, dump, func(b []byte) []byte {
				return bytes.Replace(b, []byte("-- Dumped by pg_dump version 15."), []byte("-- Dumped by pg_dump version 18."), 1)
			})
		}, exit: 5, code: "dump.newer"},
		"B6 directory without a file": {damage: func(t *testing.T, dump, _ string) {
			remove(t, dump)
			dumpInto(t, i, dump, "firmflow", "-Fd")
			remove(t, glob(t, filepath.Join(dump, "*.dat.gz"))[0])
		}, exit: 5, code: "dump.member.missing"},
		"B7 tar that is cut": {damage: func(t *testing.T, dump, _ string) {
			dumpInto(t, i, dump, "firmflow", "-Ft")
			edit(t, dump, func(b []byte) []byte { return b[:len(b)-1024] })
		}, exit: 5, code: "dump.truncated"},
		"B-power a bit in a tar with a checksum": {damage: func(t *testing.T, dump, _ string) {
			dumpInto(t, i, dump, "firmflow", "-Ft")
			write(t, dump+".sha256", must(t, filepath.Dir(dump), "sha256sum", filepath.Base(dump)))
			edit(t, dump, func(b []byte) []byte { b[bytes.Index(b, []byte("@"))] ^= 1; return b })
		}, exit: 5, code: "dump.digest.differs"},
		"A4 messages in the middle": {damage: func(t *testing.T, dump, _ string) {
			edit(t, dump, func(b []byte) []byte {
				return append(b[:len(b)/2:len(b)/2], append([]byte("pg_dump: dumping contents of table\r\n"), b[len(b)/2:]...)...)
			})
		}, exit: 5, code: "dump.damaged"},
		"A6 rewritten as UTF-16":   {damage: func(t *testing.T, dump, _ string) { edit(t, dump, wide) }, exit: 5, code: "dump.not-a-dump"},
		"A7 copied in text mode":   {damage: func(t *testing.T, dump, _ string) { edit(t, dump, unreturned) }, exit: 5, code: "dump."}, // cut or damaged, as the lost bytes have it
		"not a dump at all":        {damage: func(t *testing.T, dump, _ string) { write(t, dump, strings.Repeat("lorem ipsum ", 500)) }, exit: 5, code: "dump.not-a-dump"},
		"B26 dump without rows":    {damage: func(t *testing.T, dump, _ string) { dumpInto(t, i, dump, "firmflow", "-Fc", "--schema-only") }, exit: 5, code: "dump.nothing"},
		"archive that is text":     {damage: func(t *testing.T, _, archive string) { write(t, archive, "<html>no such bucket</html>") }, exit: 5, code: "vault.archive.not-an-archive"},
		"C15 archive without file": {damage: func(t *testing.T, _, archive string) { packed(t, archive) }, exit: 5, code: "vault.archive.nothing"},
		"C4 one directory too deep": {damage: func(t *testing.T, _, archive string) {
			packed(t, archive, "uploads/firm-1/1-a.pdf", "uploads/firm-2/2-b.pdf")
		}, exit: 5, code: "vault.archive.nested"},
		"a backup that is not there":    {args: []string{"--backup", "2020-01-01"}, exit: 5, code: "backup.not-found"},
		"an original that is not there": {args: []string{"--original-env", "/nonexistent/original.env"}, exit: 6, code: "secrets.original.unreadable"},
		"a vault without a place":       {args: []string{"--vault", "/nonexistent/above/uploads"}, exit: 3, code: "vault.path"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "backups")
			must(t, "/", "cp", "-a", i.Backups, dir)
			if c.damage != nil {
				dump, archive := files(dir)
				c.damage(t, dump, archive)
			}
			more := append([]string{"--confirm", hostname(t), "--state-dir", t.TempDir()}, c.args...)
			firmflow(t, nil, args(i, "restore", dir, more...)...).want(t, c.exit, "["+c.code, "seen  ", "intact  ", "do    ", "help "+c.code)
			untouched(t, i, before)
		})
	}
}

// dumpInto takes a dump as somebody else would.
func dumpInto(t *testing.T, i *demo.Installation, path, database string, flags ...string) {
	t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	must(t, "/", filepath.Join(bin, "pg_dump"), append(flags, "-h", "127.0.0.1", "-p", databasePort(t, i), "-U", "firmflow", "-f", path, database)...)
}

// newerServer makes the dump's header name a server of a later major version:
// same length, so that nothing else moves.
func newerServer(b []byte) []byte {
	at := bytes.Index(b, []byte("15."))
	copy(b[at:], "18.")

	return b
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // into memory
	_ = z.Close()

	return out.Bytes()
}

// wide is what Windows makes of a redirected stream.
func wide(b []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, one := range b {
		out = append(out, one, 0)
	}

	return out
}

// unreturned is what a copy in text mode makes of a binary file: carriage
// returns are lost, and with them what was theirs to be.
func unreturned(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r"), nil) }

// packed writes an archive with a directory and these files.
func packed(t *testing.T, path string, names ...string) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	headers := []tar.Header{{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}}
	for _, name := range names {
		headers = append(headers, tar.Header{Name: "./" + name, Typeflag: tar.TypeReg, Mode: 0o600})
	}
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, string(zipped(b.Bytes())))
}

// TestABackupDirectoryThatMayNotBeReadIsTold runs the program as somebody who
// may not: root may read everything.
func TestABackupDirectoryThatMayNotBeReadIsTold(t *testing.T) {
	dir := t.TempDir()
	closed, file := filepath.Join(dir, "closed"), filepath.Join(dir, "file")
	mkdir(t, closed)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, file, "")
	firmflow(t, nil, "restore", "--backups", file, "--plain").want(t, 5, "backup.directory.unreadable", "it is not a directory", "intact", "do  ")

	if os.Geteuid() != 0 {
		need(t, "docker", false) // CI is root
	}
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "restore", "--backups", closed, "--state-dir", filepath.Join(dir, "state"), "--plain")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, _ := cmd.CombinedOutput()
	result{string(out), cmd.ProcessState.ExitCode()}.want(t, 5, "backup.directory.unreadable", "permission denied", "intact", "do  ")
}

func TestOriginalsThatCannotBeTrustedAreRefused(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	good := content(t, i.OriginalEnv)
	config := filepath.Join(i.Project, "sandbox.json")
	for name, c := range map[string]struct {
		original func(string) string
		config   func(string) string
		code     string
	}{
		"D12 another AUTH_SECRET":  {original: func(s string) string { return strings.Replace(s, "AUTH_SECRET='d$mo-", "AUTH_SECRET='d$mO-", 1) }, code: "secrets.different"},
		"D3 no LICENSE_KEY":        {original: func(s string) string { return strings.Replace(s, "LICENSE_KEY", "NO_KEY", 1) }, code: "secrets.original.key-missing"},
		"D7 nobody filled it in":   {original: func(s string) string { return asInAnExample(s) }, code: "secrets.original.placeholder"},
		"a third key only here":    {original: func(s string) string { return strings.Replace(s, "FIELD_ENCRYPTION_KEY", "NO_KEY", 1) }, code: "secrets.only-in-target"},
		"encrypted":                {original: func(string) string { return "age-encryption.org/v1\n-> X25519 abc\n" }, code: "secrets.original.unreadable"},
		"the app is given another": {config: func(s string) string { return strings.Replace(s, "${AUTH_SECRET}", "of-the-file", 1) }, code: "secrets.overridden-by-project"},
		"the app is not given it":  {config: func(s string) string { return strings.Replace(s, `"AUTH_SECRET"`, `"OTHER"`, 1) }, code: "secrets.not-given"},
	} {
		t.Run(name, func(t *testing.T) {
			original, was := filepath.Join(t.TempDir(), "original.env"), content(t, config)
			write(t, original, good)
			if c.original != nil {
				write(t, original, c.original(good))
			}
			if c.config != nil {
				write(t, config, c.config(was))
			}
			r := firmflow(t, nil, args(i, "restore", i.Backups, "--app-service", "app", "--original-env", original, "--confirm", hostname(t), "--state-dir", t.TempDir())...)
			write(t, config, was)
			r.want(t, 6, "["+c.code+"]", "NOTHING CHANGED", "seen  ", "intact  ", "do    ")
			untouched(t, i, before)
		})
	}
	bare := t.TempDir()
	must(t, "/", "cp", "-a", i.Backups+"/.", bare)
	firmflow(t, nil, args(i, "restore", bare, "--original-env", "", "--confirm", hostname(t))...).want(t, 6, "secrets.original.missing", "NOTHING CHANGED", "intact", "do  ")
}

// asInAnExample gives AUTH_SECRET the value of an example.
func asInAnExample(s string) string {
	before, rest, _ := strings.Cut(s, "AUTH_SECRET='")
	_, after, _ := strings.Cut(rest, "'")

	return before + "AUTH_SECRET=changeme" + after
}

func TestC10TooFewInodesBlock(t *testing.T) {
	i := sandboxed(t)
	few := filepath.Join(i.Dir, "few")
	mkdir(t, few)
	if err := syscall.Mount("tmpfs", few, "tmpfs", 0, "size=512m,nr_inodes=100"); err != nil {
		need(t, "docker", false) // who may use Docker in CI may mount, too
	}
	defer func() { _ = syscall.Unmount(few, 0) }()
	r := firmflow(t, nil, args(i, "restore", i.Backups, "--vault", filepath.Join(few, "uploads"), "--confirm", hostname(t))...)
	r.want(t, 3, "[space.inodes]", "NOTHING CHANGED", "seen  ", "intact  ", "df -i")
}

// Without a terminal nothing waits for an answer: the flag that gives it is
// named.
func TestAMissingConfirmationNamesItsFlag(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	host := hostname(t)
	for name, c := range map[string]struct {
		args  []string
		texts []string
	}{
		"no answer":       {nil, []string{"[answer.missing]", "--confirm " + host}},
		"a bare yes":      {[]string{"--yes"}, []string{"[confirmation.missing]", "--confirm " + host}},
		"F5 another host": {[]string{"--confirm", host + "-2"}, []string{"[confirmation.missing]", "--confirm " + host}},
		"yes, other host": {[]string{"--yes", "--confirm", "ffhost-01"}, []string{"[confirmation.missing]"}},
	} {
		r := firmflow(t, nil, args(i, "restore", i.Backups, c.args...)...)
		r.want(t, 4, append(c.texts, "NOTHING CHANGED")...)
		if t.Failed() {
			t.Fatalf("that was: %s", name)
		}
	}
	asJSON := append(strip(args(i, "restore", i.Backups), "--plain"), "--json")
	firmflow(t, nil, asJSON...).want(t, 4, `"code":"answer.missing"`, "--confirm "+host, "NOTHING CHANGED")
	untouched(t, i, before)

	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", i.Backups)...).want(t, 4, "[answer.missing]", "--yes", "NOTHING CHANGED")
	if _, err := os.Lstat(i.Vault); !os.IsNotExist(err) {
		t.Error("a refused recovery made a vault")
	}
}

func TestAnUnreadableJournalIsNoFreshStart(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	stopAt(t, i, "step 2 of 5, restore the vault: started", syscall.SIGTERM).want(t, 143)
	journals, err := filepath.Glob(filepath.Join(i.State, "runs", "*", "journal*"))
	if err != nil || len(journals) != 1 {
		t.Fatalf("journals: %q, %v", journals, err)
	}
	edit(t, journals[0], func(b []byte) []byte { return append([]byte("{broken}\n"), b...) })
	for _, command := range []string{"restore", "resume"} {
		r := firmflow(t, nil, args(i, command, i.Backups, "--confirm", hostname(t))...)
		r.want(t, 3, "[journal.unreadable]", "seen  ", "intact  ", journals[0])
	}
	if standing(t, i) != before {
		t.Error("something changed")
	}
}
