package dump

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery/command"
)

// shapes are the ways in which an operator may hold a dump.
var shapes = map[Shape][]string{
	Tar:       {"--format=tar"},
	Directory: {"--format=directory"},
	Plain:     {"--format=plain"},
}

// shaped gives the sample, dumped in a shape.
func shaped(t testing.TB, shape Shape, options ...string) (*cluster, Server, string) {
	t.Helper()
	c, s, _ := sample(t)
	path := filepath.Join(t.TempDir(), "db.dump")
	args := append([]string{"pg_dump", "--username=firmflow", "--file=" + path}, shapes[shape]...)
	if err := c.run.Run(t.Context(), command.Cmd{Args: append(append(args, options...), sampleName)}); err != nil {
		t.Fatal(err)
	}

	return c, s, path
}

func TestB7B6B3EveryShapeBringsBackEverything(t *testing.T) {
	for _, how := range []struct {
		shape   Shape
		options []string
	}{
		{Tar, nil}, {Directory, nil}, {Plain, nil},
		{Directory, []string{"--compress=0"}}, {Directory, []string{"--jobs=2"}}, {Plain, []string{"--inserts"}}, {Plain, []string{"--verbose"}},
	} {
		t.Run(string(how.shape)+" "+strings.Join(how.options, " "), func(t *testing.T) {
			c, s, path := shaped(t, how.shape, how.options...)
			looked, err := Look(path)
			if err != nil || looked.Header.Format != how.shape {
				t.Fatalf("a look says %v of a dump in %s format", err, looked.Header.Format)
			}
			var moved int64
			contents, reading, err := Examine(t.Context(), c.run, path, func(n int64) { moved += n })
			if err != nil {
				t.Fatal(err)
			}
			if moved != contents.Header.Size || moved != reading.Bytes || len(reading.SHA256) != 64 {
				t.Errorf("%d bytes read of %d, %d said; digest %s", moved, contents.Header.Size, reading.Bytes, reading.SHA256)
			}
			into := RestoringName(sampleName, "shape")
			c.dropAfter(t, into)
			if err := s.Create(t.Context(), into, Options{Encoding: contents.Encoding}); err != nil {
				t.Fatal(err)
			}
			if err := s.Load(t.Context(), path, into, contents, LoadOptions{}, LoadProgress{}); err != nil {
				t.Fatal(err)
			}
			found := compareWell(t, s, into, contents, reading)
			if inserts := len(how.options) > 0 && how.options[0] == "--inserts"; inserts != (len(found.Uncounted) > 0) || found.Tables != 9 {
				t.Errorf("compared %+v", found)
			} else if !inserts {
				sameRows(t, s, into, reading)
			}
			if reading.LargeObjects != 3 {
				t.Errorf("%d large objects, want 3", reading.LargeObjects)
			}
			samePrints(t, s, into)
		})
	}
}

