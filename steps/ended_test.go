package steps

import (
	"errors"
	"fmt"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack"
)

// What psql and pg_restore say is the same for all of these; why, the engine
// knows.
func TestAnEndOfTheDatabaseIsToldByItsReason(t *testing.T) {
	gone := fmt.Errorf("load: %w", dump.ErrServerGone)
	for name, c := range map[string]struct {
		service stack.Service
		err     error
		code    recovery.Code
	}{
		"E16 ended for want of memory":           {stack.Service{State: stack.Exited, ExitCode: 137, OOMKilled: true}, gone, CodeServiceMemory},
		"E16 ended for it, and started again":    {stack.Service{State: stack.Running, OOMKilled: true, Restarts: 1}, gone, CodeServiceMemory},
		"E15 frozen":                             {stack.Service{State: stack.Paused}, fmt.Errorf("exec: %w", stack.ErrNotRunning), CodeServicePaused},
		"E14 starts again and again":             {stack.Service{State: stack.Restarting, Restarts: 7}, fmt.Errorf("exec: %w", stack.ErrNotRunning), CodeServiceLoops},
		"B33 stopped in the middle":              {stack.Service{State: stack.Exited}, gone, CodeServiceEnded},
		"B33 removed in the middle":              {stack.Service{State: stack.Absent}, dump.ErrNoAnswer, CodeServiceEnded},
		"B33 started again, and nothing to see":  {stack.Service{State: stack.Running}, gone, ""},
		"another error, whatever the service is": {stack.Service{State: stack.Exited}, errors.New("disk full"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := stopped(t)
			c.service.Name = s.DBService
			s.Runtime = &still{services: [][]stack.Service{{c.service}}}
			err := s.explained(t.Context(), c.err)
			if codeOf(err) != c.code || !errors.Is(err, c.err) && !errors.As(err, new(*recovery.Failure)) {
				t.Errorf("%v is told as %q, want %q", c.err, codeOf(err), c.code)
			}
		})
	}
}

// TestE1AnEngineThatStoppedMidWayIsNamed: then it cannot be asked what became of
// the database either.
func TestE1AnEngineThatStoppedMidWayIsNamed(t *testing.T) {
	s := stopped(t)
	s.Runtime = &still{} // it answers nothing
	gone := fmt.Errorf("load: %w", dump.ErrServerGone)
	if err := s.explained(t.Context(), gone); !errors.Is(err, dump.ErrServerGone) {
		t.Errorf("the error became %v", err)
	}
	for _, step := range []recovery.Step{&services{Stack: s}, &database{Stack: s}, &restart{Stack: s}} {
		d := step.Diagnose(errors.Join(gone, stack.ErrEngineUnreachable))
		if d.Code != CodeEngineUnreachable || d.Intact != previousLive {
			t.Errorf("%s: %+v", step.ID(), d)
		}
		if last := d.Remedies[len(d.Remedies)-1]; last.Command != resume {
			t.Errorf("%s: the last remedy is %q; what was begun is gone on with", step.ID(), last.Command)
		}
	}
}

func TestWhatNothingIsWrongWithIsNotExplained(t *testing.T) {
	s := stopped(t)
	if err := s.explained(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
