package tui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/text"
)

// oneLine makes foreign text fit for one line. What is too long for any screen
// is not kept.
func oneLine(s string) string {
	const most = 4096
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}

	return text.Clean(strings.NewReplacer("\t", "  ", "\n", " ", "\r", "").Replace(s))
}

// show is foreign text on this screen's character set.
func (m model) show(s string) string {
	s = oneLine(s)
	if !m.ascii {
		return s
	}

	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s)
}

// tall bounds a foreign text: a page is read by a person.
const tall = 200

// wrap breaks foreign text into lines. The line ends that are in it count.
func (m model) wrap(s string, width int) []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimRight(s, "\r\n"), "\n") {
		wrapped := ansi.Wrap(m.show(line), max(width, 1), "")
		for _, part := range strings.Split(wrapped, "\n") {
			lines = append(lines, strings.TrimRight(part, " "))
			if len(lines) == tall {
				return append(lines, m.glyphs().more)
			}
		}
	}

	return lines
}

// field is a labelled text: the label once, the text beside it.
func (m model) field(label, s string, indent, width int) []string {
	if s == "" {
		return nil
	}
	const column = 10
	lines := m.wrap(s, width-indent-column)
	for i, line := range lines {
		head := strings.Repeat(" ", column)
		if i == 0 {
			head = fill(label, column)
		}
		lines[i] = strings.Repeat(" ", indent) + head + line
	}

	return lines
}

// fill cuts or pads a line to exactly a width.
func fill(s string, width int) string {
	s = ansi.Truncate(s, max(width, 0), "")

	return s + strings.Repeat(" ", max(width-ansi.StringWidth(s), 0))
}

// cut shortens a line to a width, and shows that it did.
func (m model) cut(s string, width int) string {
	return ansi.Truncate(s, max(width, 0), m.glyphs().more)
}

// clock gives a duration as minutes and seconds: "4:12", "1:04:12".
func clock(d time.Duration) string {
	s := max(int(d.Seconds()), 0)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}

	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// name is how a step is called where there is little room.
func (m model) name(id recovery.StepID) string {
	first, size := utf8.DecodeRuneInString(string(id))
	if size == 0 {
		return "?"
	}

	return m.show(strings.ToUpper(string(first)) + string(id)[size:])
}

// bar is a progress bar of whole cells.
func (m model) bar(done, total int64, width int) string {
	g, full := m.glyphs(), 0
	if total > 0 {
		full = int(float64(min(max(done, 0), total)) / float64(total) * float64(width))
	}

	return m.look.accent.Render(strings.Repeat(g.full, full)) + m.look.dim.Render(strings.Repeat(g.empty, width-full))
}
