package tui

import (
	"fmt"

	"firmflow-recovery/recovery"
)

// preparingPage shows what is found while everything is only looked at.
func (m model) preparingPage() page {
	body := []string{m.look.dim.Render("  Looking at this host. Nothing is changed before you confirm the plan."), ""}
	for i, step := range m.state.Steps {
		at := m.stepMark(step.ID)
		body = append(body, fmt.Sprintf("  %s  %s", at.style.Render(fmt.Sprintf("%s %d %s", at.symbol, i+1, m.show(step.Title))), at.word))
		if step.Status == recovery.Looking && step.Total > 0 {
			body = append(body, m.indent(6, fmt.Sprintf("%s: %d %%", m.show(step.Phase), 100*step.Done/step.Total))...)
		}
		for _, f := range step.Findings {
			body = append(body, m.finding(f, 4)...)
		}
	}

	body = append(body, m.elsewhere()...)

	return page{title: "looking", body: body, keys: []string{"l log", "? help", "ctrl+c stop"}, follows: true}
}

// finding is one fact; one that did not pass is explained.
func (m model) finding(f recovery.Finding, indent int) []string {
	at := m.findingMark(f.Status)
	const column = 13 // the longest word, with its symbol
	head := fill(at.symbol+" "+at.word, column)
	said := f.Subject + ": " + f.Text
	if f.Diagnosis != nil && f.Diagnosis.Summary == f.Text {
		said = f.Text
	}
	lines := m.wrap(said, m.width-indent-column-1)
	for i := range lines {
		if i == 0 {
			lines[i] = at.style.Render(head) + lines[i]
		} else {
			lines[i] = fill("", column) + lines[i]
		}
	}
	lines = indented(lines, indent)
	if f.Diagnosis != nil && f.Status != recovery.Passed {
		lines = append(lines, m.explanation(*f.Diagnosis, indent+4)...)
	}

	return lines
}

// explanation is a diagnosis without its headline.
func (m model) explanation(d recovery.Diagnosis, indent int) []string {
	width := m.width - 2
	lines := m.field("Seen", d.Seen, indent, width)
	lines = append(lines, m.field("Intact", d.Intact, indent, width)...)
	for _, r := range d.Remedies {
		lines = append(lines, m.field("Do", r.Do, indent, width)...)
		lines = append(lines, m.field("", r.Command, indent+2, width)...)
	}
	if d.Code != "" {
		lines = append(lines, m.field("More", "firmflow-recovery help "+string(d.Code), indent, width)...)
	}

	return lines
}

// headline is a diagnosis in one sentence.
func (m model) headline(d recovery.Diagnosis) []string {
	lines := m.wrap(d.Summary, m.width-14)
	for i, line := range lines {
		if i == 0 {
			line = fill(m.glyphs().failed+" FAILED", 10) + line
		} else {
			line = fill("", 10) + line
		}
		lines[i] = "  " + m.look.bad.Render(line)
	}

	return lines
}
