package tui

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"firmflow-recovery/recovery"
)

// halt is a way out of a run that goes on.
type halt struct {
	recovery.Option

	do func(m model) (model, tea.Cmd)
}

// halts are what the stop dialog offers; the first goes on.
func (m model) halts() []halt {
	way := func(label, detail string, do func(model) (model, tea.Cmd)) halt {
		return halt{recovery.Option{Label: label, Detail: detail}, do}
	}
	stop := func(when Halt) func(model) (model, tea.Cmd) {
		return func(m model) (model, tea.Cmd) { return m.halt(when) }
	}
	keep := func(m model) (model, tea.Cmd) { return m.cover(noOverlay), nil }
	switch {
	case m.watching:
		return []halt{way("Keep watching", "", keep), way("Leave this view", "the run goes on by itself", stop(Now))}
	case !m.state.Started() || m.state.Verdict != nil:
		return []halt{way("Keep going", "", keep), way("Stop now", "nothing has been changed", stop(Now))}
	}
	all := []halt{way("Keep going", "", keep)}
	if m.ask == nil { // else no step is in hand
		all = append(all, way("Stop after this step", "resume later", stop(AfterStep)))
	}
	all = append(all, way("Stop now, resume later", "the step is done again", stop(Now)))
	if m.detach != nil {
		all = append(all, way("Detach", "the screen ends; the work goes on, told in lines", model.leaveRunning))
	}

	return all
}

// leaveRunning ends the screen and not the run.
func (m model) leaveRunning() (model, tea.Cmd) {
	detach := m.detach

	return m.cover(noOverlay), func() tea.Msg {
		detach()
		return nil
	}
}

// stopPage asks whether to stop, and says what then stands.
func (m model) stopPage() page {
	head, stands := "  Stop this run?", "Nothing has been changed, and nothing will be."
	twice, keep := "stops now", "esc keep going"
	switch {
	case m.watching:
		head, stands = "  Leave this view?", "Another process does the work. To stop it, press ctrl+c there, or send it SIGTERM."
		twice, keep = "leaves", "esc keep watching"
	case m.state.Started() && m.state.Verdict == nil:
		stands = "Nothing that was replaced is deleted, and what is done stays done. Until step 5 has switched, the previous data is live; " +
			"the app is held. The run continues later with: firmflow-recovery resume"
	}
	body := append([]string{head, ""}, indented(m.wrap(stands, m.width-4), 2)...)
	body = append(body, "", "  The work goes on while you decide. ctrl+c again within 3 s "+twice+".")

	var options []recovery.Option
	for _, h := range m.halts() {
		options = append(options, h.Option)
	}

	return page{
		title: "stop?", body: body, foot: m.menu(options, m.cursor),
		keys: []string{m.glyphs().updown + " choose", "enter select", keep},
	}
}

// logPage is the log, newest last. Only what is seen is cleaned and drawn.
func (m model) logPage() page {
	lines := m.log.all()
	if len(lines) == 0 {
		lines = []string{"Nothing was logged so far."}
	}
	title := "log, following"
	if m.scroll > 0 {
		title = "log, held; end follows again"
	}
	body := make([]string, len(lines))
	for i, line := range lines {
		body[i] = " " + m.show(line)
		if m.search.hits(line) {
			body[i] = m.look.accent.Render(m.glyphs().then) + m.show(line)
		}
	}
	keys := []string{m.glyphs().updown + " scroll", "/ search", "n next", "f follow", "s save", "esc back"}
	if m.search.open {
		keys = []string{"enter find", "esc back"}
	}

	return page{title: title, body: body, follows: true, foot: m.searchLine(), keys: keys}
}

func (m model) searchLine() []string {
	switch {
	case m.search.open:
		return []string{" / " + m.show(m.search.text) + m.glyphs().cursor}
	case m.search.miss:
		return []string{m.look.warn.Render(" " + m.show(m.search.text) + " is not in the log above")}
	default:
		return m.noticed()
	}
}

// noticed is the answer to a key that asked for something beside the work.
func (m model) noticed() []string {
	if m.notice == "" {
		return nil
	}

	return indented(m.wrap(m.notice, m.width-3), 1)
}

// commandsPage shows the plan as it could be typed.
func (m model) commandsPage() page {
	var body []string
	if m.state.Plan == nil {
		body = []string{"  The plan is not made yet."}
	} else {
		for i, s := range m.state.Plan.Steps {
			body = append(body, fmt.Sprintf("  %d %s", i+1, m.show(s.Title)))
			if len(s.Assessment.Commands) == 0 {
				body = append(body, m.look.dim.Render("      no command"))
			}
			for _, command := range s.Assessment.Commands {
				body = append(body, indented(m.wrap(command, m.width-8), 6)...)
			}
			body = append(body, "")
		}
	}

	keys := []string{m.glyphs().updown + " scroll", "pgup/pgdn page", "p save runbook", "? help", "esc back"}

	return page{title: "the same by hand", body: body, foot: m.noticed(), keys: keys}
}

// helpPage explains keys and signs.
func (m model) helpPage() page {
	g := m.glyphs()
	keys := [][2]string{
		{"enter", "do what is chosen; alone it never replaces anything"}, {"esc", "back; it never stops work"},
		{"ctrl+c", "ask whether to stop; twice within 3 s stops now"}, {"l", "the log"}, {"x, tab", "the same by hand, as commands"},
		{"r", "check again, try again"}, {"p, ctrl+p", "save the plan as a runbook"},
		{g.updown, "choose, or scroll where there is nothing to choose"}, {"pgup pgdn", "scroll; home and end go all the way"},
		{"ctrl+t", "ASCII signs, for terminals that show others wrongly"},
	}
	body := []string{"  KEYS"}
	for _, k := range keys {
		body = append(body, m.field(k[0], k[1], 2, m.width-2)...)
	}
	body = append(body,
		"",
		"  SIGNS",
		"  "+fill(g.done, 4)+"ok, done        "+fill(g.current, 4)+"running        "+fill(g.waiting, 4)+"waiting",
		"  "+fill(g.warned, 4)+"warning         "+fill(g.unproven, 4)+"not proven     "+fill(g.failed, 4)+"FAILED",
		"")
	more := "Nothing changes before the plan is confirmed. What is replaced is set aside; only cleanup deletes it. " +
		"Every failure has a page of its own: firmflow-recovery help CODE"
	body = append(body, indented(m.wrap(more, m.width-4), 2)...)

	return page{title: "help", body: body, keys: []string{m.glyphs().updown + " scroll", "x commands", "l log", "esc back"}}
}
