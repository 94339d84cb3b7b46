package dump

import (
	"bytes"
	"regexp"
	"strings"
)

// lexer cuts a script into what psql makes of it: statements, comments, meta
// commands and rows. It knows of SQL no more than where a text, a quoted name, a
// comment or a statement ends. It takes the script in pieces, however cut, and
// holds of each part no more than its beginning.
type lexer struct {
	to parts

	state   lexState
	line    int64  // of the next byte, from 0
	began   int64  // line on which the part began
	held    []byte // of the statement
	aside   []byte // of a comment, a command, a dollar-quote's tag, a row
	tag     []byte // that ends a dollar-quoted text
	depth   int    // of comments in comments
	parens  int
	prev    byte // the byte before
	literal bool // the next byte of a text has no meaning: a backslash is before it
	escapes bool // plain texts too have backslashes: standard_conforming_strings is off
	rows    int64
	long    bool // the row is longer than what is kept of it
}

// parts is told what a script consists of. Lines count from 1.
type parts interface {
	statement(text string, line int64)           // without comments and its semicolon
	comment(text string)                         // one that stands between statements
	command(text string, line int64, alone bool) // from its backslash on; alone: between statements
	copied(rows int64)                           // what followed the last statement, a COPY
}

type lexState int

const (
	inCode lexState = iota
	inText
	inEscapes // a text with backslashes
	inName
	inTag        // the beginning of a dollar-quoted text
	inDollarText // and what is in it
	inComment
	inBlock
	inCommand
	afterCopy // up to the end of the line
	inRows
)

// copyStatement is what pg_dump writes before rows.
var copyStatement = regexp.MustCompile(`(?s)^COPY (.+) FROM stdin$`)

// Write never fails.
func (l *lexer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		taken := l.step(p)
		l.line += int64(bytes.Count(p[:taken], newline))
		l.prev = p[taken-1]
		p = p[taken:]
	}

	return n, nil
}

var newline = []byte{'\n'}

// step takes at least one byte.
func (l *lexer) step(p []byte) int {
	switch l.state {
	case inText:
		return l.quoted(p, '\'')
	case inName:
		return l.quoted(p, '"')
	case inComment, inCommand, afterCopy, inRows:
		return l.wholeLine(p)
	case inEscapes:
		l.escape(p[0])
	case inTag:
		return l.inTag(p[0])
	case inDollarText:
		l.dollar(p[0])
	case inBlock:
		l.block(p[0])
	default:
		l.code(p[0])
	}

	return 1
}

// hold keeps the beginning of the statement.
func (l *lexer) hold(p ...byte) {
	l.held = append(l.held, p[:min(len(p), max(longestHeld-len(l.held), 0))]...)
}

func (l *lexer) begin(s lexState, with string) {
	l.state, l.aside = s, append(l.aside[:0], with...)
}

