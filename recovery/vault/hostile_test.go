package vault

import (
	"archive/tar"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Hostile archives: each has a sound file first, so that a refusal is a refusal
// of the whole and not of the first entry only.
func TestC5C6HostileArchivesAreRefusedWhole(t *testing.T) {
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
	}
	hard := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink}
	}
	special := func(kind byte) tar.Header { return tar.Header{Name: "f/dev", Typeflag: kind, Devmajor: 1, Devminor: 3} }
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	file := func(name string) tar.Header { return tar.Header{Name: name} }

	cases := []struct {
		name    string
		entries []tar.Header
		want    error
	}{
		{"C5 dots", []tar.Header{file("../evil")}, ErrEscapes},
		{"C5 dots inside", []tar.Header{file("f/../../evil")}, ErrEscapes},
		{"C5 dots that come back", []tar.Header{file("f/../g")}, ErrEscapes},
		{"C5 dots of a directory", []tar.Header{dir("../evil/")}, ErrEscapes},
		{"C5 absolute", []tar.Header{file("/etc/evil")}, ErrEscapes},
		{"C6 link, then through it", []tar.Header{link("l", "f"), file("l/x")}, ErrThroughLink},
		{"C6 link, then a directory through it", []tar.Header{link("l", "f"), dir("l/x/")}, ErrThroughLink},
		{"C6 link, then the same name", []tar.Header{link("l", "f"), file("l")}, ErrTwice},
		{"C6 link, then a directory of that name", []tar.Header{link("l", "f"), dir("l/")}, ErrClash},
		{"C6 absolute link", []tar.Header{link("l", "/etc/passwd")}, ErrLinkEscapes},
		{"C6 link that climbs", []tar.Header{link("f/l", "../../x")}, ErrLinkEscapes},
		{"C6 link that climbs through another", []tar.Header{link("f/up", ".."), link("l", "f/up/../x")}, ErrLinkEscapes},
		{"C6 link to nothing", []tar.Header{link("l", "")}, ErrLinkEscapes},
		{"C6 hard link to outside", []tar.Header{hard("h", "../etc/passwd")}, ErrLinkEscapes},
		{"C6 hard link to an absolute name", []tar.Header{hard("h", "/etc/hostname")}, ErrLinkEscapes},
		{"C6 hard link to what is not there", []tar.Header{hard("h", "f/none")}, ErrLinkEscapes},
		{"C6 hard link to a directory", []tar.Header{hard("h", "f")}, ErrLinkEscapes},
		{"C6 hard link to a link", []tar.Header{link("l", "f/ok"), hard("h", "l")}, ErrLinkEscapes},
		{"C6 device", []tar.Header{special(tar.TypeChar)}, ErrSpecial},
		{"C6 block device", []tar.Header{special(tar.TypeBlock)}, ErrSpecial},
		{"C6 fifo", []tar.Header{special(tar.TypeFifo)}, ErrSpecial},
		{"C18 twice", []tar.Header{file("f/ok")}, ErrTwice},
		{"C18 twice, spelled otherwise", []tar.Header{file("./f//ok")}, ErrTwice},
		{"C18 directory twice", []tar.Header{dir("g/"), dir("g/")}, ErrTwice},
		{"C19 file where a directory is", []tar.Header{file("f")}, ErrClash},
		{"C19 directory where a file is", []tar.Header{dir("f/ok/")}, ErrClash},
		{"C19 below a file", []tar.Header{file("f/ok/x")}, ErrClash},
		{"root as a file", []tar.Header{file(".")}, ErrClash},
		{"root as a link", []tar.Header{link(".", "f")}, ErrClash},
		{"C17 name of 256 bytes", []tar.Header{file(strings.Repeat("n", 256))}, ErrTooLong},
		{"path of 4000 bytes", []tar.Header{file(strings.Repeat("deep/", 800) + "x")}, ErrTooLong},
		{"reserved and hostile", []tar.Header{file(".firmflow-x/../../evil")}, ErrEscapes},
		{"reserved device", []tar.Header{{Name: ".firmflow-x", Typeflag: tar.TypeFifo}}, ErrSpecial},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			entries := append([]tar.Header{file("f/ok")}, c.entries...)
			a := archiveOf(t, gz(t, tarOf(t, nil, entries...)))
			outside := t.TempDir()
			into := filepath.Join(outside, "into")

			_, err := a.Verify(context.Background(), nil)
			wantRefused(t, "verify", err, c.want)
			_, err = a.Extract(context.Background(), into, Owner{}, nil)
			wantRefused(t, "extract", err, c.want)

			names, err := os.ReadDir(outside)
			if err != nil || len(names) != 1 {
				t.Errorf("beside the staging directory: got %v, %v; want nothing", names, err)
			}
		})
	}
}

func wantRefused(t *testing.T, what string, err, want error) {
	t.Helper()
	var entry *EntryError
	if !errors.Is(err, want) || !errors.As(err, &entry) {
		t.Errorf("%s: got %v, want an EntryError: %v", what, err, want)
	}
}

