package entry

import (
	"context"
	"os"

	"firmflow-recovery/assets"
	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/plain"
)

// take makes the run of a backup.
func (prog Program) take(in cli.Invocation, home journal.Home, host string) (recovery.Runner, error) {
	run, err := home.NewRun(prog.Now())
	if err != nil {
		return recovery.Runner{}, err
	}
	keep, err := retention(in)
	if err != nil {
		return recovery.Runner{}, err
	}
	how := steps.Take{
		Program: "firmflow-recovery " + prog.Version, Shrunk: in.Shrunk, Retention: keep, Cost: backup.Slow(),
	}
	if in.Env != "encrypted" {
		how.Env = steps.EnvKept(in.Env)
	}
	if how.Protection, err = protection(in.Settings); err != nil {
		return recovery.Runner{}, &cli.UsageError{Text: err.Error(), Hint: "firmflow-recovery backup --help says what --env-for and --env-phrase take."}
	}

	if how.Offsite, err = offsite(in.Settings); err != nil {
		return recovery.Runner{}, err
	}

	s := prog.Installation(in, run)
	s.Host = host

	return how.Runner(s)
}

func retention(in cli.Invocation) (backup.Retention, error) {
	k, err := in.Settings.Keep()

	return backup.Retention{Days: k.Days, Daily: k.Daily, Weekly: k.Weekly, Monthly: k.Monthly, Yearly: k.Yearly, Least: k.Verified}, err
}

// protection is for whom .env is encrypted; nobody, where nothing says so.
func protection(s cli.Settings) (backup.Protection, error) {
	switch {
	case s.EnvRecipients != "":
		return backup.ForRecipients(s.EnvRecipients)
	case s.EnvPassphraseFile != "":
		phrase, err := backup.PassphraseIn(s.EnvPassphraseFile)
		if err != nil {
			return backup.Protection{}, err
		}

		return backup.WithPassphrase(phrase, 0)
	default:
		return backup.Protection{}, nil
	}
}

// copyOffsite copies one backup off-site.
func (prog Program) copyOffsite(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return prog.tell(err)
	}
	to, err := offsite(in.Settings)
	if err != nil {
		return prog.tell(err)
	}
	if to == nil {
		return prog.tell(&cli.UsageError{Text: "it is not said where copies are kept", Hint: "Say it with --offsite, or best in the settings file."})
	}
	told, err := steps.OffsiteCopy{
		Home: journal.Home{Dir: in.Settings.StateDir}, Host: host, Dir: in.Settings.Backups, Name: in.Backup, To: to, Now: prog.Now, Moved: plain.Tenths(prog.Err, prog.Now),
	}.Run(ctx)
	if err == nil {
		err = prog.show(in, map[string]string{"copied": told}, func() error { prog.print(told + "\n"); return nil })
	}
	if err != nil {
		return prog.tell(because(ctx, err))
	}

	return recovery.ExitOK
}

// prune deletes old backups and says why the rest stays.
func (prog Program) prune(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	keep, err := retention(in)
	if err != nil {
		return prog.tell(err)
	}
	away, err := offsite(in.Settings)
	if err != nil {
		return prog.tell(err)
	}
	p := steps.Prune{Dir: in.Settings.Backups, Retention: keep, Now: prog.Now, Offsite: away, There: in.There}
	run := p.Run
	if in.DryRun {
		run = p.Plan
	}
	pruned, err := run(ctx)
	if err == nil {
		err = prog.show(in, pruned, func() error { return plain.Pruned(prog.Out, pruned) })
	}
	if err != nil {
		return prog.tell(err)
	}

	return recovery.ExitOK
}

// timers prints the units that back up and rehearse, or writes and starts them.
func (prog Program) timers(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	program, err := os.Executable()
	if err != nil {
		return prog.tell(err)
	}
	units, err := assets.Units()
	if err != nil {
		return prog.tell(err)
	}
	for name, text := range units {
		if units[name], err = steps.UnitFor(text, program, in.Settings.Project); err != nil {
			return prog.tell(&cli.UsageError{Text: err.Error()})
		}
	}
	cron := units[assets.Cron]
	delete(units, assets.Cron)
	t := steps.Timers{Dir: in.UnitDir, Units: units, Run: command.Local{Env: prog.Environ}, Now: prog.Now}
	var all []recovery.TimerUnit
	if in.DryRun {
		all, err = t.Plan()
	} else {
		all, err = t.Install(ctx)
		cron = ""
	}
	if err != nil {
		return prog.tell(because(ctx, err))
	}
	if err := plain.Units(prog.Out, all, cron); err != nil {
		return prog.tell(err)
	}

	return recovery.ExitOK
}
