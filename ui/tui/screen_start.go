package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"firmflow-recovery/recovery"
)

// startPage tells what there is on this host, and asks what is to be done.
func (m model) startPage() page {
	q := m.ask.question
	var body []string
	if s := q.Page.Start; s != nil {
		body = m.found(*s)
	}
	foot := append([]string{"", "  " + m.show(q.Text)}, m.menu(q.Options, m.ask.cursor)...)

	return page{body: body, foot: foot, keys: []string{m.glyphs().updown + " choose", "enter select", "? help", "q quit"}}
}

func (m model) found(s recovery.Start) []string {
	var lines []string
	say := func(text string, indent int) {
		lines = append(lines, indented(m.wrap(text, m.width-indent-2), indent)...)
	}
	if s.Running != nil {
		say("A recovery is going on right now.", 2)
		say(m.summary(*s.Running), 4)
	}
	if s.Interrupted != nil {
		say("An interrupted recovery was found on this host.", 2)
		say(m.summary(*s.Interrupted), 4)
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	if s.Newest != nil {
		say("Newest backup   "+m.inBrief(*s.Newest), 2)
	}
	if s.Last != nil {
		kind := "Last recovery"
		if s.Last.Purpose == recovery.Drilling {
			kind = "Last drill"
		}
		say(fmt.Sprintf("%-15s %s, %s ago, backup %s", kind, s.Last.Outcome, recovery.Span(s.Last.Age), s.Last.Backup), 2)
	}
	for _, remark := range s.Remarks {
		say(remark, 2)
	}
	lines = append(lines, "", m.look.dim.Render("  Nothing is changed before you have confirmed a plan."))

	return lines
}

func (m model) inBrief(b recovery.ListedBackup) string {
	s := b.Name + ", " + recovery.Span(b.Age) + " old, dump " + sized(b.DumpBytes) + ", vault " + sized(b.VaultBytes)
	for _, remark := range b.Remarks {
		s += "; " + remark
	}

	return s
}

func (m model) summary(s recovery.Summary) string {
	text := fmt.Sprintf("run %s, backup %s", s.Run, s.Backup)
	if s.Index > 0 {
		text += fmt.Sprintf(", came to step %d of %d (%s)", s.Index, s.Of, s.Title)
	}

	return text + ", last heard of " + recovery.Span(s.Age) + " ago"
}

// sized gives an amount of bytes, of which none means that there is no file.
func sized(bytes int64) string {
	if bytes == 0 {
		return "missing"
	}

	return recovery.Size(bytes)
}

// menu lists options. What comes of one stands beside it, as does why one cannot
// be chosen.
func (m model) menu(options []recovery.Option, cursor int) []string {
	lines, column := []string{""}, 0
	for _, o := range options {
		if o.Detail == "" && o.Why == "" {
			continue
		}
		column = max(column, min(ansi.StringWidth(m.show(o.Label)), m.width/2))
	}
	for i, o := range options {
		head, label, beside := "    ", m.show(o.Label), m.show(o.Detail)
		if beside != "" || o.Why != "" {
			label = fill(m.cut(label, column), column)
		}
		switch {
		case o.Why != "":
			label, beside = m.look.dim.Render(label), "not possible: "+m.show(o.Why)
		case i == cursor:
			label = m.look.accent.Render(label)
		}
		if i == cursor {
			head = "  > "
		}
		if beside != "" {
			label += "   " + m.look.dim.Render(beside)
		}
		lines = append(lines, strings.TrimRight(head+label, " "))
	}

	return lines
}
