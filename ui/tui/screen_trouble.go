package tui

import (
	"fmt"

	"firmflow-recovery/recovery"
)

// remedyPage offers what a step can mend by itself.
func (m model) remedyPage() page {
	p := m.lookedPage()
	p.title = m.name(m.ask.question.Step) + " needs a decision"

	return p
}

// lookedPage shows what the look at everything found, and asks what now. What
// stands in the way comes first, and stays in place when it is looked at again.
func (m model) lookedPage() page {
	q := m.ask.question
	p := page{
		title: "Pre-flight", foot: m.question(""),
		keys: []string{m.glyphs().updown + " choose", "enter select", "pgdn scroll", "x commands", "? help", leaveKey(q)},
	}
	if q.Offers(recovery.Again) {
		p.keys[3] = "r check again"
	}
	if m.typing() {
		p.foot = m.question("Give up undo")
		p.keys = []string{"enter agree", "pgdn scroll", "tab commands", "f1 help", leaveKey(q)}
	}
	if t := m.secrets(q.Step); t != nil && len(t.Keys) > 0 {
		p.body = m.secretsBody(*t)
	}
	if q.Step != "" {
		for _, f := range m.findings(q.Step) {
			if f.Status != recovery.Passed {
				p.body = append(p.body, m.finding(f, 2)...)
			}
		}
		return p
	}
	p.body = m.everything()

	return p
}

// everything is all that was looked at, the worst first.
func (m model) everything() []string {
	var bad, good []string
	for i, step := range m.state.Steps {
		at := m.stepMark(step.ID)
		head := at.style.Render(fmt.Sprintf("  %s %d %s", at.symbol, i+1, m.show(step.Title)))
		var lines []string
		for _, f := range step.Findings {
			lines = append(lines, m.finding(f, 4)...)
		}
		if at.word == "blocked" {
			bad = append(append(bad, head), lines...)
		} else {
			good = append(append(good, head), lines...)
		}
	}

	return append(bad, good...)
}

// leaveKey says where esc leads.
func leaveKey(q recovery.Question) string {
	if q.Leave() == recovery.Back {
		return "esc back"
	}

	return "esc stop here"
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
