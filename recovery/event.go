package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Version is the version of the event's form. Fields are only ever added.
const Version = 1

// RunID names one execution: its time of birth in UTC, to the second.
type RunID string

// NewRunID gives the id of a run that begins now.
func NewRunID(now time.Time) RunID { return RunID(now.UTC().Format(runIDLayout)) }

// Next is the id one second after this one.
func (r RunID) Next() (RunID, error) {
	born, err := r.Born()
	if err != nil {
		return "", err
	}

	return NewRunID(born.Add(time.Second)), nil
}

// Born is the second that the id names.
func (r RunID) Born() (time.Time, error) {
	born, err := time.Parse(runIDLayout, string(r))
	if err != nil {
		return born, fmt.Errorf("%q is not the name of a run: %w", r, err)
	}

	return born, nil
}

const runIDLayout = "20060102-150405"

// Kind says what an event tells.
type Kind string

// The kinds of events.
const (
	RunOpened     Kind = "run.opened"        // Inputs: what the run is about
	RunResumed    Kind = "run.resumed"       // Inputs, again
	CheckStarted  Kind = "check.started"     // a step is being looked at, for the plan
	CheckFinding  Kind = "check.finding"     // Finding
	PlanMade      Kind = "plan.made"         // Plan
	QuestionAsked Kind = "question.asked"    // Question
	Answered      Kind = "question.answered" // Question, Answer
	RunStarted    Kind = "run.started"       // confirmed: from here on things change
	StepStarted   Kind = "step.started"      // Attempt
	StepProgress  Kind = "step.progress"     // Phase, Unit, Done, Total; lossy
	StepLog       Kind = "step.log"          // Text of another program; lossy
	StepNoted     Kind = "step.noted"        // Text
	StepProof     Kind = "step.proof"        // Finding: what Check saw after Run
	StepFinished  Kind = "step.finished"     // Text: the step's summary
	StepFailed    Kind = "step.failed"       // Diagnosis
	RunEnded      Kind = "run.ended"         // Verdict
)

// Lossy tells whether an event may be dropped: it is not journalled, and a slow
// screen may skip it.
func (k Kind) Lossy() bool { return k == StepProgress || k == StepLog }

// Event is one thing that happened. One encoding serves the journal and the
// JSON lines.
type Event struct {
	V         int           `json:"v"`
	Seq       uint64        `json:"seq"`
	Time      time.Time     `json:"time"`
	Run       RunID         `json:"run"`
	Kind      Kind          `json:"kind"`
	Step      StepID        `json:"step,omitempty"`
	Title     string        `json:"title,omitempty"`
	Attempt   int           `json:"attempt,omitempty"`
	Phase     string        `json:"phase,omitempty"`
	Unit      Unit          `json:"unit,omitempty"`
	Done      int64         `json:"done,omitempty"`
	Total     int64         `json:"total,omitempty"`
	Text      string        `json:"text,omitempty"`
	Host      string        `json:"host,omitempty"`
	Inputs    []Input       `json:"inputs,omitempty"`
	Purpose   Purpose       `json:"purpose,omitempty"`   // of RunOpened and RunResumed
	Program   string        `json:"program,omitempty"`   // of the same: the version that does it
	Within    time.Duration `json:"within_ns,omitempty"` // of the same: how long it may take
	Commands  []string      `json:"commands,omitempty"`  // of StepFinished: the same by hand
	Finding   *Finding      `json:"finding,omitempty"`
	Plan      *Plan         `json:"plan,omitempty"`
	Question  *Question     `json:"question,omitempty"`
	Answer    *Answer       `json:"answer,omitempty"`
	Diagnosis *Diagnosis    `json:"diagnosis,omitempty"`
	Verdict   *Verdict      `json:"verdict,omitempty"`
}

// Input is one thing that makes a run this run. A resumed run must have the
// same ones.
type Input struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Differences lists the inputs that changed between a run and its resumption,
// one line each.
func Differences(was, is []Input) []string {
	now := make(map[string]string, len(is))
	for _, in := range is {
		now[in.Name] = in.Value
	}
	var lines []string
	for _, in := range was {
		value, there := now[in.Name]
		delete(now, in.Name)
		if !there || value != in.Value {
			lines = append(lines, in.Name+": was "+in.Value+", is "+orNothing(value))
		}
	}
	for _, in := range is {
		if _, added := now[in.Name]; added {
			lines = append(lines, in.Name+": was nothing, is "+orNothing(in.Value))
		}
	}

	return lines
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}

	return s
}

// Encode gives an event as the one line that the journal keeps and --json
// prints, with its line end.
func Encode(e Event) ([]byte, error) {
	line, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %d: %w", e.Seq, err)
	}

	return append(line, '\n'), nil
}

// Decode reads such a line.
func Decode(line []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{}, fmt.Errorf("decode an event: %w", err)
	}
	if e.V == 0 || e.Kind == "" {
		return Event{}, errors.New("decode an event: version or kind is missing")
	}

	return e, nil
}