// What is known of a dump does not depend on its shape.
func TestEveryShapeTellsTheSame(t *testing.T) {
	c, _, content := sample(t)
	want, err := List(t.Context(), c.run, written(t, content))
	if err != nil {
		t.Fatal(err)
	}
	for shape := range shapes {
		_, _, path := shaped(t, shape)
		got, _, err := Examine(t.Context(), c.run, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Header.Server != want.Header.Server || got.Encoding != want.Encoding || got.Header.ServerMajor != want.Header.ServerMajor {
			t.Errorf("%s: header %+v, encoding %q", shape, got.Header, got.Encoding)
		}
		for _, d := range []string{cmp.Diff(want.Tables, got.Tables), cmp.Diff(want.TableData, got.TableData), cmp.Diff(want.Roles, got.Roles),
			cmp.Diff(want.Extensions, got.Extensions), cmp.Diff(want.Owners, got.Owners)} {
			if d != "" {
				t.Errorf("%s (-custom +%s):\n%s", shape, shape, d)
			}
		}
	}
}

func TestB6AMissingFileIsRefused(t *testing.T) {
	c, _, path := shaped(t, Directory)
	files, err := filepath.Glob(filepath.Join(path, "*.dat.gz"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, gone := range files {
		kept, err := os.ReadFile(gone)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
		var missing *MemberError
		if _, err := Look(path); !errors.As(err, &missing) || !errors.Is(err, ErrMemberMissing) || !strings.HasPrefix(filepath.Base(gone), missing.Name) {
			t.Errorf("without %s a look says %v", filepath.Base(gone), err)
		}
		if _, err := Read(t.Context(), c.run, path, nil); !errors.Is(err, ErrMemberMissing) {
			t.Errorf("without %s a full read says %v", filepath.Base(gone), err)
		}
		if err := os.WriteFile(gone, kept, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(path, tocName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(path); !errors.Is(err, ErrDirectory) {
		t.Errorf("without toc.dat a look says %v", err)
	}
}

func TestB6ADamagedFileIsNamed(t *testing.T) {
	c, _, path := shaped(t, Directory)
	files, err := filepath.Glob(filepath.Join(path, "*.dat.gz"))
	if err != nil {
		t.Fatal(err)
	}
	largest := files[0]
	for _, file := range files {
		if a, b := sizeOfFile(t, file), sizeOfFile(t, largest); a > b {
			largest = file
		}
	}
	whole, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a bit":     func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"cut":       func(b []byte) []byte { return b[:len(b)-1] },
		"cut short": func(b []byte) []byte { return b[:1] },
		"empty":     func([]byte) []byte { return nil },
		"longer":    func(b []byte) []byte { return append(b, "x"...) },
	} {
		if err := os.WriteFile(largest, damage(bytes.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(t.Context(), c.run, path, nil)
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), filepath.Base(largest)) {
			t.Errorf("%s: %v, want damage in %s", name, err, filepath.Base(largest))
		}
		if _, err := Follow(t.Context(), path, nil); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: followed, %v", name, err)
		}
	}
}

func sizeOfFile(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	return info.Size()
}

func TestB7ADamagedTarIsRefused(t *testing.T) {
	c, _, path := shaped(t, Tar)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut in the middle":        func(b []byte) []byte { return b[:len(b)/2] },
		"cut at a member":          func(b []byte) []byte { return b[:memberAt(t, b, 3)] },
		"without its end":          func(b []byte) []byte { return b[:len(b)-1024] },
		"a byte short":             func(b []byte) []byte { return b[:len(b)-1] },
		"a header":                 func(b []byte) []byte { b[memberAt(t, b, 2)+5] ^= 1; return b },
		"something behind":         func(b []byte) []byte { return append(b, "junk"...) },
		"two tars":                 func(b []byte) []byte { return append(b, b...) },
		"the contents' end":        func(b []byte) []byte { return b[:700] },
		"a member that is strange": func(b []byte) []byte { return renamed(t, b, 2, "../../etc/x") },
	} {
		path := written(t, damage(bytes.Clone(whole)))
		if _, err := Read(t.Context(), c.run, path, nil); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// memberAt gives where the header of a member of a tar lies.
func memberAt(t *testing.T, content []byte, n int) int64 {
	t.Helper()
	r := bytes.NewReader(content)
	in := tar.NewReader(r)
	for range n + 1 {
		if _, err := in.Next(); err != nil {
			t.Fatal(err)
		}
	}

	return int64(len(content)-r.Len()) - tarBlock
}

// renamed gives a member another name, and its header the right sum.
func renamed(t *testing.T, content []byte, n int, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	in, to := tar.NewReader(bytes.NewReader(content)), tar.NewWriter(&out)
	for i := 0; ; i++ {
		header, err := in.Next()
		if err != nil {
			break
		}
		if i == n {
			header.Name = name
		}
		header.Format = tar.FormatUSTAR
		if err := to.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(to, in); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}

	return out.Bytes()
}
