package backup

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/command"
)

func TestOpenPairsWhatBelongsTogether(t *testing.T) {
	at := night("2026-11-22")
	for _, c := range []struct {
		name  string
		files []string // a trailing slash makes a directory
		want  []string
	}{
		{"nothing", nil, nil},
		{"one", []string{"db_2026-11-22.dump", "vault_snapshot_2026-11-22.tar.gz"}, []string{"2026-11-22 da"}},
		{
			"newest first", []string{"db_2026-09-30.dump", "db_2026-11-22.dump", "db_2026-11-02.dump", "vault_snapshot_2026-11-02.tar.gz"},
			[]string{"2026-11-22 d", "2026-11-02 da", "2026-09-30 d"},
		},
		{"C22 an archive alone", []string{"vault_snapshot_2026-11-22.tar.gz", "db_2026-11-21.dump"}, []string{"2026-11-22 a", "2026-11-21 d"}},
		{"a mirror", []string{"db_2026-11-22.dump", "vault_sync/"}, []string{"2026-11-22 dv"}},
		{
			"everything", []string{"db_2026-11-22.dump", "vault_snapshot_2026-11-22.tar.gz", "manifest_2026-11-22.json", "env_2026-11-22", "vault_sync/"},
			[]string{"2026-11-22 damev"},
		},
		{"env with an ending", []string{"db_2026-11-22.dump", "env_2026-11-22.env"}, []string{"2026-11-22 de"}},
		{"env encrypted", []string{"db_2026-11-22.dump", "env_2026-11-22.age"}, []string{"2026-11-22 de"}},
		{
			"several a day", []string{
				"db_2026-11-22_0200.dump", "vault_snapshot_2026-11-22_0200.tar.gz", "db_2026-11-22_1400.dump", "vault_snapshot_2026-11-22_1400.tar.gz",
			},
			[]string{"2026-11-22_1400 da", "2026-11-22_0200 da"},
		},
		{
			"times written in several ways", []string{
				"db_2026-11-22T0200.dump", "vault_snapshot_2026-11-22_02-00.tar.gz", "db_2026-11-22T14:00:00Z.dump", "db_2026-11-22_23.dump",
			},
			[]string{"2026-11-22_23 da", "2026-11-22_140000 da", "2026-11-22_0200 da"},
		},
		{
			"hourly dumps, nightly archive", []string{"db_2026-11-22_0200.dump", "db_2026-11-22_1400.dump", "vault_snapshot_2026-11-22.tar.gz"},
			[]string{"2026-11-22_1400 da", "2026-11-22_0200 da"},
		},
		{
			"two archives to choose from", []string{"db_2026-11-22_1400.dump", "vault_snapshot_2026-11-22_0200.tar.gz", "vault_snapshot_2026-11-22_0300.tar.gz"},
			[]string{"2026-11-22_1400 d", "2026-11-22_0300 a", "2026-11-22_0200 a"},
		},
		{"no such day", []string{"db_2026-02-30.dump", "db_2026-13-01.dump", "db_2026-11-22_2560.dump"}, nil},
		{"other names", []string{"db_2026-11-22.dump.gz", "db_2026-11-22.dump.sha256", "db_2026-11-22 (1).dump", "db_.dump", "DB_2026-11-22.dump", "notes.txt"}, nil},
		{"hidden", []string{".db_2026-11-22.dump", ".db_2026-11-22.dump.Xa91bc"}, nil},
		{"unfinished", []string{"db_2026-11-22.dump.partial"}, nil},
		{"in the making", []string{"backup_2026-11-22_0200.partial/", "db_2026-11-22_0200.dump", "vault_snapshot_2026-11-21.tar.gz", "db_2026-11-21.dump"}, []string{"2026-11-21 da"}},
		{"directories of such names", []string{"db_2026-11-22.dump/", "vault_snapshot_2026-11-22.tar.gz/"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			for _, name := range c.files {
				if dir, ok := strings.CutSuffix(name, "/"); ok {
					p.directory(dir, at)

					continue
				}
				p.file(name, 10, at)
			}
			if got := picture(p.open()); !slices.Equal(got, c.want) {
				t.Errorf("sets = %q, want %q", got, c.want)
			}
		})
	}
}

