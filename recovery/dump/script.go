package dump

import (
	"bytes"
	"strconv"
	"strings"
)

// longestHeld is how much of a line outside of rows is kept to look at it. A
// COPY statement may name 1,600 columns.
const longestHeld = 1 << 20

// script counts rows in what pg_restore writes. Rows begin only where it is
// certain: behind the comment that names the entry, with exactly the statement
// that the table of contents holds for it. Text that looks like a COPY, in a
// row or in a function, is nothing but text. A row may be as long as it likes;
// of rows only line ends are looked at.
type script struct {
	entries map[int]Entry // whose rows come by COPY
	rows    map[int]int64 // per entry, once its rows are complete
	bytes   int64
	zero    bool // a zero byte was seen: no text of PostgreSQL's holds one

	current Entry    // whose comment was seen last
	await   []string // lines of its COPY statement that are still to come
	copying bool
	count   int64

	line []byte // the line so far; in rows no more than its first bytes
	long bool   // and it is longer than what is kept
}

func newScript(c Contents) *script {
	s := &script{entries: map[int]Entry{}, rows: map[int]int64{}}
	for _, e := range c.Entries {
		if e.Kind == "TABLE DATA" && e.copies != "" {
			s.entries[e.ID] = e
		}
	}

	return s
}

// Write never fails.
func (s *script) Write(p []byte) (int, error) {
	n := len(p)
	s.bytes += int64(n)
	s.zero = s.zero || bytes.IndexByte(p, 0) >= 0
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.hold(p)
			break
		}
		if s.copying && len(s.line) == 0 && end > len(endOfRows) {
			s.count++ // the common case: a whole row, which is not held at all
			p = p[end+1:]
			continue
		}
		s.hold(p[:end])
		s.end()
		p = p[end+1:]
	}

	return n, nil
}

// endOfRows is the line behind the last row.
const endOfRows = `\.`

// hold keeps the beginning of a line.
func (s *script) hold(p []byte) {
	limit := longestHeld
	if s.copying {
		limit = len(endOfRows)
	}
	room := max(limit-len(s.line), 0)
	if len(p) > room {
		p, s.long = p[:room], true
	}
	s.line = append(s.line, p...)
}

func (s *script) end() {
	line, long := s.line, s.long
	s.line, s.long = s.line[:0], false
	switch {
	case s.copying && (long || string(line) != endOfRows):
		s.count++
	case s.copying:
		s.copying = false
		s.rows[s.current.ID] = s.count
		delete(s.entries, s.current.ID) // a second time would be text
	case len(s.await) > 0 && !long && string(line) == s.await[0]:
		s.await = s.await[1:]
		s.copying, s.count = len(s.await) == 0, 0
	default:
		s.outside(line)
	}
}

// outside looks for the comment before an entry, which names it by number.
func (s *script) outside(line []byte) {
	rest, ok := bytes.CutPrefix(line, []byte("-- TOC entry "))
	if !ok {
		return
	}
	number, _, _ := strings.Cut(string(rest), " ")
	id, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	s.await = nil
	if e, ok := s.entries[id]; ok {
		s.current = e
		s.await = strings.Split(strings.TrimSuffix(e.copies, "\n"), "\n")
	}
}
