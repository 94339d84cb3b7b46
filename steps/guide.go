package steps

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
)

// Guide leads from what there is on this host to a verdict, one question after
// the other. Nothing it asks changes anything; the run that follows asks again
// before it does.
type Guide struct {
	Execution

	Operator recovery.Operator
	Backups  string // the directory
	Original string // the original .env, where it was named beforehand
	Remarks  []string
	Now      func() time.Time
	// Make builds the run that was chosen.
	Make func(ctx context.Context, c Chosen) (recovery.Runner, error)
	// Watch shows a run that another process carries out, until it has ended.
	Watch func(ctx context.Context, run recovery.RunID) error
	// Verify looks at a backup, in full or for a moment.
	Verify func(ctx context.Context, name string, full bool, moved func(part string, done, total int64)) (recovery.Verification, error)

	// Drill rehearses the recovery that was chosen, with a fault; nil: none is
	// offered.
	Drill   func(ctx context.Context, c Chosen, fault string) (Drilled, error)
	DrillIn string // where: "in containers of its own"; empty: in a sandbox

	Key     envfile.Key                // opens the original .env, where that was given beforehand
	typed   map[string]secret.String   // the keys of a lost original
	last    recovery.RunID             // every look has a name of its own
	checked map[string]recovery.Status // what full looks found, by the backup's name
}

// Chosen is what the operator decided so far.
type Chosen struct {
	Run      recovery.RunID
	Earlier  recovery.State // of the run to go on with; its zero value: a new one
	Backup   string
	Original string
	Key      envfile.Key              // opens the original, where that is encrypted
	Typed    map[string]secret.String // of an original that is lost
}

// Run asks what is to be done until it was done, or the operator stopped.
func (g *Guide) Run(ctx context.Context) (v recovery.Verdict, report string, err error) {
	for {
		task, start, err := g.task(ctx)
		if err != nil {
			return v, "", unanswered(err)
		}
		switch task {
		case recovery.Resume:
			v, report, err = g.resume(ctx)
		case recovery.Recover, recovery.Preflight, recovery.Drill:
			v, report, err = g.fromBackup(ctx, task)
		case recovery.Undo:
			v, report, err = g.undo(ctx)
		case recovery.Report:
			v, err = turnedBack, g.read(ctx, start.Last.Run)
		case recovery.Attach:
			v, err = turnedBack, g.watch(ctx, start.Running.Run)
		default:
			return recovery.Verdict{Outcome: recovery.NothingChanged, Exit: recovery.ExitNotConfirmed}, "", nil
		}
		if err = g.problem(ctx, err); err != nil {
			return v, report, unanswered(err)
		}
		if v.Turn == "" && v.Outcome != "" {
			return v, report, nil
		}
	}
}

// turnedBack stands for a task that led back to the first question.
var turnedBack = recovery.Verdict{Outcome: recovery.NothingChanged, Exit: recovery.ExitNotConfirmed, Turn: recovery.Back}

// task asks the first question.
func (g *Guide) task(ctx context.Context) (recovery.Choice, recovery.Start, error) {
	start := g.Start(ctx)
	q := recovery.Question{ID: recovery.AskTask, Text: "What do you want to do?", Page: &recovery.Page{Start: &start}, Flag: "a command, such as restore"}
	busy := ""
	if start.Running != nil {
		busy = "run " + string(start.Running.Run) + " goes on"
		q.Options = append(q.Options, recovery.Option{Key: recovery.Attach, Label: "Watch run " + string(start.Running.Run), Detail: "only a view; it goes on by itself"})
	}
	if i := start.Interrupted; i != nil {
		q.Options = append(q.Options, recovery.Option{Key: recovery.Resume, Label: "Resume run " + string(i.Run), Detail: continues(*i), Why: busy})
	}
	q.Options = append(q.Options,
		recovery.Option{Key: recovery.Recover, Label: "Recover from a backup", Detail: "the five steps; what is replaced is kept", Why: busy},
		recovery.Option{Key: recovery.Preflight, Label: "Pre-flight check", Detail: "looks only, changes nothing"})
	q.Options = append(q.Options, g.drillable(busy)...)
	q.Options = append(q.Options, g.undoable(busy)...)
	if start.Last != nil {
		q.Options = append(q.Options, recovery.Option{Key: recovery.Report, Label: "Last report", Detail: lastOf(*start.Last)})
	}
	q.Options = append(q.Options, recovery.Option{Key: recovery.Stop, Label: "Quit"})
	answer, err := g.Operator.Ask(ctx, q)

	return answer.Choice, start, err
}

// problem lays out what kept a task from beginning, instead of ending over it.
func (g *Guide) problem(ctx context.Context, err error) error {
	var failure *recovery.Failure
	if !errors.As(err, &failure) {
		return err
	}
	d := failure.Diagnosis
	_, asked := g.Operator.Ask(ctx, recovery.Question{
		ID: recovery.AskRead, Text: d.Summary, Options: []recovery.Option{{Key: recovery.Back, Label: "Back"}},
		Page: &recovery.Page{Document: document(d.Summary, d.Text())},
	})
	if asked != nil {
		return err // nobody reads it here: the caller tells it
	}

	return nil
}

// resume goes on with the interrupted run.
func (g *Guide) resume(ctx context.Context) (v recovery.Verdict, report string, err error) {
	state, err := Earlier(g.Home, "")
	if err != nil {
		return turnedBack, "", err
	}
	c := Chosen{Run: state.Run, Earlier: state, Backup: state.Backup, Original: OriginalEnvOf(state)}
	if g.Original != "" {
		c.Original = g.Original
	}

	return g.execute(ctx, c)
}