func TestOpenSaysWhatItPassedOver(t *testing.T) {
	at := night("2026-11-22")
	p := newPlace(t).set("2026-11-22").
		file("db_2026-11-21.dump.partial", 10, at).directory("db_2026-11-20.dump", at).
		link("nowhere", "db_2026-11-19.dump").link("db_2026-11-18.dump", "db_2026-11-18.dump").
		file("db_2026-11-22T.dump", 10, at).file("notes\x1b[2J.txt", 10, at).directory("lost+found", at).
		file("db_2026-11-17_0200.dump", 10, at).file("db_2026-11-17T0200.dump", 20, at)
	d := p.open()

	var unusable []string
	for _, u := range d.Unusable {
		unusable = append(unusable, u.Name+": "+u.Why.Error())
	}
	want := []string{
		"db_2026-11-17_0200.dump: " + ErrRepeated.Error(),
		"db_2026-11-18.dump: " + syscall.ELOOP.Error(),
		"db_2026-11-19.dump: " + ErrNowhere.Error(),
		"db_2026-11-20.dump: " + ErrNoContents.Error(),
		"db_2026-11-21.dump.partial: " + ErrPartial.Error(),
	}
	slices.Sort(unusable)
	if !slices.Equal(unusable, want) {
		t.Errorf("unusable = %q, want %q", unusable, want)
	}
	if want := []string{"db_2026-11-22T.dump", "lost+found", "notes\x1b[2J.txt"}; !slices.Equal(d.Foreign, want) {
		t.Errorf("foreign = %q, want %q", d.Foreign, want)
	}
}

func TestOpenFollowsLinksToFilesAndToTheMirror(t *testing.T) {
	elsewhere := newPlace(t).file("real.dump", 77, night("2026-11-22")).file("uploads/firm/blob", 5, night("2026-11-22"))
	p := newPlace(t).link(filepath.Join(elsewhere.dir, "real.dump"), "db_2026-11-22.dump").link(filepath.Join(elsewhere.dir, "uploads"), mirrorName)
	d := p.open()

	if len(d.Sets) != 1 || d.Sets[0].Dump.Path != filepath.Join(elsewhere.dir, "real.dump") || d.Sets[0].Dump.Size != 77 {
		t.Errorf("sets = %+v, want the file the link leads to", d.Sets)
	}
	if d.Mirror == nil || d.Mirror.Path != filepath.Join(elsewhere.dir, "uploads") || d.Mirror.Empty {
		t.Errorf("mirror = %+v, want the directory the link leads to", d.Mirror)
	}
}

func TestOpenFindsAnEnvWithoutADate(t *testing.T) {
	at := night("2026-11-22")
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"env"}, "env"},
		{[]string{".env"}, ".env"},
		{[]string{".env", "env"}, ".env"},
		{nil, ""},
	} {
		p := newPlace(t)
		for _, name := range c.files {
			p.file(name, 10, at)
		}
		want := c.want
		if want != "" {
			want = filepath.Join(p.dir, want)
		}
		if got := p.open().Env.Path; got != want {
			t.Errorf("env among %q = %q, want %q", c.files, got, want)
		}
	}
}