// code is what stands outside of texts, names and comments.
func (l *lexer) code(b byte) {
	switch {
	case b == '-' && l.prev == '-' && len(l.held) > 0:
		l.held = l.held[:len(l.held)-1]
		l.begin(inComment, "--")
		return
	case b == '*' && l.prev == '/' && len(l.held) > 0:
		l.held = l.held[:len(l.held)-1]
		l.begin(inBlock, "")
		l.depth = 1
		return
	case b == '\\':
		l.begin(inCommand, `\`)
		return
	case b == ';' && l.parens == 0:
		l.end()
		return
	}
	if len(l.held) == 0 {
		if b == ' ' || b == '\t' || b == '\r' || b == '\n' {
			return
		}
		l.began = l.line
	}
	l.opens(b)
	l.hold(b)
}

func (l *lexer) opens(b byte) {
	switch {
	case b == '\'':
		l.state = inText
		if l.escapes || l.escaped() {
			l.state, l.literal = inEscapes, false
		}
	case b == '"':
		l.state = inName
	case b == '$' && !wordByte(l.prev):
		l.begin(inTag, "$")
	case b == '(':
		l.parens++
	case b == ')':
		l.parens = max(0, l.parens-1)
	}
}

// escaped tells whether a text that begins here is an E'...' one.
func (l *lexer) escaped() bool {
	n := len(l.held)

	return n > 0 && (l.prev == 'E' || l.prev == 'e') && (n == 1 || !wordByte(l.held[n-2]))
}

func wordByte(b byte) bool {
	return b == '_' || b == '$' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

func (l *lexer) end() {
	text := string(bytes.TrimRight(l.held, " \t\r\n"))
	l.held = l.held[:0]
	if text == "" {
		return
	}
	l.to.statement(text, l.began+1)
	switch {
	case copyStatement.MatchString(text):
		l.begin(afterCopy, "")
	case text == "SET standard_conforming_strings = off":
		l.escapes = true
	case text == "SET standard_conforming_strings = on":
		l.escapes = false
	}
}

// quoted goes to the end of a text or a name. A doubled quote ends one and
// begins the next, which comes to the same.
func (l *lexer) quoted(p []byte, closing byte) int {
	n := bytes.IndexByte(p, closing) + 1
	if n > 0 {
		l.state = inCode
	} else {
		n = len(p)
	}
	l.hold(p[:n]...)

	return n
}

// escape goes on in a text in which a backslash takes the next byte's meaning.
func (l *lexer) escape(b byte) {
	switch {
	case l.literal:
		l.literal = false
	case b == '\\':
		l.literal = true
	case b == '\'':
		l.state = inCode
	}
	l.hold(b)
}

// inTag goes on in what may be the tag of a dollar-quoted text. What is none is
// looked at again.
func (l *lexer) inTag(b byte) int {
	switch {
	case b == '$':
		l.state, l.tag = inDollarText, append(append(l.tag[:0], l.aside...), b)
		l.aside = l.aside[:0]
	case wordByte(b) && (len(l.aside) > 1 || b < '0' || b > '9'):
		l.aside = append(l.aside, b)
		if len(l.aside) > longestTag {
			l.state = inCode
		}
	default:
		l.state = inCode
		l.code(b)

		return 1
	}
	l.hold(b)

	return 1
}

// dollar looks for the tag in the bytes that came last.
func (l *lexer) dollar(b byte) {
	l.hold(b)
	if len(l.aside) == len(l.tag) {
		copy(l.aside, l.aside[1:])
		l.aside = l.aside[:len(l.aside)-1]
	}
	l.aside = append(l.aside, b)
	if bytes.Equal(l.aside, l.tag) {
		l.state = inCode
	}
}

// block goes on in a comment that may hold others.
func (l *lexer) block(b byte) {
	last := byte(0)
	if len(l.aside) > 0 {
		last = l.aside[0]
	}
	l.aside = append(l.aside[:0], b)
	switch {
	case last == '/' && b == '*':
		l.depth++
		l.aside = l.aside[:0]
	case last == '*' && b == '/':
		l.depth--
		l.aside = l.aside[:0]
	}
	if l.depth == 0 {
		l.state = inCode
		l.hold(' ') // as PostgreSQL takes a comment
		if len(l.held) == 1 {
			l.held = l.held[:0]
		}
	}
}

// wholeLine goes on in what ends with its line.
func (l *lexer) wholeLine(p []byte) int {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		l.keep(p)
		return len(p)
	}
	if l.state == inRows && len(l.aside) == 0 && end > len(endOfRows)+1 {
		l.rows++ // the common case: a whole row, which is not held at all
		return end + 1
	}
	l.keep(p[:end])
	text := strings.TrimSuffix(string(l.aside), "\r")
	state := l.state
	l.begin(inCode, "")
	switch state {
	case inRows:
		l.row(text)
	case afterCopy:
		l.state, l.rows, l.long = inRows, 0, false
		if strings.TrimSpace(text) != "" {
			l.to.command(text, l.line+1, false)
		}
	case inCommand:
		l.to.command(text, l.line+1, len(l.held) == 0)
	default:
		if len(l.held) == 0 {
			l.to.comment(text)
		}
	}

	return end + 1
}

// keep keeps the beginning of a line: of a row no more than tells whether it is
// the one that ends them.
func (l *lexer) keep(p []byte) {
	limit := 4 << 10
	if l.state == inRows {
		limit = len(endOfRows) + 1 // psql takes a carriage return behind it too
		l.long = l.long || len(l.aside)+len(p) > limit
	}
	l.aside = append(l.aside, p[:min(len(p), max(limit-len(l.aside), 0))]...)
}

func (l *lexer) row(text string) {
	ended := text == endOfRows && !l.long
	l.long = false
	if ended {
		l.to.copied(l.rows)
		return
	}
	l.rows++
	l.state = inRows
}

// within says in what the script would end if it ended here; empty: between
// statements.
func (l *lexer) within() string {
	switch {
	case l.state == inRows || l.state == afterCopy:
		return "the rows of a table"
	case l.state == inBlock:
		return "a comment"
	case l.state != inCode && l.state != inComment, len(l.held) > 0:
		return "a statement"
	default:
		return ""
	}
}
