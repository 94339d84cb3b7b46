package recovery

import "time"

// History is what earlier runs and drills of this host took, the newest first.
// It is nil where nobody looked for any.
type History []Account

// Estimate is how long something will take, as far as earlier runs tell.
type Estimate struct {
	Low  time.Duration `json:"low_ns"`
	High time.Duration `json:"high_ns"`
	Runs int           `json:"runs"` // how many it comes from
}

// middle is what a countdown begins with.
func (e Estimate) middle() time.Duration { return (e.Low + e.High) / 2 }

// recent is how many runs an estimate comes from at most: older ones had another
// disk or another machine under them.
const recent = 5

// Of estimates a step over so many bytes and items; 0 where they are not known.
// Part of a step's time grows with its work and part does not, and which is
// which one run cannot tell: the estimate spans both. A run that was interrupted
// and resumed proves its steps again in no time, so it counts for nothing.
func (h History) Of(id StepID, bytes, items int64) (Estimate, bool) {
	var e Estimate
	for _, a := range h {
		if e.Runs == recent {
			break
		}
		for _, s := range a.Steps {
			if s.ID != id || !s.Done || a.Resumed {
				continue
			}
			low, high := scaled(s, bytes, items)
			if e.Runs == 0 || low < e.Low {
				e.Low = low
			}
			e.High = max(e.High, high)
			e.Runs++
		}
	}

	return e, e.Runs > 0
}

// scaled is what a step that took so long for its work may take for another
// amount: from not growing at all to growing with whatever grew the most.
func scaled(s AccountedStep, bytes, items int64) (low, high time.Duration) {
	low, high = s.Took, s.Took
	for _, w := range [][2]int64{{s.Bytes, bytes}, {s.Items, items}} {
		if w[0] <= 0 || w[1] <= 0 {
			continue
		}
		grown := time.Duration(float64(s.Took) * float64(w[1]) / float64(w[0]))
		low, high = min(low, grown), max(high, grown)
	}

	return low, high
}

// Takes adds the estimates of all steps up; ok is false where one has none.
func (p Plan) Takes() (e Estimate, ok bool) {
	for i, s := range p.Steps {
		if s.Estimate == nil {
			return Estimate{}, false
		}
		if i == 0 || s.Estimate.Runs < e.Runs {
			e.Runs = s.Estimate.Runs
		}
		e.Low, e.High = e.Low+s.Estimate.Low, e.High+s.Estimate.High
	}

	return e, len(p.Steps) > 0
}

// Duration says how long the plan will take, in words; empty where nobody looked
// for earlier runs.
func (p Plan) Duration() string {
	if p.Earlier == nil {
		return ""
	}
	e, known := p.Takes()
	switch {
	case *p.Earlier == 0:
		return "not known: there is no earlier run and no drill on this host to tell it by"
	case !known:
		return "not known: no earlier run or drill on this host tells it of every step"
	case Span(e.Low) == Span(e.High):
		return "about " + Span(e.High) + ", " + byRuns(e.Runs)
	default:
		return "about " + Span(e.Low) + " to " + Span(e.High) + ", " + byRuns(e.Runs)
	}
}

func byRuns(n int) string {
	if n == 1 {
		return "by the one earlier run or drill on this host"
	}

	return "by the last " + Count(int64(n)) + " runs and drills on this host"
}

// estimate adds to a planned step what this host's history says of it.
func (w *walker) estimate(s PlannedStep) *Estimate {
	if w.History == nil {
		return nil
	}
	if s.Assessment.Standing == Done {
		return &Estimate{Runs: min(recent, len(w.History))}
	}
	var bytes, items int64
	for _, f := range s.Assessment.Findings {
		bytes, items = bytes+f.Bytes, items+f.Items
	}
	if e, known := w.History.Of(s.ID, bytes, items); known {
		return &e
	}

	return nil
}

// TimeLeft estimates how long the run still takes, by what its plan estimated
// and by how fast the phase in hand goes; ok is false where that cannot be told.
func (s State) TimeLeft(now time.Time) (left time.Duration, ok bool) {
	if s.Plan == nil || s.Verdict != nil {
		return 0, false
	}
	for _, planned := range s.Plan.Steps {
		if planned.Estimate == nil {
			return 0, false
		}
		step := s.Step(planned.ID)
		switch step.Status {
		case Finished:
		case Working:
			left += max(planned.Estimate.middle()-now.Sub(step.Started), step.Left(), 0)
		default:
			left += planned.Estimate.middle()
		}
	}

	return left, true
}
