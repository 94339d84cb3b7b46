package tui

import (
	"firmflow-recovery/recovery"
)

// remedyPage offers what a step can mend by itself.
func (m model) remedyPage() page {
	var body []string
	for _, f := range m.findings(m.ask.question.Step) {
		if f.Status != recovery.Passed {
			body = append(body, m.finding(f, 2)...)
		}
	}

	return page{
		title: m.name(m.ask.question.Step) + " needs a decision", body: body, foot: m.question(""),
		keys: []string{m.glyphs().updown + " choose", "enter select", "pgdn scroll", "x commands", "? help", "esc stop here"},
	}
}

// findings are what the last look at a step saw.
func (m model) findings(id recovery.StepID) []recovery.Finding {
	if s, known := m.planned(id); known {
		return s.Assessment.Findings
	}

	return m.state.Step(id).Findings
}

// troublePage shows why a step failed, what stands, and the ways on.
func (m model) troublePage() page {
	var body []string
	title := "a question"
	step := m.state.Step(m.ask.question.Step)
	foot := m.question("Answer")
	if d := step.Diagnosis; d != nil {
		body = append(append(m.headline(*d), ""), m.explanation(*d, 2)...)
		title = m.name(step.ID) + " failed"
		if q := m.ask.question; q.Text == d.Summary && q.Typed == "" {
			foot = m.menu(q.Options, m.ask.cursor) // the question stands above already
		}
	}
	if lines := m.log.last(3); len(lines) > 0 {
		body = append(body, "", m.look.dim.Render("  The last of the log (l shows all):"))
		for _, line := range lines {
			body = append(body, "  "+m.look.dim.Render(m.cut(m.show(line), m.width-4)))
		}
	}

	return page{
		title: title, body: body, foot: foot,
		keys: []string{m.glyphs().updown + " choose", "enter do it", "l log", "x commands", "? help", "ctrl+c stop"},
	}
}
