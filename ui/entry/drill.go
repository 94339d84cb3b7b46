package entry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
	"firmflow-recovery/ui/plain"
)

// runDrill is the drill: the whole recovery, in surroundings of its own.
func (prog Program) runDrill(ctx context.Context, stops *console.Stops, in cli.Invocation) recovery.ExitCode {
	host, err := os.Hostname()
	if err != nil {
		return prog.tell(err)
	}
	d, err := prog.drillOf(in, host, stops)
	if err != nil {
		return prog.tell(err)
	}
	if in.Fault == "list" {
		if err := plain.Faults(prog.Out, steps.Faults()); err != nil {
			return prog.tell(err)
		}
		return recovery.ExitOK
	}
	fault, known := steps.FaultNamed(in.Fault)
	if !known {
		prog.warn("there is no training fault %q\nfirmflow-recovery drill --fault list explains those there are.\n", in.Fault)
		return recovery.ExitUsage
	}
	d.Fault = fault
	if in.Remove {
		removed, err := d.Remove(ctx, recovery.RunID(in.Run))
		for _, run := range removed {
			prog.print(fmt.Sprintf("removed what was kept of drill %s\n", run))
		}
		if err != nil {
			return prog.tell(because(ctx, err))
		}
		return recovery.ExitOK
	}
	key, err := prog.keyOf(in)
	if err != nil {
		return prog.misused(err)
	}
	in.Yes = true // it hurts nothing; whoever sits before a screen is asked all the same
	o := prog.speak(in, host, stops)
	o.Brief = true
	if console.Fits(o) {
		d.Note = nil // it would write over the screen
	}
	op, err := console.Open(o)
	if err != nil {
		return prog.tell(err)
	}
	defer op.Close()
	did, err := d.Run(ctx, op, steps.Chosen{Backup: in.Backup, Original: in.OriginalEnv, Key: key})
	op.Close()
	if err == nil && o.Unwatched() {
		err = plain.Line(prog.Out, plain.Rehearsed{Run: did.Run, Backup: did.Backup, Age: did.DataAge, Verdict: did.Verdict})
	}
	for _, line := range did.Kept {
		prog.warn("%v\n", line)
	}

	if err != nil {
		err = because(ctx, err)
		prog.say(prog.telling(in, host).Refused(ctx, err))
	} else {
		prog.ended(ctx, in, host, did.Verdict, did.Report)
	}

	exit := prog.leave(op, did.Verdict, did.Report, err)
	if failure := (*recovery.Failure)(nil); errors.As(err, &failure) {
		return steps.NotBegun(failure.Diagnosis)
	}

	return exit
}

// drills is where drills are kept: apart from recoveries, of which none may be
// resumed or undone for a drill's sake.
func drills(in cli.Invocation) journal.Home {
	return journal.Home{Dir: filepath.Join(in.Settings.StateDir, "drills")}
}

// drillOf puts a drill together.
func (prog Program) drillOf(in cli.Invocation, host string, stops *console.Stops) (steps.Drill, error) {
	self, err := os.Executable()
	if err != nil {
		return steps.Drill{}, err
	}
	environment := compose.Environment(prog.Environ)

	return steps.Drill{
		Home: drills(in), Program: prog.Version, Live: journal.Home{Dir: in.Settings.StateDir},
		Installation: prog.Installation(in, ""), Rehearsal: prog.Installation(in, ""), Root: in.Settings.DrillDir, Host: host,
		Sandbox: drill.Sandbox{Program: []string{self, "sample-app", "--stand-in"}, Environment: environment},
		Compose: drill.Compose{Environment: environment}, OnCompose: in.Settings.DrillRuntime == "compose",
		Target: in.Target, Keep: in.Keep, Enough: stops.Enough,
		Note:   func(text string) { prog.warn("%v\n", "drill: "+text) },
		Hangup: func() error { return syscall.Kill(os.Getpid(), syscall.SIGHUP) },
	}, nil
}
