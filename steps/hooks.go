package steps

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/hook"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/report"
)

// Telling hands the report of what has ended to those who are to hear of it.
type Telling struct {
	Hooks   hook.Hooks
	Host    string
	Program string
	Now     func() time.Time
}

// Ended tells of a run or drill that has a report, by the path of the one for
// people. It gives what went wrong: that changes no verdict, and is to be said.
func (t Telling) Ended(ctx context.Context, v recovery.Verdict, path string) []error {
	if path == "" {
		return nil // nothing was begun
	}
	object, err := os.ReadFile(strings.TrimSuffix(path, string(journal.Markdown)) + string(journal.JSON))
	if err != nil {
		return []error{err}
	}

	return t.Hooks.Tell(ctx, hook.Ending{Outcome: string(v.Outcome), Exit: int(v.Exit), Report: path}, object)
}

// Refused tells of a drill that was not begun: who waits for one each week must
// hear of it, too. Of errors without a diagnosis nobody is told: they are of the
// command line.
func (t Telling) Refused(ctx context.Context, err error) []error {
	var failure *recovery.Failure
	if !errors.As(err, &failure) {
		return nil
	}
	exit := NotBegun(failure.Diagnosis)
	object, err := report.Refused(string(recovery.Drilling), t.Host, t.Program, t.Now(), failure.Diagnosis, exit).JSON()
	if err != nil {
		return []error{err}
	}

	return t.Hooks.Tell(ctx, hook.Ending{Outcome: string(recovery.NothingChanged), Exit: int(exit)}, object)
}

// NotBegun is the exit code of a drill that came to nothing for a reason that has
// none of its own.
func NotBegun(d recovery.Diagnosis) recovery.ExitCode {
	if exit, own := d.Code.Exit(); own {
		return exit
	}

	return recovery.ExitBlocked
}
