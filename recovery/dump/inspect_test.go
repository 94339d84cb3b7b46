package dump

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// mangled is what a terminal makes of bytes, as often as they went through one.
func mangled(content []byte, times int) []byte {
	for range times {
		content = bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
	}

	return content
}

// Where fields of the header lie: magic, three bytes of version, two sizes, the
// format, the compression, then seven integers of five bytes for the date.
const (
	minorAt  = 6
	secondAt = 11 + 5
	dayAt    = secondAt + 3*5
	monthAt  = dayAt + 5
)

// dated forces fields of the header's date: their lowest byte.
func dated(content []byte, at int, value byte) []byte {
	content = bytes.Clone(content)
	content[at+1] = value

	return content
}

func TestInspectReadsARealHeader(t *testing.T) {
	c, s, content := sample(t)
	h, err := Inspect(written(t, content))
	if err != nil {
		t.Fatal(err)
	}
	major, full, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h.Database != sampleName || h.ServerMajor != major || h.ClientMajor != major || !strings.HasPrefix(h.Server, full) {
		t.Errorf("header %+v, server %d, %q", h, major, full)
	}
	if h.Compression != "gzip" || h.Items < 30 || h.Size != int64(len(content)) || h.Format != "custom" {
		t.Errorf("header %+v", h)
	}
	if age := time.Since(h.Created).Abs(); age > 15*time.Hour {
		t.Errorf("created %v, which is %v away", h.Created, age)
	}
	if h, err = Inspect(c.dump(t, sampleName, "--compress=0")); err != nil || h.Compression != "none" {
		t.Errorf("compression %q, %v; want none", h.Compression, err)
	}
}

func TestA1ATerminalsDumpIsRecognised(t *testing.T) {
	_, _, content := sample(t)
	for _, times := range []int{1, 2, 3} { // A2: more than one terminal
		_, err := Inspect(written(t, mangled(content, times)))
		var terminal *TerminalError
		if !errors.As(err, &terminal) || terminal.Damage.Passes != times || terminal.Damage.LineFeeds < enough {
			t.Errorf("mangled %d times: %v, want ErrTerminal", times, err)
		}
	}
}

// This is docker-library/postgres#219: pg_restore takes such a dump for an
// empty one, and ends with success.
func TestA1ATerminalsDumpOfNovemberIsRecognised(t *testing.T) {
	c, _, content := sample(t)
	for name, at := range map[string]int{
		"second": secondAt, "minute": secondAt + 5, "hour": secondAt + 10, "day": dayAt, "month": monthAt,
	} {
		path := written(t, mangled(dated(dated(content, secondAt, 1), at, 10), 1))
		if _, err := Inspect(path); !errors.Is(err, ErrTerminal) {
			t.Errorf("%s is 10: Inspect says %v, want ErrTerminal", name, err)
		}
		if _, err := List(t.Context(), c.run, path); !errors.Is(err, ErrTerminal) {
			t.Errorf("%s is 10: List says %v, want ErrTerminal", name, err)
		}
		if _, err := Read(t.Context(), c.run, path, nil); !errors.Is(err, ErrTerminal) {
			t.Errorf("%s is 10: Read says %v, want ErrTerminal", name, err)
		}
	}
}

// The header alone must give a shifted date away: the marks of the terminal may
// be gone where somebody tried a repair.
func TestA1AShiftedHeaderIsImplausible(t *testing.T) {
	_, _, content := sample(t)
	shifted := dated(content, monthAt, 10)
	shifted = append(append(bytes.Clone(shifted[:monthAt+1]), '\r'), shifted[monthAt+1:]...)
	_, err := Inspect(written(t, shifted))

	var field *ImplausibleError
	if !errors.As(err, &field) || field.Field != "the month of its date" {
		t.Errorf("error = %v, want the month to be implausible", err)
	}
}

