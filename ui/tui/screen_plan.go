package tui

import (
	"fmt"

	"firmflow-recovery/recovery"
)

// planPage shows what would happen, and asks.
func (m model) planPage() page {
	var body []string
	if m.state.Plan != nil {
		body = m.plan(*m.state.Plan)
	}
	keys := []string{m.glyphs().updown + " choose", "enter select", "x commands", "p save runbook", "? help", leaveKey(m.ask.question)}
	if m.typing() {
		keys = []string{"enter start", "tab commands", "ctrl+p save runbook", "f1 help", leaveKey(m.ask.question)}
	}

	return page{title: "Plan", body: body, foot: append(m.noticed(), m.question("Confirm")...), keys: keys}
}

func (m model) plan(p recovery.Plan) []string {
	width := m.width - 2
	lines := m.wrap("Backup "+p.Backup+" "+m.glyphs().to+" "+p.Target, width-2)
	// What is given up comes first: it must not be below the fold.
	if p.Purpose == recovery.Drilling {
		lines = append(indented(lines, 2), m.list("IN EARNEST THIS WOULD BE LOST", p.Loses())...)
	} else {
		lines = append(indented(lines, 2), m.list("LOST", p.Loses())...)
	}
	lines = append(lines, m.list("DELETED FIRST, FOR GOOD: NO UNDO", p.GivesUp())...)
	if takes := p.Duration(); takes != "" {
		lines = append(lines, indented(m.wrap("Takes "+takes, width-2), 2)...)
	}
	if p.Purpose != recovery.Drilling { // its surroundings are its own
		lines = append(lines, m.list("REPLACED, AND KEPT", p.Replaces())...)
	}
	lines = append(lines, "")
	for i, s := range p.Steps {
		at := m.stepMark(s.ID)
		head := fmt.Sprintf("  %d %s", i+1, m.show(s.Title))
		if s.Assessment.Standing != recovery.Pending {
			head += "  " + at.style.Render(at.symbol+" "+at.word)
		}
		lines = append(lines, head)
		for _, change := range s.Assessment.Changes {
			lines = append(lines, indented(m.wrap(change, width-6), 6)...)
		}
		for _, f := range s.Assessment.Findings {
			if f.Status != recovery.Passed {
				f.Diagnosis = nil // what it means was told when it was found
				lines = append(lines, m.finding(f, 6)...)
			}
		}
	}

	return lines
}

func (m model) list(head string, all []string) []string {
	if len(all) == 0 {
		return nil
	}
	lines := []string{"", "  " + m.look.warn.Render(head)}
	for _, one := range all {
		lines = append(lines, indented(m.wrap(one, m.width-8), 6)...)
	}

	return lines
}

// question is the open question with what has been answered so far.
func (m model) question(title string) []string {
	if m.ask == nil {
		return nil
	}
	q := m.ask.question
	width := m.width - 4
	lines := m.wrap(q.Text, width-4)
	if q.Typed == "" {
		return append([]string{""}, append(indented(lines, 2), m.menu(q.Options, m.ask.cursor)...)...)
	}
	lines = append(lines, m.look.accent.Render("> "+m.show(m.ask.input)+m.glyphs().cursor))
	if m.ask.refused {
		lines = append(lines, m.look.warn.Render("That is not the name. Nothing was started."))
	}

	return append([]string{""}, indented(m.box(title, lines, width), 2)...)
}
