package entry

import (
	"context"
	"os"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
)

// guide is the wizard: it asks what is to be done.
func (prog Program) guide(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return prog.tell(err)
	}
	o := prog.speak(in, host, stops)
	if !console.Interactive(o) {
		prog.warn("%v\n", "Nobody can be asked here. Say what to do: firmflow-recovery preflight, plan or restore; --help explains them.")
		return recovery.ExitUsage
	}
	key, err := prog.keyOf(in)
	if err != nil {
		return prog.misused(err)
	}
	op, err := console.Open(o)
	if err != nil {
		return prog.tell(err)
	}
	defer op.Close()
	g := prog.guideOf(in)
	g.Operator, g.Key = op, key
	g.Make = func(ctx context.Context, c steps.Chosen) (recovery.Runner, error) {
		r, err := prog.build(ctx, in, host, c)
		r.Enough, r.Stall.After = stops.Enough, in.Stall

		return r, err
	}
	g.Verify = func(ctx context.Context, name string, full bool, moved func(string, int64, int64)) (recovery.Verification, error) {
		return steps.Verify{Dir: in.Settings.Backups, Name: name, Full: full, Database: in.Settings.Database, Tool: prog.hostTool(), Now: prog.Now, Moved: moved}.Run(ctx)
	}
	g.TakeBack = prog.takeBack(in, host, stops)
	g.Drill = func(ctx context.Context, c steps.Chosen, fault string) (steps.Drilled, error) {
		d, err := prog.drillOf(in, host, stops)
		if err != nil {
			return steps.Drilled{}, err
		}
		d.Fault, _ = steps.FaultNamed(fault)
		d.Guided, d.Note = true, nil // a screen is open

		return d.Run(ctx, op, c)
	}
	if in.Settings.DrillRuntime == "compose" {
		g.DrillIn = "in containers of its own"
	}
	g.Watch = func(ctx context.Context, run recovery.RunID) error {
		console.Watch(op, true)
		defer console.Watch(op, false)
		_, err := steps.Attach(ctx, g.Home, run, op.Tell)

		return err
	}
	v, path, err := g.Run(ctx)
	op.Close()
	prog.ended(ctx, in, host, v, path)

	return prog.leave(op, v, path, err)
}

// guideOf is the guide as far as it only looks.
func (prog Program) guideOf(in cli.Invocation) *steps.Guide {
	return &steps.Guide{
		Execution: steps.Execution{Home: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in), Program: prog.Version}, Backups: in.Settings.Backups,
		Original: in.OriginalEnv, Remarks: console.Whereabouts(prog.Getenv), Now: prog.Now,
	}
}

// attach shows a run that another process carries out.
func (prog Program) attach(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	op, err := console.Open(prog.speak(in, "", stops))
	if err != nil {
		return prog.tell(err)
	}
	defer op.Close()
	console.Watch(op, true)
	v, err := steps.Attach(ctx, steps.Reports{Live: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in)}.Watched(recovery.RunID(in.Run)), recovery.RunID(in.Run), op.Tell)

	return prog.leave(op, v, "", err)
}