func TestA1SoundDumpsAreNotTakenForDamaged(t *testing.T) {
	_, _, content := sample(t)
	var moved int64
	d, err := Damaged(t.Context(), written(t, content), func(n int64) { moved += n })
	if err != nil || d.Terminal() || d.Lone == 0 || moved != int64(len(content)) {
		t.Errorf("damage %+v, %v; moved %d of %d", d, err, moved, len(content))
	}
}

func TestDamageIsTheSameHoweverAFileIsCut(t *testing.T) {
	content := []byte("a\r\r\nb\r\r\r\n\r\r\n\r\rc\r\r\n")
	var whole Damage
	whole.scan(content)
	for cut := range content {
		var d Damage
		d.scan(content[:cut])
		d.scan(content[cut:])
		if d.LineFeeds != whole.LineFeeds || d.Passes != 2 || d.Lone != 0 {
			t.Errorf("cut at %d: %+v, want %+v", cut, d, whole)
		}
	}
}

func TestA3TextBeforeTheDump(t *testing.T) {
	_, _, content := sample(t)
	for _, text := range []string{
		"time=\"2026-11-20T02:00:01Z\" level=warning msg=\"The \\\"def\\\" variable is not set.\"\n",
		"WARNING:  database \"firmflow\" has a collation version mismatch\r\nDETAIL: PGDMP is a magic\r\n",
		"-- a comment\nSET x;\n",
		"\n",
	} {
		_, err := Inspect(written(t, append([]byte(text), content...)))
		var prefix *PrefixError
		if !errors.As(err, &prefix) || prefix.Offset != int64(len(text)) {
			t.Errorf("behind %q: %v, want a prefix of %d bytes", text, err, len(text))
		}
	}
}

func TestA6APowerShellRedirectIsRecognised(t *testing.T) {
	_, _, content := sample(t)
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(string(content[:2000]))) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	if _, err := Inspect(written(t, wide)); !errors.Is(err, ErrUTF16) {
		t.Errorf("error = %v, want ErrUTF16", err)
	}
}

func TestB1EmptyDump(t *testing.T) {
	if _, err := Inspect(written(t, nil)); !errors.Is(err, ErrEmpty) {
		t.Errorf("error = %v, want ErrEmpty", err)
	}
}

func TestB2AHeaderCutShort(t *testing.T) {
	_, _, content := sample(t)
	for cut := 1; cut < 100; cut++ {
		if _, err := Inspect(written(t, content[:cut])); !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d: %v, want ErrTruncated", cut, err)
		}
	}
}

func TestB3APlainDump(t *testing.T) {
	c, _, _ := sample(t)
	h, err := Inspect(c.dump(t, sampleName, "--format=plain"))
	if err != nil || h.Format != Plain || h.ServerMajor == 0 || h.ServerMajor != h.ClientMajor || h.Database != "" {
		t.Errorf("header %+v, %v", h, err)
	}
}

