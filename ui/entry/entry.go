// Package entry is main's other half: what the operator asked for is taken
// apart, the parts that it needs are put together, and its exit code is given. It
// has no logic of its own. Only main hands it the arguments, the environment, the
// streams and the clock.
package entry

import (
	"os"
	"time"

	"firmflow-recovery/assets"
	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/hook"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
)

// Program is one start of the program. Every field is required.
type Program struct {
	Version string
	Args    []string // without the program's name
	Environ []string
	Getenv  func(string) string
	Root    bool // whether it may do what root may
	In      *os.File
	Out     *os.File
	Err     *os.File
	Now     func() time.Time
}

// Run does what the operator asked for and gives the exit code.
func (prog Program) Run() recovery.ExitCode {
	var table []cli.Meaning
	for _, m := range recovery.ExitTable() {
		table = append(table, cli.Meaning{Codes: m.Codes, Text: m.Meaning})
	}
	invocation, err := cli.Parse(cli.Environment{
		Args: prog.Args, Getenv: prog.Getenv, ReadFile: os.ReadFile, Root: prog.Root, Version: prog.Version, ExitTable: table,
	})
	if err != nil {
		prog.warn("%v\n", err)
		return recovery.ExitUsage
	}
	for _, text := range []string{invocation.Settings.OnSuccess, invocation.Settings.OnFailure} {
		if _, err := hook.Argv(text); err != nil {
			return prog.misused(err)
		}
	}
	ctx, stops := console.UntilStopped()
	defer stops.Release()
	in := invocation
	release, err := prog.fromBucket(ctx, &in)
	if err != nil {
		return prog.tell(err)
	}
	defer release()
	switch in.Command {
	case cli.Print:
		prog.print(invocation.Output)
		return recovery.ExitOK
	case cli.Explain:
		return prog.explain(in.Code)
	case cli.SampleApp:
		return prog.sampleApp(ctx, in)
	case cli.Demo:
		return prog.runDemo(ctx, stops, in)
	case cli.Backups:
		return prog.listBackups(ctx, in)
	case cli.Status:
		return prog.status(ctx, in)
	case cli.Report:
		return prog.report(in)
	case cli.Attach:
		return prog.attach(ctx, stops, in)
	case cli.Drill:
		return prog.runDrill(ctx, stops, in)
	case cli.Verify:
		return prog.verify(ctx, in)
	case cli.Repair:
		return prog.repair(ctx, in)
	case cli.Offsite:
		return prog.copyOffsite(ctx, in)
	case cli.Prune:
		return prog.prune(ctx, in)
	case cli.Timers:
		return prog.timers(ctx, in)
	case cli.Wizard:
		return prog.guide(ctx, stops, in)
	default:
		return prog.recoverWith(ctx, stops, in)
	}
}

func (prog Program) explain(code string) recovery.ExitCode {
	page, err := assets.Help(code)
	if err != nil {
		prog.warn("There is no command and no diagnosis %q.\nKnown diagnoses: %s\n", code, assets.HelpCodes())
		return recovery.ExitUsage
	}
	prog.print(page)

	return recovery.ExitOK
}
