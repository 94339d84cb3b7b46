// Package recoverytest has the stand-ins that tests of the engine, the steps
// and the screens share: an operator that records, a step that follows a
// script, a journal in memory, and a clock that ticks.
package recoverytest

import (
	"context"
	"errors"
	"sync"
	"time"

	"firmflow-recovery/recovery"
)

// Operator records what it is told and answers as it was told to.
type Operator struct {
	Answers map[recovery.QuestionID][]recovery.Answer // used in order; then NoAnswerError
	OnEvent func(recovery.Event)                      // called with each event; may be nil

	mu     sync.Mutex
	events []recovery.Event
}

// Tell records an event.
func (o *Operator) Tell(e recovery.Event) {
	o.mu.Lock()
	o.events = append(o.events, e)
	o.mu.Unlock()
	if o.OnEvent != nil {
		o.OnEvent(e)
	}
}

// Ask gives the next prepared answer.
func (o *Operator) Ask(_ context.Context, q recovery.Question) (recovery.Answer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	left := o.Answers[q.ID]
	if len(left) == 0 {
		return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
	}
	o.Answers[q.ID] = left[1:]

	return left[0], nil
}

// Events gives what was told so far.
func (o *Operator) Events() []recovery.Event {
	o.mu.Lock()
	defer o.mu.Unlock()

	return append([]recovery.Event(nil), o.events...)
}

// Kinds gives the kinds of what was told, without the lossy ones.
func (o *Operator) Kinds() []recovery.Kind {
	var kinds []recovery.Kind
	for _, e := range o.Events() {
		if !e.Kind.Lossy() {
			kinds = append(kinds, e.Kind)
		}
	}

	return kinds
}

// State folds what was told.
func (o *Operator) State() recovery.State {
	var s recovery.State
	for _, e := range o.Events() {
		s.Apply(e)
	}

	return s
}

// Step follows a script: Check gives the assessments in turn and the last one
// for ever; Run calls the function given.
type Step struct {
	Name   recovery.StepID
	Checks []recovery.Assessment
	Do     func(ctx context.Context, p recovery.Progress) error
	Ran    int
	Took   []recovery.Action
	Swaps  bool
}

// ID is the name it was given.
func (s *Step) ID() recovery.StepID { return s.Name }

// Title says what it pretends to do.
func (s *Step) Title() string { return "do " + string(s.Name) }

// Check gives the next assessment.
func (s *Step) Check(context.Context, recovery.Progress) (recovery.Assessment, error) {
	if len(s.Checks) == 0 {
		return recovery.Assessment{}, errors.New("nothing to see")
	}
	a := s.Checks[0]
	if len(s.Checks) > 1 {
		s.Checks = s.Checks[1:]
	}

	return a, nil
}

// Run counts, and does what it was given to do.
func (s *Step) Run(ctx context.Context, p recovery.Progress) error {
	s.Ran++
	if s.Do == nil {
		return nil
	}

	return s.Do(ctx, p)
}

// Diagnose wraps an error's text.
func (s *Step) Diagnose(err error) recovery.Diagnosis {
	return recovery.Diagnosis{Code: "test.failed", Summary: "It failed", Seen: err.Error(), Intact: "All of it.",
		Remedies: []recovery.Remedy{{Do: "Try again"}}}
}

// Accept records a remedy.
func (s *Step) Accept(a recovery.Action) { s.Took = append(s.Took, a) }

// Switched tells what it was told to tell.
func (s *Step) Switched() bool { return s.Swaps }

// Journal keeps events in memory. After Full of them it fails, if Full is set.
type Journal struct {
	Full   int
	Events []recovery.Event
}

// Append keeps an event.
func (j *Journal) Append(e recovery.Event) error {
	if j.Full > 0 && len(j.Events) >= j.Full {
		return errors.New("no space left on device")
	}
	j.Events = append(j.Events, e)

	return nil
}

// Clock gives a time that is a second later at each call.
func Clock() func() time.Time {
	var mu sync.Mutex
	now := time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)

	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)

		return now
	}
}
