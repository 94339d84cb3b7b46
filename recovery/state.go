package recovery

import "time"

// State is what a reader knows of a run: the fold of its events. The wizard,
// the transcript, attach and resume all read the same one.
type State struct {
	Run       RunID
	Host      string
	Backup    string
	Inputs    []Input
	Opened    time.Time
	Last      time.Time
	Seq       uint64
	Plan      *Plan
	Purpose   Purpose // of what goes on, or went on last
	Confirmed bool    // from here on things changed
	Undoing   bool    // an undo was begun: from here on nothing but that undo goes on
	Cleaning  bool    // what was set aside is being deleted, or is
	Cleaned   bool    // it is
	Making    bool    // a backup was begun: nothing that is live changes
	Steps     []StepState
	Question  *Question     // the one that waits for its answer
	Accepted  []Action      // remedies the operator agreed to
	Verdict   *Verdict      // the last word of what went on last
	Settled   *Verdict      // the last word on what is live; one that changed nothing, or only deleted, leaves it
	Past      []Part        // what was done with the run for other purposes before
	Program   string        // the version that worked on it last
	Within    time.Duration // how long it was meant to take; zero: nobody said
	Resumed   bool          // it was interrupted, and gone on with
	Decisions []Decision
}

// Decision is a question with the answer that was given.
type Decision struct {
	Time     time.Time `json:"time"`
	Step     StepID    `json:"step,omitempty"`
	Question string    `json:"question"`
	Answer   string    `json:"answer"`
}

// Part is what was done with a run for one purpose.
type Part struct {
	Purpose Purpose
	Plan    *Plan
	Steps   []StepState
}

// StepState is what a reader knows of one step.
type StepState struct {
	ID        StepID
	Title     string
	Status    StepStatus
	Attempt   int
	Started   time.Time
	Ended     time.Time
	Phase     string
	Unit      Unit
	Done      int64
	Total     int64
	Rate      float64 // units a second, over the last seconds of this phase
	Summary   string
	Findings  []Finding // what the last look saw
	Notes     []string
	Diagnosis *Diagnosis
	Commands  []string // the same by hand

	markDone int64 // where and when the rate was last taken
	markTime time.Time
}

// StepStatus is where a step is on its way.
type StepStatus string

// The statuses of a step.
const (
	Waiting  StepStatus = ""
	Looking  StepStatus = "looking"
	Working  StepStatus = "working"
	Finished StepStatus = "finished"
	Broken   StepStatus = "failed"
)

// Unfinished tells whether a run had begun to change things and did not end as
// it should: such a run can be gone on with, resumed or undone. One that ended
// with every step done is finished, also if something stayed unproven.
func (s State) Unfinished() bool {
	if !s.Confirmed {
		return false
	}
	if s.Settled == nil {
		return true
	}
	switch s.Settled.Outcome {
	case Verified, Undone, UndoneNotVerified: // after the last, all data is back; only the app is not proven
		return false
	case NotVerified:
		return s.Settled.Diagnosis != nil
	default:
		return true
	}
}

// Started tells whether what goes on was confirmed, so that things change.
func (s State) Started() bool {
	switch s.Purpose {
	case Undoing:
		return s.Undoing
	case CleaningUp:
		return s.Cleaning
	case BackingUp:
		return s.Making
	default:
		return s.Confirmed
	}
}

// part is what was done last and had an effect: a start for another purpose that
// was not confirmed had none.
func (s State) part() Part {
	if !s.Started() && len(s.Past) > 0 {
		return s.Past[len(s.Past)-1]
	}

	return Part{Purpose: s.Purpose, Plan: s.Plan, Steps: s.Steps}
}

// Undone tells whether a run was taken back.
func (s State) Undone() bool { return s.Settled != nil && s.Settled.Outcome == Undone }

// word is the last word that says something of the run: a start that changed
// nothing takes none away.
func (s State) word() *Verdict {
	if s.Settled != nil && (s.Verdict == nil || s.Verdict.Outcome == NothingChanged) {
		return s.Settled
	}

	return s.Verdict
}

// Step gives the state of one step; its zero value stands for one not seen yet.
func (s State) Step(id StepID) StepState {
	for _, step := range s.Steps {
		if step.ID == id {
			return step
		}
	}

	return StepState{ID: id}
}

// Left estimates the time that the current phase still takes; 0 means it
// cannot be told.
func (s StepState) Left() time.Duration {
	if s.Rate <= 0 || s.Total <= s.Done {
		return 0
	}

	return time.Duration(float64(s.Total-s.Done) / s.Rate * float64(time.Second))
}

