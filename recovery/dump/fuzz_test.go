package dump

import (
	"bytes"
	"testing"
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
