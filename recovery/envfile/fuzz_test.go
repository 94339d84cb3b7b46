package envfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"

	"firmflow-recovery/recovery/secret"
)

// FuzzReadAsComposeDoes reads anything. What is read is what compose-go reads, and no error
// holds anything of the file.
func FuzzReadAsComposeDoes(f *testing.F) {
	for _, row := range dTable {
		f.Add([]byte(row.text))
	}
	f.Add([]byte("A=1\n\n#x\nexport B='2\n3' # c\r\nC\nD=${A-x}${B:?y}$E\nA=\"$$\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > largest {
			return
		}
		var file File
		err := file.parse(data)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) && !errors.Is(err, ErrUTF16) && !errors.Is(err, ErrEncrypted) {
				t.Fatalf("an error of no kind: %v", err)
			}
			if syntax != nil && (syntax.Line < 1 || syntax.Line > strings.Count(string(data), "\n")+1 || len(syntax.Text) > 100) {
				t.Errorf("an error of line %d: %q", syntax.Line, syntax.Text)
			}

			return
		}
		if secret.Reveal(file.Content()) != string(data) {
			t.Error("the content is not what was read")
		}
		want, err := dotenv.UnmarshalBytesWithLookup([]byte(strings.TrimPrefix(string(data), byteOrderMark)), func(string) (string, bool) { return "", false })
		if err != nil {
			return // a variable that only a marked name can tell of
		}
		for key, value := range want {
			entry, ok := file.Entry(key)
			if ok && secret.Reveal(entry.Value) != value {
				t.Errorf("a key is read otherwise than compose-go does: %q, want %q", secret.Reveal(entry.Value), value)
			}
		}
	})
}

// FuzzLine writes any value, and reads it back.
func FuzzLine(f *testing.F) {
	for _, value := range []string{"", "abc", "a$b", "a'b", `a"b`, "a\\", "a\nb", " a ", "#a", "a #b", "${", "$$", "\u200b", "\\'"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		line, err := Line(AuthSecret, secret.New(value))
		if err != nil {
			return // what no line can hold is refused
		}
		var file File
		if err := file.parse([]byte("BEFORE=1\n" + secret.Reveal(line) + "\nAFTER=2\n")); err != nil {
			t.Fatal(err)
		}
		if got := secret.Reveal(file.Value(AuthSecret)); got != value {
			t.Errorf("read back as %q, want %q", got, value)
		}
		if secret.Reveal(file.Value("BEFORE")) != "1" || secret.Reveal(file.Value("AFTER")) != "2" {
			t.Error("it changed the lines around it")
		}
	})
}

// FuzzUnlock opens anything that claims to be encrypted.
func FuzzUnlock(f *testing.F) {
	f.Add([]byte("age-encryption.org/v1\n-> X25519 abc\nxyz\n--- mac\n"))
	f.Add([]byte("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n"))
	f.Add([]byte("Salted__"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := unlock(data, Key{})
		if locked, is := errors.AsType[*LockedError](err); !is && !errors.Is(err, ErrDamaged) || is && locked.Needs == Open {
			t.Errorf("without a key: %v", err)
		}
	})
}
