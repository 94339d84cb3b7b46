package recovery

import (
	"fmt"
	"strings"
	"time"
)

// Report gives a run as a page of Markdown: for the ticket, the post-mortem and
// the auditor. It is written whatever the outcome.
func (s State) Report() string {
	var b strings.Builder
	s.Verdict = s.word()
	fmt.Fprintf(&b, "# %s %s on %s\n\n", s.heading(), s.Run, s.Host)
	if s.Verdict != nil {
		fmt.Fprintf(&b, "**%s** in %s, exit code %d\n\n", s.Verdict.Outcome, Span(s.Verdict.Took), s.Verdict.Exit)
	} else {
		b.WriteString("**No verdict: the run has not ended.**\n\n")
	}
	fmt.Fprintf(&b, "Backup %s; begun %s, last event %s.\n", s.Backup, s.Opened.UTC().Format(time.RFC3339), s.Last.UTC().Format(time.RFC3339))
	if asOf := s.DataAsOf(); !asOf.IsZero() {
		fmt.Fprintf(&b, "Data as of %s: %s old when it began.\n", asOf.UTC().Format(time.RFC3339), Span(s.Opened.Sub(asOf)))
	}
	if s.Program != "" {
		fmt.Fprintf(&b, "Program: firmflow-recovery %s.\n", s.Program)
	}
	s.reportVerdict(&b)
	s.reportSteps(&b)
	s.reportDecisions(&b)
	b.WriteString("\n## Inputs\n\n")
	for _, in := range s.Inputs {
		fmt.Fprintf(&b, "- %s: %s\n", in.Name, in.Value)
	}
	if s.Plan != nil {
		fmt.Fprintf(&b, "\n## Plan\n\n```\n%s```\n", s.Plan)
	}

	return b.String()
}

func (s State) heading() string {
	switch {
	case s.Undoing && s.Purpose != CleaningUp:
		return "Undo of recovery"
	case s.Cleaning && s.Purpose == CleaningUp:
		return "Cleanup after recovery"
	case s.Purpose == BackingUp:
		return "Backup, run"
	case s.Purpose == Drilling:
		return "Drill"
	default:
		return "Recovery"
	}
}

func (s State) reportVerdict(b *strings.Builder) {
	if s.Verdict == nil {
		return
	}
	if len(s.Verdict.Proofs) > 0 {
		b.WriteString("\n## Proven\n\n")
	}
	for _, f := range s.Verdict.Proofs {
		fmt.Fprintf(b, "- %s: **%s** %s", f.Status, f.Subject, f.Text)
		if f.Diagnosis != nil {
			fmt.Fprintf(b, " (`%s`)", f.Diagnosis.Code)
		}
		b.WriteString("\n")
	}
	if d := s.Verdict.Diagnosis; d != nil {
		fmt.Fprintf(b, "\n## %s (%s)\n\n- Seen: %s\n- Intact: %s\n", d.Summary, d.Code, d.Seen, d.Intact)
		for _, r := range d.Remedies {
			fmt.Fprintf(b, "- Do: %s", r.Do)
			if r.Command != "" {
				fmt.Fprintf(b, ": `%s`", r.Command)
			}
			b.WriteString("\n")
		}
	}
	if len(s.Verdict.Next) > 0 {
		b.WriteString("\n## Next\n\n")
	}
	for i, n := range s.Verdict.Next {
		fmt.Fprintf(b, "%d. %s\n", i+1, n)
	}
}

func (s State) reportDecisions(b *strings.Builder) {
	if len(s.Decisions) > 0 {
		b.WriteString("\n## Decisions\n\n")
	}
	for _, d := range s.Decisions {
		fmt.Fprintf(b, "- %s, after %s: %s **%s**\n", d.Time.UTC().Format(time.RFC3339), Span(d.Time.Sub(s.Opened)), d.Question, orNothing(d.Answer))
	}
}

func (s State) reportSteps(b *strings.Builder) {
	b.WriteString("\n## Steps\n\n")
	var all []StepState
	for _, part := range s.Past {
		all = append(all, part.Steps...)
	}
	for i, step := range append(all, s.Steps...) {
		took := ""
		if !step.Ended.IsZero() {
			took = ", " + Span(step.Ended.Sub(step.Started))
		}
		fmt.Fprintf(b, "%d. %s: %s%s. %s\n", i+1, step.Title, orNothing(string(step.Status)), took, step.Summary)
		for _, note := range step.Notes {
			fmt.Fprintf(b, "   - %s\n", note)
		}
		for _, command := range step.Commands {
			fmt.Fprintf(b, "   - by hand: `%s`\n", command)
		}
	}
}

// Input gives one of the run's inputs by name; empty if it has none.
func (s State) Input(name string) string {
	for _, in := range s.Inputs {
		if in.Name == name {
			return in.Value
		}
	}

	return ""
}
