package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// search looks for a text in the log, newest first.
type search struct {
	open bool // it is being typed
	text string
	at   int  // lines of the log below the one that was found
	miss bool // nothing was found
}

// pressSearch edits what is looked for.
func (m model) pressSearch(k tea.KeyMsg) model {
	switch k.Type {
	case tea.KeyEsc:
		m.search = search{}
	case tea.KeyEnter:
		m.search.open = false
		return m.find(0)
	case tea.KeyBackspace:
		if runes := []rune(m.search.text); len(runes) > 0 {
			m.search.text = string(runes[:len(runes)-1])
		}
	case tea.KeyCtrlU:
		m.search.text = ""
	case tea.KeyRunes, tea.KeySpace:
		m.search.text = typed(m.search.text, k.Runes)
	default:
	}

	return m
}

// pressLog is what the log offers besides scrolling.
func (m model) pressLog(name string) (model, tea.Cmd) {
	switch name {
	case "/":
		m.search, m.notice = search{open: true}, ""
	case "n":
		return m.find(m.search.at + 1), nil
	case "f":
		m.scroll = 0
	case "s":
		return m.saveLog()
	}

	return m, nil
}

// find shows the next line with the text, from so many lines above the newest
// on upwards. Lines below it are shown, too: what follows explains it.
func (m model) find(from int) model {
	lines := m.log.all()
	m.search.miss = m.search.text != ""
	for below := from; below < len(lines); below++ {
		if m.search.hits(lines[len(lines)-1-below]) {
			m.search.at, m.search.miss = below, false
			m.scroll = min(max(below-2, 0), m.furthest())

			return m
		}
	}

	return m
}

func (s search) hits(line string) bool {
	return s.text != "" && strings.Contains(strings.ToLower(line), strings.ToLower(s.text))
}
