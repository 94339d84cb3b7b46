package dump

import (
	"strings"
	"testing"
)

// rowsOf counts the rows of entry 7 in a script, and tells whether they were
// complete.
func rowsOf(text string) (rows int64, complete bool) {
	s := newScript(Contents{Entries: []Entry{
		{ID: 7, Kind: "TABLE DATA", copies: "COPY public.\"A\" (n) FROM stdin;\n"},
		{ID: 8, Kind: "TABLE DATA", copies: "COPY public.b (\"x\ny\") FROM stdin;\n"},
		{ID: 9, Kind: "TABLE DATA"},
	}})
	_, _ = s.Write([]byte(text))
	rows, complete = s.rows[7]
	if n, ok := s.rows[8]; ok {
		return n, true
	}

	return rows, complete
}

func TestScriptCountsRowsOnlyWhereTheyAreCertain(t *testing.T) {
	const comment = "--\n-- TOC entry 7 (class 0 OID 1)\n-- Data for Name: A; Type: TABLE DATA; Schema: public; Owner: o\n--\n\n"
	const statement = "COPY public.\"A\" (n) FROM stdin;\n"
	for _, c := range []struct {
		name, text string
		rows       int64
		complete   bool
	}{
		{"two rows", comment + statement + "1\n2\n\\.\n", 2, true},
		{"none", comment + statement + "\\.\n", 0, true},
		{"rows without columns", comment + statement + "\n\n\n\\.\n", 3, true},
		{"text like the end", comment + statement + "\\\\.\n\\.x\n.\n\\\n \\.\n\\.\n", 5, true},
		{"text like a statement", comment + statement + statement + "\\.\n", 1, true},
		{"no comment before", statement + "1\n\\.\n", 0, false},
		{"the comment of another", strings.Replace(comment, "entry 7", "entry 9", 1) + statement + "1\n\\.\n", 0, false},
		{"another statement", comment + "COPY public.\"A\" (m) FROM stdin;\n1\n\\.\n", 0, false},
		{"no end", comment + statement + "1\n2\n", 0, false},
		{"a second time", comment + statement + "1\n\\.\n" + comment + statement + "1\n2\n\\.\n", 1, true},
		{"a statement of two lines", "-- TOC entry 8 (\nCOPY public.b (\"x\ny\") FROM stdin;\n1\n\\.\n", 1, true},
		{"no number", "-- TOC entry x\n" + statement + "1\n\\.\n", 0, false},
	} {
		if rows, complete := rowsOf(c.text); rows != c.rows || complete != c.complete {
			t.Errorf("%s: %d rows, complete %v; want %d, %v", c.name, rows, complete, c.rows, c.complete)
		}
	}
}

// A row may be longer than memory: of it nothing may be held.
func TestScriptHoldsNoRow(t *testing.T) {
	s := newScript(Contents{Entries: []Entry{{ID: 7, Kind: "TABLE DATA", copies: "COPY a FROM stdin;\n"}}})
	_, _ = s.Write([]byte("-- TOC entry 7 (\nCOPY a FROM stdin;\n"))
	piece := []byte(strings.Repeat("x", 1<<20))
	for range 256 {
		_, _ = s.Write(piece)
	}
	_, _ = s.Write([]byte("\n\\.\n"))
	if s.rows[7] != 1 || cap(s.line) > 4<<10 {
		t.Errorf("%d rows; %d bytes are held", s.rows[7], cap(s.line))
	}
	for range 64 { // a long INSERT
		_, _ = s.Write(piece)
	}
	if cap(s.line) > 2*longestHeld {
		t.Errorf("%d bytes are held outside of rows", cap(s.line))
	}
}
