package envfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"firmflow-recovery/recovery/secret"
)

// refused stands for a reading that gives no value but an error.
const refused = "\x00refused"

// dTable is the D-table of design/FAULTS.md, all 59 lines: V as godotenv 1.5.1
// reads it, and as it reaches a real container through Compose's .env.
var dTable = []struct {
	name     string
	text     string
	godotenv string
	compose  string
}{
	{"0 plain", "V=abc123\n", "abc123", "abc123"},
	{"1 dollar mid, unquoted", "V=abc$def\n", "abc$def", "abc"},
	{"2 dollar single-quoted", "V='abc$def'\n", "abc$def", "abc$def"},
	{"3 dollar double-quoted", "V=\"abc$def\"\n", "abc$def", "abc"},
	{"4 dollar backslash, double-quoted", "V=\"abc\\$def\"\n", "abc$def", "abc$def"},
	{"5 dollar backslash, unquoted", "V=abc\\$def\n", "abc$def", "abc\\"},
	{"6 double dollar", "V=abc$$def\n", "abc$$def", "abc$def"},
	{"7 dollar at end", "V=abc$\n", "abc$", "abc$"},
	{"8 dollar and digit", "V=abc$1def\n", "abcdef", "abc$1def"},
	{"9 variable set earlier", "X=1\nV=a${X}b\n", "a1b", "a1b"},
	{"10 variable with default", "V=a${NOPE:-dd}b\n", "a:-dd}b", "addb"},
	{"11 hash, no space", "V=abc#def\n", "abc#def", "abc#def"},
	{"12 space and hash", "V=abc #def\n", "abc", "abc"},
	{"13 hash in double quotes", "V=\"abc #def\"\n", "abc #def", "abc #def"},
	{"14 hash first", "V=#abc\n", "#abc", "#abc"},
	{"15 trailing spaces", "V=abc   \n", "abc", "abc"},
	{"16 leading spaces", "V=   abc\n", "abc", "abc"},
	{"17 trailing tab", "V=abc\t\n", "abc", "abc"},
	{"18 CRLF", "V=abc\r\nW=1\r\n", "abc", "abc"},
	{"19 CRLF double-quoted", "V=\"abc\"\r\nW=1\r\n", "abc", "abc"},
	{"20 lone CR at the end", "V=abc\r", "abc", "abc"},
	{"21 byte order mark", "\ufeffV=abc\n", refused, "abc"},
	{"22 UTF-16LE", "\xff\xfeV\x00=\x00a\x00b\x00c\x00\n\x00", refused, refused},
	{"23 export", "export V=abc\n", "abc", "abc"},
	{"24 spaces round =", "V = abc\n", "abc", "abc"},
	{"25 duplicate keys", "V=first\nV=second\n", "second", "second"},
	{"26 empty", "V=\n", "", ""},
	{"27 no equals sign", "V\n", refused, ""}, // see TestARowWithoutEqualsSignDefinesNothing
	{"28 colon", "V: abc\n", "abc", "abc"},
	{"29 lines in double quotes", "V=\"line1\nline2\"\n", "line1\nline2", "line1\nline2"},
	{"30 lines in single quotes", "V='line1\nline2'\n", "line1\nline2", "line1\nline2"},
	{"31 \\n in double quotes", "V=\"a\\nb\"\n", "a\nb", "a\nb"},
	{"32 \\n in single quotes", "V='a\\nb'\n", "a\\nb", "a\\nb"},
	{"33 \\n unquoted", "V=a\\nb\n", "a\\nb", "a\\nb"},
	{"34 backslash in double quotes", "V=\"a\\b\\\\c\"\n", "ab\\c", "a\x08\\c"},
	{"35 unterminated double quote", "V=\"abc\nW=1\n", refused, refused},
	{"36 apostrophe inside", "V=ab'c\n", "ab'c", "ab'c"},
	{"37 double quote inside", "V=ab\"c\n", "ab\"c", "ab\"c"},
	{"38 quoted then garbage", "V=\"abc\"def\n", refused, "abc"},
	{"39 escaped quote in double quotes", "V=\"a\\\"b\"\n", "a\"b", "a\"b"},
	{"40 escaped quote in single quotes", "V='a\\'b'\n", "a\\'b", "a'b"},
	{"41 base64", "V=q83vASNFZ4k/+w==\n", "q83vASNFZ4k/+w==", "q83vASNFZ4k/+w=="},
	{"42 exclamation, &, ;, |", "V=a!b&c;d|e\n", "a!b&c;d|e", "a!b&c;d|e"},
	{"43 backtick and $(cmd)", "V=a`id`b$(id)c\n", "a`id`b$(id)c", "a`id`b$(id)c"},
	{"44 inner spaces", "V=a b c\n", "a b c", "a b c"},
	{"45 percent", "V=a%20b\n", "a%20b", "a%20b"},
	{"46 trailing NBSP", "V=abc\u00a0\n", "abc", "abc"},
	{"47 zero-width space", "V=abc\u200b\n", "abc\u200b", "abc\u200b"},
	{"48 no final newline", "V=abc", "abc", "abc"},
	{"49 dotted and dashed key", "V-X.Y=1\nV=abc\n", refused, "abc"},
	{"50 bad line before", "this is not env\nV=abc\n", refused, refused},
	{"51 curly quotes", "V=\u201cabc\u201d\n", "\u201cabc\u201d", "\u201cabc\u201d"},
	{"52 NUL", "V=ab\x00c\n", "ab\x00c", "ab\x00c"}, // Compose reads it; no container can be started with it
	{"53 dollar upper, unquoted", "V=abc$DEF\n", "abc", "abc"},
	{"54 dollar upper, double-quoted", "V=\"abc$DEF\"\n", "abc", "abc"},
	{"55 dollar upper, single-quoted", "V='abc$DEF'\n", "abc$DEF", "abc$DEF"},
	{"56 brace unclosed", "V=abc${DEF\n", "abc", refused},
	{"57 commented key, then key", "# V=old\nV=new\n", "new", "new"},
	{"58 real base64url", "V=Zm9vYmFy-_Zm9v/+A==\n", "Zm9vYmFy-_Zm9v/+A==", "Zm9vYmFy-_Zm9v/+A=="},
}

