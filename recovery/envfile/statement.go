package envfile

import (
	"strings"
	"unicode"
)

const byteOrderMark = "\ufeff"

// statement is where a definition stands in the text. compose-go tells values
// and no places; scan finds the places, by the same rules.
type statement struct {
	key   string
	line  int    // where it begins
	start int    // offset of its first character, "export" included
	name  int    // offset behind its name
	value int    // offset behind '='
	end   int    // offset behind its value, before the line's end
	quote byte   // ' or " or 0
	bare  bool   // a name without '=': the value is the shell's
	inner [2]int // offsets of the text between the quotes, or of the unquoted value
}

// scan finds every statement, or the place where Compose gives up. What it
// found until then is returned too.
func scan(text string) ([]statement, error) {
	var found []statement
	line, counted := 1, 0
	for pos := 0; ; {
		pos = skipBlank(text, pos)
		if pos == len(text) {
			return found, nil
		}
		line += strings.Count(text[counted:pos], "\n")
		counted = pos

		s := statement{line: line, start: pos}
		next, problem := s.locate(text)
		if problem != "" {
			return found, &SyntaxError{Line: line, Key: s.shownKey(), Text: problem}
		}
		found = append(found, s)
		pos = next
	}
}

// skipBlank passes over white space and comments.
func skipBlank(text string, pos int) int {
	for {
		at := strings.IndexFunc(text[pos:], func(r rune) bool { return !unicode.IsSpace(r) })
		if at < 0 {
			return len(text)
		}
		pos += at
		if text[pos] != '#' {
			return pos
		}
		end := strings.IndexByte(text[pos:], '\n')
		if end < 0 {
			return len(text)
		}
		pos += end
	}
}

// locate finds the parts of the statement that begins at s.start. It returns
// where the next one may begin, or what is wrong.
func (s *statement) locate(text string) (int, string) {
	from := s.start + exported(text[s.start:])
	stop, problem := nameEnd(text[from:])
	if problem != "" {
		return 0, problem
	}

	s.value = from
	if stop >= 0 { // else the file ends within the name, and all of it is the value
		s.key = strings.TrimRightFunc(text[from:from+stop], unicode.IsSpace)
		s.name = from + len(s.key)
		s.value = from + stop + 1
	}
	if strings.Contains(s.key, " ") {
		s.key = ""

		return 0, "a name cannot contain a space"
	}
	if stop >= 0 && text[from+stop] == '\n' {
		s.bare, s.end = true, s.name

		return s.end, ""
	}

	return s.locateValue(text)
}

// exported gives the length of the word export and the blanks behind it.
func exported(text string) int {
	rest, ok := strings.CutPrefix(text, "export")
	if !ok || rest == "" || !strings.ContainsRune("\t\n\f\r ", rune(rest[0])) {
		return 0
	}

	return len(text) - len(strings.TrimLeftFunc(rest, isBlank))
}

// nameEnd gives the offset of the character that ends a name, or -1.
func nameEnd(text string) (int, string) {
	for i, r := range text {
		switch {
		case r == '=' || r == ':' || r == '\n':
			return i, ""
		case isBlank(r), strings.ContainsRune("_.-[]", r), unicode.IsLetter(r), unicode.IsNumber(r):
		default:
			return 0, "a character that no name can have, before any '='"
		}
	}

	return -1, ""
}

func (s *statement) locateValue(text string) (int, string) {
	first := len(text) - len(strings.TrimLeftFunc(text[s.value:], isBlank))
	if first == len(text) || text[first] != '\'' && text[first] != '"' {
		line, _, _ := strings.Cut(text[first:], "\n")
		s.end = first + len(strings.TrimSuffix(line, "\r"))
		value, _, _ := strings.Cut(line, " #")
		s.inner = [2]int{first, first + len(strings.TrimRightFunc(value, unicode.IsSpace))}

		return first + len(line), ""
	}

	s.quote = text[first]
	for i := first + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++ // what follows is no end, not even a quote
		case s.quote:
			s.inner, s.end = [2]int{first + 1, i}, i+1

			return s.end, ""
		}
	}

	return 0, "a quote is opened and never closed"
}

func (s *statement) shownKey() string {
	if s.key == "" || s.key != shown(s.key, s.line) {
		return ""
	}

	return s.key
}

// lineEnd gives the offset of the end of the line that pos is in, before its
// CR and LF, and the offset where the next line begins.
func lineEnd(text string, pos int) (end, next int) {
	line, _, more := strings.Cut(text[pos:], "\n")
	end, next = pos+len(line), pos+len(line)
	if more {
		next++
	}
	if end > pos && text[end-1] == '\r' {
		end--
	}

	return end, next
}

// isBlank tells white space that does not end a line, as compose-go has it.
func isBlank(r rune) bool {
	switch r {
	case '\t', '\v', '\f', '\r', ' ', 0x85, 0xA0:
		return true
	}

	return false
}
