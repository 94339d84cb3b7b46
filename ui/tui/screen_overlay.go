package tui

import (
	"fmt"

	"firmflow-recovery/recovery"
)

// stopPage asks whether to stop, and says what then stands.
func (m model) stopPage() page {
	body := []string{"  Stop this run?", ""}
	stands := "Nothing has been changed, and nothing will be."
	if m.state.Confirmed {
		stands = "The step in hand stops at its next safe point. Nothing that was replaced is deleted, and what is done stays done. " +
			"The run continues later with: firmflow-recovery resume"
	}
	body = append(body, indented(m.wrap(stands, m.width-4), 2)...)
	body = append(body, "", "  The work goes on while you decide. ctrl+c again within 3 s stops now.")
	stop := "Stop now"
	if m.state.Confirmed {
		stop = "Stop now, resume later"
	}

	return page{
		title: "stop?", body: body, foot: m.menu([]recovery.Option{{Label: "Keep going"}, {Label: stop}}, m.cursor),
		keys: []string{m.glyphs().updown + " choose", "enter select", "ctrl+c stop now", "esc keep going"},
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
	}

	return page{title: title, body: body, follows: true, keys: []string{m.glyphs().updown + " scroll", "pgup/pgdn page", "end follow", "esc back"}}
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

	return page{title: "the same by hand", body: body, keys: []string{m.glyphs().updown + " scroll", "pgup/pgdn page", "l log", "? help", "esc back"}}
}

// helpPage explains keys and signs.
func (m model) helpPage() page {
	g := m.glyphs()
	keys := [][2]string{
		{"enter", "do what is chosen; alone it never replaces anything"}, {"esc", "back; it never stops work"},
		{"ctrl+c", "ask whether to stop; twice within 3 s stops now"}, {"l", "the log"}, {"x, tab", "the same by hand, as commands"},
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
	more := "Nothing changes before the plan is confirmed. What is replaced is set aside, never deleted. " +
		"Every failure has a page of its own: firmflow-recovery help CODE"
	body = append(body, indented(m.wrap(more, m.width-4), 2)...)

	return page{title: "help", body: body, keys: []string{m.glyphs().updown + " scroll", "x commands", "l log", "esc back"}}
}
