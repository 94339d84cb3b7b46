package vault

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The table "C-power" of the fault catalogue: every damage that gzip, tar or a
// plain loop over archive/tar was seen to miss is refused here.
func TestC1DamagedArchivesAreRefused(t *testing.T) {
	good := guideArchive(t, guideVault(t))
	content := gunzip(t, good)
	half := len(good) / 2
	zeroed := bytes.Clone(good)
	clear(zeroed[half : half+4096])

	cases := []struct {
		name    string
		archive []byte
		want    error // nil: it is sound
	}{
		{"good", good, nil},
		{"trailing zeros", append(bytes.Clone(good), make([]byte, 512)...), nil},
		{"many members", append(gz(t, content[:1<<20]), gz(t, content[1<<20:])...), nil},
		{"truncated half", good[:half], ErrTruncated},
		{"last byte missing", good[:len(good)-1], ErrTruncated},
		{"last 8 bytes missing", good[:len(good)-8], ErrTruncated},
		{"all but the first byte missing", good[:1], ErrNotGzip},
		{"header only in part", good[:5], ErrTruncated},
		{"checksum's bit flipped", flipped(good, len(good)-6), ErrChecksum},
		{"length's bit flipped", flipped(good, len(good)-2), ErrChecksum},
		{"4 KiB zeroed", zeroed, errDamaged},
		{"bit flipped", flipped(good, half), errDamaged},
		{"trailing text", append(bytes.Clone(good), "see log\n"...), ErrTrailing},
		{"text behind trailing zeros", append(append(bytes.Clone(good), make([]byte, 512)...), 'x'), ErrTrailing},
		{"C3 concatenated", append(bytes.Clone(good), good...), ErrTrailing},
		{"second member begun", append(bytes.Clone(good), good[:1]...), ErrTruncated},
		{"tar cut in a member", gz(t, content[:len(content)/2+100]), ErrTruncated},
		{"C2 tar cut at a member boundary", gz(t, boundary(t, content, 19)), ErrNoEnd},
		{"C2 one of two end blocks", gz(t, append(boundary(t, content, 19), make([]byte, 512)...)), ErrNoEnd},
		{"C2 tar that wrote nothing", gz(t, nil), ErrNoEnd},
		{"CRLF-mangled", bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")), errDamaged},
		{"not gzip", content, ErrNotGzip},
		{"gzip twice", gz(t, good), ErrNotTar},
		{"zeros", make([]byte, 4096), ErrNotGzip},
		{"empty", nil, ErrEmpty},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := archiveOf(t, c.archive)
			_, err := a.Verify(context.Background(), nil)
			wantDamage(t, "verify", err, c.want)

			_, err = a.Extract(context.Background(), filepath.Join(t.TempDir(), "into"), Owner{}, nil)
			wantDamage(t, "extract", err, c.want)
		})
	}
}

// errDamaged stands for those of which it depends on the bytes how they show:
// as a checksum that does not match, or as a stream that cannot be decoded.
var errDamaged = errors.New("damaged one way or the other")

func wantDamage(t *testing.T, what string, err, want error) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}

	var damage *DamageError
	if !errors.As(err, &damage) {
		t.Errorf("%s: got %v, want a DamageError", what, err)
		return
	}
	if errors.Is(want, errDamaged) && (errors.Is(err, ErrChecksum) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTruncated)) {
		return
	}
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// boundary cuts a tar archive where its n-th entry begins.
func boundary(t *testing.T, content []byte, n int) []byte {
	t.Helper()
	from := bytes.NewReader(content)
	r := tar.NewReader(from)
	for range n {
		_, err := r.Next()
		must(t, err)
	}

	return bytes.Clone(content[:len(content)-from.Len()-512])
}

func TestC2ArchiveCutAtMemberBoundaryIsRefused(t *testing.T) {
	whole := tarOf(t, map[string]string{"f/a": "aaa", "f/b": "bbb"}, tar.Header{Name: "f/a"}, tar.Header{Name: "f/b"})
	a := archiveOf(t, gz(t, whole[:1024])) // one file, and nothing behind it

	_, err := a.Verify(context.Background(), nil)
	var damage *DamageError
	if !errors.Is(err, ErrNoEnd) || !errors.As(err, &damage) || damage.Entry != "f/a" {
		t.Errorf("got %v, want ErrNoEnd after f/a", err)
	}
}

