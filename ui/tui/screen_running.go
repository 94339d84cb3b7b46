package tui

import (
	"fmt"
	"strings"

	"firmflow-recovery/recovery"
)

// runningPage shows the work: each step, the phase in hand, and the log.
func (m model) runningPage() page {
	p := page{
		title: "running " + clock(m.moment().Sub(m.state.Opened)),
		keys:  []string{"l log", "x commands", "? help", "ctrl+c stop"},
	}
	if m.watching {
		p.title, p.keys[3] = "watching "+clock(m.moment().Sub(m.state.Opened)), "ctrl+c leave"
	}
	height := m.room(p)
	if m.width >= wide {
		left := m.width * 3 / 5
		body := m.work(left)
		p.body = beside(body, m.logBox(m.width-left-2, max(height, len(body))), left)
		return p
	}
	p.body = m.work(m.width)
	if left := height - len(p.body) - 1; left >= 4 {
		p.body = append(append(p.body, ""), indented(m.logBox(m.width-4, left), 2)...)
	}

	return p
}

// work is the state of all steps.
func (m model) work(width int) []string {
	ids := m.steps()
	done := 0
	var lines []string
	for i, id := range ids {
		if m.state.Step(id).Status == recovery.Finished {
			done++
		}
		lines = append(lines, m.workOf(i, id, width)...)
	}
	head := fmt.Sprintf("  Overall  %s  %d of %d steps done", m.bar(int64(done), int64(len(ids)), width/3), done, len(ids))

	if left, known := m.state.TimeLeft(m.moment()); known && left.Seconds() >= 1 {
		head += ", about " + recovery.Span(left) + " left"
	}

	return append(append([]string{m.cut(head, width-1), ""}, lines...), m.elsewhere()...)
}

// elsewhere is a question that waits for its answer where the run was started.
func (m model) elsewhere() []string {
	if m.state.Question == nil || m.ask != nil {
		return nil
	}
	lines := []string{""}
	if m.watching {
		lines = append(lines, m.indent(2, "The run waits for an answer where it was started: "+m.state.Question.Text)...)
	}

	return lines
}

func (m model) workOf(i int, id recovery.StepID, width int) []string {
	step, at := m.state.Step(id), m.stepMark(id)
	line := fmt.Sprintf("  %s %s", at.style.Render(fill(fmt.Sprintf("%s %d %s", at.symbol, i+1, m.name(id)), 16)), fill(at.word, 8))
	switch step.Status {
	case recovery.Working:
		line += fmt.Sprintf("%7s  ", clock(m.moment().Sub(step.Started))) + m.show(step.Phase)
		if step.Attempt > 1 {
			line += fmt.Sprintf("  attempt %d", step.Attempt)
		}
		return append([]string{m.cut(line, width-1)}, m.phase(step, width)...)
	case recovery.Finished, recovery.Broken:
		line += fmt.Sprintf("%7s  ", clock(step.Ended.Sub(step.Started))) + m.show(step.Summary)
	default:
	}

	return []string{m.cut(line, width-1)}
}

// phase is the progress of the part in hand. A total that is not known is not
// made up.
func (m model) phase(step recovery.StepState, width int) []string {
	var facts []string
	amount := func(n int64) string {
		if step.Unit == recovery.Bytes {
			return recovery.Size(n)
		}
		return recovery.Count(n)
	}
	bar := ""
	switch {
	case step.Total > 0:
		percent := int64(float64(min(max(step.Done, 0), step.Total)) / float64(step.Total) * 100)
		bar = fmt.Sprintf("%s %3d %%  ", m.bar(step.Done, step.Total, width/4), percent)
		facts = append(facts, amount(step.Done)+" of "+amount(step.Total))
	case step.Done > 0:
		facts = append(facts, amount(step.Done))
	}
	if step.Rate > 0 && step.Unit == recovery.Bytes {
		facts = append(facts, recovery.Size(int64(step.Rate))+"/s")
	}
	var lines []string
	if bar != "" || len(facts) > 0 {
		lines = append(lines, m.cut("      "+bar+strings.Join(facts, "  "), width-1))
	}
	if left := step.Left(); left.Seconds() >= 1 {
		lines = append(lines, "      about "+recovery.Span(left)+" left in this phase")
	}
	if n := len(step.Notes); n > 0 {
		lines = append(lines, m.cut("      noted: "+m.show(step.Notes[n-1]), width-1))
	}

	return lines
}

// logBox is the end of the log in a frame of a given height.
func (m model) logBox(width, height int) []string {
	lines := append([]string(nil), m.log.last(height-2)...)
	for i := range lines {
		lines[i] = m.show(lines[i])
	}
	for len(lines) < height-2 {
		lines = append(lines, "")
	}

	return m.box("log, following", lines, width)
}
