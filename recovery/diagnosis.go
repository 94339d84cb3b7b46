package recovery

import "strings"

// Code names a kind of failure: it has a help page, a test, and through its
// first words an exit code. It never changes.
type Code string

// Diagnosis is a failure, explained.
type Diagnosis struct {
	Code     Code     `json:"code"`
	Summary  string   `json:"summary"`            // what is wrong, in a few words
	Seen     string   `json:"seen,omitempty"`     // what was seen, with names and figures
	Intact   string   `json:"intact,omitempty"`   // what was not touched, and what stands
	Remedies []Remedy `json:"remedies,omitempty"` // what to do next, the best first
}

// Text gives all but the summary as lines.
func (d Diagnosis) Text() string {
	var b strings.Builder
	part := func(head, text string) {
		if text != "" {
			b.WriteString(head + text + "\n")
		}
	}
	part("Seen     ", d.Seen)
	part("Intact   ", d.Intact)
	for _, r := range d.Remedies {
		part("Do       ", r.Do)
		part("           ", r.Command)
	}
	part("More     firmflow-recovery help ", string(d.Code))

	return b.String()
}

// Remedy is one way out.
type Remedy struct {
	Do      string `json:"do"`
	Command string `json:"command,omitempty"` // can be pasted
	Action  Action `json:"action,omitempty"`  // the step can do it itself
	// Consent is what must be typed out to have it done, where something live is
	// deleted by it that nothing brings back; empty: to choose it is enough.
	Consent string `json:"consent,omitempty"`
}

// Failure is a Diagnosis that travels as an error.
type Failure struct {
	Diagnosis Diagnosis
	Err       error // what caused it; may be nil
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Diagnosis.Summary
	}

	return f.Diagnosis.Summary + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// Fail makes a diagnosis an error.
func Fail(d Diagnosis, cause error) error { return &Failure{Diagnosis: d, Err: cause} }

// The codes of the engine itself. Those of the steps stand with the steps.
const (
	CodeUnexpected    Code = "unexpected"
	CodeJournalWrite  Code = "journal.write"
	CodeNotConfirmed  Code = "confirmation.missing"
	CodeAnswerMissing Code = "answer.missing"
	CodeNotDone       Code = "step.not-done"
	CodeStepPanicked  Code = "step.panicked"
	CodeResumeDiffers Code = "resume.inputs.differ"
	CodeResumeNothing Code = "resume.nothing"
	CodeResumeUndone  Code = "resume.undone"
	CodeJournalBroken Code = "journal.unreadable"
	CodeRunLocked     Code = "run.locked"
	CodeRunUnfinished Code = "run.unfinished"
	CodeTargetMissed  Code = "drill.target.missed"
)

// exitOf maps the first words of a code to an exit code, whichever step or
// command met it. The longest match wins.
var exitOf = []struct {
	prefix string
	exit   ExitCode
}{
	{"confirmation.", ExitNotConfirmed},
	{"answer.", ExitNotConfirmed},
	{"backup.", ExitBackup},
	{"dump.", ExitBackup},
	{"vault.archive.", ExitBackup},
	{"secrets.", ExitSecrets},
	{"verify.", ExitVerification},
	{"repair.", ExitBlocked},
	{"run.locked", ExitLocked},
	{"run.elsewhere", ExitLocked},
	{"database.busy", ExitLocked},
	{"run.unfinished", ExitBlocked},
	{"run.stopped", ExitInterrupt},
	{"run.none", ExitUsage},
	{"journal.unreadable", ExitBlocked},
	{"journal.place", ExitBlocked},
	{"settings.", ExitUsage},
	{"drill.target.", ExitVerification},
	{"drill.left", ExitVerification},
	{"drill.", ExitBlocked},
	{"resume.", ExitUsage},
	{"offsite.", ExitOffsite},
	{"undo.inputs.", ExitUsage},
	{"undo.", ExitUndo},
	{"cleanup.nothing", ExitUsage},
	{"cleanup.", ExitBlocked},
}

// Exit gives the exit code that belongs to a code by itself; ok is false where
// it depends on when the failure happened.
func (c Code) Exit() (exit ExitCode, ok bool) {
	for _, e := range exitOf {
		if strings.HasPrefix(string(c), e.prefix) {
			return e.exit, true
		}
	}

	return 0, false
}
