package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// savedMsg is what became of a document that was to be kept.
type savedMsg struct {
	path string
	err  error
}

// saveRunbook keeps the plan as shell commands.
func (m model) saveRunbook() (model, tea.Cmd) {
	if m.state.Plan == nil {
		return m, nil
	}

	return m.keep("runbook.sh", m.state.Plan.Runbook())
}

// saveLog keeps the log as far as the screen has it.
func (m model) saveLog() (model, tea.Cmd) {
	return m.keep("log.txt", strings.Join(m.log.all(), "\n")+"\n")
}

// keep hands a document over; whoever opened the screen writes it.
func (m model) keep(name, text string) (model, tea.Cmd) {
	if m.save == nil {
		return m, nil
	}
	save, run := m.save, m.state.Run

	return m, func() tea.Msg {
		path, err := save(run, name, []byte(text))
		return savedMsg{path, err}
	}
}

func (m model) saved(msg savedMsg) string {
	if msg.err != nil {
		return "Not saved: " + msg.err.Error()
	}

	return "Saved: " + msg.path
}
