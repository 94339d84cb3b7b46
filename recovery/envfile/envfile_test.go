package envfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery/secret"
)

func TestReadTellsWhatIsWrongWithTheFile(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string) error
		want error
	}{
		{"missing", func(string) error { return nil }, fs.ErrNotExist},
		{"link to nowhere", func(p string) error { return os.Symlink("nowhere", p) }, fs.ErrNotExist},
		{"D3 directory", func(p string) error { return os.Mkdir(p, 0o700) }, ErrDirectory},
		{"named pipe without a writer", func(p string) error { return syscall.Mkfifo(p, 0o600) }, ErrNotRegular},
		{"device", func(p string) error { return os.Symlink("/dev/zero", p) }, ErrNotRegular},
		{"too large", content(strings.Repeat("#", largest+1)), ErrTooLarge},
		{"largest", content(strings.Repeat("#", largest)), nil},
		{"D4 UTF-16LE", content("\xff\xfeV\x00=\x00"), ErrUTF16},
		{"D4 UTF-16BE", content("\xfe\xff\x00V\x00="), ErrUTF16},
		{"D4 UTF-16LE without a mark", content("V\x00=\x00a\x00"), ErrUTF16},
		{"D4 UTF-16BE without a mark", content("\x00V\x00=\x00a"), ErrUTF16},
		{"age", content("age-encryption.org/v1\n-> X25519 ..."), ErrEncrypted},
		{"gpg", content("-----BEGIN PGP MESSAGE-----\n"), ErrEncrypted},
		{"empty", content(""), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), ".env")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(path); !errors.Is(err, c.want) {
				t.Errorf("Read = %v, want %v", err, c.want)
			}
		})
	}
}

func TestC17AnErrorQuotesThePath(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "a\x1b[2Jb"))
	if err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("Read = %v, want an error without control characters", err)
	}
}

func TestReadNotesWhatIsOdd(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		want Facts
	}{
		{"nothing", "V=abc", Facts{}},
		{"single quotes", "V='a$b #c'", Facts{Quoting: Single}},
		{"double quotes", `V="abc"`, Facts{Quoting: Double}},
		{"dollar", "V=a$b", Facts{Dollar: true}},
		{"dollar in double quotes", `V="a$b"`, Facts{Quoting: Double, Dollar: true}},
		{"two dollars", "V=a$$b", Facts{Dollar: true}},
		{"dollar that stays", "V=a$1$", Facts{}},
		{"escaped dollar", `V="a\$b"`, Facts{Quoting: Double}},
		{"dollar in a comment", "V=a #$b", Facts{Comment: true}},
		{"comment", "V=abc #def", Facts{Comment: true}},
		{"D6 zero-width space", "V=ab\u200bc", Facts{Odd: []Odd{{'\u200b', 3}}}},
		{"D6 NBSP", "V=abc\u00a0", Facts{Odd: []Odd{{'\u00a0', 4}}}},
		{"D6 curly quotes", "V=\u201cabc\u201d", Facts{Odd: []Odd{{'\u201c', 1}, {'\u201d', 5}}}},
		{"D6 tab", "V='a\tb'", Facts{Quoting: Single, Odd: []Odd{{'\t', 3}}}},
		{"letters beyond ASCII", "V=gr\u00fcn", Facts{NonASCII: true}},
		{"not UTF-8", "V=gr\xfcn", Facts{NotUTF8: true}},
		{"NUL", "V=a\x00b", Facts{NUL: true, Odd: []Odd{{0, 2}}}},
		{"placeholder", "V=# set me", Facts{Placeholder: true}},
		{"the last counts", "V=$a\nV=b", Facts{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			entry, _ := mustRead(t, c.text).Entry("V")
			if !cmp.Equal(entry.Facts, c.want) {
				t.Errorf("facts of %q: %s", c.text, cmp.Diff(c.want, entry.Facts))
			}
		})
	}
}

func TestPlaceholdersAreToldFromSecrets(t *testing.T) {
	for _, value := range []string{
		"# set me", "#", "changeme", "CHANGE-ME", "please_change_me_now", "your-secret-here", "your_auth_secret", "<secret>", "[secret]",
		"{{ secret }}", "xxx", "XXXXXXXX", "***", "...", "todo", "secret", "password", "replace-me", "REPLACE_WITH_SECRET", "set me", "put-key-here",
	} {
		if !placeholder(value) {
			t.Errorf("placeholder(%q) = false, want true", value)
		}
	}
	for _, value := range []string{
		"", "x", "xx", "abc", "q83vASNFZ4k/+w==", "s3cr3t-of-ours", "password1x", "yourself", "a#b", "FF-2026-ACME-7Q2X", "correct horse battery staple",
	} {
		if placeholder(value) {
			t.Errorf("placeholder(%q) = true, want false", value)
		}
	}
}

func TestD8ReadKeepsLiteralsAndLines(t *testing.T) {
	file := mustRead(t, "\ufeff# note\r\nV=first\r\nexport V = 'a\r\nb' # why\r\n\r\nW=\"x\"Y=1\r\nV= last  \r\n")
	if !file.BOM || !file.CRLF {
		t.Errorf("BOM, CRLF = %v, %v, want both", file.BOM, file.CRLF)
	}
	for _, c := range []struct {
		key, value, literal string
		lines               []int
	}{
		{"V", "last", " last  ", []int{2, 3, 7}},
		{"W", "x", `"x"`, []int{6}},
		{"Y", "1", "1", []int{6}},
	} {
		entry, _ := file.Entry(c.key)
		if got := secret.Reveal(entry.Value); got != c.value {
			t.Errorf("%s = %q, want %q", c.key, got, c.value)
		}
		if got := secret.Reveal(entry.Literal); got != c.literal {
			t.Errorf("literal of %s = %q, want %q", c.key, got, c.literal)
		}
		if !slices.Equal(entry.Lines, c.lines) {
			t.Errorf("lines of %s = %v, want %v", c.key, entry.Lines, c.lines)
		}
	}
}

func TestD13ReadTellsModeAndOwner(t *testing.T) {
	path := write(t, "V=1\n")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	file, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if file.Mode.Perm() != 0o640 || !file.Loose() || file.UID != os.Getuid() || file.GID != os.Getgid() {
		t.Errorf("mode %v, loose %v, owner %d:%d", file.Mode, file.Loose(), file.UID, file.GID)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if file, err = Read(path); err != nil || file.Loose() {
		t.Errorf("0600 is loose (%v), want not", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, row := range dTable {
		f.Add([]byte(row.text))
	}
	f.Add([]byte("A=${A:-${A?${B+}}}\n\\'\nexport\n=\n:"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var file File
		if err := file.parse(data); err != nil {
			return
		}
		if err := file.verify(secret.Reveal(file.Content()), nil); err != nil {
			t.Errorf("read again: %v", err)
		}
		changed, err := file.with(map[string]secret.String{AuthSecret: secret.New("a$'b")})
		if err != nil {
			return // such a file is refused before anything is written
		}
		var after File
		if err := after.parse(changed); err != nil {
			t.Errorf("what is written is not read: %v", err)
		}
		if again, err := after.with(map[string]secret.String{AuthSecret: secret.New("a$'b")}); err != nil || string(again) != string(changed) {
			t.Errorf("changed again: %q, %v, want %q", again, err, changed)
		}
	})
}

func content(text string) func(string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}
