package dump

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// madeTOC is a table of contents of a tar or a directory: one table with rows in
// 7.dat.
func madeTOC(minor byte) []byte {
	compression := []byte{0, 6, 0, 0, 0}
	if minor >= 15 {
		compression = []byte{1}
	}
	toc := made(minor, compression)
	toc[formatAt] = formatTar
	toc[len(toc)-4] = 2 // entries
	number := func(v byte) { toc = append(toc, 0, v, 0, 0, 0) }
	text := func(s string) { number(byte(len(s))); toc = append(toc, s...) }
	for _, e := range []struct{ id, kind, copies, file string }{{"\x06", "TABLE", "", ""}, {"\x07", "TABLE DATA", "COPY public.t (n) FROM stdin;\n", "7.dat"}} {
		number(e.id[0])
		number(byte(len(e.file) / 5))
		text("1259")
		text("16384")
		text("t")
		text(e.kind)
		if minor >= 11 {
			number(2) // section
		}
		text("")
		text("")
		text(e.copies)
		text("public")
		text("")
		if minor >= 14 {
			text("heap")
		}
		if minor >= 16 {
			number('r')
		}
		text("firmflow")
		text("false")
		toc = append(toc, 1, 1, 0, 0, 0) // no dependency
		text(e.file)
	}

	return toc
}

func madeTar(members ...string) []byte { return madeTarOf(14, members...) }

func madeTarOf(minor byte, members ...string) []byte {
	var out bytes.Buffer
	to := tar.NewWriter(&out)
	add := func(name, content string) {
		_ = to.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), Format: tar.FormatUSTAR}) // into memory
		_, _ = io.WriteString(to, content)
	}
	add(tocName, string(madeTOC(minor)))
	for i := 0; i+1 < len(members); i += 2 {
		add(members[i], members[i+1])
	}
	_ = to.Close()

	return out.Bytes()
}

func TestB7WhatATarHoldsIsHeldAgainstItsContents(t *testing.T) {
	for name, c := range map[string]struct {
		members []string
		want    error
	}{
		"whole":           {[]string{"7.dat", "1\n\\.\n", restoreScript, "SELECT 1;"}, nil},
		"without a file":  {nil, ErrTruncated},
		"one twice":       {[]string{"7.dat", "1\n", "7.dat", "1\n"}, ErrCorrupt},
		"one too many":    {[]string{"7.dat", "1\n", "8.dat", "1\n"}, ErrCorrupt},
		"another one":     {[]string{"8.dat", "1\n"}, ErrCorrupt},
		"a large object":  {[]string{"blob_9.dat", "x", "7.dat", "1\n"}, ErrCorrupt},
		"an outside name": {[]string{"../7.dat", "1\n"}, ErrCorrupt},
	} {
		path := written(t, madeTar(c.members...))
		if _, err := Look(path); err != nil {
			t.Errorf("%s: a look says %v", name, err)
		}
		r, err := Follow(t.Context(), path, nil)
		if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err == nil && r.Bytes != int64(len(madeTar(c.members...))) {
			t.Errorf("%s: %d bytes", name, r.Bytes)
		}
	}
}

// A few hundred bytes can claim to be a file of eight exabytes, all of it holes.
func TestB7AHoleOfAnySizeIsRefused(t *testing.T) {
	var out bytes.Buffer
	to := tar.NewWriter(&out)
	_ = to.WriteHeader(&tar.Header{Name: "7.dat", Mode: 0o600, Format: tar.FormatPAX, PAXRecords: map[string]string{"FIRMFLOW.x": "y"}}) // into memory
	_ = to.Close()
	whole := madeTar()
	path := written(t, append(whole[:len(whole)-2*tarBlock:len(whole)-2*tarBlock], out.Bytes()...))
	if _, err := Follow(t.Context(), path, nil); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "7.dat") {
		t.Errorf("%v, want the member with records of another format", err)
	}
}

// Each version of the format has other fields before the one that is written
// anew. What comes out must read as it went in.
func TestB7ATarOfEveryVersionReadsAsACustomArchive(t *testing.T) {
	for minor := byte(10); minor <= 16; minor++ {
		path := written(t, madeTarOf(minor, "7.dat", "1\n\\.\n"))
		want, err := Look(path)
		if err != nil || want.Header.Compression != "gzip" {
			t.Errorf("1.%d: %v, %+v", minor, err, want.Header)
			continue
		}
		custom := customOf(t, path)
		got, err := readContents(bytes.NewReader(custom), int64(len(custom)))
		if err != nil || got.Header.Compression != "none" || got.begins != want.begins || len(got.Entries) != 2 {
			t.Errorf("1.%d: as an archive: %v, %+v", minor, err, got)
			continue
		}
		for i, e := range got.Entries {
			if w := want.Entries[i]; e.Kind != w.Kind || e.Name != w.Name || e.Owner != w.Owner || e.hasData != w.hasData || e.copies != w.copies {
				t.Errorf("1.%d: entry %+v, want %+v", minor, e, w)
			}
		}
		walk := newWalk(got)
		_, _ = walk.Write(custom)
		if damage := walk.finish(); damage != nil {
			t.Errorf("1.%d: %v", minor, damage)
		}
	}
}