func TestSafeLinksAreRestored(t *testing.T) {
	a := archiveOf(t, gz(t, tarOf(t, map[string]string{"f/a": "text"},
		tar.Header{Name: "f/a"},
		tar.Header{Name: "g/up", Linkname: "../f/a", Typeflag: tar.TypeSymlink},
		tar.Header{Name: "g/none", Linkname: "not-there", Typeflag: tar.TypeSymlink},
		tar.Header{Name: "g/same", Linkname: "./f/a", Typeflag: tar.TypeLink},
	)))
	into := filepath.Join(t.TempDir(), "into")

	got, err := a.Extract(context.Background(), into, Owner{}, nil)
	must(t, err)
	if got.Files != 2 || got.Bytes != 8 || got.Tree != naiveDigest(t, into) {
		t.Errorf("got %+v, want two files of four bytes and the digest %s", got, naiveDigest(t, into))
	}
	for _, name := range []string{"g/up", "g/same"} {
		if text, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(text) != "text" {
			t.Errorf("%s: got %q, %v", name, text, err)
		}
	}
	if tree, err := TreeDigest(context.Background(), into); err != nil || tree != got.Tree {
		t.Errorf("digest of the tree: got %s, %v; want %s", tree, err, got.Tree)
	}
}

func TestC6SetuidSetgidAndStickyBitsAreDropped(t *testing.T) {
	a := archiveOf(t, gz(t, tarOf(t, nil,
		tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o7755}, tar.Header{Name: "d/f", Mode: 0o6755})))
	into := filepath.Join(t.TempDir(), "into")
	must(t, errorOf(a.Extract(context.Background(), into, Owner{}, nil)))

	for name, want := range map[string]fs.FileMode{"d": fs.ModeDir | 0o755, "d/f": 0o755} {
		if info, err := os.Stat(filepath.Join(into, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

func TestC17StrangeNamesAreRestoredAndPrintedQuoted(t *testing.T) {
	names := []string{
		"f/with\nnewline", "f/\x1b[2J\x1b]0;owned\a", "f/\xff\xfe", "f/-rf", "f/ space ", `f/back\slash`,
		"f/" + strings.Repeat("n", 255), "-x", " ", "f/...", "\xff/deep/\xfe",
	}
	var headers []tar.Header
	for _, name := range names {
		headers = append(headers, tar.Header{Name: name, Format: tar.FormatGNU})
	}
	content := map[string]string{names[0]: "text"}
	a := archiveOf(t, gz(t, tarOf(t, content, headers...)))
	into := filepath.Join(t.TempDir(), "into")

	got, err := a.Extract(context.Background(), into, Owner{}, nil)
	must(t, err)
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(into, name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if want := naiveDigest(t, into); got.Tree != want {
		t.Errorf("digest: got %s, want %s", got.Tree, want)
	}
	mirrored, err := Mirror(context.Background(), into, filepath.Join(t.TempDir(), "m"), Owner{}, nil)
	if err != nil || mirrored.Tree != got.Tree {
		t.Errorf("mirror: got %s, %v; want %s", mirrored.Tree, err, got.Tree)
	}

	// Now as an error: refused by the rule, and refused by the system.
	twice := archiveOf(t, gz(t, tarOf(t, nil, headers[1], headers[1])))
	_, err = twice.Verify(context.Background(), nil)
	_, system := Mirror(context.Background(), filepath.Join(into, names[1]), filepath.Join(t.TempDir(), "m"), Owner{}, nil)
	for _, err := range []error{err, system} {
		if err == nil || strings.ContainsAny(err.Error(), "\x1b\a\n") {
			t.Errorf("got %q, want an error without raw control bytes", err)
		}
	}
}

func TestWhatIsReservedIsReadAndLeftOut(t *testing.T) {
	headers := []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o750}, {Name: "./f/a"},
		{Name: "./lost+found/", Typeflag: tar.TypeDir, Mode: 0o700},
		{Name: "./.firmflow-before-1/f/old"}, {Name: "./f/lost+found"},
	}
	a := archiveOf(t, gz(t, tarOf(t, map[string]string{"./.firmflow-before-1/f/old": "old"}, headers...)))
	into := filepath.Join(t.TempDir(), "into")

	got, err := a.Extract(context.Background(), into, Owner{}, nil)
	must(t, err)
	if got.Files != 2 || got.LeftOut != 2 || got.Directories != 1 {
		t.Errorf("got %+v, want two files, a directory, and two left out", got)
	}
	if names, _ := os.ReadDir(into); len(names) != 1 {
		t.Errorf("restored at the top: got %v, want only f", names)
	}
}

func TestC4OneDirectoryTooManyIsReported(t *testing.T) {
	cases := []struct {
		names []string
		want  string
	}{
		{[]string{"./", "./uploads/", "./uploads/f/a", "./uploads/g/b"}, "uploads"},
		{[]string{"uploads/a"}, "uploads"},
		{[]string{"uploads/f/a", "f/a"}, ""},
		{[]string{"uploads/f/a", "a"}, ""},
		{[]string{"uploads"}, ""},
		{[]string{"uploads2/a"}, ""},
		{[]string{"firm/a"}, ""},
		{nil, ""},
	}
	for _, c := range cases {
		var headers []tar.Header
		for _, name := range c.names {
			h := tar.Header{Name: name}
			if strings.HasSuffix(name, "/") {
				h.Typeflag = tar.TypeDir
			}
			headers = append(headers, h)
		}
		got, err := archiveOf(t, gz(t, tarOf(t, nil, headers...))).Verify(context.Background(), nil)
		if err != nil || got.Nested != c.want {
			t.Errorf("%q: got %q, %v; want %q", c.names, got.Nested, err, c.want)
		}
	}
}
