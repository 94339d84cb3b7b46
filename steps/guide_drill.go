package steps

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"firmflow-recovery/recovery"
)

// noFault is the choice of a drill in which nothing goes wrong on purpose.
const noFault recovery.Choice = "none"

// drillable offers a drill, where one can be made.
func (g *Guide) drillable(busy string) []recovery.Option {
	if g.Drill == nil {
		return nil
	}

	return []recovery.Option{{Key: recovery.Drill, Label: "Restore drill", Detail: cmp.Or(g.DrillIn, "in a sandbox") + "; this installation is untouched", Why: busy}}
}

// rehearse asks what is to go wrong, drills, and shows how it went.
func (g *Guide) rehearse(ctx context.Context, c Chosen) (v recovery.Verdict, report string, err error) {
	if _, err := g.unlocked(ctx, c); err != nil {
		return turnedBack, "", unlessBack(err)
	}
	c.Key = g.Key
	for {
		fault, err := g.fault(ctx)
		if err != nil || fault == recovery.Back || fault == recovery.Stop {
			return turnedBack, "", err
		}
		name := string(fault)
		if fault == noFault {
			name = ""
		}
		did, err := g.Drill(ctx, c, name)
		if err != nil {
			return turnedBack, "", err
		}
		if did.Verdict.Turn == recovery.Back {
			continue
		}
		if did.Verdict.Turn != "" {
			return did.Verdict, did.Report, nil
		}
		_, asked := g.Operator.Ask(ctx, recovery.Question{
			ID: recovery.AskRead, Text: "How drill " + string(did.Run) + " went", Options: []recovery.Option{{Key: recovery.Back, Label: "Back"}},
			Page: &recovery.Page{Document: document("How drill "+string(did.Run)+" went", did.Scorecard)},
		})

		return did.Verdict, did.Report, unlessStopped(ctx, asked)
	}
}

// unlessStopped leaves a scorecard that nobody reads: the verdict stands.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}

	return err
}

// fault asks what is to go wrong.
func (g *Guide) fault(ctx context.Context) (recovery.Choice, error) {
	q := recovery.Question{
		ID: recovery.AskFault, Text: "Shall something go wrong, so that the way out is known?", Flag: "--fault NAME", Page: &recovery.Page{},
		Options: []recovery.Option{{Key: noFault, Label: "Nothing", Detail: "a drill as on a good day"}},
	}
	for _, f := range Faults() {
		q.Options = append(q.Options, recovery.Option{Key: recovery.Choice(f.Name), Label: f.Name, Detail: f.Does})
	}
	q.Options = append(q.Options, recovery.Option{Key: recovery.Back, Label: "Back"})
	answer, err := g.Operator.Ask(ctx, q)

	return answer.Choice, err
}

// scorecard tells how a drill went, for the one who did it: how long each step
// took, what was decided, and what was missed.
func (d Drill) scorecard(s recovery.State) string {
	var b strings.Builder
	a := s.Account()
	fmt.Fprintf(&b, "%s in %s; the data was %s old.\n", a.Outcome, recovery.Span(a.Took), recovery.Span(a.Age()))
	if d.Target > 0 {
		fmt.Fprintf(&b, "The target was %s.\n", recovery.Span(d.Target))
	}
	b.WriteString("\nTIME\n")
	for _, step := range a.Steps {
		fmt.Fprintf(&b, "  %-34s %s%s\n", step.Title, recovery.Span(step.Took), attempts(s.Step(step.ID)))
	}
	b.WriteString("\nDECIDED\n")
	for _, one := range s.Decisions {
		fmt.Fprintf(&b, "  after %s: %s  %s\n", recovery.Span(one.Time.Sub(s.Opened)), one.Question, one.Answer)
	}
	if len(s.Decisions) == 0 {
		b.WriteString("  nothing: no question came up\n")
	}
	b.WriteString("\nNOT REHEARSED, OR NOT PROVEN\n")
	missed := 0
	if s.Verdict != nil {
		for _, f := range s.Verdict.Proofs {
			if f.Status != recovery.Passed {
				fmt.Fprintf(&b, "  %s: %s\n", f.Subject, f.Text)
				missed++
			}
		}
	}
	if missed == 0 {
		b.WriteString("  nothing\n")
	}
	for _, text := range d.told() {
		b.WriteString("\nTHE FAULT\n  " + text + "\n")
	}

	return b.String()
}

func attempts(s recovery.StepState) string {
	if s.Attempt < 2 {
		return ""
	}

	return fmt.Sprintf(", attempt %d", s.Attempt)
}
