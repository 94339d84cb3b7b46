package recovery

import "time"

// Outcome is the last word of a run.
type Outcome string

// The outcomes. The first five are verdicts over a recovery that was begun, the
// next over its undo and its cleanup, then over a drill that did not come to its
// end; the last say that nothing was begun.
const (
	Verified     Outcome = "VERIFIED"
	NotVerified  Outcome = "RESTORED, NOT VERIFIED"
	PreviousLive Outcome = "FAILED, PREVIOUS DATA LIVE"
	PreviousGone Outcome = "FAILED, PREVIOUS DATA GIVEN UP" // by an operator who had agreed to that
	Interrupted  Outcome = "INTERRUPTED, RESUMABLE"

	Undone            Outcome = "UNDONE, THE STATE OF BEFORE IS LIVE"
	UndoneNotVerified Outcome = "UNDONE, NOT VERIFIED"
	UndoUnfinished    Outcome = "UNDO NOT FINISHED"
	CleanedUp         Outcome = "CLEANED UP"
	CleanupUnfinished Outcome = "CLEANUP NOT FINISHED"

	BackedUp            Outcome = "BACKED UP"
	BackedUpNotVerified Outcome = "BACKED UP, NOT VERIFIED"
	BackupUnfinished    Outcome = "BACKUP NOT FINISHED"
	BackedUpHere        Outcome = "BACKED UP HERE, NOT OFF-SITE"
	DrillFailed         Outcome = "DRILL FAILED"
	DrillStopped        Outcome = "DRILL STOPPED"

	Ready          Outcome = "READY"
	NothingChanged Outcome = "NOTHING CHANGED"
)

// Verdict is an outcome with what supports it.
type Verdict struct {
	Outcome   Outcome       `json:"outcome"`
	Exit      ExitCode      `json:"exit"`
	Took      time.Duration `json:"took_ns"`
	Proofs    []Finding     `json:"proofs,omitempty"`
	Diagnosis *Diagnosis    `json:"diagnosis,omitempty"`
	Next      []string      `json:"next,omitempty"`
	Turn      Choice        `json:"turn,omitempty"` // where the operator turned to: back, before anything was begun, or to Undo after a failure
}

// ExitCode is what the program returns to its caller.
type ExitCode int

// The exit codes. They are part of the interface and never change.
const (
	ExitOK           ExitCode = 0
	ExitUnexpected   ExitCode = 1
	ExitUsage        ExitCode = 2
	ExitBlocked      ExitCode = 3
	ExitNotConfirmed ExitCode = 4
	ExitBackup       ExitCode = 5
	ExitSecrets      ExitCode = 6
	ExitLocked       ExitCode = 7
	ExitNotVerified  ExitCode = 8
	ExitVerification ExitCode = 9
	ExitStep1        ExitCode = 11
	ExitUndo         ExitCode = 16
	ExitOffsite      ExitCode = 17
	ExitInterrupt    ExitCode = 130
	ExitTerminated   ExitCode = 143
)

// ExitMeaning is one line of the table of exit codes.
type ExitMeaning struct {
	Codes   string
	Meaning string
}

// ExitTable explains every exit code, for the help and the README.
func ExitTable() []ExitMeaning {
	return []ExitMeaning{
		{"0", "done; of a recovery: VERIFIED, of an undo: UNDONE"},
		{"1", "unexpected error"},
		{"2", "usage: a flag, a setting or an argument is wrong"},
		{"3", "pre-flight blocked, nothing changed"},
		{"4", "not confirmed, or an answer is missing; nothing changed"},
		{"5", "backup missing, incomplete, corrupt, or not finished"},
		{"6", "secrets differ"},
		{"7", "another run holds the lock"},
		{"8", "RESTORED, NOT VERIFIED"},
		{"9", "verification or drill failed"},
		{"11..15", "step 1..5 failed, previous data live unless given up, resumable"},
		{"16", "undo failed, or not possible"},
		{"17", "off-site place not to be used; a backup is whole here"},
		{"130, 143", "stopped by SIGINT, SIGTERM; resumable"},
	}
}

// weigh gives the outcome that a finished run's proofs support: VERIFIED takes
// at least one proof, and not one that failed or stayed open.
func weigh(proofs []Finding) (Outcome, ExitCode) {
	if len(proofs) == 0 {
		return NotVerified, ExitNotVerified
	}
	for _, p := range proofs {
		if p.Status == Failed || p.Status == Unproven {
			return NotVerified, ExitNotVerified
		}
	}

	return Verified, ExitOK
}
