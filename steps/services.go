package steps

import (
	"cmp"
	"context"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/stack"
)

// services is step 3: the database started and proven, the app made and held.
//
// Next.js must not run before the data is in place: started on an empty
// database its migrations create tables, and its jobs may take documents that no
// row names for orphans.
type services struct {
	*Stack
	made bool // Run has made the app's container: what it holds is final
}

func (s *services) ID() recovery.StepID { return ServicesID }
func (s *services) Title() string       { return "start the database, hold the app" }

// Check is satisfied when the database answers over TCP and nothing that uses
// its data runs.
func (s *services) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	a := recovery.Assessment{Changes: []string{"start the database; create the app, held until the data is in; close the live database until then"}}
	if s.project == nil {
		return a, nil
	}
	a.Commands = s.commands()
	now, err := s.Runtime.Services(ctx)
	if err != nil {
		return a, err
	}
	held := s.allHeld(now)
	if running := s.running(now); len(running) > 0 {
		a.Changes = append(a.Changes, "stop what runs now: "+join(running))
	}
	ready, err := s.dbRuns(ctx)
	if err != nil || !ready || !held {
		return a, err
	}
	o, err := s.outlook(ctx)
	if err != nil || o.needed() && !o.raised() {
		return a, err
	}
	if finding, wrong := s.heldSecrets(ctx); wrong {
		if !s.made {
			a.Changes = append(a.Changes, "make the app's container anew: the one that is there holds other secrets")
			return a, nil
		}

		return recovery.Assessment{Standing: recovery.Blocked, Findings: []recovery.Finding{finding}}, nil
	}
	a.Standing, a.Changes = recovery.Done, nil
	a.Summary = s.DBService + " answers queries; " + join(s.held()) + " created and held"
	a.Findings = []recovery.Finding{recovery.OK("services", a.Summary)}

	return a, nil
}

// heldSecrets compares what the held app would get with the original.
func (s *services) heldSecrets(ctx context.Context) (recovery.Finding, bool) {
	wrong, err := s.keysDiffer(ctx)
	if err != nil {
		return recovery.Problem("secrets", recovery.Failed, s.diagnoseCommon(err, previousLive)), true
	}
	if len(wrong) > 0 {
		return recovery.Problem("secrets", recovery.Failed, containerDiffers(s.AppService, wrong)), true
	}

	return recovery.Finding{}, false
}

// allHeld tells whether the app is there and nothing that uses the data runs.
func (s *services) allHeld(now []stack.Service) bool {
	return stack.Find(now, s.AppService).State != stack.Absent && len(s.running(now)) == 0
}

func (s *services) running(now []stack.Service) []string {
	var names []string
	for _, name := range s.held() {
		switch stack.Find(now, name).State {
		case stack.Running, stack.Restarting, stack.Paused:
			names = append(names, name)
		case stack.Absent, stack.Created, stack.Exited:
		}
	}

	return names
}

func (s *services) commands() []string {
	lines := []string{s.Runtime.Typed(stack.Stop, s.held()...), s.Runtime.Typed(stack.Start, s.DBService)}
	probe := s.Runtime.TypedIn(s.DBService, "psql", "-h", "127.0.0.1", "-U", s.User, "-d", "postgres", "-c", "select 1")

	return append(lines, "until "+probe+"; do sleep 1; done", s.Runtime.Typed(stack.Create, s.AppService))
}

// Run stops what uses the data, starts the database, raises the barrier in front
// of it where step 1 had no need to, and makes the app anew.
func (s *services) Run(ctx context.Context, p recovery.Progress) error {
	if err := s.Runtime.Stop(ctx, s.held()...); err != nil {
		return err
	}
	p.Note(join(s.held()) + " held until the restored data is live")
	if err := s.startDatabase(ctx, p); err != nil {
		return err
	}
	s.project.HasData = true // by now: a first start has made it
	if err := s.engage(ctx); err != nil {
		return err
	}
	o, err := s.outlook(ctx)
	if err != nil {
		return err
	}
	if o.needed() && !o.raised() {
		if err := s.raise(ctx, p); err != nil {
			return err
		}
	}
	p.Phase("create "+s.AppService, recovery.Items)

	s.made = true

	return s.Runtime.Create(ctx, s.AppService)
}

// steady is how often a probe must succeed in a row: the official image runs a
// server of its own while it makes a new cluster (FAULTS E17).
const steady = 3

// pause lies between two probes, where nothing else was said.
const pause = 500 * time.Millisecond

// await repeats a probe until it has succeeded three times in a row, for as long
// as the operator's patience. It ends nothing that takes longer; it says so.
func (s *Stack) await(ctx context.Context, probe func(context.Context) error) error {
	deadline := s.Now().Add(s.Patience)
	tick := time.NewTicker(cmp.Or(s.Pause, pause))
	defer tick.Stop()
	for good := 0; ; {
		err := probe(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			good++
		default:
			good = 0
		}
		if good == steady {
			return nil
		}
		if err != nil && s.Now().After(deadline) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Diagnose gives the errors of step 3 their meaning.
func (s *services) Diagnose(err error) recovery.Diagnosis { return s.diagnoseCommon(err, previousLive) }
