package recovery

import (
	"context"
	"time"
)

// Journal keeps the events of a run. Append returns only when the event would
// survive a loss of power.
type Journal interface {
	Append(e Event) error
}

// Runner walks the steps of one run.
type Runner struct {
	Steps    []Step
	Journal  Journal // nil: nothing is kept, for runs that only look
	Operator Operator
	Now      func() time.Time
	Run      RunID
	History  History       // of this host; nil: no estimates
	Program  string        // the version of this program, for the report
	Within   time.Duration // how long it may take; zero: nobody said
	Host     string
	Backup   string  // the name of the backup, for the plan
	Target   string  // what is recovered, for the plan
	Inputs   []Input // what makes this run this run
	Earlier  State   // what the journal holds of this run; its zero value: it is new
	Guided   bool    // something was asked before the run, and can be gone back to
	Purpose  Purpose // what the steps are walked for
	Undoable bool    // a failure may be answered with an undo of everything; see Verdict.Turn
	Warning  string  // what the operator consents to; empty: what a recovery over live data says
	Phrase   string  // what they type to consent; empty: the host's name
	Intact   string  // what stands whatever fails; empty: what each diagnosis says
	// Closing is asked once after the last step, whatever became of the run: what
	// it finds belongs to the proofs. Its context outlives a stop. It may be nil.
	Closing func(ctx context.Context) []Finding
	Stall   Stall // when work that stands still is told
	// Release gives back what the steps hold for the whole run; it may be nil.
	Release func()
	// Enough is asked before each step but the first; an error ends the run
	// there, resumable. It may be nil.
	Enough func() error
}

// Preflight looks at every step and changes nothing. The verdict is READY or
// NOTHING CHANGED.
func (r Runner) Preflight(ctx context.Context) (Plan, Verdict) {
	w := r.begin()
	plan, err := w.plan(ctx)
	if err != nil {
		return plan, w.end(w.stopped(err))
	}
	if d, blocked := plan.problem(); blocked || plan.Blocked() {
		return plan, w.end(w.unchanged(d, ExitBlocked))
	}

	return plan, w.end(Verdict{Outcome: Ready, Exit: ExitOK, Proofs: plan.findings()})
}

// Recover plans, asks, runs every step, and ends with a verdict.
func (r Runner) Recover(ctx context.Context) Verdict {
	if r.Release != nil {
		defer r.Release()
	}
	w := r.begin()
	if err := w.prepare(ctx); err != nil {
		w.close(ctx)
		return w.end(w.stopped(err))
	}
	for i, step := range r.Steps {
		if i > 0 && r.Enough != nil {
			if err := r.Enough(); err != nil {
				w.close(ctx)
				return w.end(w.failed(i, err))
			}
		}
		if err := w.walk(ctx, step); err != nil {
			w.close(ctx)
			return w.end(w.failed(i, err))
		}
	}
	w.close(ctx)
	outcome, exit := r.Purpose.weigh(w.proofs)

	return w.end(Verdict{Outcome: outcome, Exit: exit, Proofs: w.proofs, Next: w.next})
}

func (p Plan) findings() []Finding {
	var all []Finding
	for _, s := range p.Steps {
		all = append(all, s.Assessment.Findings...)
	}

	return all
}

// walker is a run while it goes on.
type walker struct {
	Runner
	out    *stream
	began  time.Time
	proofs []Finding
	next   []string
	turn   Choice // where the operator turned to instead of going on
}

func (r Runner) begin() *walker {
	w := &walker{Runner: r, began: r.Now(), out: &stream{
		journal: r.Journal, operator: r.Operator, now: r.Now, run: r.Run, seq: r.Earlier.Seq,
	}}
	kind := RunOpened
	if r.Earlier.Run != "" {
		kind = RunResumed
	}
	w.out.tell(Event{Kind: kind, Purpose: r.Purpose, Program: r.Program, Within: r.Within, Host: r.Host, Text: r.Backup, Inputs: r.Inputs})

	return w
}

// plan looks at every step.
func (w *walker) plan(ctx context.Context) (Plan, error) {
	plan := Plan{Backup: w.Backup, Target: w.Target, Purpose: w.Purpose}
	if w.History != nil {
		known := len(w.History)
		plan.Earlier = &known
	}
	for _, step := range w.Steps {
		w.out.tell(Event{Kind: CheckStarted, Step: step.ID(), Title: step.Title()})
		a, err := check(ctx, step, w.progress(step.ID()))
		if ctx.Err() != nil {
			return plan, context.Cause(ctx)
		}
		if err != nil {
			d := w.diagnose(step, err)
			a = Assessment{Standing: Blocked, Findings: []Finding{Problem(string(step.ID()), Failed, d)}}
		}
		a.Findings = w.goOnAll(a.Findings)
		for _, f := range a.Findings {
			w.out.tell(Event{Kind: CheckFinding, Step: step.ID(), Finding: &f})
		}
		planned := PlannedStep{ID: step.ID(), Title: step.Title(), Assessment: a}
		planned.Estimate = w.estimate(planned)
		plan.Steps = append(plan.Steps, planned)
		if a.Standing == Blocked && step == w.Steps[0] {
			break // without its surroundings nothing further can be looked at
		}
	}
	w.out.tell(Event{Kind: PlanMade, Plan: &plan})

	return plan, w.out.broken()
}

func (w *walker) ask(ctx context.Context, q Question) (Answer, error) {
	w.out.tell(Event{Kind: QuestionAsked, Step: q.Step, Question: &q})
	answer, err := w.Operator.Ask(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	w.out.tell(Event{Kind: Answered, Step: q.Step, Question: &q, Answer: &answer})

	return answer, w.out.broken()
}