func TestReadGivesBothReadingsOfTheDTable(t *testing.T) {
	if len(dTable) != 59 {
		t.Fatalf("the table has %d rows, want 59", len(dTable))
	}
	for _, row := range dTable {
		t.Run(row.name, func(t *testing.T) {
			file, err := Read(write(t, row.text))
			if got := reading(err, secret.Reveal(file.Value("V"))); got != row.compose {
				t.Errorf("Compose's reading of %q = %q (%v), want %q", row.text, got, err, row.compose)
			}

			values, err := simple([]byte(row.text))
			if got := reading(err, values["V"]); got != row.godotenv {
				t.Errorf("godotenv's reading of %q = %q (%v), want %q", row.text, got, err, row.godotenv)
			}
			if entry, ok := file.Entry("V"); ok {
				if file.GodotenvRefuses != (row.godotenv == refused) {
					t.Errorf("GodotenvRefuses = %v, want %v", file.GodotenvRefuses, row.godotenv == refused)
				}
				if got := secret.Reveal(entry.Godotenv); !file.GodotenvRefuses && got != row.godotenv {
					t.Errorf("Godotenv = %q, want %q", got, row.godotenv)
				}
			}
		})
	}
}

// In the container, row 27 is an empty value because ${V} in the compose file
// is. The file itself gives none, and the shell could.
func TestARowWithoutEqualsSignDefinesNothing(t *testing.T) {
	for _, text := range []string{"V\n", "W=1\nV\n", "V\nW=1\n", "export V\n"} {
		file, err := Read(write(t, text))
		if err != nil {
			t.Fatalf("Read(%q) = %v", text, err)
		}
		if _, ok := file.Entry("V"); ok {
			t.Errorf("%q defines V, want no definition", text)
		}
	}
}

func reading(err error, value string) string {
	if err != nil {
		return refused
	}

	return value
}

func TestD10ASyntaxErrorTellsTheLineAndNothingOfIt(t *testing.T) {
	for _, c := range []struct {
		text string
		line int
		key  string
		kind string
	}{
		{"V=1\n\nthis is not env\n", 3, "", "a name cannot contain a space"},
		{"# a\n\n\nV=1\nW=\"abc\nX=1\n", 5, "W", "a quote is opened and never closed"},
		{"V=1\nAUTH_SECRET=s3cr3t${DEF\n", 2, "AUTH_SECRET", "a '${' that is no reference to a variable"},
		{"V='a\nb'\nW=${X:?s3cr3t}\n", 3, "W", "a variable that the value requires is not set"},
		{"V=1\nZm9v/s3cr3t+A==\n", 2, "", "a character that no name can have, before any '='"},
		{"<<<<<<< HEAD\nV=1\n", 1, "", "a character that no name can have, before any '='"},
		{"s3cr3tTail=\"\n", 1, "", "a quote is opened and never closed"},
		{"\ufeffV=1\nW='abc\n", 2, "W", "a quote is opened and never closed"},
	} {
		_, err := Read(write(t, c.text))
		got, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("Read(%q) = %v, want a SyntaxError", c.text, err)

			continue
		}
		if want := (SyntaxError{c.line, c.key, c.kind}); *got != want {
			t.Errorf("Read(%q) = %+v, want %+v", c.text, *got, want)
		}
	}
}

// write makes a .env in a directory of its own.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}
