package vault

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nestedVault is a vault as a mirror holds it whose rsync lacked a slash: all of
// it lies below uploads.
func nestedVault(t *testing.T) (mirror, vault string) {
	t.Helper()
	vault = guideVault(t)
	mirror = filepath.Join(t.TempDir(), "vault_sync")
	must(t, os.Mkdir(mirror, 0o750))
	must(t, os.Rename(vault, filepath.Join(mirror, "uploads")))
	must(t, os.Chtimes(filepath.Join(mirror, "uploads"), time.Time{}, time.Unix(1763625000, 0))) // tar keeps whole seconds

	return mirror, filepath.Join(mirror, "uploads")
}

func TestC4ALevelTooManyIsLeftOutExactly(t *testing.T) {
	mirror, vault := nestedVault(t)
	for name, archive := range map[string][]byte{
		"packed by the guide's command": guideArchive(t, mirror),
		"packed without a dot":          packedIn(t, mirror, "uploads"),
		"with what is never a document": packedIn(t, mirror, ".", "--transform=s,firm0$,firm0,"),
	} {
		a := archiveOf(t, archive)
		looks, err := a.LooksNested(context.Background())
		if err != nil || !looks {
			t.Errorf("%s: it looks nested: %v, %v", name, looks, err)
		}
		seen, err := a.Verify(context.Background(), nil)
		if err != nil || seen.Nested != "uploads" || seen.NestedFiles != 0 {
			t.Errorf("%s: seen as %q with %d files in it, %v", name, seen.Nested, seen.NestedFiles, err)
		}
		a.LeaveOut = "uploads"
		into := filepath.Join(t.TempDir(), "into")
		got, err := a.Extract(context.Background(), into, Owner{}, nil)
		must(t, err)
		wantSame(t, name, described(t, into), described(t, vault))
		if got.Tree != naiveDigest(t, vault) || got.Files != 41 || got.Directories != 3 || got.Nested != "" {
			t.Errorf("%s: got %+v", name, got)
		}
		again, err := a.Verify(context.Background(), nil)
		if err != nil || again != got {
			t.Errorf("%s: verify says %+v, %v; extract %+v", name, again, err, got)
		}
	}
}

func packedIn(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	runTar(t, append([]string{"-czf", path, "-C", dir}, args...)...)
	archive, err := os.ReadFile(path)
	must(t, err)

	return archive
}

