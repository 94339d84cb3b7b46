package recovery

import (
	"context"
	"errors"
	"time"
)

// drills is how remedies go on with a drill.
const drills = "firmflow-recovery drill"

// closing is how long the last look may take after a run was stopped: whoever
// stopped it wants it to end.
const closing = 30 * time.Second

// close asks what else belongs to the proofs, and tells it as of the last step
// that was looked at.
func (w *walker) close(ctx context.Context) {
	if w.Closing == nil || len(w.Steps) == 0 {
		return
	}
	if ctx.Err() != nil {
		rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		ctx = rest
	}
	found := w.goOnAll(w.Closing(ctx))
	for _, f := range found {
		w.out.tell(Event{Kind: StepProof, Step: w.Steps[len(w.Steps)-1].ID(), Finding: &f})
	}
	w.proofs = append(w.proofs, found...)
}

// late gives the diagnosis of a target that was missed, if one was.
func late(proofs []Finding) *Diagnosis {
	for _, p := range proofs {
		if p.Status == Failed && p.Diagnosis != nil && p.Diagnosis.Code == CodeTargetMissed {
			return p.Diagnosis
		}
	}

	return nil
}

// drillEnded is the verdict over a drill that did not come to its end. Whatever
// kept it from that, a backup that cannot be read above all, is what a drill is
// for: it has failed, with one exit code for all of it. One that nobody started
// has changed nothing, as ever.
func (w *walker) drillEnded(err error) (v Verdict, is bool) {
	var refused *notConfirmedError
	var none *NoAnswerError
	var turned *turnedError
	if w.Purpose != Drilling || errors.As(err, &refused) || errors.As(err, &none) || errors.As(err, &turned) {
		return Verdict{}, false
	}
	v = Verdict{Outcome: DrillFailed, Exit: ExitVerification, Proofs: w.proofs}
	var blockedBy *blockedError
	var request *StopRequest
	var failure *Failure
	switch {
	case errors.As(err, &request):
		v.Outcome, v.Exit = DrillStopped, request.Exit
	case errors.As(err, &failure):
		v.Diagnosis = &failure.Diagnosis
	case errors.As(err, &blockedBy):
		v.Diagnosis = &blockedBy.Diagnosis
	default:
		d := unexpected(err)
		v.Diagnosis, v.Exit = &d, ExitUnexpected
	}

	return v, true
}

// Training is a fault that a drill can be made to have, for a list to show.
type Training struct {
	Name  string `json:"name"`
	Does  string `json:"does"`
	Shows Code   `json:"shows,omitempty"` // empty: nothing fails over it
	Way   string `json:"way"`
}
