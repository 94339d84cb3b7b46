package plain

import (
	"fmt"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
)

// word is what begins a finding's line: the status, in words, first.
func word(s recovery.Status) string {
	switch s {
	case recovery.Passed:
		return "ok      "
	case recovery.Warned:
		return "warning "
	case recovery.Unproven:
		return "not proven"
	default:
		return "FAILED  "
	}
}

// finding is one fact. One that was explained before is not explained again: a
// step is looked at for the plan, before it runs and after.
func (t *transcript) finding(f recovery.Finding) string {
	if f.Diagnosis == nil {
		return word(f.Status) + " " + Clean(f.Subject) + ": " + cleanLines(f.Text, indent) + "\n"
	}
	if t.told[key(*f.Diagnosis)] {
		return brief(f)
	}

	return t.explain(word(f.Status), *f.Diagnosis)
}

// brief is a finding in one line.
func brief(f recovery.Finding) string {
	code := ""
	if f.Diagnosis != nil {
		code = "   [" + Clean(string(f.Diagnosis.Code)) + "]"
	}

	return word(f.Status) + " " + Clean(f.Text) + code + "\n"
}

// explain gives a diagnosis, and remembers that it stands there now.
func (t *transcript) explain(head string, d recovery.Diagnosis) string {
	if t.told == nil {
		t.told = make(map[string]bool)
	}
	t.told[key(d)] = true

	return diagnosis(head, d)
}

func key(d recovery.Diagnosis) string { return string(d.Code) + " " + d.Summary }

// Verdict gives a run's last word with its proofs, for the normal screen after
// a full one.
func Verdict(v recovery.Verdict) string {
	var b strings.Builder
	t := transcript{}
	for _, p := range v.Proofs {
		b.WriteString(t.finding(p))
	}

	return b.String() + t.verdict(v)
}

// Diagnosis gives a failure that belongs to no run as text.
func Diagnosis(d recovery.Diagnosis) string { return diagnosis(word(recovery.Failed), d) }

// diagnosis has four parts, and the last can be pasted.
func diagnosis(head string, d recovery.Diagnosis) string {
	var b strings.Builder
	const indent = "           "
	code := Clean(string(d.Code))
	fmt.Fprintf(&b, "%s %s   [%s]\n", head, Clean(d.Summary), code)
	if d.Seen != "" {
		fmt.Fprintf(&b, "  seen     %s\n", cleanLines(d.Seen, indent))
	}
	if d.Intact != "" {
		fmt.Fprintf(&b, "  intact   %s\n", cleanLines(d.Intact, indent))
	}
	for _, r := range d.Remedies {
		fmt.Fprintf(&b, "  do       %s\n", cleanLines(r.Do, indent))
		if r.Command != "" {
			fmt.Fprintf(&b, "%s  %s\n", indent, cleanLines(r.Command, indent+"  "))
		}
	}
	fmt.Fprintf(&b, "  more     firmflow-recovery help %s\n", code)

	return b.String()
}

// verdict is the last word. Its proofs stand above, each where it was found;
// so does a diagnosis that was explained.
func (t *transcript) verdict(v recovery.Verdict) string {
	if v.Turn != "" && v.Outcome == recovery.NothingChanged {
		return "went back; nothing was changed\n"
	}
	var b strings.Builder
	if v.Diagnosis != nil && !t.told[key(*v.Diagnosis)] {
		b.WriteString(t.explain(word(recovery.Failed), *v.Diagnosis))
	}
	for _, n := range v.Next {
		fmt.Fprintf(&b, "next     %s\n", cleanLines(n, indent))
	}
	fmt.Fprintf(&b, "%s in %s", Clean(string(v.Outcome)), recovery.Span(v.Took))
	if v.Diagnosis != nil {
		b.WriteString(": " + Clean(v.Diagnosis.Summary))
	} else if why := doubt(v); why != "" {
		b.WriteString(": " + Clean(why))
	}
	b.WriteString(".\n")
	if v.Outcome == recovery.Interrupted || v.Outcome == recovery.PreviousLive {
		b.WriteString("Continue with: firmflow-recovery resume\n")
	}

	return b.String()
}

// doubt is what keeps a verdict from being VERIFIED: the first thing that is
// wrong, else the first that is not proven.
func doubt(v recovery.Verdict) string {
	for _, status := range []recovery.Status{recovery.Failed, recovery.Unproven} {
		for _, p := range v.Proofs {
			if p.Status == status && v.Outcome == recovery.NotVerified {
				return p.Text
			}
		}
	}

	return ""
}

// plan gives the plan's own text. Its lines are a contract; what others named
// is cleaned first, so that no file name can add a line.
func plan(p recovery.Plan) string {
	p.Backup, p.Target = Clean(p.Backup), Clean(p.Target)
	p.Steps = slices.Clone(p.Steps)
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Title = Clean(s.Title)
		s.Assessment.Changes = cleanAll(s.Assessment.Changes)
		s.Assessment.Replaces = cleanAll(s.Assessment.Replaces)
		s.Assessment.GivesUp = cleanAll(s.Assessment.GivesUp)
		s.Assessment.Loses = Clean(s.Assessment.Loses)
	}

	return p.String()
}

func cleanAll(lines []string) []string {
	clean := make([]string, len(lines))
	for i, line := range lines {
		clean[i] = Clean(line)
	}

	return clean
}
