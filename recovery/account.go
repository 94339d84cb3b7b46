package recovery

import (
	"strings"
	"time"
)

// Account is a run in figures: one line of a list, one point of a trend, and
// what this host's history is made of.
type Account struct {
	Run     RunID           `json:"run"`
	Purpose Purpose         `json:"purpose,omitempty"`
	Host    string          `json:"host"`
	Backup  string          `json:"backup"`
	Began   time.Time       `json:"began"`
	Took    time.Duration   `json:"took_ns"`
	AsOf    time.Time       `json:"data_as_of,omitzero"` // of the backup; zero: not known
	Outcome Outcome         `json:"outcome,omitempty"`   // empty: there is no verdict
	Exit    ExitCode        `json:"exit"`
	Resumed bool            `json:"resumed,omitempty"` // its times are not those of one run
	Steps   []AccountedStep `json:"steps,omitempty"`
}

// AccountedStep is how long a step took, and for how much.
type AccountedStep struct {
	ID    StepID        `json:"id"`
	Title string        `json:"title"`
	After time.Duration `json:"after_ns"` // since the run began
	Took  time.Duration `json:"took_ns"`
	Bytes int64         `json:"bytes,omitempty"`
	Items int64         `json:"items,omitempty"`
	Done  bool          `json:"done"`
}

// Age is how old the data was when the run began; zero where that is not known.
func (a Account) Age() time.Duration {
	if a.AsOf.IsZero() {
		return 0
	}

	return a.Began.Sub(a.AsOf)
}

// Account gives a run in figures.
func (s State) Account() Account {
	a := Account{Run: s.Run, Purpose: s.Purpose, Host: s.Host, Backup: s.Backup, Began: s.Opened, AsOf: s.DataAsOf(), Resumed: s.Resumed, Took: s.Last.Sub(s.Opened)}
	if v := s.word(); v != nil {
		a.Outcome, a.Exit, a.Took = v.Outcome, v.Exit, v.Took
	}
	for _, step := range s.Steps {
		if step.Started.IsZero() {
			continue // only looked at
		}
		one := AccountedStep{ID: step.ID, Title: step.Title, After: step.Started.Sub(s.Opened), Done: step.Status == Finished}
		if !step.Ended.IsZero() {
			one.Took = step.Ended.Sub(step.Started)
		} else {
			one.Took = s.Last.Sub(step.Started)
		}
		for _, f := range step.Findings {
			one.Bytes, one.Items = one.Bytes+f.Bytes, one.Items+f.Items
		}
		a.Steps = append(a.Steps, one)
	}

	return a
}

// DataAsOf is when the data of the backup was written: the time of its dump, as
// the run's inputs tell it. Zero where they do not.
func (s State) DataAsOf() time.Time {
	_, written, told := strings.Cut(s.Input("dump"), " bytes of ")
	if !told {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, written)
	if err != nil {
		return time.Time{}
	}

	return at
}
