package entry

import (
	"cmp"
	"context"
	"os"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
	"firmflow-recovery/ui/plain"
)

// recoverWith is every command that looks at an installation or changes it.
func (prog Program) recoverWith(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return prog.tell(err)
	}
	home := journal.Home{Dir: in.Settings.StateDir}
	key, err := prog.keyOf(in)
	if err != nil {
		return prog.misused(err)
	}
	runner, err := prog.prepare(ctx, in, home, host, key)
	if steps.WantsPassphrase(err) && console.Interactive(prog.speak(in, host, stops)) {
		in.Passphrase = true
		if key, err = prog.keyOf(in); err != nil {
			return prog.misused(err)
		}
		runner, err = prog.prepare(ctx, in, home, host, key)
	}
	if err != nil && !steps.LockedOut(err) { // the run says that, with a verdict
		return prog.tell(because(ctx, err))
	}
	if in.Runbook {
		return prog.runbook(ctx, runner)
	}
	op, err := console.Open(prog.speak(in, host, stops))
	if err != nil {
		return prog.tell(err)
	}
	defer op.Close()
	runner.Operator, runner.Enough, runner.Stall.After = op, stops.Enough, in.Stall
	if in.Command == cli.Preflight || in.Command == cli.Plan {
		runner.History = steps.Reports{Live: home, Drills: drills(in)}.History()
		_, v := runner.Preflight(ctx)
		return v.Exit
	}
	e := steps.Execution{Home: home, Drills: drills(in), Program: prog.Version, Anew: in.Anew, TakeBack: prog.takeBack(in, host, stops)}
	if in.Command == cli.Backup {
		e.TakeBack = nil // there is nothing to take back
	}
	v, path, err := e.Execute(ctx, runner)
	op.Close()
	prog.ended(ctx, in, host, v, path)

	return prog.leave(op, v, path, err)
}

// keyOf gives what opens an encrypted file: what a flag names, or what is typed.
func (prog Program) keyOf(in cli.Invocation) (envfile.Key, error) {
	var phrase []byte
	var err error
	switch {
	case in.PhraseFile != "":
		phrase, err = console.PassphraseIn(in.PhraseFile)
	case in.Passphrase:
		phrase, err = console.Passphrase(prog.In, prog.Err)
	}

	return envfile.Key{Identity: in.Identity, Passphrase: secret.New(string(phrase))}, err
}

// prepare makes the run that the command is about.
func (prog Program) prepare(ctx context.Context, in cli.Invocation, home journal.Home, host string, key envfile.Key) (recovery.Runner, error) {
	if in.Command == cli.Undo || in.Command == cli.Cleanup {
		purpose := recovery.Purpose(in.Command)
		of, err := steps.ToGoBackTo(home, purpose, recovery.RunID(in.Run))
		if err != nil {
			return recovery.Runner{}, err
		}
		return prog.Installation(in, of.Run).OfRun(purpose, of, host)
	}
	if in.Command == cli.Backup {
		return prog.take(in, home, host)
	}
	chosen, err := prog.choose(home, in)
	if err != nil {
		return recovery.Runner{}, err
	}
	chosen.Key = key

	return prog.build(ctx, in, host, chosen)
}

// takeBack builds the undo of a run.
func (prog Program) takeBack(in cli.Invocation, host string, stops *console.Stops) func(recovery.State) (recovery.Runner, error) {
	return func(of recovery.State) (recovery.Runner, error) {
		r, err := prog.Installation(in, of.Run).OfRun(recovery.Undoing, of, host)
		r.Enough, r.Stall.After = stops.Enough, in.Stall

		return r, err
	}
}

// choose takes from the flags what the wizard would ask for.
func (prog Program) choose(home journal.Home, in cli.Invocation) (steps.Chosen, error) {
	if in.Command != cli.Resume {
		run, err := home.NewRun(prog.Now())
		return steps.Chosen{Run: run, Backup: in.Backup, Original: in.OriginalEnv}, err
	}
	state, err := steps.Earlier(home, recovery.RunID(in.Run))
	if err != nil {
		return steps.Chosen{}, err
	}
	c := steps.Chosen{Run: state.Run, Earlier: state, Backup: in.Backup, Original: in.OriginalEnv}
	if c.Original == "" {
		c.Original = steps.OriginalEnvOf(state)
	}
	if c.Backup == "latest" {
		c.Backup = state.Backup
	}

	return c, nil
}

// build makes the run that was chosen.
func (prog Program) build(ctx context.Context, in cli.Invocation, host string, c steps.Chosen) (recovery.Runner, error) {
	set, newer, err := steps.OpenBackup(ctx, in.Settings.Backups, c.Backup)
	if err != nil {
		return recovery.Runner{}, err
	}
	s := prog.Installation(in, c.Run)
	s.Backup, s.PassedOver, s.OriginalEnv, s.Host = set, newer, c.Original, host
	if s.OriginalEnv == "" {
		s.OriginalEnv = set.Env.Path
	}
	s.OriginalKey, s.OriginalTyped, s.WithoutUndo = c.Key, c.Typed, in.GiveUpUndo != ""

	return recovery.Runner{
		Now: prog.Now, Host: host, Run: c.Run, Earlier: c.Earlier,
		Steps: steps.Restore(s), Backup: set.Name(), Target: s.Target(), Inputs: s.Inputs(), Release: s.Disengage,
	}, s.Unlock()
}

// Installation gives what the steps of a run touch, as an invocation says.
func (prog Program) Installation(in cli.Invocation, run recovery.RunID) *steps.Stack {
	scrub := &secret.Scrubber{}
	set := in.Settings
	home, settle := journal.Home{Dir: set.StateDir}, cmp.Or(in.Settle, cli.Settle)
	s := &steps.Stack{
		ProjectDir: set.Project, Vault: set.Vault, Database: set.Database, User: set.User, DBService: set.DBService, AppService: set.AppService,
		AppURL: set.AppURL, BackupDir: set.Backups, Shell: prog.Environ, PinProject: set.ProjectName != "", PinFile: set.ComposeFile != "", RunID: run,
		AuditTable: set.AuditTable, VaultColumn: set.VaultColumn, Keep: home.Keep, Unfinished: home.CanGoOn,
		Scrub: scrub, Now: prog.Now, Settle: settle, Pause: settle / 20, Patience: in.Patience, Probe: steps.Probe,
	}
	if in.VaultFrom != "auto" {
		s.VaultFrom = steps.VaultSource(in.VaultFrom)
	}
	s.Runtime = prog.runtimeFor(set, scrub)

	return s
}

func (prog Program) runtimeFor(set cli.Settings, scrub *secret.Scrubber) stack.Runtime {
	environment := compose.Environment(prog.Environ)
	if set.Runtime == "sandbox" {
		return sandbox.New(sandbox.Options{Dir: set.Project, Environment: environment, Scrub: scrub})
	}
	o := compose.Options{Dir: set.Project, Project: set.ProjectName, Environment: environment, Scrub: scrub}
	if set.ComposeFile != "" {
		o.Files = []string{set.ComposeFile}
	}

	return compose.New(o)
}

// runbook prints the plan as commands, and nothing else.
func (prog Program) runbook(ctx context.Context, r recovery.Runner) recovery.ExitCode {
	r.Operator = plain.Silent{}
	plan, v := r.Preflight(ctx)
	if v.Diagnosis != nil {
		prog.warn("%v", plain.Diagnosis(*v.Diagnosis))
		return v.Exit
	}
	prog.print(plan.Runbook())

	return v.Exit
}
