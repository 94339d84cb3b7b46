package steps

import (
	"context"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/stack"
)

// undoStart is the undo's step 3: the stack is started on what was live before,
// and it is proven that the app serves it. Where nothing was live before, the
// app stays held.
type undoStart struct {
	*undo
	ran bool // Run has started what there is: what does not run now will not
}

func (s *undoStart) ID() recovery.StepID { return UndoStartID }
func (s *undoStart) Title() string       { return "start the stack on it, prove it" }

// Check proves that the state of before is live, and that the app serves it.
func (s *undoStart) Check(ctx context.Context, p recovery.Progress) (recovery.Assessment, error) {
	a := recovery.Assessment{Changes: []string{"start every service on what was live before; prove that the app serves it"}}
	now, err := s.stand(ctx)
	if err != nil {
		return a, err
	}
	if s.back = now.done(); !s.back {
		return a, nil
	}
	if o, err := s.outlook(ctx); err != nil || !o.lowered() {
		return a, err // until Run has taken the barrier away nothing can be asked
	}
	live, err := s.live(ctx, now)
	if err != nil {
		return a, err
	}
	serves, err := s.serves(ctx)
	if err != nil {
		return a, err
	}
	if !serves {
		return s.nothing(ctx, live)
	}
	a.Commands = []string{s.Runtime.Typed(stack.Start, s.restarting().all()...)}
	found, err := s.prove(ctx, p)
	if err != nil || found == nil {
		return a, err
	}
	a.Findings = append(live, found...)
	if standing(a.Findings) == recovery.Blocked {
		return a, nil // still Pending: Run may start what does not run
	}
	a.Standing, a.Changes, a.Summary = recovery.Done, nil, "the stack runs on what was live before"
	a.Next = s.next(now)

	return a, nil
}

// restarting lends the probes of step 5, which ask the same of the app.
func (u *undo) restarting() *restart { return &restart{Stack: u.Stack} }

// live says what is live now, each fact from the thing itself.
func (s *undoStart) live(ctx context.Context, now scene) ([]recovery.Finding, error) {
	held, err := measured(ctx, now.place.Real)
	if err != nil {
		return nil, err
	}
	findings := []recovery.Finding{recovery.OK("vault", "live: "+s.Vault+", "+orNone(held))}
	if s.project == nil || !s.project.HasData {
		return append(findings, recovery.OK("database", "there is none")), nil
	}
	held, err = s.contents(ctx, s.Database)
	if isNoDatabase(err) {
		return append(findings, recovery.OK("database", "live: none, as before the recovery")), nil
	}
	if err != nil {
		return nil, err
	}

	return append(findings, recovery.OK("database", "live: "+s.Database+", "+held+"; it carries no receipt of this run")), nil
}

// nothing is the end of an undo that has nothing to start on.
func (s *undoStart) nothing(ctx context.Context, live []recovery.Finding) (recovery.Assessment, error) {
	a := recovery.Assessment{Standing: recovery.Done, Summary: "nothing was live before, so nothing is started", Findings: live}
	a.Findings = append(a.Findings, recovery.OK("app", "held, as there is nothing to serve; on an empty database it would begin a new installation"))
	a.Next = []string{"begin a recovery:\nfirmflow-recovery restore"}
	if s.project == nil {
		return a, nil
	}
	running, err := s.runs(ctx)
	if err != nil || len(running) == 0 {
		return a, err
	}

	return recovery.Assessment{Changes: []string{"stop " + join(running) + ": nothing was live before, so there is nothing to serve"}}, nil
}

