package envfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"firmflow-recovery/recovery/secret"
)

func TestApplyChangesTheKeyAndNothingElse(t *testing.T) {
	for _, c := range []struct{ name, text, value, want string }{
		{"replaced", "A=1\nAUTH_SECRET=old\nB=2\n", "new", "A=1\nAUTH_SECRET=new\nB=2\n"},
		{"added", "A=1\n", "new", "A=1\nAUTH_SECRET=new\n"},
		{"added behind an unfinished line", "A=1", "new", "A=1\nAUTH_SECRET=new\n"},
		{"added behind a comment", "# AUTH_SECRET=", "new", "# AUTH_SECRET=\nAUTH_SECRET=new\n"},
		{"added to nothing", "", "new", "AUTH_SECRET=new\n"},
		{"quoted", "AUTH_SECRET=abc$def\n", "abc$def", "AUTH_SECRET='abc$def'\n"},
		{"CRLF", "A=1\r\nAUTH_SECRET=old\r\nB=2\r\n", "new", "A=1\r\nAUTH_SECRET=new\r\nB=2\r\n"},
		{"CRLF, added", "A=1\r\n", "new", "A=1\r\nAUTH_SECRET=new\r\n"},
		{"byte order mark", "\ufeffAUTH_SECRET=old\n", "new", "\ufeffAUTH_SECRET=new\n"},
		{"only a byte order mark", "\ufeff", "new", "\ufeffAUTH_SECRET=new\n"},
		{"no final newline", "AUTH_SECRET=old", "new", "AUTH_SECRET=new"},
		{"over several lines", "AUTH_SECRET='o\nl\nd'\nB=2\n", "new", "AUTH_SECRET=new\nB=2\n"},
		{"export, colon, blanks", "  export AUTH_SECRET : old\t\nB=2\n", "new", "  AUTH_SECRET=new\nB=2\n"},
		{"an unquoted value's comment", "AUTH_SECRET=abc #def\n", "abc #def", "AUTH_SECRET='abc #def'\n"},
		{"a quoted value's comment", "AUTH_SECRET='old' # note\n", "new", "AUTH_SECRET=new\n # note\n"},
		{"another statement on the line", "AUTH_SECRET='old'B=2\n", "new", "AUTH_SECRET=new\nB=2\n"},
		{"garbage behind the quote", "AUTH_SECRET='old'rest\n", "new", "AUTH_SECRET=new\nrest\n"},
		{"on another's line", "B='2'AUTH_SECRET=old\n", "new", "B='2'AUTH_SECRET=new\n"},
		{"a name without =", "AUTH_SECRET\nB=2\n", "new", "AUTH_SECRET=new\nB=2\n"},
		{"a name alone at the end", "B=2\nAUTH_SECRET\n", "new", "B=2\nAUTH_SECRET=new\n"},
		{
			"D8 repeated", "AUTH_SECRET=older\nA=1\nAUTH_SECRET=old\nB=2\n", "new",
			"# (kept by firmflow-recovery) AUTH_SECRET was set here too, without effect\nA=1\nAUTH_SECRET=new\nB=2\n",
		},
		{"there already", "AUTH_SECRET=\"new\"  # note\n", "new", "AUTH_SECRET=\"new\"  # note\n"},
		{"in a comment and another's value", "# AUTH_SECRET=x\nB='\nAUTH_SECRET=y\n'\nAUTH_SECRET=old\n", "new", "# AUTH_SECRET=x\nB='\nAUTH_SECRET=y\n'\nAUTH_SECRET=new\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, c.text)
			for range 2 { // twice is once
				if err := Apply(reread(t, path), path, path+".kept", given(c.value)); err != nil {
					t.Fatal(err)
				}
				if got := contentOf(t, path); got != c.want {
					t.Errorf("content = %q, want %q", got, c.want)
				}
			}
			if c.text != c.want {
				if got := contentOf(t, path+".kept"); got != c.text {
					t.Errorf("kept = %q, want %q", got, c.text)
				}
			}
			mustHoldOnly(t, filepath.Dir(path), ".env", ".env.kept")
		})
	}
}

func TestApplyPutsAnyValueIntoAnyFile(t *testing.T) {
	line := rapid.SampledFrom([]string{
		"A=1\n", "# note\n", "\n", "\r\n", "AUTH_SECRET=old\n", "AUTH_SECRET='o\nld'\n", "export AUTH_SECRET=x # y\r\n", "AUTH_SECRET\n",
		"B=$AUTH_SECRET\n", "C=\"a\nb\"", "D='x' # y\n", "LICENSE_KEY=k\n", "  ", "Zm9v==\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(line, 0, 8).Draw(t, "lines"), "")
		var before, after File
		if err := before.parse([]byte(text)); err != nil {
			t.Skip("Compose does not read it")
		}
		set := map[string]secret.String{
			AuthSecret: secret.New(awkward().Draw(t, "secret")),
			LicenseKey: secret.New(awkward().Draw(t, "licence")),
		}

		changed, err := before.with(set)
		if err != nil {
			t.Fatalf("with: %v", err)
		}
		if err := after.parse(changed); err != nil {
			t.Fatalf("Compose refuses %q: %v", changed, err)
		}
		for key, value := range set {
			if !after.Value(key).Equal(value) {
				t.Fatalf("%s = %q in %q", key, secret.Reveal(after.Value(key)), changed)
			}
		}
	})
}

