package recovery

import "context"

// StepID names a step in events, journals and exit codes. It never changes.
type StepID string

// Step is one part of a recovery.
type Step interface {
	ID() StepID
	// Title says what the step does, as an imperative: "restore the vault".
	Title() string
	// Check looks and never touches. It is called for the plan, before Run and
	// after Run; what it says after Run is what is believed of the step.
	Check(ctx context.Context, p Progress) (Assessment, error)
	Worker
}

// Worker is the acting half of a Step.
type Worker interface {
	// Run acts. It is safe to run again: twice equals once. When the context
	// ends it stops at the next safe point and returns the context's error.
	Run(ctx context.Context, p Progress) error
	// Diagnose gives an error of Check or Run its meaning.
	Diagnose(err error) Diagnosis
}

// Remedier is a step that can carry out a remedy itself, in its next Run, once
// the operator has agreed to it.
type Remedier interface {
	Accept(action Action)
}

// Action names a remedy that a step can carry out itself.
type Action string

// Standing is where a step stands.
type Standing string

// The standings of a step. The zero value is the careful one.
const (
	Pending Standing = ""        // there is work to do, and nothing in its way
	Done    Standing = "done"    // proven: Run would change nothing
	Blocked Standing = "blocked" // Run must not be called; the findings say why
)

// Assessment is what a Check saw.
type Assessment struct {
	Standing Standing  `json:"standing,omitempty"`
	Summary  string    `json:"summary,omitempty"`  // the step in one line, with its figures
	Changes  []string  `json:"changes,omitempty"`  // what Run would change
	Replaces []string  `json:"replaces,omitempty"` // live data that would be set aside
	GivesUp  []string  `json:"gives_up,omitempty"` // live data that is deleted first, for good: see Remedy.Consent
	Loses    string    `json:"loses,omitempty"`    // what the operator gives up by going on
	Commands []string  `json:"commands,omitempty"` // the same by hand, as it could be typed
	Findings []Finding `json:"findings,omitempty"` // what was looked at, one fact each
	Next     []string  `json:"next,omitempty"`     // once Done: what the operator does after it

	Secrets *SecretsTable `json:"secrets,omitempty"` // where the step compared secrets
}

// Status is what a finding amounts to.
type Status string

// The statuses of a finding.
const (
	Passed   Status = "ok"
	Warned   Status = "warning"
	Unproven Status = "not proven" // could not be told either way; never counts as passed
	Failed   Status = "failed"
)

// Finding is one fact that a Check established. Anything but Passed carries a
// Diagnosis.
type Finding struct {
	Subject   string     `json:"subject"`
	Status    Status     `json:"status"`
	Text      string     `json:"text"`
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`

	// How much the step worked on, where it tells: this host's history counts in
	// these. What the items are follows from the step: files, rows.
	Bytes int64 `json:"bytes,omitempty"`
	Items int64 `json:"items,omitempty"`
}

// Of adds how much was worked on.
func (f Finding) Of(bytes, items int64) Finding {
	f.Bytes, f.Items = bytes, items

	return f
}

// OK is a finding that passed.
func OK(subject, text string) Finding {
	return Finding{Subject: subject, Status: Passed, Text: text}
}

// Problem is a finding that did not pass.
func Problem(subject string, status Status, d Diagnosis) Finding {
	return Finding{Subject: subject, Status: status, Text: d.Summary, Diagnosis: &d}
}

// Unit is what a progress counts.
type Unit string

// The units of progress.
const (
	Bytes Unit = "bytes"
	Items Unit = "items"
)

// Progress is how work reports; screens decide what it looks like. Its methods
// never block and may be called from several goroutines.
type Progress interface {
	// Phase says which part of the work begins, and what Advance counts in it.
	Phase(name string, unit Unit)
	// Advance says how much of the phase is done; total 0 means not known.
	Advance(done, total int64)
	// Note records a fact that a later reader needs. It is journalled.
	Note(text string)
	// Log passes on a line of another program. It may be lost.
	Log(text string)
}