// Apply folds one event into the state. Events already seen change nothing; one
// of another run begins anew.
func (s *State) Apply(e Event) {
	if e.Run != s.Run {
		*s = State{Run: e.Run}
	}
	if e.Seq != 0 && e.Seq <= s.Seq {
		return
	}
	s.Seq, s.Last = e.Seq, e.Time
	switch e.Kind {
	case RunOpened, RunResumed:
		s.open(e)
	case PlanMade:
		s.Plan = e.Plan
	case QuestionAsked:
		s.Question = e.Question
	case Answered:
		s.answer(e)
	case RunStarted:
		s.start()
	case RunEnded:
		s.end(e.Verdict)
	default:
		s.applyStep(e)
	}
}

func (s *State) open(e Event) {
	s.Run, s.Host, s.Backup, s.Inputs, s.Program = e.Run, e.Host, e.Text, e.Inputs, e.Program
	s.Within = e.Within
	s.Resumed = s.Resumed || e.Kind == RunResumed
	if s.Opened.IsZero() {
		s.Purpose = e.Purpose
	}
	if e.Purpose != s.Purpose {
		s.Past = append(s.Past, Part{Purpose: s.Purpose, Plan: s.Plan, Steps: s.Steps})
		s.Purpose, s.Plan, s.Steps = e.Purpose, nil, nil
	}
	s.Verdict, s.Question = nil, nil
	if e.Purpose == Recovering {
		s.Settled = nil
	}
	if s.Opened.IsZero() {
		s.Opened = e.Time
	}
}

func (s *State) start() {
	switch s.Purpose {
	case Undoing:
		s.Undoing, s.Settled = true, nil
	case CleaningUp:
		s.Cleaning = true
	case BackingUp:
		s.Making = true
	default:
		s.Confirmed = true
	}
}

func (s *State) end(v *Verdict) {
	s.Verdict, s.Question = v, nil
	if v == nil || v.Outcome == NothingChanged || v.Outcome == Ready {
		return
	}
	switch s.Purpose {
	case CleaningUp:
		s.Cleaned = v.Outcome == CleanedUp
		return
	case BackingUp: // says nothing of what is live
		return
	case Recovering, Undoing:
	}
	s.Settled = v
}

func (s *State) answer(e Event) {
	s.Question = nil
	if e.Question != nil && e.Answer != nil {
		s.Decisions = append(s.Decisions, Decision{Time: e.Time, Step: e.Question.Step, Question: e.Question.Text, Answer: e.Question.label(*e.Answer)})
	}
	if e.Question != nil && e.Answer != nil && e.Question.accepts(*e.Answer) {
		s.Accepted = append(s.Accepted, e.Question.Action)
	}
}

func (s *State) applyStep(e Event) {
	step := s.step(e)
	switch e.Kind {
	case CheckStarted:
		step.Status, step.Findings = Looking, nil
	case CheckFinding, StepProof:
		if e.Finding == nil {
			return
		}
		step.Findings = append(step.Findings, *e.Finding)
	case StepStarted:
		*step = StepState{ID: e.Step, Title: e.Title, Status: Working, Attempt: e.Attempt, Started: e.Time}
	case StepProgress:
		step.advance(e)
	case StepNoted:
		step.Notes = append(step.Notes, e.Text)
	case StepFinished:
		step.Status, step.Ended, step.Summary, step.Phase = Finished, e.Time, e.Text, ""
		step.Commands = e.Commands
	case StepFailed:
		step.Status, step.Ended, step.Diagnosis = Broken, e.Time, e.Diagnosis
	}
}

func (s *State) step(e Event) *StepState {
	for i := range s.Steps {
		if s.Steps[i].ID == e.Step {
			return &s.Steps[i]
		}
	}
	s.Steps = append(s.Steps, StepState{ID: e.Step, Title: e.Title})

	return &s.Steps[len(s.Steps)-1]
}

// window is the time over which a rate is taken: long enough to be calm, short
// enough to show a stall.
const window = 3 * time.Second

func (s *StepState) advance(e Event) {
	if e.Phase != s.Phase || e.Done < s.Done || s.markTime.IsZero() {
		s.markDone, s.markTime, s.Rate = e.Done, e.Time, 0
	}
	s.Phase, s.Unit, s.Done, s.Total = e.Phase, e.Unit, e.Done, e.Total
	since := e.Time.Sub(s.markTime)
	if since < window/6 {
		return
	}
	now := float64(e.Done-s.markDone) / since.Seconds()
	if s.Rate == 0 {
		s.Rate = now
	} else {
		s.Rate += (now - s.Rate) / 3
	}
	s.markDone, s.markTime = e.Done, e.Time
}