func TestD13ApplyKeepsModeAndOwner(t *testing.T) {
	path := write(t, "AUTH_SECRET=old\n")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	owner := os.Getuid()
	if owner == 0 { // only root can give a file away
		owner = 4711
		if err := os.Chown(path, owner, owner); err != nil {
			t.Fatal(err)
		}
	}

	if err := Apply(reread(t, path), path, path+".kept", given("new")); err != nil {
		t.Fatal(err)
	}

	if f := reread(t, path); f.Mode.Perm() != 0o640 || f.UID != owner {
		t.Errorf("mode %v, owner %d, want 0640 and %d", f.Mode, f.UID, owner)
	}
	if f := reread(t, path+".kept"); f.Mode.Perm() != 0o600 {
		t.Errorf("mode of the kept file = %v, want 0600", f.Mode)
	}
}

func TestApplyFollowsALink(t *testing.T) {
	path := write(t, "AUTH_SECRET=old\n")
	link := filepath.Join(t.TempDir(), ".env")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}

	if err := Apply(reread(t, link), link, link+".kept", given("new")); err != nil {
		t.Fatal(err)
	}

	if got := contentOf(t, path); got != "AUTH_SECRET=new\n" {
		t.Errorf("content = %q, want the new value", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone (%v, %v)", info, err)
	}
}

func TestApplyMakesAFileWhereThereIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".env")
	set := map[string]secret.String{LicenseKey: secret.New("k"), AuthSecret: secret.New("a b")}
	for range 2 {
		if err := Apply(File{}, path, path+".kept", set); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := contentOf(t, path), "AUTH_SECRET='a b'\nLICENSE_KEY=k\n"; got != want {
		t.Errorf("content = %q, want %q", got, want)
	}
	if f := reread(t, path); f.Mode.Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", f.Mode)
	}
}

func TestApplyRefusesAndChangesNothing(t *testing.T) {
	const text = "AUTH_SECRET=old\n"
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		keep    string
		value   string
		want    error
	}{
		{"a kept file with other content", func(t *testing.T, path string) { put(t, path+".kept", "other") }, ".kept", "new", ErrKept},
		{"a directory in its place", func(t *testing.T, path string) { mustDo(t, os.Mkdir(path+".kept", 0o700)) }, ".kept", "new", ErrDirectory},
		{"a dangling link in its place", func(t *testing.T, path string) { mustDo(t, os.Symlink("nowhere", path+".kept")) }, ".kept", "new", ErrKept},
		{"the file itself", func(*testing.T, string) {}, "", "new", ErrKept},
		{"a link to it", func(t *testing.T, path string) { mustDo(t, os.Symlink(path, path+".kept")) }, ".kept", "new", ErrKept},
		{"no place for it", func(*testing.T, string) {}, ".d/kept", "new", fs.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, text)
			c.prepare(t, path)
			if err := Apply(reread(t, path), path, path+c.keep, given(c.value)); !errors.Is(err, c.want) {
				t.Errorf("Apply = %v, want %v", err, c.want)
			}
			if got := contentOf(t, path); got != text {
				t.Errorf("content = %q, want it as it was", got)
			}
		})
	}
}

func TestApplyRefusesAFileThatChangedSinceItWasRead(t *testing.T) {
	path := write(t, "AUTH_SECRET=old\n")
	target := reread(t, path)
	put(t, path, "AUTH_SECRET=old\nA=1\n")

	if err := Apply(target, path, path+".kept", given("new")); !errors.Is(err, ErrChanged) {
		t.Errorf("Apply = %v, want ErrChanged", err)
	}
	mustHoldOnly(t, filepath.Dir(path), ".env")
}

func TestApplyGoesOnAfterItWasCutShort(t *testing.T) {
	path := write(t, "AUTH_SECRET=old\n")
	target := reread(t, path)
	put(t, path+".kept", "AUTH_SECRET=old\n") // it was cut short right after this

	if err := Apply(target, path, path+".kept", given("new")); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, path); got != "AUTH_SECRET=new\n" {
		t.Errorf("content = %q, want the new value", got)
	}
}

func TestApplyRefusesAValueThatNoLineExpresses(t *testing.T) {
	path := write(t, "AUTH_SECRET=old\n")
	err := Apply(reread(t, path), path, path+".kept", given("s3cr3t\x00"))
	if _, ok := errors.AsType[*ValueError](err); !ok || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("Apply = %v, want a ValueError without the value", err)
	}
	mustHoldOnly(t, filepath.Dir(path), ".env")
}

func TestCopyWritesTheOriginalByteForByte(t *testing.T) {
	const text = "\ufeff# note\r\nAUTH_SECRET=abc$def\r\nB=gr\xfcn"
	original := reread(t, write(t, text))
	path := filepath.Join(t.TempDir(), ".env")
	for range 2 {
		if err := Copy(original, path); err != nil {
			t.Fatal(err)
		}
	}
	if got := contentOf(t, path); got != text {
		t.Errorf("content = %q, want %q", got, text)
	}
	if f := reread(t, path); f.Mode.Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", f.Mode)
	}
	mustHoldOnly(t, filepath.Dir(path), ".env")
}

func TestCopyNeverOverwrites(t *testing.T) {
	original, path := mustRead(t, "AUTH_SECRET=abc\n"), write(t, "AUTH_SECRET=other\n")
	if err := Copy(original, path); !errors.Is(err, ErrKept) {
		t.Errorf("Copy = %v, want ErrKept", err)
	}
	if got := contentOf(t, path); got != "AUTH_SECRET=other\n" {
		t.Errorf("content = %q, want it as it was", got)
	}
}

func reread(t *testing.T, path string) File {
	t.Helper()
	file, err := Read(path)
	mustDo(t, err)

	return file
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	mustDo(t, err)

	return string(data)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	mustDo(t, os.WriteFile(path, []byte(text), 0o600))
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustHoldOnly finds what was left behind.
func mustHoldOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	mustDo(t, err)
	for _, entry := range entries {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+entry.Name()+" ") {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}
