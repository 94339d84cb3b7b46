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
	"time"

	"firmflow-recovery/assets"
	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/demo"
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
	ctx, stop := console.UntilStopped()
	defer stop(nil)
	in := invocation
	switch in.Command {
	case cli.Print:
		fmt.Print(invocation.Output)
		return recovery.ExitOK
	case cli.Explain:
		return explain(in.Code)
	case cli.SampleApp:
		return sampleApp(ctx, in.Health)
	case cli.Demo:
		return runDemo(ctx, stop, in)
	case cli.Backups:
		return listBackups(ctx, in)
	case cli.Verify:
		return verify(ctx, in)
	case cli.Repair:
		return repair(ctx, in)
	case cli.Wizard:
		return guide(ctx, stop, in)
	default:
		return recoverWith(ctx, stop, in)
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

func sampleApp(ctx context.Context, health bool) recovery.ExitCode {
	config, err := sample.FromEnv(os.Getenv)
	if err == nil && health {
		err = sample.CheckHealth(ctx, config.HealthURL())
	} else if err == nil {
		err = sample.Serve(ctx, config, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return recovery.ExitUnexpected
	}

	return recovery.ExitOK
}

// runDemo makes an installation, loses it, and recovers it like any other.
func runDemo(ctx context.Context, stop context.CancelCauseFunc, in cli.Invocation) recovery.ExitCode {
	self, err := os.Executable()
	if err != nil {
		return tell(err)
	}
	made, err := demo.Build(ctx, demo.Options{
		Program: []string{self, "sample-app"}, Environment: compose.Environment(os.Environ()), Now: time.Now,
		Note: func(text string) { fmt.Fprintln(os.Stderr, "demo: "+text) },
	})
	if err != nil {
		return tell(err)
	}
	if !in.Keep {
		defer func() {
			if err := made.Remove(context.WithoutCancel(ctx)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
	if err := errors.Join(made.Backup(ctx), made.Lose(ctx)); err != nil {
		return tell(err)
	}
	in.Command, in.Backup, in.OriginalEnv, in.Yes, in.Patience = cli.Restore, "latest", made.OriginalEnv, true, 2*time.Minute
	in.Settings.Project, in.Settings.Vault, in.Settings.Backups, in.Settings.StateDir = made.Project, made.Vault, made.Backups, made.State
	in.Settings.Runtime, in.Settings.DBService, in.Settings.AppService, in.Settings.AppURL = "sandbox", "db", "app", ""
	in.Settings.Database, in.Settings.User = "firmflow", "firmflow"
	carryOut := recoverWith
	if console.Interactive(speak(in, "", nil)) {
		carryOut = guide
	}
	exit := carryOut(ctx, stop, in)
	if in.Keep {
		fmt.Fprintf(os.Stderr, "demo: kept in %s\n", made.Dir)
	}

	return exit
}

// tell says what went wrong before there was a run to say it.
func tell(err error) recovery.ExitCode {
	var failure *recovery.Failure
	var stopped *recovery.StopRequest
	if errors.As(err, &stopped) {
		fmt.Fprintln(os.Stderr, "Stopped. Nothing was changed.")
		return stopped.Exit
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
func speak(in cli.Invocation, host string, stop context.CancelCauseFunc) console.Options {
	return console.Options{
		JSON: in.JSON, Plain: in.Plain, Verbose: in.Verbose, Looking: in.Command == cli.Preflight || in.Command == cli.Plan,
		Yes: in.Yes, Confirm: in.Confirm, Fix: in.Fix, Retries: in.Retries, Host: host, Getenv: os.Getenv, In: os.Stdin, Out: os.Stdout,
		Stop: func() { stop(&recovery.StopRequest{By: "the operator", Exit: recovery.ExitInterrupt}) },
		Shell: func(ctx context.Context) error {
			return command.Attended(ctx, os.Stdin, in.Settings.Project, os.Environ(), cmp.Or(os.Getenv("SHELL"), "/bin/sh"))
		},
	}
}

// recoverWith is every command that looks at an installation or changes it.
func recoverWith(ctx context.Context, stop context.CancelCauseFunc, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return tell(err)
	}
	home := journal.Home{Dir: in.Settings.StateDir}
	chosen, err := choose(home, in)
	if err != nil {
		return tell(err)
	}
	runner, err := build(ctx, in, host, chosen)
	if err != nil {
		return tell(err)
	}
	if in.Runbook {
		return runbook(ctx, runner)
	}
	op, err := console.Open(speak(in, host, stop))
	if err != nil {
		return tell(err)
	}
	defer op.Close()
	runner.Operator = op
	if in.Command == cli.Preflight || in.Command == cli.Plan {
		_, v := runner.Preflight(ctx)
		return v.Exit
	}
	v, path, err := steps.Execution{Home: home, Anew: in.Anew}.Execute(ctx, runner)

	return leave(op, v, path, err)
}

// guide is the wizard: it asks what is to be done.
func guide(ctx context.Context, stop context.CancelCauseFunc, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return tell(err)
	}
	o := speak(in, host, stop)
	if !console.Interactive(o) {
		fmt.Fprintln(os.Stderr, "Nobody can be asked here. Say what to do: firmflow-recovery preflight, plan or restore; --help explains them.")
		return recovery.ExitUsage
	}
	op, err := console.Open(o)
	if err != nil {
		return tell(err)
	}
	defer op.Close()
	g := steps.Guide{
		Execution: steps.Execution{Home: journal.Home{Dir: in.Settings.StateDir}}, Operator: op, Backups: in.Settings.Backups,
		Original: in.OriginalEnv, Remarks: console.Whereabouts(os.Getenv), Now: time.Now,
		Make: func(ctx context.Context, c steps.Chosen) (recovery.Runner, error) { return build(ctx, in, host, c) },
	}
	v, path, err := g.Run(ctx)

	return leave(op, v, path, err)
}

// leave ends the screen and says where the report is.
func leave(op console.Operator, v recovery.Verdict, report string, err error) recovery.ExitCode {
	op.Close()
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
	s.Backup, s.PassedOver, s.OriginalEnv = set, newer, c.Original
	if s.OriginalEnv == "" {
		s.OriginalEnv = set.Env.Path
	}

	return recovery.Runner{
		Now: time.Now, Host: host, Run: c.Run, Earlier: c.Earlier,
		Steps: steps.Restore(s), Backup: set.Name(), Target: s.Target(), Inputs: s.Inputs(),
	}, nil
}

func installation(in cli.Invocation, run recovery.RunID) *steps.Stack {
	scrub := &secret.Scrubber{}
	set := in.Settings
	s := &steps.Stack{
		ProjectDir: set.Project, Vault: set.Vault, Database: set.Database, User: set.User, DBService: set.DBService, AppService: set.AppService,
		AppURL: set.AppURL, BackupDir: set.Backups, Shell: os.Environ(), PinProject: set.ProjectName != "", RunID: run,
		Scrub: scrub, Now: time.Now, Settle: 10 * time.Second, Patience: in.Patience, Probe: steps.Probe,
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
		return tell(err)
	}
	if err := show(in, listing, func() error { return plain.Backups(os.Stdout, listing) }); err != nil {
		return tell(err)
	}

	return recovery.ExitOK
}

// verify looks at a backup and prints what it saw.
func verify(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	found, err := steps.Verify{
		Dir: in.Settings.Backups, Name: in.Backup, Full: in.Full, Database: in.Settings.Database, Tool: hostTool(),
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

// repair makes a repaired copy of a dump and says where it is.
func repair(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	r := steps.Repair{
		Dir: in.Settings.Backups, Name: in.Backup, Into: in.Into, Identity: in.Identity, Database: in.Settings.Database, Tool: hostTool(),
		Now: time.Now, Moved: plain.Tenths(os.Stderr, time.Now),
	}
	if in.Passphrase {
		phrase, err := console.Passphrase(os.Stdin, os.Stderr)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return recovery.ExitUsage
		}
		r.Passphrase = secret.New(string(phrase))
	}
	made, err := r.Run(ctx)
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
