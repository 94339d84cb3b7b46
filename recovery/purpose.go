package recovery

import (
	"errors"
	"strings"
)

// Purpose is what the steps of a run are walked for. Whatever it is, the run's
// one journal tells it: what was recovered, taken back and freed.
type Purpose string

// The purposes.
const (
	Recovering Purpose = ""
	Undoing    Purpose = "undo"    // what was live before is made live again
	CleaningUp Purpose = "cleanup" // what a run has set aside is deleted
	BackingUp  Purpose = "backup"  // nothing that is live is changed
	Drilling   Purpose = "drill"   // a rehearsal in surroundings of its own; nothing that is live is touched
)

// resumes is how remedies go on with a recovery. In an undo or a cleanup they
// go on with that instead; see goOn.
const resumes = "firmflow-recovery resume"

// restores is how remedies begin a recovery with other settings.
const restores = "firmflow-recovery restore"

// looks is how remedies look again before anything was begun.
const looks = "firmflow-recovery preflight"

// Command is what goes on with a run that was interrupted.
func (p Purpose) Command(run RunID) string {
	switch p {
	case Recovering:
		return resumes
	case BackingUp: // one that was interrupted is not gone on with: the next begins anew
		return "firmflow-recovery backup"
	case Drilling: // never gone on with: what is left of it is removed, and it begins anew
		return drills
	default:
		return "firmflow-recovery " + string(p) + " " + string(run)
	}
}

func (p Purpose) noun() string {
	if p == Recovering {
		return "recovery"
	}

	return string(p)
}

// goOn gives a diagnosis the remedies of the purpose: steps share theirs, and
// those speak of resuming.
func (r Runner) goOn(d Diagnosis) Diagnosis {
	if r.Purpose == Recovering {
		return r.withoutUndo(d)
	}
	if r.Intact != "" && !strings.HasPrefix(string(d.Code), "drill.") { // those know what they speak of
		d.Intact = r.Intact
	}
	remedies := make([]Remedy, len(d.Remedies))
	for i, remedy := range d.Remedies {
		if rest, is := strings.CutPrefix(remedy.Command, restores); is && r.Purpose == Drilling && !strings.HasPrefix(string(d.Code), "drill.") {
			remedy.Command = drills + strings.Replace(rest, " --backup ", " ", 1) // which a drill takes without a flag
		}
		for _, way := range []string{resumes, looks} {
			if rest, is := strings.CutPrefix(remedy.Command, way); is {
				if r.Purpose == Drilling && !strings.HasPrefix(rest, " --") {
					rest = "" // the name of a run, which a drill would take for a backup
				}
				remedy.Command = r.Purpose.Command(r.Run) + rest
				break
			}
		}
		remedies[i] = remedy
	}
	d.Remedies = remedies

	return d
}

// withoutUndo says what stands where undo was given up: steps do not know that.
func (r Runner) withoutUndo(d Diagnosis) Diagnosis {
	gone := r.gone()
	switch {
	case gone == "":
	case r.switched():
		d.Intact = "The restored data is live. Undo was given up: of what was live before, deleted is " + gone + "."
	default:
		d.Intact = "Undo was given up: deleted is " + gone + ". What else was live is as it was. The app is held, and resume goes on."
	}

	return d
}

func (r Runner) goOnAll(findings []Finding) []Finding {
	all := make([]Finding, len(findings))
	for i, f := range findings {
		if f.Diagnosis != nil {
			d := r.goOn(*f.Diagnosis)
			f.Diagnosis = &d
		}
		all[i] = f
	}

	return all
}

// consented tells whether the operator has agreed to this purpose before.
// Consent is to a run, however often it is interrupted. A backup changes nothing
// that is live: to ask for one is to consent.
func (r Runner) consented() bool {
	if r.Purpose == BackingUp {
		return true
	}
	earlier := r.Earlier
	earlier.Purpose = r.Purpose

	return earlier.Started()
}

// weigh gives the outcome of a run whose every step is done.
func (p Purpose) weigh(proofs []Finding) (Outcome, ExitCode) {
	outcome, exit := weigh(proofs)
	switch {
	case p == CleaningUp:
		return CleanedUp, ExitOK
	case p == BackingUp && outcome == Verified:
		return BackedUp, ExitOK
	case p == BackingUp:
		return BackedUpNotVerified, ExitVerification
	case p == Undoing && outcome == Verified:
		return Undone, ExitOK
	case p == Undoing:
		return UndoneNotVerified, ExitUndo
	case p == Drilling && late(proofs) != nil:
		return DrillFailed, ExitVerification
	default:
		return outcome, exit
	}
}

// Addition is a step of a backup without which the backup is whole: only a copy
// of it is missing. Added gives the command that makes up for it.
type Addition interface{ Added() string }

// incomplete is the verdict over an undo or a cleanup that had begun and did
// not come to its end.
func (w *walker) incomplete(index int, err error) Verdict {
	v := Verdict{
		Outcome: UndoUnfinished, Exit: ExitUndo, Proofs: w.proofs,
		Next: []string{"go on with the " + w.Purpose.noun() + "; what is done is not repeated:\n" + w.Purpose.Command(w.Run)},
	}
	switch w.Purpose {
	case CleaningUp:
		v.Outcome, v.Exit = CleanupUnfinished, ExitUnexpected
	case BackingUp:
		v.Outcome, v.Exit, v.Next = BackupUnfinished, ExitBackup, []string{"take it again; what this one has left is cleared away then:\n" + w.Purpose.Command(w.Run)}
	case Recovering, Undoing:
	}
	if s, can := w.Steps[index].(Switcher); can && s.Switched() {
		v.Outcome = UndoneNotVerified
	}
	if s, can := w.Steps[index].(Addition); can {
		v.Outcome, v.Exit, v.Next = BackedUpHere, ExitOffsite, []string{"copy it off-site, once that can be:\n" + s.Added()}
	}
	var request *StopRequest
	var failure *Failure
	switch {
	case errors.As(err, &request):
		v.Exit = request.Exit
	case errors.As(err, &failure):
		v.Diagnosis = &failure.Diagnosis
	default:
		d := unexpected(err)
		v.Diagnosis = &d
	}

	return v
}
