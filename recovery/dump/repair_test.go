package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// repaired repairs a file that holds the given bytes, and gives the copy. The
// damaged file must be as it was.
func repaired(t testing.TB, content []byte, o Repair) ([]byte, Repaired, error) {
	t.Helper()
	from := written(t, content)
	to := filepath.Join(filepath.Dir(from), "db.repaired.dump")
	r, err := o.Write(t.Context(), from, to)
	if now, readErr := os.ReadFile(from); readErr != nil || !bytes.Equal(now, content) {
		t.Errorf("the damaged file was changed: %v", readErr)
	}
	entries, listErr := os.ReadDir(filepath.Dir(from))
	if listErr != nil || err != nil && len(entries) != 1 || err == nil && len(entries) != 2 {
		t.Errorf("after %v the directory holds %v, %v", err, entries, listErr)
	}
	if err != nil {
		return nil, r, err
	}
	copied, readErr := os.ReadFile(to)
	if readErr != nil {
		t.Fatal(readErr)
	}

	return copied, r, nil
}

func wantKinds(t testing.TB, r Repaired, want ...Change) {
	t.Helper()
	if fmt.Sprint(r.Undone) != fmt.Sprint(want) {
		t.Errorf("undone %v, want %v", r.Undone, want)
	}
}

func TestA1ATerminalsDumpIsRepairedExactly(t *testing.T) {
	c, _, content := sample(t)
	for name, original := range map[string][]byte{
		"compressed": content, "not compressed": c.dumped(t, sampleName, "--compress=0"),
		// pg_restore takes this one, mangled, for an empty dump.
		"of a November": dated(dated(content, secondAt, 1), monthAt, 10),
	} {
		for what, o := range map[string]Repair{"with pg_restore": {Tool: c.run}, "without": {}} {
			got, r, err := repaired(t, mangled(original, 1), o)
			if err != nil || !bytes.Equal(got, original) {
				t.Errorf("%s, %s: %v; the same: %v", name, what, err, bytes.Equal(got, original))
				continue
			}
			wantKinds(t, r, Change{Terminal, 1})
			if r.Header.Database != sampleName || r.Reading.Bytes != int64(len(original)) || (o.Tool != nil) != (len(r.Reading.Rows) > 0) {
				t.Errorf("%s, %s: %+v", name, what, r)
			}
		}
	}
}

func TestA2MoreThanOneTerminal(t *testing.T) {
	c, _, content := sample(t)
	for times := 1; times <= 5; times++ {
		got, r, err := repaired(t, mangled(content, times), Repair{Tool: c.run})
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("mangled %d times: %v", times, err)
		}
		wantKinds(t, r, Change{Terminal, int64(times)})
	}
}

func TestA3TextBeforeTheDumpIsCutOff(t *testing.T) {
	c, _, content := sample(t)
	lone := "time=\"2026-11-20T02:00:01Z\" level=warning msg=\"The \\\"def\\\" variable is not set.\"\n"
	inside := "WARNING:  database \"firmflow\" has a collation version mismatch\nDETAIL: PGDMP is a magic\n"
	circular := "pg_dump: warning: there are circular foreign-key constraints on this table:\npg_dump: detail: Firm\n"
	size := func(s string) int64 { return int64(len(s)) }
	for name, one := range map[string]struct {
		content []byte
		want    []Change
	}{
		"before a sound dump":             {append([]byte(lone), content...), []Change{{Text, size(lone)}}},
		"before the terminal's dump":      {append([]byte(lone), mangled(content, 1)...), []Change{{Text, size(lone)}, {Terminal, 1}}},
		"through the same terminal":       {mangled(append([]byte(inside), content...), 1), []Change{{Terminal, 1}, {Text, size(inside)}}},
		"through both of two terminals":   {mangled(append([]byte(circular), content...), 2), []Change{{Terminal, 2}, {Text, size(circular)}}},
		"one outside, one in, a terminal": {append([]byte(lone), mangled(append([]byte(inside), content...), 1)...), []Change{{Text, size(lone) + size(inside) + 2}, {Terminal, 1}}},
	} {
		got, r, err := repaired(t, one.content, Repair{Tool: c.run})
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %v; the same: %v", name, err, bytes.Equal(got, content))
			continue
		}
		wantKinds(t, r, one.want...)
	}
}

// pg_dump -v through a terminal: its messages are in the middle of the dump.
func TestA4MessagesInsideTheDumpAreNotRepaired(t *testing.T) {
	c, _, content := sample(t)
	for name, o := range map[string]Repair{"with pg_restore": {Tool: c.run}, "without": {}} {
		for _, share := range []int{2, 3, 7} {
			at := len(content) - len(content)/share
			text := []byte("pg_dump: dumping contents of table \"public.User\"\n")
			mixed := append(append(bytes.Clone(content[:at]), text...), content[at:]...)
			if _, _, err := repaired(t, mangled(mixed, 1), o); !errors.Is(err, ErrNotExact) {
				t.Errorf("%s, at %d: %v, want ErrNotExact", name, at, err)
			}
		}
	}
}

