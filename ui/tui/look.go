package tui

import (
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"firmflow-recovery/recovery"
)

// look is the colours: the sixteen that every terminal has, and they only
// repeat what the words say.
type look struct {
	title, dim, good, warn, bad, accent lipgloss.Style
}

// newLook uses a renderer of its own. It is told what the terminal can do,
// because asking a terminal takes seconds where it does not answer.
func newLook(noColour, dark bool) look {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.ANSI)
	if noColour {
		r.SetColorProfile(termenv.Ascii)
	}
	r.SetHasDarkBackground(dark)
	colour := func(onDark, onLight string) lipgloss.Style {
		return r.NewStyle().Foreground(lipgloss.AdaptiveColor{Dark: onDark, Light: onLight})
	}

	return look{
		title: r.NewStyle().Bold(true), dim: r.NewStyle().Faint(true),
		good: colour("10", "2"), warn: colour("11", "5"), bad: colour("9", "1").Bold(true), accent: colour("14", "4"),
	}
}

// glyphs are the characters that words are set off with, one cell each.
type glyphs struct {
	done, failed, warned, unproven, current, waiting string
	line, side, full, empty                          string
	corners                                          [4]string // top left, top right, bottom left, bottom right
	then, to, cursor, more, updown                   string
}

func (m model) glyphs() glyphs {
	if m.ascii {
		return glyphs{
			done: "+", failed: "X", warned: "!", unproven: "?", current: "*", waiting: "-",
			line: "-", side: "|", full: "#", empty: ".", corners: [4]string{"+", "+", "+", "+"},
			then: ">", to: "->", cursor: "_", more: "~", updown: "up/down",
		}
	}

	return glyphs{
		done: "✓", failed: "✗", warned: "!", unproven: "?", current: "●", waiting: "○",
		line: "─", side: "│", full: "█", empty: "░", corners: [4]string{"┌", "┐", "└", "┘"},
		then: "›", to: "→", cursor: "█", more: "…", updown: "↑/↓",
	}
}

// mark is a status as a symbol, a word and a colour.
type mark struct {
	symbol, word string
	style        lipgloss.Style
}

func (m model) findingMark(s recovery.Status) mark {
	g := m.glyphs()
	switch s {
	case recovery.Passed:
		return mark{g.done, "ok", m.look.good}
	case recovery.Warned:
		return mark{g.warned, "warning", m.look.warn}
	case recovery.Unproven:
		return mark{g.unproven, "not proven", m.look.warn}
	default:
		return mark{g.failed, "FAILED", m.look.bad}
	}
}

// stepMark tells where a step stands: before the run begins as the plan says,
// then as its events do.
func (m model) stepMark(id recovery.StepID) mark {
	g, step := m.glyphs(), m.state.Step(id)
	switch step.Status {
	case recovery.Finished:
		return mark{g.done, "done", m.look.good}
	case recovery.Broken:
		return mark{g.failed, "FAILED", m.look.bad}
	case recovery.Working:
		if m.state.Verdict != nil {
			return mark{g.warned, "stopped", m.look.warn}
		}
		return mark{g.current, "running", m.look.accent}
	default:
	}
	planned, known := m.planned(id)
	switch {
	case known && planned.Assessment.Standing == recovery.Blocked:
		return mark{g.failed, "blocked", m.look.bad}
	case known && planned.Assessment.Standing == recovery.Done:
		return mark{g.done, "done already", m.look.good}
	case step.Status == recovery.Looking && !known:
		return m.lookMark(step)
	default:
		return mark{g.waiting, "waiting", m.look.dim}
	}
}

// lookMark tells how the look at a step goes, before there is a plan.
func (m model) lookMark(step recovery.StepState) mark {
	g := m.glyphs()
	for _, f := range step.Findings {
		if f.Status == recovery.Failed {
			return mark{g.failed, "blocked", m.look.bad}
		}
	}
	if last := m.state.Steps[len(m.state.Steps)-1].ID; last == step.ID && m.state.Verdict == nil {
		return mark{g.current, "looking", m.look.accent}
	}

	return mark{g.waiting, "looked at", m.look.dim}
}

func (m model) planned(id recovery.StepID) (recovery.PlannedStep, bool) {
	if m.state.Plan == nil {
		return recovery.PlannedStep{}, false
	}
	for _, s := range m.state.Plan.Steps {
		if s.ID == id {
			return s, true
		}
	}

	return recovery.PlannedStep{}, false
}
