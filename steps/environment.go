package steps

import (
	"context"
	"errors"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
)

// Actions that step 1 can carry out itself, once the operator agrees.
const (
	PutOriginalKeys recovery.Action = "env.put-original-keys"
)

// environment is step 1: the surroundings, and the original's secrets.
type environment struct {
	*Stack
	agreed    bool // the operator agreed to put the original's keys into .env
	holding   bool // Run has begun to hold the app
	takesOver bool // and to take over a barrier that nobody here knows of
}

func (e *environment) ID() recovery.StepID { return EnvironmentID }
func (e *environment) Title() string       { return "prepare the environment" }

// Accept remembers that the operator agreed to a remedy; Run carries it out.
func (e *environment) Accept(action recovery.Action) {
	switch action {
	case PutOriginalKeys:
		e.agreed = true
	case TakeBarrierOver:
		e.takesOver = true
	default:
		e.Stack.agreed |= spendingBy(action)
	}
}

// Check looks at the engine, the project, the room on disk and the secrets.
// Where there is no .env yet, the project may not be readable until Run has
// written it: then that is the work to do, and no obstacle.
func (e *environment) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	original, target, err := e.envFiles()
	if err != nil {
		return recovery.Assessment{}, err
	}
	findings, err := e.look(ctx)
	if err != nil && target.Exists() {
		return recovery.Assessment{}, err
	}
	if !target.Exists() && !beforeEnv(err) {
		return recovery.Assessment{}, err
	}
	space, err := e.space(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	o, err := e.outlook(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if err := e.alone(ctx, o); err != nil {
		return recovery.Assessment{}, err
	}
	foreign, err := e.foreignBarrier(o.barrier)
	if err != nil {
		return recovery.Assessment{}, err
	}
	findings = append(append(append(findings, space...), e.backupFindings()...), foreign...)
	findings = append(append(findings, e.composeElsewhere(original, target)...), e.byManifest(original)...)
	if !target.Exists() && e.typed() {
		findings = append(findings, recovery.Problem("secrets", recovery.Failed, typedIncomplete(e.envPath())))
	}
	if !target.Exists() {
		return e.holdFirst(o, withoutEnv(e.Stack, original, findings)), nil
	}
	secrets, table := e.secrets(ctx, original, target)
	a := e.assess(append(findings, secrets...))
	a.Secrets = table

	return e.holdFirst(o, a), nil
}

func withoutEnv(s *Stack, original envfile.File, findings []recovery.Finding) recovery.Assessment {
	return recovery.Assessment{
		Standing: standing(findings), Findings: findings,
		Changes:  []string{"write " + s.envPath() + " from the original .env"},
		Commands: copyOf(s, original),
	}
}

// copyOf puts the original in place by hand.
func copyOf(s *Stack, original envfile.File) []string {
	switch {
	case !original.Locked:
		return []string{typed("install", "-m", "0600", s.OriginalEnv, s.envPath())}
	case s.OriginalKey.Identity != "":
		return []string{"umask 077", typed("age", "--decrypt", "--identity", s.OriginalKey.Identity, "--output", s.envPath(), s.OriginalEnv)}
	default:
		return []string{"umask 077", typed("age", "--decrypt", "--output", s.envPath(), s.OriginalEnv)}
	}
}

// assess weighs the findings: a difference that the operator agreed to mend is
// work, any other problem is an obstacle.
func (e *environment) assess(findings []recovery.Finding) recovery.Assessment {
	a := recovery.Assessment{Standing: recovery.Done, Summary: "engine, project and room are there; secrets identical"}
	mending := false
	for _, f := range findings {
		if f.Status == recovery.Failed && f.Diagnosis != nil && e.agreed && mendable(*f.Diagnosis) {
			mending = true
			continue
		}
		a.Findings = append(a.Findings, f)
	}
	switch {
	case standing(a.Findings) == recovery.Blocked:
		a.Standing = recovery.Blocked
	case mending:
		a.Standing = recovery.Pending
		a.Changes = []string{"put the original's keys into " + e.envPath() + " (kept as " + e.keptEnv() + ")"}
		a.Commands = []string{
			typed("cp", "-p", e.envPath(), e.keptEnv()),
			"# copy the lines of AUTH_SECRET, LICENSE_KEY and FIELD_ENCRYPTION_KEY from " + e.OriginalEnv + ", in single quotes",
			typed("${EDITOR:-vi}", e.envPath()),
		}
	}

	return a
}

func mendable(d recovery.Diagnosis) bool {
	for _, r := range d.Remedies {
		if r.Action == PutOriginalKeys {
			return true
		}
	}

	return false
}

// standing is Blocked where a finding failed, and Pending otherwise.
func standing(findings []recovery.Finding) recovery.Standing {
	for _, f := range findings {
		if f.Status == recovery.Failed {
			return recovery.Blocked
		}
	}

	return recovery.Pending
}

// Run raises the barrier, and then sees to .env. Where the project could not be
// read without one, the rest of the barrier follows. Where .env is as it should
// be, step 3 raises it.
func (e *environment) Run(ctx context.Context, p recovery.Progress) error {
	_, target, err := e.envFiles()
	if err != nil || target.Exists() && !e.agreed {
		return err
	}
	o, err := e.outlook(ctx)
	if err != nil {
		return err
	}
	if o.needed() {
		e.holding = true
		if err := e.raise(ctx, p); err != nil {
			return err
		}
	}
	unread := e.project == nil
	if err := e.mend(p); err != nil || !unread {
		return err
	}
	if _, err := e.look(ctx); err != nil {
		return err
	}

	return e.raise(ctx, p)
}

// mend writes the .env where there is none, and puts the original's keys into
// one that differs, if the operator agreed.
func (e *environment) mend(p recovery.Progress) error {
	original, target, err := e.envFiles()
	if err != nil {
		return err
	}
	if !target.Exists() {
		if err := envfile.NoteNone(e.keptEnv()); err != nil {
			return err
		}
		if err := envfile.Copy(original, e.envPath()); err != nil {
			return err
		}
		p.Note(e.envPath() + " written from the original")

		return nil
	}
	keys := make(map[string]secret.String)
	for _, key := range envfile.Keys() {
		if value := original.Value(key); !value.Empty() {
			keys[key] = value
		}
	}
	if err := envfile.Apply(target, e.envPath(), e.keptEnv(), keys); err != nil {
		return err
	}
	p.Note("the original's keys put into " + e.envPath() + "; what it was is kept as " + e.keptEnv())

	return nil
}

// Diagnose gives the errors of step 1 their meaning.
func (e *environment) Diagnose(err error) recovery.Diagnosis {
	if errors.Is(err, envfile.ErrKept) {
		return envInTheWay(e.keptEnv())
	}

	d := e.diagnoseVault(err, e.Backup.Archive.Path)
	if d.Code != "" {
		d.Intact = nothingTouched
		if e.holding {
			d.Intact = heldOnly
		}
	}

	return d
}