// prove asks the running app; nil where it does not run and nobody has tried.
func (s *undoStart) prove(ctx context.Context, p recovery.Progress) ([]recovery.Finding, error) {
	services, err := s.Runtime.Services(ctx)
	if err != nil {
		return nil, err
	}
	r := s.restarting()
	app := stack.Find(services, s.AppService)
	if app.State != stack.Running {
		if !s.ran {
			return nil, nil
		}
		return s.worded(recovery.Problem("app", recovery.Failed, r.appDown(ctx, app))), nil
	}
	wrong, err := s.differs(ctx)
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return s.worded(recovery.Problem("secrets", recovery.Failed, containerDiffers(s.AppService, wrong))), nil
	}
	p.Phase("see whether the app stays up", recovery.Items)
	stable, err := r.proveStable(ctx, app, time.After(s.Settle))
	if err != nil {
		return nil, err
	}
	answers := r.proveAnswer(ctx)
	if answers.Status == recovery.Unproven {
		answers.Status = recovery.Warned // what was live before is live, whether or not the app has an address
	}

	return s.worded(recovery.OK("secrets", "the running "+s.AppService+" holds the keys of "+s.envPath()), stable, answers), nil
}

// worded says of every problem what stands after an undo, and not what stands
// after a recovery.
func (s *undoStart) worded(findings ...recovery.Finding) []recovery.Finding {
	for i, f := range findings {
		if f.Diagnosis == nil {
			continue
		}
		d := *f.Diagnosis
		d.Intact = undoneLive
		if d.Code == CodeAppNoURL {
			d.Remedies = do("Give its address, to have it asked", "firmflow-recovery undo "+string(s.RunID)+" --app-url URL")
		}
		if d.Code == CodeSecretContainer {
			d.Remedies = do("Continue; the app's container is made anew", resume)
		}
		findings[i].Diagnosis = &d
	}

	return findings
}

// differs names the keys that the app's container does not hold as .env has
// them now.
func (s *undoStart) differs(ctx context.Context) ([]string, error) {
	env, err := envfile.Read(s.envPath())
	if err != nil {
		return nil, recovery.Fail(envInvalid(s.envPath(), err), err)
	}
	held, err := s.Runtime.Holds(ctx, s.AppService)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, key := range envfile.Keys() {
		s.Scrub.Learn(env.Value(key))
		if want := env.Value(key); !want.Empty() && !want.Equal(held[key]) {
			wrong = append(wrong, key)
		}
	}

	return wrong, nil
}

// Run starts every service, the app's container made anew where it holds other
// secrets.
func (s *undoStart) Run(ctx context.Context, p recovery.Progress) error {
	if err := s.lower(ctx, p); err != nil {
		return err
	}
	serves, err := s.serves(ctx)
	if err != nil {
		return err
	}
	if !serves {
		return s.Runtime.Stop(ctx, s.held()...)
	}
	p.Phase("start the stack", recovery.Items)
	if wrong, err := s.differs(ctx); err == nil && len(wrong) > 0 { // an error means that there is no container to compare
		if err := s.Runtime.Create(ctx, s.AppService); err != nil {
			return err
		}
	}
	r := s.restarting()
	if err := s.Runtime.Start(ctx, r.all()...); err != nil {
		return err
	}
	s.ran = true
	p.Note("started on what was live before: " + strings.Join(r.all(), ", "))
	p.Phase("wait for the app", recovery.Items)
	if err := s.await(ctx, r.answers); err != nil {
		return recovery.Fail(*s.worded(recovery.Problem("app", recovery.Failed, r.appSilent(ctx, err)))[0].Diagnosis, err)
	}

	return nil
}

// next is what the operator does after an undo.
func (s *undoStart) next(now scene) []string {
	next := []string{"see that the nightly backup runs again, and take one now"}
	if now.untouched() {
		return next
	}

	return append(next, "what the recovery had restored is kept; to free it, which says first how much:\nfirmflow-recovery cleanup "+string(s.RunID))
}

// Switched tells whether what was live before is live again.
func (s *undoStart) Switched() bool { return s.back }

// Diagnose gives the errors of the step their meaning.
func (s *undoStart) Diagnose(err error) recovery.Diagnosis { return s.diagnose(err, undoneLive) }
