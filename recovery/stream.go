package recovery

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// stream gives events their number and time, and sends them on in the one order
// that counts: the journal first, and synced, then the operator.
type stream struct {
	journal  Journal
	operator Operator
	now      func() time.Time
	run      RunID

	mu  sync.Mutex
	seq uint64
	err error // the journal's first failure; after it nothing more is done
}

// shower is a journal that passes lossy events on to whoever follows the run
// from another process.
type shower interface{ Show(e Event) }

// tell sends an event. A journal that cannot be written is remembered, told
// once, and ends the run at the next step through broken.
func (s *stream) tell(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.seq++
	e.V, e.Seq, e.Time, e.Run = Version, s.seq, s.now().UTC(), s.run
	if s.journal != nil && s.err == nil && !e.Kind.Lossy() {
		if err := s.journal.Append(e); err != nil {
			s.err = err
		}
	}
	if shown, can := s.journal.(shower); can && e.Kind.Lossy() {
		shown.Show(e)
	}
	s.operator.Tell(e)
}

// broken gives the failure that ends a run whose journal cannot be written.
func (s *stream) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.err == nil {
		return nil
	}

	return Fail(Diagnosis{
		Code: CodeJournalWrite, Summary: "The journal cannot be written, so the run stops",
		Seen: s.err.Error(), Intact: "Nothing is done that could not be recorded. What is live was not touched since the last entry.",
		Remedies: []Remedy{{Do: "Make room, or repair the disk that holds the journal, then continue", Command: resumes}},
	}, s.err)
}

// often is how far apart two reports of progress are at least. Screens draw at
// most 20 times a second; more would only be dropped.
const often = 50 * time.Millisecond

// progress is what a step reports through.
type progress struct {
	out  *stream
	step StepID

	mu    sync.Mutex
	phase string
	unit  Unit
	last  time.Time
}

func (w *walker) progress(id StepID) Progress { return &progress{out: w.out, step: id} }

func (p *progress) Phase(name string, unit Unit) {
	p.mu.Lock()
	p.phase, p.unit, p.last = name, unit, time.Time{}
	p.mu.Unlock()
	p.out.tell(Event{Kind: StepProgress, Step: p.step, Phase: name, Unit: unit})
}

func (p *progress) Advance(done, total int64) {
	p.mu.Lock()
	now := p.out.now()
	if now.Sub(p.last) < often && done != total {
		p.mu.Unlock()
		return
	}
	p.last = now
	e := Event{Kind: StepProgress, Step: p.step, Phase: p.phase, Unit: p.unit, Done: done, Total: total}
	p.mu.Unlock()
	p.out.tell(e)
}

func (p *progress) Note(text string) { p.out.tell(Event{Kind: StepNoted, Step: p.step, Text: text}) }

func (p *progress) Log(text string) { p.out.tell(Event{Kind: StepLog, Step: p.step, Text: text}) }

// check and run call a step and turn its panic into an error: the journal, the
// terminal and the verdict outlive a mistake of ours.
func check(ctx context.Context, s Step, p Progress) (a Assessment, err error) {
	defer recovered(s, &err)

	return s.Check(ctx, p)
}

func run(ctx context.Context, s Step, p Progress) (err error) {
	defer recovered(s, &err)

	return s.Run(ctx, p)
}

func recovered(s Step, err *error) {
	cause := recover()
	if cause == nil {
		return
	}
	*err = Fail(Diagnosis{
		Code: CodeStepPanicked, Summary: "The program made a mistake while it tried to " + s.Title(),
		Seen: fmt.Sprintf("%v\n%s", cause, debug.Stack()), Intact: "Nothing that was replaced has been deleted.",
		Remedies: []Remedy{{Do: "Continue; the step looks again and does what is missing", Command: resumes}},
	}, nil)
}
