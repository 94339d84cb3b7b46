// Command firmflow-recovery brings a lost FirmFlow installation back, and
// proves that it did. Here its parts are put together; the logic is in theirs.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"firmflow-recovery/assets"
	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/hook"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
	"firmflow-recovery/ui/plain"
	"firmflow-recovery/ui/quiet"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(int(run())) }

// run does what the operator asked for and gives the exit code.
func run() recovery.ExitCode {
	quiet.Restore()
	var table []cli.Meaning
	for _, m := range recovery.ExitTable() {
		table = append(table, cli.Meaning{Codes: m.Codes, Text: m.Meaning})
	}
	invocation, err := cli.Parse(cli.Environment{
		Args: os.Args[1:], Getenv: os.Getenv, ReadFile: os.ReadFile, Root: os.Geteuid() == 0, Version: version, ExitTable: table,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return recovery.ExitUsage
	}
	for _, text := range []string{invocation.Settings.OnSuccess, invocation.Settings.OnFailure} {
		if _, err := hook.Argv(text); err != nil {
			return misused(err)
		}
	}
	ctx, stops := console.UntilStopped()
	defer stops.Release()
	in := invocation
	switch in.Command {
	case cli.Print:
		fmt.Print(invocation.Output)
		return recovery.ExitOK
	case cli.Explain:
		return explain(in.Code)
	case cli.SampleApp:
		return sampleApp(ctx, in)
	case cli.Demo:
		return runDemo(ctx, stops, in)
	case cli.Backups:
		return listBackups(ctx, in)
	case cli.Status:
		return status(ctx, in)
	case cli.Report:
		return report(in)
	case cli.Attach:
		return attach(ctx, stops, in)
	case cli.Drill:
		return runDrill(ctx, stops, in)
	case cli.Verify:
		return verify(ctx, in)
	case cli.Repair:
		return repair(ctx, in)
	case cli.Prune:
		return prune(ctx, in)
	case cli.Timers:
		return timers(ctx, in)
	case cli.Wizard:
		return guide(ctx, stops, in)
	default:
		return recoverWith(ctx, stops, in)
	}
}

func explain(code string) recovery.ExitCode {
	page, err := assets.Help(code)
	if err != nil {
		fmt.Fprintf(os.Stderr, "There is no command and no diagnosis %q.\nKnown diagnoses: %s\n", code, assets.HelpCodes())
		return recovery.ExitUsage
	}
	fmt.Print(page)

	return recovery.ExitOK
}

func sampleApp(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	config, err := sample.FromEnv(os.Getenv)
	switch {
	case in.StandIn: // an original without a licence key is step 1's to tell
		err = sample.StandIn(ctx, config, os.Stdout)
	case err == nil && in.Health:
		err = sample.CheckHealth(ctx, config.HealthURL())
	case err == nil:
		err = sample.Serve(ctx, config, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return recovery.ExitUnexpected
	}

	return recovery.ExitOK
}

// runDemo makes an installation, loses it, and recovers it like any other.
func runDemo(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	self, err := os.Executable()
	if err != nil {
		return tell(err)
	}
	made, err := demo.Build(ctx, demo.Options{
		Program: []string{self, "sample-app"}, Environment: compose.Environment(os.Environ()), Now: time.Now,
		Note: func(text string) { fmt.Fprintln(os.Stderr, "demo: "+text) },
	})
	if err != nil {
		return tell(because(ctx, err))
	}
	defer leaveDemo(context.WithoutCancel(ctx), made, in.Keep)
	if err := made.Backup(ctx); err != nil {
		return tell(because(ctx, err))
	}
	if err := made.Lose(ctx); err != nil {
		return tell(because(ctx, err))
	}
	in.Command, in.Backup, in.OriginalEnv, in.Yes, in.Patience = cli.Restore, "latest", made.OriginalEnv, true, 2*time.Minute
	in.Stall = cli.Stall
	in.Settings.Project, in.Settings.Vault, in.Settings.Backups, in.Settings.StateDir = made.Project, made.Vault, made.Backups, made.State
	in.Settings.Runtime, in.Settings.DBService, in.Settings.AppService, in.Settings.AppURL = "sandbox", "db", "app", ""
	in.Settings.Database, in.Settings.User, in.Settings.DrillDir = "firmflow", "firmflow", made.Dir
	carryOut := recoverWith
	if console.Interactive(speak(in, "", stops)) {
		carryOut = guide
	}

	return carryOut(ctx, stops, in)
}

// leaveDemo takes the demo away, whatever became of it, or says where it is.
func leaveDemo(ctx context.Context, made *demo.Installation, keep bool) {
	if keep {
		fmt.Fprintf(os.Stderr, "demo: kept in %s\n", made.Dir)
		return
	}
	if err := made.Remove(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Fprintln(os.Stderr, "demo: everything is removed again, journal and report too; --keep keeps it")
}

// because gives the operator's stop as the reason of an error that came of it.
func because(ctx context.Context, err error) error {
	var stop *recovery.StopRequest
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &stop) {
		return stop
	}

	return err
}

// tell says what went wrong before there was a run to say it.
func tell(err error) recovery.ExitCode {
	var stop *recovery.StopRequest
	if errors.As(err, &stop) {
		fmt.Fprintf(os.Stderr, "%s: stopped by %s before a recovery was begun.\n", recovery.NothingChanged, stop.By)
		return stop.Exit
	}
	var failure *recovery.Failure
	var usage *cli.UsageError
	if errors.As(err, &usage) {
		fmt.Fprintln(os.Stderr, usage)
		return recovery.ExitUsage
	}
	if !errors.As(err, &failure) {
		fmt.Fprintln(os.Stderr, err)
		return recovery.ExitUnexpected
	}
	fmt.Fprint(os.Stderr, plain.Diagnosis(failure.Diagnosis))
	if exit, own := failure.Diagnosis.Code.Exit(); own {
		return exit
	}

	return recovery.ExitUnexpected
}

// speak says how the operator is spoken to.
func speak(in cli.Invocation, host string, stops *console.Stops) console.Options {
	return console.Options{
		JSON: in.JSON, Plain: in.Plain, ASCII: in.ASCII, Verbose: in.Verbose, Looking: in.Command == cli.Preflight || in.Command == cli.Plan,
		Yes: in.Yes, Confirm: in.Confirm, Fix: in.Fix, Retries: in.Retries, Host: host, Getenv: os.Getenv, In: os.Stdin, Out: os.Stdout,
		Stops: stops, Save: journal.Home{Dir: in.Settings.StateDir}.Keep,
		Shell: func(ctx context.Context) error {
			return command.Attended(ctx, os.Stdin, in.Settings.Project, os.Environ(), cmp.Or(os.Getenv("SHELL"), "/bin/sh"))
		},
	}
}

// recoverWith is every command that looks at an installation or changes it.
func recoverWith(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return tell(err)
	}
	home := journal.Home{Dir: in.Settings.StateDir}
	key, err := keyOf(in)
	if err != nil {
		return misused(err)
	}
	runner, err := prepare(ctx, in, home, host, key)
	if steps.WantsPassphrase(err) && console.Interactive(speak(in, host, stops)) {
		in.Passphrase = true
		if key, err = keyOf(in); err != nil {
			return misused(err)
		}
		runner, err = prepare(ctx, in, home, host, key)
	}
	if err != nil && !steps.LockedOut(err) { // the run says that, with a verdict
		return tell(because(ctx, err))
	}
	if in.Runbook {
		return runbook(ctx, runner)
	}
	op, err := console.Open(speak(in, host, stops))
	if err != nil {
		return tell(err)
	}
	defer op.Close()
	runner.Operator, runner.Enough, runner.Stall.After = op, stops.Enough, in.Stall
	if in.Command == cli.Preflight || in.Command == cli.Plan {
		runner.History = steps.Reports{Live: home, Drills: drills(in)}.History()
		_, v := runner.Preflight(ctx)
		return v.Exit
	}
	e := steps.Execution{Home: home, Drills: drills(in), Program: version, Anew: in.Anew, TakeBack: takeBack(in, host, stops)}
	if in.Command == cli.Backup {
		e.TakeBack = nil // there is nothing to take back
	}
	v, path, err := e.Execute(ctx, runner)
	op.Close()
	ended(ctx, in, host, v, path)

	return leave(op, v, path, err)
}

// keyOf gives what opens an encrypted file: what a flag names, or what is typed.
func keyOf(in cli.Invocation) (envfile.Key, error) {
	var phrase []byte
	var err error
	switch {
	case in.PhraseFile != "":
		phrase, err = console.PassphraseIn(in.PhraseFile)
	case in.Passphrase:
		phrase, err = console.Passphrase(os.Stdin, os.Stderr)
	}

	return envfile.Key{Identity: in.Identity, Passphrase: secret.New(string(phrase))}, err
}

func misused(err error) recovery.ExitCode {
	fmt.Fprintln(os.Stderr, err)
	return recovery.ExitUsage
}

// prepare makes the run that the command is about.
func prepare(ctx context.Context, in cli.Invocation, home journal.Home, host string, key envfile.Key) (recovery.Runner, error) {
	if in.Command == cli.Undo || in.Command == cli.Cleanup {
		purpose := recovery.Purpose(in.Command)
		of, err := steps.ToGoBackTo(home, purpose, recovery.RunID(in.Run))
		if err != nil {
			return recovery.Runner{}, err
		}
		return installation(in, of.Run).OfRun(purpose, of, host)
	}
	if in.Command == cli.Backup {
		return take(in, home, host)
	}
	chosen, err := choose(home, in)
	if err != nil {
		return recovery.Runner{}, err
	}
	chosen.Key = key

	return build(ctx, in, host, chosen)
}

// take makes the run of a backup.
func take(in cli.Invocation, home journal.Home, host string) (recovery.Runner, error) {
	run, err := home.NewRun(time.Now())
	if err != nil {
		return recovery.Runner{}, err
	}
	keep, err := retention(in)
	if err != nil {
		return recovery.Runner{}, err
	}
	how := steps.Take{
		Program: "firmflow-recovery " + version, Shrunk: in.Shrunk, Retention: keep, Cost: backup.Slow(),
	}
	if in.Env != "encrypted" {
		how.Env = steps.EnvKept(in.Env)
	}
	if how.Protection, err = protection(in.Settings); err != nil {
		return recovery.Runner{}, &cli.UsageError{Text: err.Error(), Hint: "firmflow-recovery backup --help says what --env-for and --env-phrase take."}
	}

	s := installation(in, run)
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

// prune deletes old backups and says why the rest stays.
func prune(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	keep, err := retention(in)
	if err != nil {
		return tell(err)
	}
	p := steps.Prune{Dir: in.Settings.Backups, Retention: keep, Now: time.Now}
	run := p.Run
	if in.DryRun {
		run = p.Plan
	}
	pruned, err := run(ctx)
	if err == nil {
		err = show(in, pruned, func() error { return plain.Pruned(os.Stdout, pruned) })
	}
	if err != nil {
		return tell(err)
	}

	return recovery.ExitOK
}

// timers prints the units that back up and rehearse, or writes and starts them.
func timers(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	program, err := os.Executable()
	if err != nil {
		return tell(err)
	}
	units, err := assets.Units()
	if err != nil {
		return tell(err)
	}
	for name, text := range units {
		if units[name], err = steps.UnitFor(text, program, in.Settings.Project); err != nil {
			return tell(&cli.UsageError{Text: err.Error()})
		}
	}
	cron := units[assets.Cron]
	delete(units, assets.Cron)
	t := steps.Timers{Dir: in.UnitDir, Units: units, Run: command.Local{Env: os.Environ()}, Now: time.Now}
	var all []recovery.TimerUnit
	if in.DryRun {
		all, err = t.Plan()
	} else {
		all, err = t.Install(ctx)
		cron = ""
	}
	if err != nil {
		return tell(because(ctx, err))
	}
	if err := plain.Units(os.Stdout, all, cron); err != nil {
		return tell(err)
	}

	return recovery.ExitOK
}

// takeBack builds the undo of a run.
func takeBack(in cli.Invocation, host string, stops *console.Stops) func(recovery.State) (recovery.Runner, error) {
	return func(of recovery.State) (recovery.Runner, error) {
		r, err := installation(in, of.Run).OfRun(recovery.Undoing, of, host)
		r.Enough, r.Stall.After = stops.Enough, in.Stall

		return r, err
	}
}

// guide is the wizard: it asks what is to be done.
func guide(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return tell(err)
	}
	o := speak(in, host, stops)
	if !console.Interactive(o) {
		fmt.Fprintln(os.Stderr, "Nobody can be asked here. Say what to do: firmflow-recovery preflight, plan or restore; --help explains them.")
		return recovery.ExitUsage
	}
	key, err := keyOf(in)
	if err != nil {
		return misused(err)
	}
	op, err := console.Open(o)
	if err != nil {
		return tell(err)
	}
	defer op.Close()
	g := guideOf(in)
	g.Operator, g.Key = op, key
	g.Make = func(ctx context.Context, c steps.Chosen) (recovery.Runner, error) {
		r, err := build(ctx, in, host, c)
		r.Enough, r.Stall.After = stops.Enough, in.Stall

		return r, err
	}
	g.Verify = func(ctx context.Context, name string, full bool, moved func(string, int64, int64)) (recovery.Verification, error) {
		return steps.Verify{Dir: in.Settings.Backups, Name: name, Full: full, Database: in.Settings.Database, Tool: hostTool(), Now: time.Now, Moved: moved}.Run(ctx)
	}
	g.TakeBack = takeBack(in, host, stops)
	g.Drill = func(ctx context.Context, c steps.Chosen, fault string) (steps.Drilled, error) {
		d, err := drillOf(in, host, stops)
		if err != nil {
			return steps.Drilled{}, err
		}
		d.Fault, _ = steps.FaultNamed(fault)
		d.Guided, d.Note = true, nil // a screen is open

		return d.Run(ctx, op, c)
	}
	g.Watch = func(ctx context.Context, run recovery.RunID) error {
		console.Watch(op, true)
		defer console.Watch(op, false)
		_, err := steps.Attach(ctx, g.Home, run, op.Tell)

		return err
	}
	v, path, err := g.Run(ctx)
	op.Close()
	ended(ctx, in, host, v, path)

	return leave(op, v, path, err)
}

// guideOf is the guide as far as it only looks.
func guideOf(in cli.Invocation) *steps.Guide {
	return &steps.Guide{
		Execution: steps.Execution{Home: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in), Program: version}, Backups: in.Settings.Backups,
		Original: in.OriginalEnv, Remarks: console.Whereabouts(os.Getenv), Now: time.Now,
	}
}

