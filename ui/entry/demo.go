package entry

import (
	"context"
	"os"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
)

func (prog Program) sampleApp(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	config, err := sample.FromEnv(prog.Getenv)
	switch {
	case in.StandIn: // an original without a licence key is step 1's to tell
		err = sample.StandIn(ctx, config, prog.Out)
	case err == nil && in.Health:
		err = sample.CheckHealth(ctx, config.HealthURL())
	case err == nil:
		err = sample.Serve(ctx, config, prog.Out)
	}
	if err != nil {
		prog.warn("%v\n", err)
		return recovery.ExitUnexpected
	}

	return recovery.ExitOK
}

// runDemo makes an installation, loses it, and recovers it like any other.
func (prog Program) runDemo(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	self, err := os.Executable()
	if err != nil {
		return prog.tell(err)
	}
	made, err := demo.Build(ctx, demo.Options{
		Program: []string{self, "sample-app"}, Environment: compose.Environment(prog.Environ), Now: prog.Now,
		Note: func(text string) { prog.warn("%v\n", "demo: "+text) },
	})
	if err != nil {
		return prog.tell(because(ctx, err))
	}
	defer prog.leaveDemo(context.WithoutCancel(ctx), made, in.Keep)
	if err := made.Backup(ctx); err != nil {
		return prog.tell(because(ctx, err))
	}
	if err := made.Lose(ctx); err != nil {
		return prog.tell(because(ctx, err))
	}
	in.Command, in.Backup, in.OriginalEnv, in.Yes, in.Patience = cli.Restore, "latest", made.OriginalEnv, true, 2*time.Minute
	in.Stall = cli.Stall
	in.Settings.Project, in.Settings.Vault, in.Settings.Backups, in.Settings.StateDir = made.Project, made.Vault, made.Backups, made.State
	in.Settings.Runtime, in.Settings.DBService, in.Settings.AppService, in.Settings.AppURL = "sandbox", "db", "app", ""
	in.Settings.Database, in.Settings.User, in.Settings.DrillDir = "firmflow", "firmflow", made.Dir
	carryOut := prog.recoverWith
	if console.Interactive(prog.speak(in, "", stops)) {
		carryOut = prog.guide
	}

	return carryOut(ctx, stops, in)
}

// leaveDemo takes the demo away, whatever became of it, or says where it is.
func (prog Program) leaveDemo(ctx context.Context, made *demo.Installation, keep bool) {
	if keep {
		prog.warn("demo: kept in %s\n", made.Dir)
		return
	}
	if err := made.Remove(ctx); err != nil {
		prog.warn("%v\n", err)
		return
	}
	prog.warn("%v\n", "demo: everything is removed again, journal and report too; --keep keeps it")
}
