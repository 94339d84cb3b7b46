package tui

import (
	"github.com/charmbracelet/x/ansi"

	"firmflow-recovery/recovery"
)

// enterPage asks for a text, such as a path.
func (m model) enterPage() page {
	q := m.ask.question
	if q.Conceal {
		return m.concealedPage(q)
	}
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

// concealedPage asks for a text that is not shown. Whether anything was typed
// is all that is told of it.
func (m model) concealedPage(q recovery.Question) page {
	body := append(append(m.indent(2, q.Text), ""), m.indent(2, "What you type is not shown, and not written anywhere.")...)
	state := "nothing typed yet"
	if m.ask.hidden.Reveal() != "" {
		state = "typed; not shown"
	}
	lines := []string{m.look.accent.Render("> "+m.glyphs().cursor) + " " + state}
	if m.ask.refused {
		lines = append(lines, m.look.warn.Render("Type the "+m.show(q.Enter)+", or esc to go back."))
	}

	return page{
		title: "Original .env", body: body, foot: append([]string{""}, indented(m.box(q.Enter, lines, m.width-4), 2)...),
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
	if v := q.Page.Verification; v != nil {
		p.title, p.body = m.show("Backup "+v.Backup), m.verified(*v)
	}

	return p
}

// verified lays out what looking at a backup found, part by part.
func (m model) verified(v recovery.Verification) []string {
	how := "Only beginnings and ends were read; v in the list reads every byte."
	if v.Full {
		how = "Every byte was read."
	}
	lines := []string{"  " + how + " It took " + recovery.Span(v.Took) + ". Nothing was changed."}
	for _, part := range v.Parts {
		head := m.look.title.Render(m.show(part.Name))
		if part.Path != "" {
			head += "  " + m.show(part.Path)
		}
		if part.Bytes > 0 {
			head += ", " + recovery.Size(part.Bytes)
		}
		lines = append(lines, "", "  "+m.cut(head, m.width-3))
		if part.SHA256 != "" {
			lines = append(lines, m.field("SHA-256", part.SHA256, 2, m.width-2)...)
		}
		for _, f := range part.Findings {
			lines = append(lines, m.finding(f, 2)...)
		}
		for _, untold := range part.Untold {
			lines = append(lines, m.indent(4, "cannot tell "+untold)...)
		}
	}

	return lines
}

// indent wraps a text to the screen, moved to the right.
func (m model) indent(by int, text string) []string {
	return indented(m.wrap(text, m.width-by-1), by)
}