// attach shows a run that another process carries out.
func attach(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	op, err := console.Open(speak(in, "", stops))
	if err != nil {
		return tell(err)
	}
	defer op.Close()
	console.Watch(op, true)
	v, err := steps.Attach(ctx, steps.Reports{Live: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in)}.Watched(recovery.RunID(in.Run)), recovery.RunID(in.Run), op.Tell)

	return leave(op, v, "", err)
}

// report prints what is known of a run.
func report(in cli.Invocation) recovery.ExitCode {
	from := steps.Reports{Live: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in)}
	var text string
	var err error
	switch run := recovery.RunID(in.Run); {
	case in.List:
		var all []recovery.Account
		if all, err = from.List(); err == nil {
			err = show(in, all, func() error { return plain.Accounts(os.Stdout, all) })
		}
	case in.JSON:
		var object []byte
		object, err = from.JSON(run)
		text = string(object)
	default:
		text, err = from.Markdown(run)
	}
	if err != nil {
		return tell(err)
	}
	fmt.Print(text)

	return recovery.ExitOK
}

// status prints what there is on this host.
func status(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	if in.Check || in.Textfile != "" {
		return monitor(ctx, in)
	}
	found := guideOf(in).Start(ctx)
	found.Remarks = found.Remarks[len(console.Whereabouts(os.Getenv)):] // of a screen, not of a host
	var err error
	if in.JSON {
		err = json.NewEncoder(os.Stdout).Encode(found)
	} else {
		err = plain.Start(os.Stdout, found)
	}
	if err != nil {
		return tell(err)
	}

	return recovery.ExitOK
}

