package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"firmflow-recovery/recovery"
)

// page is a screen before it is fitted to the terminal.
type page struct {
	title   string
	head    []string // stays, above the body
	body    []string // scrolls where it is too long
	at      int      // a line of the body that must be seen, where the operator has not scrolled
	foot    []string // stays: what is asked
	keys    []string // "key what it does"; the way out last
	follows bool     // shows the end of the body, not its beginning
}

// View draws the page that the state calls for.
func (m model) View() string {
	if m.small() {
		return m.tooSmall()
	}

	return m.fit(m.frame(m.page()))
}

func (m model) page() page {
	switch m.overlay {
	case helpOverlay:
		return m.helpPage()
	case commandsOverlay:
		return m.commandsPage()
	case logOverlay:
		return m.logPage()
	case stopOverlay:
		return m.stopPage()
	default:
	}
	switch m.screen() {
	case ended:
		return m.verdictPage()
	case starting:
		return m.startPage()
	case choosing:
		return m.backupsPage()
	case entering:
		return m.enterPage()
	case reading:
		return m.documentPage()
	case looked:
		return m.lookedPage()
	case planning:
		return m.planPage()
	case remedying:
		return m.remedyPage()
	case failing:
		return m.troublePage()
	case running:
		return m.runningPage()
	default:
		return m.preparingPage()
	}
}

// frameLines is what stands around a body: header, rule, rail, a blank line,
// and rule and footer below.
const frameLines = 6

// room is how many lines a body has.
func (m model) room(p page) int { return max(m.height-frameLines-len(p.head)-len(m.foot(p)), 1) }

// foot keeps a question from pushing everything else off the screen.
func (m model) foot(p page) []string {
	most := m.height - frameLines - len(p.head) - 3
	if len(p.foot) <= most {
		return p.foot
	}

	return p.foot[len(p.foot)-most:] // the answers stand at the end
}

// furthest is how far the page can be scrolled.
func (m model) furthest() int {
	p := m.page()

	return max(len(p.body)-m.room(p), 0)
}

// frame puts a page together.
func (m model) frame(p page) []string {
	g := m.glyphs()
	rule := m.look.dim.Render(strings.Repeat(g.line, m.width))
	lines := []string{m.header(p.title), rule, m.rail(), ""}
	lines = append(append(append(lines, p.head...), m.body(p)...), m.foot(p)...)

	return append(lines, rule, m.footer(p.keys))
}

func (m model) header(title string) string {
	left := " " + m.look.title.Render("FirmFlow Recovery")
	if m.state.Purpose == recovery.Drilling {
		left += "  " + m.look.warn.Render("DRILL")
	}
	if m.stopping && m.state.Verdict == nil {
		title = "stopping at the next safe point"
	} else if m.after && m.ask == nil && m.state.Verdict == nil {
		title = "stopping after this step"
	}
	if title != "" {
		left += "  " + m.glyphs().then + "  " + title
	}
	host := m.host
	if host == "" {
		host = m.state.Host
	}
	right := m.cut(m.show(host), m.width/3) + " "
	left = m.cut(left, m.width-ansi.StringWidth(right)-1)

	return left + strings.Repeat(" ", max(m.width-ansi.StringWidth(left)-ansi.StringWidth(right), 1)) + right
}

// body is what of the body is seen, in exactly the lines it has.
func (m model) body(p page) []string {
	height, length := m.room(p), len(p.body)
	if length <= height {
		return append(p.body, make([]string, height-length)...)
	}
	at := min(m.scroll, length-height)
	if p.at > 0 && m.scroll == 0 {
		at = min(max(p.at-height/2, 0), length-height)
	}
	if p.follows {
		at = length - height - at
	}
	seen := append([]string(nil), p.body[at:at+height]...)
	below := length - at - height
	if below > 0 && height > 2 {
		seen[height-1] = m.look.dim.Render(fmt.Sprintf("  %s %d more lines below: pgdn", m.glyphs().more, below+1))
	}
	if at > 0 && height > 2 {
		seen[0] = m.look.dim.Render(fmt.Sprintf("  %s %d more lines above: pgup", m.glyphs().more, at+1))
	}

	return seen
}

// footer shows the keys; where there is no room, those before the way out go.
func (m model) footer(keys []string) string {
	for {
		line := " " + strings.Join(keys, "   ")
		if len(keys) <= 1 || ansi.StringWidth(line) <= m.width {
			return m.look.dim.Render(line)
		}
		keys = append(append([]string(nil), keys[:len(keys)-2]...), keys[len(keys)-1])
	}
}

// rail shows all steps on one line. Where their names do not fit, only that of
// the step in hand is written out.
func (m model) rail() string {
	ids := m.steps()
	for _, join := range []string{" " + m.glyphs().line + m.glyphs().line + " ", " "} {
		if line := m.railOf(ids, join, true); ansi.StringWidth(line) < m.width {
			return line
		}
	}

	return m.railOf(ids, "  ", false)
}

func (m model) railOf(ids []recovery.StepID, join string, named bool) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		at := m.stepMark(id)
		part := fmt.Sprintf("%s %d", at.symbol, i+1)
		if named || at.word == "running" || at.word == "looking" || at.word == "FAILED" {
			part += " " + m.name(id)
		}
		parts[i] = at.style.Render(part)
	}

	return " " + strings.Join(parts, m.look.dim.Render(join))
}

// steps are the steps of the plan, or those seen so far.
func (m model) steps() []recovery.StepID {
	var ids []recovery.StepID
	for _, s := range m.state.Steps {
		if s.ID != "" {
			ids = append(ids, s.ID)
		}
	}

	return ids
}

// fit is the last word on the size: Bubble Tea drops the top of what is too
// tall, and a line that wraps breaks the screen.
func (m model) fit(lines []string) string {
	lines = lines[:min(len(lines), m.height)]
	for i, line := range lines {
		lines[i] = m.cut(line, m.width)
	}

	return strings.Join(lines, "\n")
}

func (m model) tooSmall() string {
	s := fmt.Sprintf("Too small: %dx%d is needed. The work goes on.", minWidth, minHeight)
	if m.ask != nil {
		s += " A question waits."
	}
	if m.state.Verdict != nil {
		s += " " + string(m.state.Verdict.Outcome)
	}

	return m.fit(m.wrap(s, m.width))
}

// box draws a frame with a title around lines.
func (m model) box(title string, lines []string, width int) []string {
	g := m.glyphs()
	inner := max(width-4, 1)
	title = m.cut(m.show(title), inner-2)
	top := g.corners[0] + g.line + " " + title + " " + strings.Repeat(g.line, max(inner-1-ansi.StringWidth(title), 0)) + g.corners[1]
	all := []string{top}
	for _, line := range lines {
		all = append(all, g.side+" "+fill(m.cut(line, inner), inner)+" "+g.side)
	}

	return append(all, g.corners[2]+strings.Repeat(g.line, inner+2)+g.corners[3])
}

// beside sets two columns next to each other.
func beside(left, right []string, width int) []string {
	lines := make([]string, max(len(left), len(right)))
	for i := range lines {
		if i < len(left) {
			lines[i] = left[i]
		}
		if i < len(right) {
			lines[i] = fill(lines[i], width) + right[i]
		}
	}

	return lines
}

// indented moves lines to the right.
func indented(lines []string, by int) []string {
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", by) + line
		}
	}

	return lines
}
