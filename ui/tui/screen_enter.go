package tui

import "github.com/charmbracelet/x/ansi"

// enterPage asks for a text, such as a path.
func (m model) enterPage() page {
	q := m.ask.question
	body := m.indent(2, q.Text)
	body = append(append(body, ""), m.indent(2, "It is compared in memory. Its values are never shown, logged or written.")...)
	width := m.width - 4
	lines := []string{m.look.accent.Render("> " + m.tail(m.show(m.ask.input), width-7) + m.glyphs().cursor)}
	if m.ask.refused {
		lines = append(lines, m.look.warn.Render("Type the "+m.show(q.Enter)+", or esc to go back."))
	}

	return page{
		title: "Original .env", body: body, foot: append([]string{""}, indented(m.box(q.Enter, lines, width), 2)...),
		keys: []string{"enter go on", "ctrl+u clear", "f1 help", "esc back"},
	}
}

// tail is the end of a text that is too long: that is where it is typed.
func (m model) tail(s string, width int) string {
	over := ansi.StringWidth(s) - width
	if over <= 0 {
		return s
	}

	return ansi.TruncateLeft(s, over+1, m.glyphs().more)
}

// documentPage lays a text out to be read.
func (m model) documentPage() page {
	q := m.ask.question
	p := page{title: "Read", foot: m.menu(q.Options, m.ask.cursor), keys: []string{m.glyphs().updown + " scroll", "pgup/pgdn page", "? help", "esc back"}}
	if d := q.Page.Document; d != nil {
		p.title = m.show(d.Title)
		for _, line := range d.Lines {
			p.body = append(p.body, m.indent(1, line)...)
		}
	}

	return p
}

// indent wraps a text to the screen, moved to the right.
func (m model) indent(by int, text string) []string {
	return indented(m.wrap(text, m.width-by-1), by)
}
