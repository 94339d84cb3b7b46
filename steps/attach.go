package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
)

// Attach tells the events of a run that another process carries out, or carried
// out, from the first to the last; an empty run is the one at work, else the
// newest. It gives the run's own verdict. A run that nobody works on and that
// has none is a failure with a diagnosis.
func Attach(ctx context.Context, home journal.Home, run recovery.RunID, tell func(recovery.Event)) (recovery.Verdict, error) {
	if run == "" {
		current, err := home.Current()
		if err != nil {
			return recovery.Verdict{}, nothingToWatch(run, err)
		}
		run = current
	}
	var last recovery.Verdict
	err := home.Follow(ctx, run, func(e recovery.Event) {
		if e.Verdict != nil {
			last = *e.Verdict
		}
		tell(e)
	})

	return last, nothingToWatch(run, err)
}

// nothingToWatch gives the errors of Attach their meaning.
func nothingToWatch(run recovery.RunID, err error) error {
	var stopped *journal.StoppedError
	var broken *journal.BrokenError
	switch {
	case errors.As(err, &stopped):
		return recovery.Fail(recovery.Diagnosis{
			Code: CodeRunStopped, Summary: "Nobody works on run " + string(stopped.Run) + " any more, and it came to no verdict",
			Seen:     "Its last event is of " + stopped.Last.UTC().Format(time.RFC3339) + "; its process was killed, or the host went down.",
			Intact:   "Nothing that was replaced has been deleted. What was live then is live now.",
			Remedies: do("Go on with it; what is done is proven again and not repeated", "firmflow-recovery resume "+string(stopped.Run)),
		}, err)
	case errors.As(err, &broken):
		return noResume(err)
	case errors.Is(err, journal.ErrNoRun):
		return recovery.Fail(recovery.Diagnosis{
			Code: CodeRunNone, Summary: "There is no such run to watch", Seen: fmt.Sprintf("run %q: %s", run, reason(err)),
			Intact: "Nothing was changed.", Remedies: do("Begin one", "firmflow-recovery restore"),
		}, err)
	default:
		return err
	}
}
