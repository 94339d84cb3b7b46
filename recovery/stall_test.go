package recovery_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"firmflow-recovery/recovery"
)

// hand is a clock that a test turns.
type hand struct {
	mu    sync.Mutex
	now   time.Time
	ticks chan time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()

	return h.now
}

func (h *hand) turn(d time.Duration) {
	h.mu.Lock()
	h.now = h.now.Add(d)
	h.mu.Unlock()
	h.ticks <- h.Now() // taken only when the tick before was dealt with
}

// stuck is a step whose work goes on when it is told to.
type stuck struct {
	goes    chan func(recovery.Progress)
	ran     bool
	waiting []string
}

func (*stuck) ID() recovery.StepID                       { return "stuck" }
func (*stuck) Title() string                             { return "stand still" }
func (*stuck) Diagnose(error) recovery.Diagnosis         { return recovery.Diagnosis{} }
func (s *stuck) Waits(context.Context) ([]string, error) { return s.waiting, nil }

func (s *stuck) Check(context.Context, recovery.Progress) (recovery.Assessment, error) {
	if s.ran {
		return done, nil
	}

	return pending, nil
}

func (s *stuck) Run(_ context.Context, p recovery.Progress) error {
	for work := range s.goes {
		work(p)
	}
	s.ran = true

	return nil
}

// notes is an operator that hears what is noted.
type notes struct{ heard chan string }

func (n notes) Tell(e recovery.Event) {
	if e.Kind == recovery.StepNoted {
		n.heard <- e.Text
	}
}

func (notes) Ask(context.Context, recovery.Question) (recovery.Answer, error) {
	return recovery.Answer{Choice: recovery.Go}, nil
}

func TestStalledWorkIsToldAndNotEnded(t *testing.T) {
	clock := &hand{now: time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC), ticks: make(chan time.Time)}
	step := &stuck{goes: make(chan func(recovery.Progress)), waiting: []string{"the load waits for psql of user firmflow"}}
	op := notes{heard: make(chan string, 16)}
	r := runner(op, step)
	r.Now = clock.Now
	r.Stall = recovery.Stall{After: 90 * time.Second, Ticks: func(every time.Duration) (<-chan time.Time, func()) {
		if every != 10*time.Second {
			t.Errorf("looked at every %v, want 10 s", every)
		}

		return clock.ticks, func() {}
	}}
	verdict := make(chan recovery.Verdict, 1)
	go func() { verdict <- r.Recover(t.Context()) }()
	act := func(work func(recovery.Progress)) { step.goes <- work; step.goes <- func(recovery.Progress) {} } // the second is taken when the first is done
	silent := func() {
		t.Helper()
		clock.turn(0) // whatever the tick before had to tell, it has told
		if len(op.heard) > 0 {
			t.Errorf("it says %q", <-op.heard)
		}
	}
	says := func(want string) {
		t.Helper()
		if got := <-op.heard; !strings.Contains(got, want) {
			t.Errorf("it says %q, want %q", got, want)
		}
	}

	act(func(p recovery.Progress) {
		p.Phase("load data", recovery.Bytes)
		p.Advance(7, 9)
		p.Log("table \"AuditLog\"")
	})
	clock.turn(89 * time.Second)
	silent()
	act(func(p recovery.Progress) { p.Advance(8, 9) })
	clock.turn(89 * time.Second) // it moved in between
	silent()
	act(func(p recovery.Progress) { p.Advance(8, 9) }) // the same again is none
	clock.turn(time.Second)
	says(`no progress for 1 min 30 s; the last thing seen: table "AuditLog"`)
	says("the load waits for psql of user firmflow")
	clock.turn(89 * time.Second)
	silent()
	clock.turn(time.Second) // told again when the time has doubled
	says("no progress for 3 min")
	says("the load waits for")
	act(func(p recovery.Progress) { p.Advance(9, 9) })
	says("it goes on, after 3 min")
	close(step.goes)
	if v := <-verdict; v.Outcome != recovery.Verified {
		t.Errorf("the verdict is %+v; work that stood still was ended", v)
	}
}

func TestWorkIsNotWatchedWhereNobodyAskedForIt(t *testing.T) {
	step := &stuck{goes: make(chan func(recovery.Progress))}
	close(step.goes)
	r := runner(notes{heard: make(chan string, 16)}, step)
	r.Stall.Ticks = func(time.Duration) (<-chan time.Time, func()) {
		t.Error("a clock was started")
		return nil, func() {}
	}
	if v := r.Recover(t.Context()); v.Outcome != recovery.Verified {
		t.Errorf("the verdict is %+v", v)
	}
}