// FuzzTar feeds anything to what reads a tar: it must never panic, hold nothing
// whole, and take none for sound that does not end as one.
func FuzzTar(f *testing.F) {
	whole := madeTar("7.dat", "1\n\\.\n", restoreScript, "SELECT 1;")
	f.Add(whole)
	f.Add(madeTar("blob_9.dat", "x", "blobs.toc", "9 blob_9.dat\n"))
	f.Add(whole[:len(whole)-1024])
	f.Add(madeTOC(16))

	f.Fuzz(func(t *testing.T, content []byte) {
		if !isDumpTar(content) {
			return
		}
		s := &source{shape: Tar, size: int64(len(content))}
		var err error
		if s.head, err = tarHead(bytes.NewReader(content), s.size); err != nil {
			return
		}
		c, err := s.contents()
		if err != nil {
			return
		}
		blocks := newWalk(c)
		err = newBundle(c, s.head, blocks).write(t.Context(), func(ctx context.Context, show func(member) error) error {
			return walkTar(ctx, bytes.NewReader(content), show)
		})
		if err == nil && (len(content) < 1024 || len(bytes.Trim(content[len(content)-1024:], "\x00")) > 0) {
			t.Errorf("%d bytes are taken for whole, and do not end as a tar does", len(content))
		}
		if damage := blocks.finish(); err == nil && damage != nil {
			t.Errorf("as an archive it is %v", damage)
		}
	})
}

// FuzzPlain cuts a script anywhere: what is seen in it must not depend on that,
// and nothing of it may take more memory than it has bytes.
func FuzzPlain(f *testing.F) {
	f.Add([]byte(begun+aTable+ended), 100)
	f.Add([]byte("\\restrict a\nSELECT E'\\'', $a$ ; $a$, \"x;\";\n/* /* */ */ COPY t FROM stdin;\n\\.\n"), 40)
	f.Add([]byte("COPY t FROM stdin;\n1\n\\.\\.\n\\.\nALTER DATABASE x SET y = 'z';\n"), 24)

	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		if cut < 0 || cut > len(text) {
			return
		}
		whole, parts := newScriptParts(), newScriptParts()
		_, _ = whole.lexer.Write(text)
		_, _ = parts.lexer.Write(text[:cut])
		_, _ = parts.lexer.Write(text[cut:])
		if whole.lexer.within() != parts.lexer.within() || len(whole.entries) != len(parts.entries) || len(whole.rows) != len(parts.rows) ||
			whole.complete != parts.complete || (whole.unsafe == nil) != (parts.unsafe == nil) || whole.lexer.line != parts.lexer.line {
			t.Errorf("cut at %d: %+v, uncut %+v", cut, parts, whole)
		}
		for i, n := range whole.rows {
			if parts.rows[i] != n {
				t.Errorf("cut at %d: %d rows, uncut %d", cut, parts.rows[i], n)
			}
		}
		if whole.lexer.line > int64(len(text)) || len(whole.lexer.held) > len(text) {
			t.Errorf("%d lines, %d bytes held of %d", whole.lexer.line, len(whole.lexer.held), len(text))
		}
		_ = whole.contents(int64(len(text)))
	})
}

// What is undone of a custom-format dump is undone of the other files too.
func TestA1A2B5OtherShapesAreRepairedExactly(t *testing.T) {
	rows := strings.Repeat("1\r\n2\n", 20) + "\\.\n"
	for name, whole := range map[string][]byte{
		"tar":   madeTar("7.dat", rows),
		"plain": []byte(begun + aTable + "COPY public.t (n) FROM stdin;\n" + rows + ended),
	} {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, _ = z.Write(whole)
		_ = z.Close()
		for how, broken := range map[string][]byte{"terminal": mangled(whole, 1), "two terminals": mangled(whole, 2), "gzip": zipped.Bytes()} {
			from := written(t, broken)
			if _, err := Look(from); !errors.Is(err, ErrTerminal) && !errors.Is(err, ErrWrapped) {
				t.Errorf("%s, %s: a look says %v", name, how, err)
			}
			if _, err := (Repair{}).Write(t.Context(), from, from+".repaired"); err != nil {
				t.Errorf("%s, %s: %v", name, how, err)
				continue
			}
			if got, err := os.ReadFile(from + ".repaired"); err != nil || !bytes.Equal(got, whole) {
				t.Errorf("%s, %s: repaired to %d bytes, want the %d of the original, %v", name, how, len(got), len(whole), err)
			}
		}
		if _, err := (Repair{}).Write(t.Context(), written(t, whole), filepath.Join(t.TempDir(), "x")); !errors.Is(err, ErrNothingToUndo) {
			t.Errorf("%s, sound: %v, want ErrNothingToUndo", name, err)
		}
	}
}
