package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	"firmflow-recovery/recovery"
)

// press is what a key does. The same key means the same everywhere.
func (m model) press(k tea.KeyMsg) (model, tea.Cmd) {
	name := k.String()
	switch {
	case name == "ctrl+c":
		return m.interrupt()
	case m.small():
		return m, nil // what cannot be seen is not answered
	case name == "ctrl+t":
		m.ascii = !m.ascii
		return m, nil
	case m.overlay == stopOverlay:
		return m.pressStop(name)
	case m.overlay == logOverlay && m.search.open:
		return m.pressSearch(k), nil
	case m.scrolls(name):
		return m.move(name), nil
	case m.overlay != noOverlay:
		return m.pressOverlay(name)
	case name == "?" || name == "f1":
		return m.cover(helpOverlay), nil
	case name == "tab":
		return m.cover(commandsOverlay), nil
	case m.typing() && name == "ctrl+p":
		return m.saveRunbook()
	case m.typing():
		return m.pressTyped(k)
	case name == "x":
		return m.cover(commandsOverlay), nil
	case name == "l":
		return m.cover(logOverlay), nil
	case m.over:
		return m.leave(name)
	case m.ask != nil && !m.stopping:
		return m.pressMenu(name)
	default:
		return m, nil
	}
}

// leave ends the screen once the verdict was read, and once nothing follows it:
// a look that was part of something leads to a question.
func (m model) leave(name string) (model, tea.Cmd) {
	if name != "enter" && name != "q" {
		return m, nil
	}
	m.leaving = true
	if !m.closed {
		return m, nil
	}

	return m, tea.Quit
}

func (m model) cover(o overlay) model {
	m.overlay, m.scroll, m.notice, m.search = o, 0, "", search{}

	return m
}

// pressOverlay closes an overlay, goes to another, or does what it offers.
func (m model) pressOverlay(name string) (model, tea.Cmd) {
	switch name {
	case "?", "f1":
		return m.toggle(helpOverlay), nil
	case "x", "tab":
		return m.toggle(commandsOverlay), nil
	case "l":
		return m.toggle(logOverlay), nil
	case "esc", "q", "enter":
		return m.cover(noOverlay), nil
	case "p":
		return m.saveRunbook()
	}
	if m.overlay == logOverlay {
		return m.pressLog(name)
	}

	return m, nil
}

func (m model) toggle(o overlay) model {
	if m.overlay == o {
		return m.cover(noOverlay)
	}

	return m.cover(o)
}

// scrolls tells whether a key moves the page: the arrows do where they choose
// nothing.
func (m model) scrolls(name string) bool {
	switch name {
	case "pgup", "pgdown", "home", "end":
		return true
	case "up", "down":
		return m.overlay != noOverlay || m.ask == nil || m.typing() || len(m.ask.question.Options) < 2
	default:
		return false
	}
}

// move scrolls. Pages that follow their end count from there.
func (m model) move(name string) model {
	page := max(m.room(m.page())-1, 1)
	by := map[string]int{"up": -1, "down": 1, "pgup": -page, "pgdown": page, "home": -m.furthest(), "end": m.furthest()}[name]
	if m.page().follows {
		by = -by
	}
	m.scroll = min(max(m.scroll+by, 0), m.furthest())

	return m
}

// seconds in which a second ctrl+c stops without a further question.
const impatience = 3

// interrupt opens the stop dialog; twice means now. Over a verdict there is
// nothing to stop.
func (m model) interrupt() (model, tea.Cmd) {
	switch {
	case m.over:
		return m, tea.Quit
	case m.armed > 0:
		return m.halt(Now)
	default:
		m.armed, m.cursor = impatience, 0
		return m.cover(stopOverlay), nil
	}
}

// pressStop is the stop dialog; its default goes on.
func (m model) pressStop(name string) (model, tea.Cmd) {
	last := len(m.halts()) - 1
	switch name {
	case "up", "k":
		m.cursor = max(m.cursor-1, 0)
	case "down", "j":
		m.cursor = min(m.cursor+1, last)
	case "esc":
		return m.cover(noOverlay), nil
	case "enter":
		return m.halts()[min(m.cursor, last)].do(m) // the work went on, and with it what is offered
	}

	return m, nil
}

// halt stops the run. The question that may be open is left to the run's end,
// which tells a stop from a refusal.
func (m model) halt(when Halt) (model, tea.Cmd) {
	m = m.cover(noOverlay)
	m.stopping, m.after = when == Now, when == AfterStep // until the step ends, what it asks can be answered
	stop := m.stop
	if stop == nil && m.ask != nil {
		return m.answer(recovery.Answer{})
	}
	if stop == nil {
		return m, nil
	}

	return m, func() tea.Msg {
		stop(when)
		return nil
	}
}
