package entry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/hook"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
	"firmflow-recovery/ui/plain"
)

// print writes an answer. Who closed the output does not want it.
func (prog Program) print(text string) { _, _ = io.WriteString(prog.Out, text) }

// warn writes what is not the answer.
func (prog Program) warn(format string, args ...any) { _, _ = fmt.Fprintf(prog.Err, format, args...) }

// because gives the operator's stop as the reason of an error that came of it.
func because(ctx context.Context, err error) error {
	var stop *recovery.StopRequest
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &stop) {
		return stop
	}

	return err
}

// tell says what went wrong before there was a run to say it.
func (prog Program) tell(err error) recovery.ExitCode {
	var stop *recovery.StopRequest
	if errors.As(err, &stop) {
		prog.warn("%s: stopped by %s before a recovery was begun.\n", recovery.NothingChanged, stop.By)
		return stop.Exit
	}
	var failure *recovery.Failure
	var usage *cli.UsageError
	if errors.As(err, &usage) {
		prog.warn("%v\n", usage)
		return recovery.ExitUsage
	}
	if !errors.As(err, &failure) {
		prog.warn("%v\n", err)
		return recovery.ExitUnexpected
	}
	prog.warn("%v", plain.Diagnosis(failure.Diagnosis))
	if exit, own := failure.Diagnosis.Code.Exit(); own {
		return exit
	}

	return recovery.ExitUnexpected
}

// speak says how the operator is spoken to.
func (prog Program) speak(in cli.Invocation, host string, stops *console.Stops) console.Options {
	return console.Options{
		JSON: in.JSON, Plain: in.Plain, ASCII: in.ASCII, Verbose: in.Verbose, Looking: in.Command == cli.Preflight || in.Command == cli.Plan,
		Yes: in.Yes, Confirm: in.Confirm, GiveUpUndo: in.GiveUpUndo, Fix: in.Fix, Retries: in.Retries, Host: host, Getenv: prog.Getenv, In: prog.In, Out: prog.Out,
		Stops: stops, Save: journal.Home{Dir: in.Settings.StateDir}.Keep,
		Shell: func(ctx context.Context) error {
			return command.Attended(ctx, prog.In, in.Settings.Project, prog.Environ, cmp.Or(prog.Getenv("SHELL"), "/bin/sh"))
		},
	}
}

func (prog Program) misused(err error) recovery.ExitCode {
	prog.warn("%v\n", err)
	return recovery.ExitUsage
}

// leave ends the screen and says where the report is.
func (prog Program) leave(op console.Operator, v recovery.Verdict, report string, err error) recovery.ExitCode {
	op.Close()
	var request *recovery.StopRequest
	if errors.As(err, &request) {
		return request.Exit // left before anything was begun, or a view of what goes on
	}
	var unwritten *steps.ReportError
	if errors.As(err, &unwritten) {
		prog.say([]error{err})
		return v.Exit
	}
	if err != nil {
		return prog.tell(err)
	}
	if report != "" {
		prog.warn("Report: %s\n", report)
	}

	return v.Exit
}

// show prints an answer, as JSON or as text.
func (prog Program) show(in cli.Invocation, answer any, text func() error) error {
	if in.JSON {
		return json.NewEncoder(prog.Out).Encode(answer)
	}

	return text()
}

// say says what went wrong beside a verdict, and does not change it.
func (prog Program) say(failed []error) {
	for _, err := range failed {
		prog.warn("%v; the verdict stands\n", err)
	}
}

// telling says who hears how a run ended. What the settings say was found
// readable when the program began.
func (prog Program) telling(in cli.Invocation, host string) steps.Telling {
	well, _ := hook.Argv(in.Settings.OnSuccess)
	badly, _ := hook.Argv(in.Settings.OnFailure)
	scrub := &secret.Scrubber{}
	address := secret.New(in.Settings.Webhook)
	scrub.Learn(address)

	return steps.Telling{
		Host: host, Program: prog.Version, Now: prog.Now,
		Hooks: hook.Hooks{
			Success: well, Failure: badly, Webhook: address, Run: command.Local{Env: compose.Environment(prog.Environ), Scrub: scrub},
		},
	}
}

// ended tells those who are to hear of it that a run has ended.
func (prog Program) ended(ctx context.Context, in cli.Invocation, host string, v recovery.Verdict, report string) {
	prog.say(prog.telling(in, host).Ended(ctx, v, report))
}
