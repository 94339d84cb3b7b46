package dump

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"filippo.io/age"
)

// FuzzInspect feeds anything to what reads a file first: it must never panic,
// and never take much memory for a length that a file only claims.
func FuzzInspect(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("PGDMP"))
	f.Add(made(14, []byte{1, 1, 0, 0, 0}))
	f.Add(made(16, []byte{1}))
	f.Add(mangled(made(14, []byte{1, 10, 0, 0, 0}), 1))
	f.Add([]byte("WARNING: x\nPGDMP\x01\x0e\x00\x04\x08\x01"))
	f.Add([]byte("--\n\\restrict x\n"))

	f.Fuzz(func(t *testing.T, content []byte) {
		r, size := bytes.NewReader(content), int64(len(content))
		h, err := inspect(r, size)
		if err == nil && (h.Items <= 0 || h.Database == "" || h.Created.IsZero() || h.ServerMajor == 0) {
			t.Errorf("a header without facts is taken: %+v", h)
		}
		c, err := readContents(r, size)
		if err != nil {
			return
		}
		if len(c.Entries) != c.Header.Items {
			t.Errorf("%d entries of %d", len(c.Entries), c.Header.Items)
		}
		w := newWalk(c)
		_, _ = w.Write(content)
		_ = w.finish()
	})
}

// FuzzScript cuts a script anywhere: the count must not depend on it.
func FuzzScript(f *testing.F) {
	f.Add([]byte("-- TOC entry 7 (class 0 OID 1)\n\nCOPY public.a (n) FROM stdin;\n1\n\\.\n"), 3)
	f.Add([]byte("-- TOC entry 7 (\nCOPY public.a (n) FROM stdin;\n\\\n.\n\\.x\n\n\\.\n\\.\n"), 50)

	c := Contents{Entries: []Entry{{ID: 7, Kind: "TABLE DATA", copies: "COPY public.a (n) FROM stdin;\n"}}}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		whole, parts := newScript(c), newScript(c)
		_, _ = whole.Write(text)
		if cut < 0 || cut > len(text) {
			return
		}
		_, _ = parts.Write(text[:cut])
		_, _ = parts.Write(text[cut:])
		if whole.rows[7] != parts.rows[7] || whole.copying != parts.copying || whole.count != parts.count {
			t.Errorf("cut at %d: %d rows, uncut %d", cut, parts.count, whole.count)
		}
	})
}

// FuzzPeel mangles anything that begins as a dump does: what is peeled off it
// must be what was done, and give the same bytes, however they are cut.
func FuzzPeel(f *testing.F) {
	f.Add([]byte("\x01\x0e\n\n\r\n\r\r\n\n\n\n\n\n\n"), uint8(1), uint8(3))
	f.Add([]byte("\n\n\n\n\n\n\n\n\r\r"), uint8(3), uint8(1))
	f.Add([]byte("\r\r\n\r\n\n\n\n\n\n\n\n\rx\r"), uint8(2), uint8(255))

	f.Fuzz(func(t *testing.T, rest []byte, times, cut uint8) {
		original := append([]byte("PGDMP"), rest...)
		if times = times % 4; times == 0 {
			return
		}
		var seen Damage
		seen.scan(original)
		if seen.LineFeeds < enough || seen.Lone == 0 {
			return // too little to judge by, or as a terminal leaves it
		}
		broken := mangled(original, int(times))
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(broken)), nil }
		changes, err := peel(t.Context(), open, nil)
		if err != nil || len(changes) != 1 || changes[0] != (Change{Terminal, int64(times)}) {
			t.Fatalf("mangled %d times: %v, %v", times, changes, err)
		}
		pieces := func() (io.ReadCloser, error) {
			return io.NopCloser(&inPieces{bytes.NewReader(broken), int(cut)%7 + 1}), nil
		}
		for _, open := range []opener{open, pieces} {
			r, end, err := peeled(open, changes, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(&inPieces{r, int(cut)%5 + 1})
			end()
			if err != nil || !bytes.Equal(got, original) {
				t.Fatalf("mangled %d times and repaired: %q, %v; want %q", times, got, err, original)
			}
		}
	})
}

// inPieces reads a few bytes at a time.
type inPieces struct {
	from io.Reader
	most int
}

func (p *inPieces) Read(b []byte) (int, error) { return p.from.Read(b[:min(len(b), p.most)]) }

// FuzzRepair feeds anything to a repair: it must never panic, never touch the
// file, leave nothing but a dump that can be read, and nothing else.
func FuzzRepair(f *testing.F) {
	f.Add([]byte{})
	f.Add(mangled(made(14, []byte{1, 10, 0, 0, 0}), 1))
	f.Add([]byte("WARNING: x\nPGDMP\x01\x0e\x00\x04\x08\x01\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\x00\x00"))
	f.Add([]byte("-----BEGIN AGE ENCRYPTED FILE-----\r\n"))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 abc\n"))

	f.Fuzz(func(t *testing.T, content []byte) {
		from := written(t, content)
		_, err := Repair{Keys: []age.Identity{anyone{}}}.Write(t.Context(), from, from+".x")
		if now, readErr := os.ReadFile(from); readErr != nil || !bytes.Equal(now, content) {
			t.Errorf("the file was changed: %v", readErr)
		}
		_, lookErr := Look(from + ".x")
		if (err == nil) != (lookErr == nil || errors.Is(lookErr, ErrSchemaOnly)) {
			t.Errorf("repair says %v, a look at the copy %v", err, lookErr)
		}
		if _, err := os.Stat(from + ".x" + Partial); err == nil {
			t.Error("something unfinished is left")
		}
	})
}

// anyone is a key that opens nothing.
type anyone struct{}

func (anyone) Unwrap([]*age.Stanza) ([]byte, error) { return nil, age.ErrIncorrectIdentity }