func TestTruncationTellsHowFarItGot(t *testing.T) {
	good := guideArchive(t, guideVault(t))
	a := archiveOf(t, good[:len(good)/2])
	a.Size = int64(len(good)) // the manifest knows

	_, err := a.Verify(context.Background(), nil)
	var damage *DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("got %v, want a DamageError", err)
	}
	if damage.At != int64(len(good)/2) || damage.Size != int64(len(good)) || damage.Path != a.Path {
		t.Errorf("got %d of %d, want %d of %d", damage.At, damage.Size, len(good)/2, len(good))
	}
}

// Wherever it is cut, an archive is refused: every offset near the ends, and a
// sample between.
func TestC1EveryTruncationIsRefused(t *testing.T) {
	good := gz(t, tarOf(t, map[string]string{"f/a": strings.Repeat("abc", 9000), "f/b": "bbb"},
		tar.Header{Name: "f/a"}, tar.Header{Name: "f/b"}))
	a := archiveOf(t, good)
	if _, err := a.Verify(context.Background(), nil); err != nil {
		t.Fatal(err)
	}

	for size := len(good) - 1; size >= 0; size-- {
		must(t, os.Truncate(a.Path, int64(size)))
		if _, err := a.Verify(context.Background(), nil); err == nil {
			t.Errorf("cut to %d of %d bytes: accepted", size, len(good))
		}
	}
}

// Every bit that changes the content is found. A few do not: in gzip's header,
// or where deflate can say the same in two ways. Those change the SHA-256 of the
// archive, and nothing else.
func TestC1EveryFlippedBitThatMattersIsRefused(t *testing.T) {
	content := tarOf(t, map[string]string{"f/a": "some text", "f/b": "bbb"}, tar.Header{Name: "f/a"}, tar.Header{Name: "f/b"})
	good := gz(t, content)
	want, err := archiveOf(t, good).Verify(context.Background(), nil)
	must(t, err)
	path := archiveOf(t, good).Path

	for at := range good {
		must(t, os.WriteFile(path, flipped(good, at), 0o600))
		got, err := Archive{Path: path}.Verify(context.Background(), nil)
		if err == nil && (got.Tree != want.Tree || got.SHA256 == want.SHA256) {
			t.Errorf("bit flipped at byte %d of %d: accepted", at, len(good))
		}
	}
}

func TestInspectLooksAtTheBeginningOnly(t *testing.T) {
	good := guideArchive(t, guideVault(t))
	cases := []struct {
		name    string
		archive []byte
		want    error
	}{
		{"good", good, nil},
		{"truncated half", good[:len(good)/2], nil},
		{"empty", nil, ErrEmpty},
		{"text", []byte("<?xml version='1.0'?><Error/>"), ErrNotGzip},
		{"gzip of text", gz(t, bytes.Repeat([]byte("text"), 1000)), ErrNotTar},
		{"gzip of nothing", gz(t, nil), ErrNoEnd},
		{"first bytes", good[:12], ErrTruncated},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			peek, err := archiveOf(t, c.archive).Inspect()
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if c.want == nil && (peek.First != "./" || peek.Size != int64(len(c.archive))) {
				t.Errorf("got %+v, want the first entry and the size", peek)
			}
		})
	}

	if _, err := (Archive{Path: filepath.Join(t.TempDir(), "x")}).Inspect(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got %v, want os.ErrNotExist", err)
	}
}

// A look at the end finds most cuts and refuses no sound archive, whoever wrote
// it.
func TestC1InspectLooksAtTheEndToo(t *testing.T) {
	good := guideArchive(t, guideVault(t))
	content := gunzip(t, good)
	missed := 0
	for n := 1; n <= 100; n++ {
		peek, err := archiveOf(t, good[:len(good)-n*37]).Inspect()
		must(t, err)
		if peek.Ends {
			missed++
		}
	}
	if missed > 5 {
		t.Errorf("%d of 100 cuts look whole", missed)
	}
	for name, archive := range map[string][]byte{
		"by the guide": good, "zeros behind it": append(bytes.Clone(good), make([]byte, 512)...),
		"many members": append(gz(t, content[:1<<20]), gz(t, content[1<<20:])...),
	} {
		if peek, err := archiveOf(t, archive).Inspect(); err != nil || !peek.Ends {
			t.Errorf("%s: %+v, %v, want a whole end", name, peek, err)
		}
	}
}
