package tui

import (
	"fmt"
	"strings"

	"firmflow-recovery/recovery"
)

// verdictPage is the last word: what it is, what proves it, what comes next.
func (m model) verdictPage() page {
	v := *m.state.Verdict
	at := m.outcomeMark(v.Outcome)
	body := []string{fmt.Sprintf("  %s in %s", at.style.Render(at.symbol+" "+m.show(string(v.Outcome))), recovery.Span(v.Took))}
	if v.Diagnosis != nil {
		body = append(append(append(body, ""), m.headline(*v.Diagnosis)...), m.explanation(*v.Diagnosis, 2)...)
	}
	body = append(body, m.proofs(v)...)
	if len(v.Next) > 0 {
		body = append(body, "")
	}
	for i, next := range v.Next {
		label := ""
		if i == 0 {
			label = "Next"
		}
		body = append(body, m.field(label, fmt.Sprintf("%d  %s", i+1, next), 2, m.width-2)...)
	}
	if v.Outcome == recovery.Interrupted || v.Outcome == recovery.PreviousLive {
		body = append(body, "", "  Continue with: firmflow-recovery resume")
	}
	body = append(body, "", m.look.dim.Render("  The verdict, and where its report is, are printed when you leave."))

	return page{title: "ended", body: body, keys: []string{m.glyphs().updown + " scroll", "l log", "x commands", "? help", "enter leave"}}
}

// proofs are what a verdict rests on; what speaks against it comes first.
func (m model) proofs(v recovery.Verdict) []string {
	var against, held []string
	for _, f := range v.Proofs {
		if f.Status == recovery.Failed || f.Status == recovery.Unproven {
			against = append(against, m.finding(f, 2)...)
		} else {
			held = append(held, m.proof(f)...)
		}
	}
	if len(against) > 0 {
		against = append([]string{""}, against...)
	}
	if len(held) > 0 {
		held = append([]string{"", "  " + m.proofsTitle(v.Outcome)}, held...)
	}

	return append(against, held...)
}

// proof is a finding in as few lines as it takes: what passed is told by its
// sign and the heading above, all else in words.
func (m model) proof(f recovery.Finding) []string {
	if f.Status != recovery.Passed {
		return m.finding(f, 2)
	}
	const column = 14 // sign and subject
	at := m.findingMark(f.Status)
	lines := m.wrap(f.Text, m.width-column-5)
	for i, line := range lines {
		head := strings.Repeat(" ", column+2)
		if i == 0 {
			head = at.style.Render(at.symbol) + "  " + fill(m.cut(m.show(f.Subject), column-2), column-1)
		}
		lines[i] = "  " + head + line
	}

	return lines
}

func (m model) proofsTitle(o recovery.Outcome) string {
	if o == recovery.Ready {
		return "SEEN"
	}

	return "PROVEN"
}

func (m model) outcomeMark(o recovery.Outcome) mark {
	g := m.glyphs()
	switch o {
	case recovery.Verified, recovery.Ready, recovery.Undone, recovery.CleanedUp, recovery.BackedUp:
		return mark{symbol: g.done, style: m.look.good}
	case recovery.NotVerified, recovery.Interrupted, recovery.NothingChanged, recovery.DrillStopped, recovery.BackedUpHere, recovery.BackedUpNotVerified:
		return mark{symbol: g.warned, style: m.look.warn}
	default:
		return mark{symbol: g.failed, style: m.look.bad}
	}
}