// fromBackup asks for a backup, and recovers from it or only looks. Going back
// leads to the question before.
func (g *Guide) fromBackup(ctx context.Context, task recovery.Choice) (v recovery.Verdict, report string, err error) {
	g.Anew = true // an interrupted run was offered first
	for {
		listed, err := g.backup(ctx)
		if listed == nil || err != nil {
			return turnedBack, "", err
		}
		v, report, err = g.withOriginal(ctx, task, *listed)
		if err != nil || v.Turn == "" {
			return v, report, err
		}
	}
}

// withOriginal finds the original .env, and asks for it where none lies beside
// the backup or another one was wished for.
func (g *Guide) withOriginal(ctx context.Context, task recovery.Choice, listed recovery.ListedBackup) (v recovery.Verdict, report string, err error) {
	ask := g.Original == "" && !listed.Env
	for {
		if ask {
			answer, err := g.askOriginal(ctx)
			if err != nil || answer.Choice != recovery.Go {
				return turnedBack, "", err
			}
			g.Original = answer.Typed
			if answer.Typed == lost {
				g.Original, g.typed = TypedOriginal, nil
			}
		}
		v, report, err = g.carryOut(ctx, task, Chosen{Backup: listed.Name, Original: g.Original})
		if err != nil || v.Turn != recovery.Original {
			return v, report, err
		}
		ask = true
	}
}

// askOriginal asks until a file can be read, or the operator goes back.
func (g *Guide) askOriginal(ctx context.Context) (recovery.Answer, error) {
	q := recovery.Question{
		ID: recovery.AskOriginal, Text: "Where is the .env of the installation that was backed up? If it is lost, type  " + lost, Enter: "path", Flag: "--original-env PATH",
		Options: []recovery.Option{{Key: recovery.Go, Label: "Compare with it"}, {Key: recovery.Back, Label: "Back"}},
	}
	for {
		answer, err := g.Operator.Ask(ctx, q)
		if err != nil || answer.Choice != recovery.Go {
			return answer, err
		}
		if answer.Typed == lost {
			return answer, nil
		}
		if _, err = envfile.ReadWith(answer.Typed, g.Key); err == nil || LockedOut(err) {
			return answer, nil // what opens it is asked for next
		}
		q.Text = "That cannot be read: " + err.Error() + ". Where is the .env of the installation that was backed up?"
	}
}

// carryOut recovers, or looks and asks what then.
func (g *Guide) carryOut(ctx context.Context, task recovery.Choice, c Chosen) (v recovery.Verdict, report string, err error) {
	if task == recovery.Drill {
		return g.rehearse(ctx, c)
	}
	for task == recovery.Preflight {
		r, err := g.make(ctx, c)
		if err != nil {
			return turnedBack, "", unlessBack(err)
		}
		plan, seen := r.Preflight(ctx)
		answer, err := g.Operator.Ask(ctx, looked(plan, seen))
		switch {
		case err != nil:
			return seen, "", err
		case answer.Choice == recovery.Recover:
			task = recovery.Recover
		case answer.Choice == recovery.Back || answer.Choice == recovery.Original:
			seen.Turn = answer.Choice
			return seen, "", nil
		case answer.Choice != recovery.Again && answer.Choice != recovery.Shell:
			return seen, "", nil
		}
	}

	return g.execute(ctx, c)
}

// looked asks what follows a pre-flight check.
func looked(plan recovery.Plan, v recovery.Verdict) recovery.Question {
	q := recovery.Question{
		ID: recovery.AskLooked, Text: "Nothing is in the way of a recovery from backup " + plan.Backup,
		Options: []recovery.Option{
			{Key: recovery.Recover, Label: "Recover from it", Detail: "shows the plan first"}, {Key: recovery.Again, Label: "Check again"},
			{Key: recovery.Back, Label: "Choose another backup"}, {Key: recovery.Stop, Label: "Quit"},
		},
	}
	if v.Diagnosis != nil {
		q.ID, q.Text, q.Step = recovery.AskBlocked, v.Diagnosis.Summary, blockedStep(plan)
		q.Options[0] = recovery.Option{Key: recovery.Shell, Label: "Open a shell", Detail: "exit comes back here"}
		q.Options[0], q.Options[1] = q.Options[1], q.Options[0]
		if strings.HasPrefix(string(v.Diagnosis.Code), "secrets.") {
			q.Options = slices.Insert(q.Options, 2, recovery.Option{Key: recovery.Original, Label: "Compare with another original .env"})
		}
	}

	return q
}

func blockedStep(p recovery.Plan) recovery.StepID {
	for _, s := range p.Steps {
		if s.Assessment.Standing == recovery.Blocked {
			return s.ID
		}
	}

	return ""
}

// execute begins the run.
func (g *Guide) execute(ctx context.Context, c Chosen) (recovery.Verdict, string, error) {
	r, err := g.make(ctx, c)
	if err != nil {
		return turnedBack, "", unlessBack(err)
	}

	return g.Execute(ctx, r)
}

// make names the run and builds it.
func (g *Guide) make(ctx context.Context, c Chosen) (recovery.Runner, error) {
	if c.Run == "" {
		run, err := g.Home.NewRun(g.Now())
		if err != nil {
			return recovery.Runner{}, err
		}
		if run <= g.last {
			if run, err = g.last.Next(); err != nil {
				return recovery.Runner{}, err
			}
		}
		g.last, c.Run = run, run
	}
	r, err := g.unlocked(ctx, c)
	r.Operator, r.Guided, r.History = g.Operator, c.Earlier.Run == "", g.history()

	return r, err
}

// unanswered gives a question without an answer its diagnosis.
func unanswered(err error) error {
	var none *recovery.NoAnswerError
	if errors.As(err, &none) {
		return recovery.Fail(recovery.AnswerMissing(none.Question), err)
	}

	return err
}