// monitor says whether this host could be recovered right now, with the exit codes
// that monitoring knows.
func monitor(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	seen := steps.Monitor{
		Dir: in.Settings.Backups, Env: filepath.Join(in.Settings.Project, ".env"), Database: in.Settings.Database,
		Home: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in), Now: time.Now, Warn: in.WarnAge, Critical: in.CriticalAge,
	}.Look(ctx)
	if in.Textfile != "" {
		if err := durable.WriteFile(in.Textfile, plain.Metrics(seen), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return recovery.ExitCode(recovery.LevelUnknown)
		}
	}
	if err := show(in, seen, func() error { return plain.Monitor(os.Stdout, seen) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return recovery.ExitCode(recovery.LevelUnknown)
	}

	return recovery.ExitCode(seen.Level)
}

// leave ends the screen and says where the report is.
func leave(op console.Operator, v recovery.Verdict, report string, err error) recovery.ExitCode {
	op.Close()
	var request *recovery.StopRequest
	if errors.As(err, &request) {
		return request.Exit // left before anything was begun, or a view of what goes on
	}
	if err != nil {
		return tell(err)
	}
	if report != "" {
		fmt.Fprintf(os.Stderr, "Report: %s\n", report)
	}

	return v.Exit
}

// choose takes from the flags what the wizard would ask for.
func choose(home journal.Home, in cli.Invocation) (steps.Chosen, error) {
	if in.Command != cli.Resume {
		run, err := home.NewRun(time.Now())
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
func build(ctx context.Context, in cli.Invocation, host string, c steps.Chosen) (recovery.Runner, error) {
	set, newer, err := steps.OpenBackup(ctx, in.Settings.Backups, c.Backup)
	if err != nil {
		return recovery.Runner{}, err
	}
	s := installation(in, c.Run)
	s.Backup, s.PassedOver, s.OriginalEnv, s.Host = set, newer, c.Original, host
	if s.OriginalEnv == "" {
		s.OriginalEnv = set.Env.Path
	}
	s.OriginalKey, s.OriginalTyped = c.Key, c.Typed

	return recovery.Runner{
		Now: time.Now, Host: host, Run: c.Run, Earlier: c.Earlier,
		Steps: steps.Restore(s), Backup: set.Name(), Target: s.Target(), Inputs: s.Inputs(), Release: s.Disengage,
	}, s.Unlock()
}

func installation(in cli.Invocation, run recovery.RunID) *steps.Stack {
	scrub := &secret.Scrubber{}
	set := in.Settings
	home, settle := journal.Home{Dir: set.StateDir}, cmp.Or(in.Settle, cli.Settle)
	s := &steps.Stack{
		ProjectDir: set.Project, Vault: set.Vault, Database: set.Database, User: set.User, DBService: set.DBService, AppService: set.AppService,
		AppURL: set.AppURL, BackupDir: set.Backups, Shell: os.Environ(), PinProject: set.ProjectName != "", PinFile: set.ComposeFile != "", RunID: run,
		AuditTable: set.AuditTable, VaultColumn: set.VaultColumn, Keep: home.Keep, Unfinished: home.CanGoOn,
		Scrub: scrub, Now: time.Now, Settle: settle, Pause: settle / 20, Patience: in.Patience, Probe: steps.Probe,
	}
	if in.VaultFrom != "auto" {
		s.VaultFrom = steps.VaultSource(in.VaultFrom)
	}
	s.Runtime = runtimeFor(set, scrub)

	return s
}

func runtimeFor(set cli.Settings, scrub *secret.Scrubber) stack.Runtime {
	environment := compose.Environment(os.Environ())
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
func runbook(ctx context.Context, r recovery.Runner) recovery.ExitCode {
	r.Operator = plain.Silent{}
	plan, v := r.Preflight(ctx)
	if v.Diagnosis != nil {
		fmt.Fprint(os.Stderr, plain.Diagnosis(*v.Diagnosis))
		return v.Exit
	}
	fmt.Print(plan.Runbook())

	return v.Exit
}

// listBackups prints what lies in the backup directory.
func listBackups(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	listing, err := steps.ListBackups(ctx, in.Settings.Backups, time.Now())
	if err != nil {
		return tell(because(ctx, err))
	}
	if err := show(in, listing, func() error { return plain.Backups(os.Stdout, listing) }); err != nil {
		return tell(err)
	}

	return recovery.ExitOK
}

// verify looks at a backup and prints what it saw.
func verify(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	key, err := keyOf(in)
	if err != nil {
		return misused(err)
	}
	found, err := steps.Verify{
		Dir: in.Settings.Backups, Name: in.Backup, Full: in.Full, Rehearse: in.Rehearse, Key: key, Database: in.Settings.Database,
		Tool: hostTool(), Scratch: scratch,
		Now: time.Now, Moved: plain.Tenths(os.Stderr, time.Now),
	}.Run(ctx)
	if err != nil {
		return tell(err)
	}
	if err := show(in, found, func() error { return plain.Verification(os.Stdout, found) }); err != nil {
		return tell(err)
	}

	return found.Exit
}

// scratch makes a database server to rehearse on.
func scratch(ctx context.Context) (steps.Scratch, error) {
	return sandbox.NewScratch(ctx, compose.Environment(os.Environ()), &secret.Scrubber{})
}

// repair makes a repaired copy of a dump and says where it is.
func repair(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	key, err := keyOf(in)
	if err != nil {
		return misused(err)
	}
	made, err := steps.Repair{
		Dir: in.Settings.Backups, Name: in.Backup, Into: in.Into, Identity: key.Identity, Passphrase: key.Passphrase, Database: in.Settings.Database,
		Tool: hostTool(), Now: time.Now, Moved: plain.Tenths(os.Stderr, time.Now),
	}.Run(ctx)
	if err == nil {
		err = show(in, made, func() error { return plain.Repaired(os.Stdout, made) })
	}
	if err != nil {
		return tell(err)
	}

	return recovery.ExitOK
}

// show prints an answer, as JSON or as text.
func show(in cli.Invocation, answer any, text func() error) error {
	if in.JSON {
		return json.NewEncoder(os.Stdout).Encode(answer)
	}

	return text()
}

// hostTool runs this host's pg_restore; nil where there is none.
func hostTool() command.Runner {
	tool, err := sandbox.Host(compose.Environment(os.Environ()), &secret.Scrubber{})
	if err != nil {
		return nil // what is then not looked at is said where it matters
	}

	return tool
}

// runDrill is the drill: the whole recovery, in surroundings of its own.
func runDrill(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return tell(err)
	}
	d, err := drillOf(in, host, stops)
	if err != nil {
		return tell(err)
	}
	if in.Fault == "list" {
		if err := plain.Faults(os.Stdout, steps.Faults()); err != nil {
			return tell(err)
		}
		return recovery.ExitOK
	}
	fault, known := steps.FaultNamed(in.Fault)
	if !known {
		fmt.Fprintf(os.Stderr, "there is no training fault %q\nfirmflow-recovery drill --fault list explains those there are.\n", in.Fault)
		return recovery.ExitUsage
	}
	d.Fault = fault
	if in.Remove {
		removed, err := d.Remove(ctx, recovery.RunID(in.Run))
		for _, run := range removed {
			fmt.Printf("removed what was kept of drill %s\n", run)
		}
		if err != nil {
			return tell(because(ctx, err))
		}
		return recovery.ExitOK
	}
	key, err := keyOf(in)
	if err != nil {
		return misused(err)
	}
	in.Yes = true // it hurts nothing; whoever sits before a screen is asked all the same
	o := speak(in, host, stops)
	o.Brief = true
	if console.Fits(o) {
		d.Note = nil // it would write over the screen
	}
	op, err := console.Open(o)
	if err != nil {
		return tell(err)
	}
	defer op.Close()
	did, err := d.Run(ctx, op, steps.Chosen{Backup: in.Backup, Original: in.OriginalEnv, Key: key})
	op.Close()
	if err == nil && o.Unwatched() {
		err = plain.Line(os.Stdout, plain.Rehearsed{Run: did.Run, Backup: did.Backup, Age: did.DataAge, Verdict: did.Verdict})
	}
	for _, line := range did.Kept {
		fmt.Fprintln(os.Stderr, line)
	}

	if err != nil {
		err = because(ctx, err)
		say(telling(in, host).Refused(ctx, err))
	} else {
		ended(ctx, in, host, did.Verdict, did.Report)
	}

	return leave(op, did.Verdict, did.Report, err)
}

// telling says who hears how a run ended. What the settings say was found
// readable when the program began.
func telling(in cli.Invocation, host string) steps.Telling {
	well, _ := hook.Argv(in.Settings.OnSuccess)
	badly, _ := hook.Argv(in.Settings.OnFailure)
	scrub := &secret.Scrubber{}
	address := secret.New(in.Settings.Webhook)
	scrub.Learn(address)

	return steps.Telling{
		Host: host, Program: version, Now: time.Now,
		Hooks: hook.Hooks{
			Success: well, Failure: badly, Webhook: address, Run: command.Local{Env: compose.Environment(os.Environ()), Scrub: scrub},
		},
	}
}

// ended tells those who are to hear of it that a run has ended.
func ended(ctx context.Context, in cli.Invocation, host string, v recovery.Verdict, report string) {
	say(telling(in, host).Ended(ctx, v, report))
}

// say says what went wrong beside a verdict, and does not change it.
func say(failed []error) {
	for _, err := range failed {
		fmt.Fprintf(os.Stderr, "%v; the verdict stands\n", err)
	}
}

// drills is where drills are kept: apart from recoveries, of which none may be
// resumed or undone for a drill's sake.
func drills(in cli.Invocation) journal.Home {
	return journal.Home{Dir: filepath.Join(in.Settings.StateDir, "drills")}
}

// drillOf puts a drill together.
func drillOf(in cli.Invocation, host string, stops *console.Stops) (steps.Drill, error) {
	self, err := os.Executable()
	if err != nil {
		return steps.Drill{}, err
	}
	environment := compose.Environment(os.Environ())

	return steps.Drill{
		Home: drills(in), Program: version, Live: journal.Home{Dir: in.Settings.StateDir},
		Installation: installation(in, ""), Rehearsal: installation(in, ""), Root: in.Settings.DrillDir, Host: host,
		Sandbox: drill.Sandbox{Program: []string{self, "sample-app", "--stand-in"}, Environment: environment},
		Target:  in.Target, Keep: in.Keep, Enough: stops.Enough,
		Note:   func(text string) { fmt.Fprintln(os.Stderr, "drill: "+text) },
		Hangup: func() error { return syscall.Kill(os.Getpid(), syscall.SIGHUP) },
	}, nil
}