func TestOpenTellsWhatIsWrongWithTheDirectory(t *testing.T) {
	p := newPlace(t).file("file", 1, time.Unix(1, 0))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		path string
		want error
	}{
		{"missing", t.Context(), filepath.Join(p.dir, "none"), fs.ErrNotExist},
		{"a file", t.Context(), filepath.Join(p.dir, "file"), ErrNotDirectory},
		{"below a file", t.Context(), filepath.Join(p.dir, "file", "none"), ErrNotDirectory},
		{"cancelled", ended, p.dir, context.Canceled},
	} {
		if _, err := Open(c.ctx, c.path); !errors.Is(err, c.want) {
			t.Errorf("%s: Open = %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := Open(t.Context(), p.dir+"/a\x1b[2Jb"); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("Open = %v, want an error without control characters", err)
	}
}

// C23: a share that hangs blocks whoever reads it, for hours if need be.
func TestC23AShareThatHangsIsToldAndNotWaitedFor(t *testing.T) {
	hangs := make(chan struct{})
	ended := make(chan struct{})
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()

	_, err := Within(ctx, func() (Directory, error) {
		defer close(ended)
		<-hangs

		return Directory{}, nil
	})

	if !errors.Is(err, ErrStalled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Within = %v, want ErrStalled", err)
	}
	close(hangs) // the share is back: the goroutine must come to its end
	<-ended
}

// child names the directory that the test program is to open when it runs again
// as somebody who may not read it.
const child = "FIRMFLOW_RECOVERY_TEST_OPEN"

func TestOpenSaysThatADirectoryMayNotBeRead(t *testing.T) {
	if dir := os.Getenv(child); dir != "" {
		d, err := Open(t.Context(), dir)
		if errors.Is(err, fs.ErrPermission) {
			t.Log("REFUSED")
		} else if err != nil {
			t.Fatal(err)
		}
		for _, u := range d.Unusable {
			t.Logf("UNUSABLE %s %v", u.Name, errors.Is(u.Why, fs.ErrPermission))
		}
		t.Logf("SETS %q", picture(d))

		return
	}

	self := program(t)
	for _, c := range []struct {
		name    string
		prepare func(p place)
		want    string
	}{
		{"not at all", func(p place) { p.must(os.Chmod(p.dir, 0o700)) }, "REFUSED"},
		{"listed and not entered", func(p place) { p.must(os.Chmod(p.dir, 0o744)) }, "REFUSED"},
		{"but for the mirror", func(p place) {
			p.directory(mirrorName, night("2026-11-22")).must(os.Chmod(filepath.Join(p.dir, mirrorName), 0o700))
		}, "UNUSABLE vault_sync true"},
		{"but for a firm in the mirror", func(p place) {
			p.directory(mirrorName+"/firm", night("2026-11-22")).must(os.Chmod(filepath.Join(p.dir, mirrorName, "firm"), 0o700))
		}, `SETS ["2026-11-22 dav"]`},
		{"but for what a link leads to", func(p place) {
			p.directory("closed", night("2026-11-22")).link("closed/db", "db_2026-11-21.dump").must(os.Chmod(filepath.Join(p.dir, "closed"), 0o700))
		}, "UNUSABLE db_2026-11-21.dump true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := place{t, public(t)}.set("2026-11-22")
			c.prepare(p)
			if got := asNobody(t, self, p.dir); !strings.Contains(got, c.want) {
				t.Errorf("as nobody: %s\nwant %q", got, c.want)
			}
		})
	}
}

// asNobody runs this test again as a user without rights. Root may read
// everything, so root cannot see the fault.
func asNobody(t *testing.T, self, dir string) string {
	t.Helper()
	var out bytes.Buffer
	as := command.Local{Env: []string{child + "=" + dir}, Dir: "/"}
	if os.Getuid() == 0 {
		as.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	} else {
		t.Skip("only root can become somebody else")
	}
	err := as.Run(t.Context(), command.Cmd{Args: []string{self, "-test.v", "-test.run=^TestOpenSaysThatADirectoryMayNotBeRead$"}, Stdout: &out})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}

	return out.String()
}

// program copies the test program to where everybody may run it.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(public(t), "program")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}

	return path
}

// public makes a directory that everybody may enter, unlike those of TempDir.
func public(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "firmflow-backup-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	return dir
}