func TestB5Wrappers(t *testing.T) {
	for kind, begins := range map[string]string{
		"gzip":    "\x1f\x8b\x08\x00rest",
		"zstd":    "\x28\xb5\x2f\xfdrest",
		"age":     "age-encryption.org/v1\n-> X25519 abc\n",
		"openssl": "Salted__12345678",
		"xml":     "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
		"html":    "<!DOCTYPE html><html>",
		"tar":     "data/PG_VERSION" + strings.Repeat("\x00", 242) + "ustar\x0000" + strings.Repeat("\x00", 300),
	} {
		_, err := Inspect(written(t, []byte(begins)))
		var wrapped *WrappedError
		if !errors.As(err, &wrapped) || wrapped.Kind != kind {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestB6ADirectoryDump(t *testing.T) {
	if _, err := Inspect(t.TempDir()); !errors.Is(err, ErrDirectory) {
		t.Errorf("error = %v, want ErrDirectory", err)
	}
}

func TestB7ATarDump(t *testing.T) {
	c, _, _ := sample(t)
	h, err := Inspect(c.dump(t, sampleName, "--format=tar"))
	if err != nil || h.Format != Tar || h.Database != sampleName || h.Items < 30 {
		t.Errorf("header %+v, %v", h, err)
	}
}

func TestB8ADumpByANewerPgDump(t *testing.T) {
	c, _, content := sample(t)
	for minor, want := range map[byte]string{17: "1.17", 99: "1.99"} {
		newer := bytes.Clone(content)
		newer[minorAt] = minor
		_, err := Inspect(written(t, newer))
		var unsupported *UnsupportedError
		if !errors.As(err, &unsupported) || unsupported.Version != want {
			t.Errorf("error = %v, want %s unsupported", err, want)
		}
	}

	// The service's pg_restore refuses a format that we know and it does not.
	newer := bytes.Clone(content)
	newer[minorAt] = newest - 100
	s, err := opened(written(t, newer))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	_, err = runList(t.Context(), c.run, s, Contents{})
	var tool *ToolError
	if content[minorAt] < newest-100 && (!errors.As(err, &tool) || tool.Cause != ErrUnsupported || tool.Subject != "1.16") { //nolint:errorlint // the field itself
		t.Errorf("error = %v, want pg_restore's refusal of 1.16", err)
	}
}

func TestB38ADumpOfAnotherDatabaseSaysSo(t *testing.T) {
	c, _, _ := sample(t)
	other := c.database(t, "another")
	c.sql(t, other, "create table t (n int)")
	if h, err := Inspect(c.dump(t, other)); err != nil || h.Database != "another" {
		t.Errorf("database %q, %v", h.Database, err)
	}
}

func TestInspectRefusesWhatIsNoFile(t *testing.T) {
	if _, err := Inspect(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v, want not found", err)
	}
	for _, content := range []string{"\x00\x01\x02\x03rubbish", strings.Repeat("x", 10000), "PGDMPxxxx"} {
		_, err := Inspect(written(t, []byte(content)))
		if err == nil {
			t.Errorf("%.20q is taken for a dump", content)
		}
	}
}

// made builds an archive's head for versions whose pg_dump is not at hand.
func made(minor byte, compression []byte) []byte {
	head := append([]byte("PGDMP\x01"), minor, 0, 4, 8, formatCustom)
	head = append(head, compression...)
	number := func(v byte) { head = append(head, 0, v, 0, 0, 0) }
	text := func(s string) { number(byte(len(s))); head = append(head, s...) }
	for _, v := range []byte{1, 2, 3, 20, 10, 126, 0} {
		number(v)
	}
	text("firmflow")
	text("17.2")
	text("17.2 (Debian 17.2-1.pgdg120+1)")
	number(7)

	return head
}

func TestInspectReadsTheHeadOfEveryFormat(t *testing.T) {
	for minor := byte(10); minor <= 16; minor++ {
		compression, want := []byte{1, 1, 0, 0, 0}, "gzip" // -1: the default level
		if minor >= 15 {
			compression, want = []byte{3}, "zstd"
		}
		h, err := Inspect(written(t, made(minor, compression)))
		if err != nil {
			t.Errorf("format 1.%d: %v", minor, err)
			continue
		}
		if h.Compression != want || h.Items != 7 || h.ServerMajor != 17 || h.Database != "firmflow" {
			t.Errorf("format 1.%d: %+v", minor, h)
		}
		if want := time.Date(2026, 11, 20, 3, 2, 1, 0, time.UTC); !h.Created.Equal(want) {
			t.Errorf("format 1.%d: created %v, want %v", minor, h.Created, want)
		}
	}
}

func TestMajorOf(t *testing.T) {
	for text, want := range map[string]int{
		"15.18 (Debian 15.18-0+deb12u1)": 15, "9.6.24": 9, "17beta1": 17, "18devel": 18, "16rc1": 16,
		"": 0, "fifteen": 0, "15": 0, "15.x": 0, "1234.5": 0, "15.1\n": 0,
	} {
		if got := majorOf(text); got != want {
			t.Errorf("majorOf(%q) = %d, want %d", text, got, want)
		}
	}
}
