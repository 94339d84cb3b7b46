// Package report lays a run out for those who were not there: as Markdown for a
// ticket, as JSON for a program, and as one page of HTML that needs nothing
// besides itself. All three say the same, of a run that failed or was killed as
// much as of one that ended well.
package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"firmflow-recovery/recovery"
)

// Version is the version of the JSON's form. Fields are only ever added.
const Version = 1

// Report is a run as it is laid out. Durations are in seconds.
type Report struct {
	V         int                 `json:"v"`
	Run       recovery.RunID      `json:"run"`
	Kind      string              `json:"kind"` // recovery, drill, undo, cleanup
	Host      string              `json:"host"`
	Program   string              `json:"program,omitempty"`
	Backup    string              `json:"backup"`
	Began     time.Time           `json:"began"`
	Ended     time.Time           `json:"ended"` // its last event
	Outcome   recovery.Outcome    `json:"outcome,omitempty"`
	Exit      *recovery.ExitCode  `json:"exit,omitempty"` // nil: there is no verdict
	Took      float64             `json:"took_s"`
	DataAsOf  time.Time           `json:"data_as_of,omitzero"`
	DataAge   float64             `json:"data_age_s,omitempty"`
	Target    float64             `json:"target_s,omitempty"`
	Checks    []recovery.Finding  `json:"checks,omitempty"`
	Diagnosis *recovery.Diagnosis `json:"diagnosis,omitempty"`
	Next      []string            `json:"next,omitempty"`
	Steps     []Step              `json:"steps,omitempty"`
	Decisions []recovery.Decision `json:"decisions,omitempty"`
	Inputs    []recovery.Input    `json:"inputs,omitempty"`
	Plan      string              `json:"plan,omitempty"`
	Trend     []Point             `json:"trend,omitempty"` // of this kind on this host, oldest first, this one last
}

// Step is one step.
type Step struct {
	ID       recovery.StepID     `json:"id"`
	Title    string              `json:"title"`
	Status   recovery.StepStatus `json:"status"`
	After    float64             `json:"after_s"` // since the run began
	Took     float64             `json:"took_s"`
	Attempts int                 `json:"attempts,omitempty"`
	Bytes    int64               `json:"bytes,omitempty"`
	Items    int64               `json:"items,omitempty"`
	Summary  string              `json:"summary,omitempty"`
	Notes    []string            `json:"notes,omitempty"`
	Commands []string            `json:"commands,omitempty"` // the same by hand, without secrets
}

// Point is one run of the trend.
type Point struct {
	Run     recovery.RunID   `json:"run"`
	Began   time.Time        `json:"began"`
	Backup  string           `json:"backup"`
	Outcome recovery.Outcome `json:"outcome"`
	Took    float64          `json:"took_s"`
	DataAge float64          `json:"data_age_s,omitempty"`
	Bytes   int64            `json:"bytes,omitempty"` // of vault and dump
	Steps   []Spent          `json:"steps,omitempty"`
}

// Spent is what a step of an earlier run took.
type Spent struct {
	ID   recovery.StepID `json:"id"`
	Took float64         `json:"took_s"`
}

// Of lays a run out, after those that came before it.
func Of(s recovery.State, before []recovery.Account) Report {
	a := s.Account()
	r := Report{
		V: Version, Run: s.Run, Kind: kind(s.Purpose), Host: s.Host, Program: s.Program, Backup: s.Backup, Began: s.Opened, Ended: s.Last,
		Took: a.Took.Seconds(), DataAsOf: a.AsOf, DataAge: a.Age().Seconds(), Decisions: s.Decisions, Inputs: s.Inputs,
		Target: s.Within.Seconds(),
	}
	if s.Plan != nil {
		r.Plan = s.Plan.String()
	}
	if v := s.Verdict; v != nil {
		exit := v.Exit
		r.Outcome, r.Exit, r.Checks, r.Diagnosis, r.Next = v.Outcome, &exit, v.Proofs, v.Diagnosis, v.Next
	} else {
		for _, step := range s.Steps {
			r.Checks = append(r.Checks, step.Findings...)
		}
		r.Next = []string{"the run came to no verdict: nobody works on it, or it goes on right now"}
	}
	for _, one := range a.Steps {
		at := s.Step(one.ID)
		r.Steps = append(r.Steps, Step{
			ID: one.ID, Title: one.Title, Status: at.Status, After: one.After.Seconds(), Took: one.Took.Seconds(), Attempts: at.Attempt,
			Bytes: one.Bytes, Items: one.Items, Summary: at.Summary, Notes: at.Notes, Commands: at.Commands,
		})
	}
	for _, one := range append(before, a) {
		r.Trend = append(r.Trend, point(one))
	}

	return r
}

// Refused is the report of a drill that was not begun: there is no journal of
// it, and whoever waits for its end must hear of it all the same.
func Refused(kind, host, program string, at time.Time, d recovery.Diagnosis, exit recovery.ExitCode) Report {
	return Report{V: Version, Kind: kind, Host: host, Program: program, Began: at, Ended: at, Outcome: recovery.NothingChanged, Exit: &exit, Diagnosis: &d}
}

func point(a recovery.Account) Point {
	p := Point{Run: a.Run, Began: a.Began, Backup: a.Backup, Outcome: a.Outcome, Took: a.Took.Seconds(), DataAge: a.Age().Seconds()}
	for _, s := range a.Steps {
		p.Bytes += s.Bytes
		p.Steps = append(p.Steps, Spent{ID: s.ID, Took: s.Took.Seconds()})
	}

	return p
}

func kind(p recovery.Purpose) string {
	if p == recovery.Recovering {
		return "recovery"
	}

	return string(p)
}

// JSON gives the report as one object.
func (r Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}

	return append(text, '\n'), nil
}

// Markdown gives a run as text, with the trend at its end.
func Markdown(s recovery.State, before []recovery.Account) string {
	var b strings.Builder
	b.WriteString(s.Report())
	if len(before) == 0 {
		return b.String()
	}
	b.WriteString("\n## Trend\n\n| run | backup | outcome | took | data |\n|---|---|---|---|---|\n")
	for _, a := range append(before, s.Account()) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s old |\n", a.Run, a.Backup, orNone(string(a.Outcome)), recovery.Span(a.Took), recovery.Span(a.Age()))
	}

	return b.String()
}

func orNone(text string) string {
	if text == "" {
		return "no verdict"
	}

	return text
}
