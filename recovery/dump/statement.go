package dump

import (
	"regexp"
	"strings"
	"time"
)

// scriptParts is what pg_dump's comments and statements say a script holds.
type scriptParts struct {
	lexer    *lexer
	header   Header
	begins   bool // "PostgreSQL database dump" was seen
	complete bool // and that it is complete; nothing that does anything came after it
	restrict bool
	entries  []Entry
	texts    []string // by entry: the statements that name roles
	copying  int      // the entry whose rows come, by its place; -1: none
	rows     map[int]int64
	objects  int64
	encoding string
	spaces   []string
	unsafe   *ScriptError // the first
}

func newScriptParts() *scriptParts {
	s := &scriptParts{copying: -1, rows: map[int]int64{}}
	s.header.Format, s.header.Compression = Plain, "none"
	s.lexer = &lexer{to: s}

	return s
}

var (
	// entryComment is what pg_dump writes before each entry. A line end in a name
	// is written as a blank.
	entryComment = regexp.MustCompile(`^-- (?:Data for )?Name: (.*); Type: ([A-Z ]+); Schema: (.*); Owner: (.*)$`)
	startedOn    = regexp.MustCompile(`^-- Started on (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)`)

	createTable = regexp.MustCompile(`(?s)^CREATE (?:UNLOGGED |FOREIGN )?TABLE (.+)$`)
	restricts   = regexp.MustCompile(`^\\(?:un)?restrict [0-9A-Za-z]+$`)

	// beyond are statements that change more than the database they run in.
	beyond = regexp.MustCompile(`(?i)^(?:(?:CREATE|DROP|ALTER)\s+(?:DATABASE|TABLESPACE|ROLE|USER|GROUP|SYSTEM)\s(?:.|\n)*|COPY\s(?:.|\n)*\s(?:FROM|TO)\s+(?:PROGRAM\s|'|E').*)$`)
	// rereads are ways to change what a backslash in a text means: all but
	// pg_dump's own are ones that the lexer does not follow.
	rereads = regexp.MustCompile(`(?is)^(?:SET|RESET|SELECT)\s.*standard_conforming_strings`)
	reread  = regexp.MustCompile(`^SET standard_conforming_strings = (?:on|off)$`)
	mapping = regexp.MustCompile(`(?i)^(?:CREATE|DROP|ALTER)\s+USER\s+MAPPING\s`)
)

func (s *scriptParts) comment(text string) {
	switch {
	case text == "-- PostgreSQL database dump":
		s.begins = true
	case text == "-- PostgreSQL database dump complete":
		s.complete = true
	case strings.HasPrefix(text, "-- Dumped from database version "):
		s.header.Server = strings.TrimPrefix(text, "-- Dumped from database version ")
		s.header.ServerMajor = majorOf(s.header.Server)
	case strings.HasPrefix(text, "-- Dumped by pg_dump version "):
		s.header.Client = strings.TrimPrefix(text, "-- Dumped by pg_dump version ")
		s.header.ClientMajor = majorOf(s.header.Client)
	}
	if m := startedOn.FindStringSubmatch(text); m != nil {
		s.header.Created, _ = time.Parse("2006-01-02 15:04:05", m[1]) // zero: not told
	}
	if m := entryComment.FindStringSubmatch(text); m != nil {
		s.entry(m[2], none(m[3]), m[1], none(m[4]))
	}
}

// none is the dash that pg_dump writes for nothing.
func none(text string) string {
	if text == "-" {
		return ""
	}

	return text
}

func (s *scriptParts) entry(kind, schema, name, owner string) {
	s.entries = append(s.entries, Entry{ID: len(s.entries) + 1, Kind: kind, Schema: schema, Name: name, Owner: owner})
	s.texts = append(s.texts, "")
}

func (s *scriptParts) statement(text string, line int64) {
	s.complete = false
	if s.unsafe == nil && (beyond.MatchString(text) && !mapping.MatchString(text) || rereads.MatchString(text) && !reread.MatchString(text)) {
		s.unsafe = &ScriptError{Line: line, What: firstLine([]byte(text))}
	}
	last := len(s.entries) - 1
	switch word, _, _ := strings.Cut(text, " "); word {
	case "COPY":
		s.copies(text, last)
	case "CREATE":
		if m := createTable.FindStringSubmatch(text); m != nil && last >= 0 && s.entries[last].Kind == "TABLE" {
			s.named(last, m[1])
		}
		s.roles(last, text)
	case "GRANT", "REVOKE", "ALTER", "SET":
		s.roles(last, text)
		if value, is := strings.CutPrefix(text, "SET client_encoding = "); is {
			s.encoding = strings.Trim(value, "'")
		}
		if value, is := strings.CutPrefix(text, "SET default_tablespace = "); is && value != "''" {
			s.spaces = append(s.spaces, unquoted(value))
		}
	case "SELECT":
		if strings.HasPrefix(text, "SELECT pg_catalog.lo_create(") {
			s.objects++
		}
	}
}

// roles keeps the statements of the entries that name roles beside their owner.
func (s *scriptParts) roles(last int, text string) {
	if last >= 0 && namesRoles[s.entries[last].Kind] && len(s.texts[last])+len(text) < longestDefined {
		s.texts[last] += text + ";\n"
	}
}

// copies notes whose rows follow. A COPY without pg_dump's comment before it
// stands for itself.
func (s *scriptParts) copies(text string, last int) {
	m := copyStatement.FindStringSubmatch(text)
	if m == nil {
		return
	}
	if last < 0 || s.entries[last].Kind != "TABLE DATA" || s.entries[last].hasData {
		s.entry("TABLE DATA", "", "", "")
		last++
	}
	s.named(last, m[1])
	s.entries[last].hasData = true
	s.copying = last
}

// named takes a table's name as the statement writes it: the comment may have
// lost something of it.
func (s *scriptParts) named(at int, text string) {
	first, rest := identifierIn(text)
	second, _ := "", ""
	if strings.HasPrefix(rest, ".") {
		second, _ = identifierIn(rest[1:])
	}
	switch {
	case first == "":
	case second == "":
		s.entries[at].Name = first // of a pg_dump that sets the search_path; its comment names the schema
	default:
		s.entries[at].Schema, s.entries[at].Name = first, second
	}
}

var leading = regexp.MustCompile(`(?s)^` + name)

// identifierIn takes an identifier off the beginning of a text.
func identifierIn(text string) (identifier, rest string) {
	found := leading.FindString(text)

	return unquoted(found), text[len(found):]
}

func (s *scriptParts) copied(rows int64) {
	if s.copying >= 0 {
		s.rows[s.copying] += rows
	}
	s.copying = -1
}

// command allows two meta commands, which pg_dump writes itself so that no other
// does anything (CVE-2025-8714).
func (s *scriptParts) command(text string, line int64, alone bool) {
	if alone && restricts.MatchString(text) {
		s.restrict = true
		return
	}
	s.complete = false
	if s.unsafe == nil {
		s.unsafe = &ScriptError{Line: line, What: firstLine([]byte(text))}
	}
}

// contents gives what was seen, as a table of contents.
func (s *scriptParts) contents(size int64) Contents {
	c := Contents{Header: s.header, Restricted: s.restrict}
	c.Header.Size, c.Header.Items = size, len(s.entries)
	for i, e := range s.entries {
		c.add(e, "")
		c.Roles = append(c.Roles, rolesIn(e.Kind, s.texts[i])...)
	}
	c.Encoding, c.Tablespaces = s.encoding, s.spaces
	c.sort()

	return c
}

var namesRoles = map[string]bool{"ACL": true, "DEFAULT ACL": true, "POLICY": true}
