package vault

import (
	"archive/tar"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// raisedCopy writes a copy without "uploads", and looks that the archive is as it
// was and nothing else was left.
func raisedCopy(t *testing.T, archive []byte, moved func(string, int64, int64)) (string, Summary, error) {
	t.Helper()
	a := archiveOf(t, archive)
	a.LeaveOut = "uploads"
	to := filepath.Join(filepath.Dir(a.Path), "copy.tar.gz")
	s, err := a.Raise(t.Context(), to, moved)
	if now, failed := os.ReadFile(a.Path); failed != nil || !slices.Equal(now, archive) {
		t.Errorf("the archive was changed: %v", failed)
	}
	entries, failed := os.ReadDir(filepath.Dir(a.Path))
	if failed != nil || err != nil && len(entries) != 1 || err == nil && len(entries) != 2 {
		t.Errorf("after %v the directory holds %v, %v", err, entries, failed)
	}

	return to, s, err
}

func TestC4ARaisedCopyHoldsTheSameDocuments(t *testing.T) {
	mirror, vault := nestedVault(t)
	must(t, os.Mkdir(filepath.Join(mirror, "lost+found"), 0o700))
	must(t, os.WriteFile(filepath.Join(vault, "firm0", "Gr\xfcn \xe2\x9c\x93 "+strings.Repeat("long", 50)+".pdf"), []byte("name"), 0o640))
	must(t, os.Link(filepath.Join(vault, "firm0", "Gr\xfcn \xe2\x9c\x93 "+strings.Repeat("long", 50)+".pdf"), filepath.Join(vault, "firm0", "second name")))
	large, err := os.OpenFile(filepath.Join(vault, "firm0", "with holes"), os.O_CREATE|os.O_WRONLY, 0o600)
	must(t, err)
	must(t, large.Truncate(3<<20))
	_, err = large.WriteAt([]byte("end"), 3<<20-3)
	must(t, errors.Join(err, large.Close()))
	old := time.Unix(1700000000, 0)
	must(t, os.Chtimes(filepath.Join(vault, "firm0", "with holes"), old, old))
	must(t, os.Chtimes(filepath.Join(vault, "firm0"), old, old))
	for name, archive := range map[string][]byte{
		"the guide's":           guideArchive(t, mirror),
		"without a dot":         packedIn(t, mirror, "uploads"),
		"with sparse files":     packedIn(t, mirror, "--sparse", "."),
		"as POSIX has it":       packedIn(t, mirror, "--format=posix", "."),
		"POSIX with sparse":     packedIn(t, mirror, "--format=posix", "--sparse", "."),
		"with owners' numbers":  packedIn(t, mirror, "--numeric-owner", "."),
		"sorted, with no times": packedIn(t, mirror, "--sort=name", "--mtime=@1700000000", "."),
	} {
		passes := map[string]bool{}
		to, s, err := raisedCopy(t, archive, func(what string, done, total int64) { passes[what] = passes[what] || done == total })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Tree != naiveDigest(t, vault) || s.Nested != "" || s.LeftOut != 0 {
			t.Errorf("%s: %+v", name, s)
		}
		if !passes["look"] || !passes["write"] || !passes["verify"] {
			t.Errorf("%s: passes that reached their end: %v", name, passes)
		}
		ours, tars, without := filepath.Join(t.TempDir(), "ours"), t.TempDir(), filepath.Join(t.TempDir(), "without")
		if _, err := (Archive{Path: to}).Extract(context.Background(), ours, Owner{}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		original := archiveOf(t, archive)
		original.LeaveOut = "uploads"
		_, err = original.Extract(context.Background(), without, Owner{}, nil)
		must(t, err)
		wantSame(t, name, described(t, ours), described(t, without))
		runTar(t, "-xzf", to, "-C", tars)
		wantSame(t, name+", by tar", described(t, tars), described(t, without))
	}
}

func TestC4ARaisedCopyIsRefusedWhereItIsNotCertain(t *testing.T) {
	dir, file := tar.Header{Name: "uploads/", Typeflag: tar.TypeDir}, tar.Header{Name: "uploads/firm/a.pdf"}
	content := map[string]string{"uploads/firm/a.pdf": "document", "uploads/b.pdf": "document"}
	whole := gz(t, tarOf(t, content, dir, file))
	for name, c := range map[string]struct {
		archive []byte
		want    error
	}{
		"a file beside it":    {gz(t, tarOf(t, content, dir, file, tar.Header{Name: "b.pdf"})), ErrBeside},
		"a name leads out":    {gz(t, tarOf(t, content, dir, tar.Header{Name: "uploads/../../evil"})), ErrEscapes},
		"cut":                 {whole[:len(whole)-9], ErrTruncated},
		"something follows":   {append(slices.Clone(whole), "more"...), ErrTrailing},
		"no archive":          {[]byte("PGDMP"), ErrNotGzip},
		"a link leads out":    {gz(t, tarOf(t, content, dir, file, tar.Header{Name: "uploads/l", Typeflag: tar.TypeSymlink, Linkname: "../firm"})), ErrLinkEscapes},
		"a checksum is off":   {flipped(whole, len(whole)-6), ErrChecksum},
		"a device among them": {gz(t, tarOf(t, content, dir, tar.Header{Name: "uploads/null", Typeflag: tar.TypeChar})), ErrSpecial},
	} {
		if _, _, err := raisedCopy(t, c.archive, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	var direct *DirectError
	if _, _, err := raisedCopy(t, gz(t, tarOf(t, content, dir, file, tar.Header{Name: "uploads/b.pdf"})), nil); !errors.As(err, &direct) || direct.Files != 1 {
		t.Errorf("a document directly in it: %v", err)
	}
}

func TestARaisedCopyReplacesNothing(t *testing.T) {
	mirror, _ := nestedVault(t)
	a := archiveOf(t, guideArchive(t, mirror))
	a.LeaveOut = "uploads"
	to := filepath.Join(t.TempDir(), "copy.tar.gz")
	for _, taken := range []string{to, to + Partial} {
		must(t, os.WriteFile(taken, []byte("somebody's"), 0o600))
		if _, err := a.Raise(t.Context(), to, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s is there: %v", taken, err)
		}
		if now, err := os.ReadFile(taken); err != nil || string(now) != "somebody's" {
			t.Errorf("%s holds %q, %v", taken, now, err)
		}
		must(t, os.Remove(taken))
	}
}

func TestARaisedCopyThatIsStoppedOrOvertakenLeavesNothing(t *testing.T) {
	mirror, vault := nestedVault(t)
	archive := guideArchive(t, mirror)
	must(t, os.WriteFile(filepath.Join(vault, "firm0", "new.pdf"), []byte("new"), 0o600))
	other := guideArchive(t, mirror)
	for _, at := range []string{"look", "write", "verify"} {
		a := archiveOf(t, archive)
		a.LeaveOut = "uploads"
		ctx, cancel := context.WithCancel(t.Context())
		_, err := a.Raise(ctx, a.Path+".x", func(what string, _, _ int64) {
			if what == at {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("stopped at %q: %v", at, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(a.Path)); err != nil || len(entries) != 1 {
			t.Errorf("stopped at %q: the directory holds %v, %v", at, entries, err)
		}
	}
	a := archiveOf(t, archive)
	a.LeaveOut = "uploads"
	replaced := false
	_, err := a.Raise(t.Context(), a.Path+".x", func(_ string, done, total int64) {
		if done == total && !replaced {
			replaced = true
			must(t, os.WriteFile(a.Path+".new", other, 0o600))
			must(t, os.Rename(a.Path+".new", a.Path))
		}
	})
	if !errors.Is(err, ErrChanged) {
		t.Errorf("another archive took its place: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(a.Path)); err != nil || len(entries) != 1 {
		t.Errorf("after that the directory holds %v, %v", entries, err)
	}
}