func TestA5TypedKeysInsideTheDumpAreNotRepaired(t *testing.T) {
	c, _, content := sample(t)
	random := rand.New(rand.NewPCG(5, 5))
	for _, keys := range []string{"^@", "q", "^C", "\r\n"} {
		at := 1000 + random.IntN(len(content)-1000)
		broken := mangled(content, 1)
		broken = append(append(bytes.Clone(broken[:at]), keys...), broken[at:]...)
		if _, _, err := repaired(t, broken, Repair{Tool: c.run}); !errors.Is(err, ErrNotExact) && !errors.Is(err, ErrNothingToUndo) {
			t.Errorf("%q at %d: %v, want a refusal", keys, at, err)
		}
	}
}

func TestA6AWindowsRedirectIsNotRepaired(t *testing.T) {
	_, _, content := sample(t)
	wide := []byte{0xff, 0xfe}
	for _, b := range content {
		wide = append(wide, b, 0)
	}
	if _, _, err := repaired(t, wide, Repair{}); !errors.Is(err, ErrUTF16) {
		t.Errorf("error = %v, want ErrUTF16", err)
	}
}

// A copy in text mode takes carriage returns away, or the eighth bit. Which were
// there cannot be told from what is left.
func TestA7ATextModeCopyIsNotRepaired(t *testing.T) {
	c, _, content := sample(t)
	if !bytes.Contains(content, []byte("\r\n")) {
		content = c.dumped(t, sampleName, "--compress=0")
		at := bytes.LastIndexByte(content[:len(content)-100], '\n')
		content[at-1] = '\r' // within a row: nothing but its text is another
	}
	stripped := bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	seven := bytes.Clone(content)
	for i := range seven {
		seven[i] &= 0x7f
	}
	for name, broken := range map[string][]byte{"CRLF to LF": stripped, "seven bits": seven, "CRLF to LF, then a terminal": mangled(stripped, 1)} {
		path := written(t, broken)
		_, err := Repair{Tool: c.run}.Write(t.Context(), path, path+".x")
		if err == nil {
			t.Errorf("%s: repaired", name)
		}
		if _, readErr := Read(t.Context(), c.run, path, nil); readErr == nil && name == "CRLF to LF" {
			t.Errorf("%s: read without a complaint", name)
		}
	}
}

func TestB2ATruncatedDumpIsNotRepaired(t *testing.T) {
	c, _, content := sample(t)
	for _, cut := range []int{1, 2, 5, 100, len(content) / 2} {
		short := content[:len(content)-cut]
		for name, o := range map[string]Repair{"with pg_restore": {Tool: c.run}, "without": {}} {
			if _, _, err := repaired(t, mangled(short, 1), o); !errors.Is(err, ErrNotExact) || !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s, the last %d bytes missing: %v, want a refusal", name, cut, err)
			}
		}
	}
}

func TestASoundDumpIsLeftAlone(t *testing.T) {
	_, _, content := sample(t)
	if _, _, err := repaired(t, content, Repair{}); !errors.Is(err, ErrNothingToUndo) {
		t.Errorf("error = %v, want ErrNothingToUndo", err)
	}
}

func TestARepairReplacesNothing(t *testing.T) {
	_, _, content := sample(t)
	from := written(t, mangled(content, 1))
	to := filepath.Join(filepath.Dir(from), "copy.dump")
	for _, taken := range []string{to, to + Partial} {
		if err := os.WriteFile(taken, []byte("somebody's"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (Repair{}).Write(t.Context(), from, to); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s is there: error = %v, want fs.ErrExist", taken, err)
		}
		if now, err := os.ReadFile(taken); err != nil || string(now) != "somebody's" {
			t.Errorf("%s holds %q, %v", taken, now, err)
		}
		if err := os.Remove(taken); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARepairThatIsStoppedLeavesNothing(t *testing.T) {
	_, _, content := sample(t)
	for _, at := range []string{"look", "write", "verify"} {
		ctx, cancel := context.WithCancel(t.Context())
		from := written(t, mangled(content, 1))
		o := Repair{Begun: func(what string) {
			if what == at {
				cancel()
			}
		}}
		if _, err := o.Write(ctx, from, from+".x"); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped at %q: %v", at, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(from)); err != nil || len(entries) != 1 {
			t.Errorf("stopped at %q: the directory holds %v, %v", at, entries, err)
		}
		cancel()
	}
}

func TestADumpThatIsStillWrittenIsNotRepaired(t *testing.T) {
	_, _, content := sample(t)
	from := written(t, mangled(content, 1))
	o := Repair{Begun: func(what string) {
		if what == "verify" {
			if err := os.Chtimes(from, time.Time{}, time.Unix(1, 0)); err != nil {
				t.Error(err)
			}
		}
	}}
	if _, err := o.Write(t.Context(), from, from+".x"); !errors.Is(err, ErrChanging) {
		t.Errorf("error = %v, want ErrChanging", err)
	}
}
