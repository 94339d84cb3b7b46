package plain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"firmflow-recovery/recovery"
)

// transcript turns events into lines. It is a fold: the same events give the
// same text.
type transcript struct {
	state   recovery.State
	order   []recovery.StepID // the steps, as they appeared
	told    map[string]bool   // diagnoses that stand above already
	every   time.Duration
	current recovery.StepID // the step that is looked at or worked on
	pace    pace
	failed  []recovery.Finding // proofs of the step in hand that failed, not explained yet
}

// said is a text of the operator itself between the events of the engine.
const said recovery.Kind = "plain.said"

// indent is where a line that belongs to the one above begins.
const indent = "         "

// add folds an event and gives the text it is worth.
func (t *transcript) add(e recovery.Event) string {
	if e.Kind == said {
		return e.Text
	}
	if e.Step != "" && !slices.Contains(t.order, e.Step) {
		t.order = append(t.order, e.Step)
	}
	t.state.Apply(e)
	switch e.Kind {
	case recovery.RunOpened, recovery.RunResumed:
		return t.opened(e)
	case recovery.CheckStarted:
		t.begin(e)
		return ""
	case recovery.CheckFinding:
		return t.finding(*e.Finding)
	case recovery.PlanMade:
		t.current = ""
		return plan(*e.Plan)
	case recovery.QuestionAsked, recovery.Answered:
		t.current = "" // whoever asks shows it
		return ""
	case recovery.RunStarted:
		switch t.state.Purpose {
		case recovery.Recovering:
		case recovery.BackingUp:
			return "started; nothing that is live is changed\n"
		case recovery.Drilling:
			return "started; what changes from here on is the drill's own\n"
		default:
			return "started; from here on things change\n"
		}
		return "started; from here on things change, beside what is live\n"
	case recovery.RunEnded:
		t.current = ""
		return t.verdict(*e.Verdict)
	default:
		return t.step(e)
	}
}

func (t *transcript) opened(e recovery.Event) string {
	resumed := ""
	if e.Kind == recovery.RunResumed {
		resumed = ", resumed"
	}

	badge := "FirmFlow Recovery"
	if e.Purpose == recovery.Drilling {
		badge += ", DRILL"
	}

	return fmt.Sprintf("%s, host %s, run %s%s, %s\n", badge, Clean(e.Host), Clean(string(e.Run)), resumed, e.Time.UTC().Format(time.RFC3339))
}

func (t *transcript) step(e recovery.Event) string {
	switch e.Kind {
	case recovery.StepStarted:
		t.begin(e)
		if e.Attempt > 1 {
			return fmt.Sprintf("%s: started, attempt %d\n", t.name(e.Step), e.Attempt)
		}
		return t.name(e.Step) + ": started" + t.left(e) + "\n"
	case recovery.StepProgress:
		return t.progress(e)
	case recovery.StepNoted:
		return t.name(e.Step) + ": " + cleanLines(e.Text, indent) + "\n"
	case recovery.StepProof:
		if e.Finding.Status == recovery.Failed {
			t.failed = append(t.failed, *e.Finding)
			return brief(*e.Finding) // it is explained where the step ends
		}
		return t.finding(*e.Finding)
	case recovery.StepFinished:
		t.current = ""
		return t.explainFailed() + fmt.Sprintf("%s: done in %s%s\n", t.name(e.Step), t.took(e.Step), after(", ", Clean(e.Text)))
	case recovery.StepFailed:
		t.current, t.failed = "", nil
		return t.name(e.Step) + ": failed\n" + t.explain(word(recovery.Failed), *e.Diagnosis)
	case recovery.StepLog:
		return "log      " + Clean(e.Text) + "\n"
	default:
		return ""
	}
}

// left is how long the whole still takes, where this host's history tells.
func (t *transcript) left(e recovery.Event) string {
	left, known := t.state.TimeLeft(e.Time)
	if !known {
		return ""
	}

	return ", " + remaining(left) + " in all"
}

// explainFailed explains what failed and did not fail the step: the data itself
// is wrong, and no other try mends it.
func (t *transcript) explainFailed() string {
	var b strings.Builder
	for _, f := range t.failed {
		if f.Diagnosis != nil && !t.told[key(*f.Diagnosis)] {
			b.WriteString(t.explain(word(f.Status), *f.Diagnosis))
		}
	}
	t.failed = nil

	return b.String()
}

func (t *transcript) begin(e recovery.Event) {
	t.current = e.Step
	t.pace = pace{told: e.Time, heard: e.Time}
}

func (t *transcript) took(id recovery.StepID) string {
	s := t.state.Step(id)
	if s.Started.IsZero() {
		return recovery.Span(0)
	}

	return recovery.Span(s.Ended.Sub(s.Started))
}

// name gives a step as it stands in every line about it. Its number is the
// plan's; before there is one, steps are counted as they appear.
func (t *transcript) name(id recovery.StepID) string {
	title := Clean(t.state.Step(id).Title)
	if t.state.Plan != nil {
		for i, s := range t.state.Plan.Steps {
			if s.ID == id {
				return fmt.Sprintf("step %d of %d, %s", i+1, len(t.state.Plan.Steps), title)
			}
		}
	}

	return fmt.Sprintf("step %d, %s", slices.Index(t.order, id)+1, title)
}

func after(separator, text string) string {
	if text == "" {
		return ""
	}

	return separator + text
}