func TestC4WhatLiesBesideTheLevelRefusesTheArchive(t *testing.T) {
	dir, file := tar.Header{Name: "uploads/", Typeflag: tar.TypeDir}, tar.Header{Name: "uploads/firm/a.pdf"}
	for name, c := range map[string]struct {
		entries []tar.Header
		want    error
	}{
		"a file beside it":                  {[]tar.Header{dir, file, {Name: "b.pdf"}}, ErrBeside},
		"a directory beside it":             {[]tar.Header{{Name: "firm/", Typeflag: tar.TypeDir}, dir, file}, ErrBeside},
		"a name that begins like it":        {[]tar.Header{dir, file, {Name: "uploads2/firm/a.pdf"}}, ErrBeside},
		"it is a file":                      {[]tar.Header{{Name: "uploads"}}, ErrBeside},
		"it is a link":                      {[]tar.Header{{Name: "uploads", Typeflag: tar.TypeSymlink, Linkname: "firm"}}, ErrBeside},
		"a name that leads out":             {[]tar.Header{dir, {Name: "uploads/../../evil"}}, ErrEscapes},
		"a link that only just stayed in":   {[]tar.Header{dir, file, {Name: "uploads/link", Typeflag: tar.TypeSymlink, Linkname: "../uploads/firm"}}, ErrLinkEscapes},
		"a hard link to what lies beside":   {[]tar.Header{dir, file, {Name: "uploads/firm/b.pdf", Typeflag: tar.TypeLink, Linkname: "other"}}, ErrLinkEscapes},
		"twice, once with a dot before":     {[]tar.Header{dir, file, {Name: "./uploads/firm/a.pdf"}}, ErrTwice},
		"a hard link within is no obstacle": {[]tar.Header{dir, file, {Name: "uploads/firm/b.pdf", Typeflag: tar.TypeLink, Linkname: "uploads/firm/a.pdf"}}, nil},
		"the filesystem's own is none":      {[]tar.Header{dir, file, {Name: "lost+found/", Typeflag: tar.TypeDir}}, nil},
	} {
		a := archiveOf(t, gz(t, tarOf(t, map[string]string{"uploads/firm/a.pdf": "document"}, c.entries...)))
		a.LeaveOut = "uploads"
		if _, err := a.Verify(context.Background(), nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A firm may be called uploads: then documents lie directly in it.
func TestC4AFirmOfThatNameIsNoLevelTooMany(t *testing.T) {
	content := map[string]string{"uploads/1-a.pdf": "x", "uploads/2-b.pdf": "y"}
	a := archiveOf(t, gz(t, tarOf(t, content, tar.Header{Name: "uploads/", Typeflag: tar.TypeDir}, tar.Header{Name: "uploads/1-a.pdf"}, tar.Header{Name: "uploads/2-b.pdf"})))
	got, err := a.Verify(context.Background(), nil)
	if err != nil || got.Nested != "uploads" || got.NestedFiles != 2 {
		t.Errorf("got %q with %d files in it, %v", got.Nested, got.NestedFiles, err)
	}
}

func TestC4ALookAtTheBeginningIsOnlyASuspicion(t *testing.T) {
	dir := tar.Header{Name: "uploads/", Typeflag: tar.TypeDir}
	large := strings.Repeat("x", firstContent+1)
	for name, c := range map[string]struct {
		content map[string]string
		entries []tar.Header
		want    bool
	}{
		"nothing below it":         {nil, []tar.Header{dir}, false},
		"a firm first":             {nil, []tar.Header{{Name: "firm/a.pdf"}, {Name: "uploads/firm/a.pdf"}}, false},
		"a firm later":             {nil, []tar.Header{{Name: "uploads/firm/a.pdf"}, {Name: "firm/a.pdf"}}, false},
		"a firm beyond the look":   {map[string]string{"uploads/firm/a.pdf": large}, []tar.Header{{Name: "uploads/firm/a.pdf"}, {Name: "firm/a.pdf"}}, true},
		"a name that leads out":    {nil, []tar.Header{{Name: "uploads/firm/a.pdf"}, {Name: "../evil"}}, false},
		"all of it":                {nil, []tar.Header{{Name: "./", Typeflag: tar.TypeDir}, dir, {Name: "./uploads/firm/a.pdf"}}, true},
		"with what is no document": {nil, []tar.Header{{Name: "lost+found/", Typeflag: tar.TypeDir}, {Name: "uploads/firm/a.pdf"}}, true},
	} {
		got, err := archiveOf(t, gz(t, tarOf(t, c.content, c.entries...))).LooksNested(context.Background())
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
	whole := gz(t, tarOf(t, nil, dir, tar.Header{Name: "uploads/firm/a.pdf"}))
	if got, err := archiveOf(t, whole[:len(whole)-4]).LooksNested(context.Background()); err != nil || !got {
		t.Errorf("a cut one: %v, %v", got, err)
	}
	if _, err := (Archive{Path: filepath.Join(t.TempDir(), "none")}).LooksNested(context.Background()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("none at all: %v", err)
	}
}

func TestC4ANestedMirrorIsSeen(t *testing.T) {
	mirror, vault := nestedVault(t)
	look := func(want string, files int) {
		t.Helper()
		got, n, err := NestedMirror(mirror)
		if err != nil || got != want || n != files {
			t.Errorf("got %q, %d, %v; want %q, %d", got, n, err, want, files)
		}
	}
	look("uploads", 0)
	must(t, os.Mkdir(filepath.Join(mirror, "lost+found"), 0o700))
	look("uploads", 0)
	must(t, os.WriteFile(filepath.Join(vault, "a.pdf"), nil, 0o600))
	look("uploads", 1)
	must(t, os.Mkdir(filepath.Join(mirror, "firm9"), 0o700))
	look("", 0)
	if _, _, err := NestedMirror(filepath.Join(mirror, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("none at all: %v", err)
	}
}
