package recovery

import (
	"context"
	"fmt"
	"slices"
)

// Operator is whoever is in charge of a run, behind a screen, a transcript or
// a stream of JSON.
type Operator interface {
	// Tell hands over an event. It never blocks and never fails: the work does
	// not wait for a screen.
	Tell(e Event)
	// Ask waits for an answer. It returns a *NoAnswerError where none can be
	// had, and the context's error when the run ends first.
	Ask(ctx context.Context, q Question) (Answer, error)
}

// QuestionID names a question, so that a flag can answer it beforehand.
type QuestionID string

// The questions. Those above AskRemedy come before a run and change nothing.
const (
	AskTask     QuestionID = "task"     // what is to be done?
	AskBackup   QuestionID = "backup"   // with which backup?
	AskOriginal QuestionID = "original" // where is the original .env?
	AskSecret   QuestionID = "secret"   // a passphrase or a secret, typed and not shown
	AskRead     QuestionID = "read"     // a document was asked for: read it
	AskFault    QuestionID = "fault"    // what is to go wrong in a drill?
	AskLooked   QuestionID = "looked"   // the pre-flight check found nothing in the way: what now?
	AskBlocked  QuestionID = "blocked"  // something stands in the way: look again?
	AskRemedy   QuestionID = "remedy"   // may the step mend this itself?
	AskGiveUp   QuestionID = "give-up"  // may it delete what is live? asked twice: whether, and for it in words
	AskStart    QuestionID = "start"    // begin, now that the plan is known?
	AskFailure  QuestionID = "failure"  // a step failed: what now?
)

// Harmless tells whether no answer to the question can change anything.
func (id QuestionID) Harmless() bool {
	switch id {
	case AskTask, AskBackup, AskOriginal, AskSecret, AskRead, AskFault, AskLooked, AskBlocked:
		return true
	default:
		return false
	}
}

// Question is asked by the engine.
type Question struct {
	ID      QuestionID `json:"id"`
	Step    StepID     `json:"step,omitempty"`
	Text    string     `json:"text"`
	Options []Option   `json:"options"`
	Typed   string     `json:"typed,omitempty"`   // must be typed out to consent; an option alone is not enough
	Enter   string     `json:"enter,omitempty"`   // what is to be typed, where any text is an answer: "path"
	Conceal bool       `json:"conceal,omitempty"` // what is typed must not be seen: the answer has it concealed
	Flag    string     `json:"flag,omitempty"`    // the flag that answers it where nobody can be asked
	Action  Action     `json:"action,omitempty"`  // the remedy that is offered
	Page    *Page      `json:"page,omitempty"`    // what is laid out beside it
	Letters []Letter   `json:"letters,omitempty"`
	At      Choice     `json:"at,omitempty"` // where a cursor begins, if no answer can change anything
}

// Letter is what can be done with an option instead of choosing it. The answer
// has the letter's choice, and the option's key is what was typed.
type Letter struct {
	Key    string `json:"key"` // one letter
	Choice Choice `json:"choice"`
	Label  string `json:"label"`
}

// On gives the answer of a letter on an option; the way out has none.
func (l Letter) On(o Option) (Answer, bool) {
	return Answer{Choice: l.Choice, Typed: string(o.Key)}, o.Key != Back && o.Key != Stop
}

// Option is a possible answer. Why is set where it cannot be chosen.
type Option struct {
	Key    Choice `json:"key"`
	Label  string `json:"label"`
	Detail string `json:"detail,omitempty"` // what comes of it, in a few words
	Why    string `json:"why,omitempty"`
}

// Choice is what an operator decided. That of a backup is its name.
type Choice string

// The choices. The zero value stops.
const (
	Stop      Choice = ""
	Go        Choice = "go"
	Retry     Choice = "retry"
	Apply     Choice = "apply"
	Again     Choice = "again"    // look again, in place
	Back      Choice = "back"     // to the question before; what was answered is kept
	Original  Choice = "original" // compare with another original .env
	Shell     Choice = "shell"    // the operator opened a shell, and is back
	Resume    Choice = "resume"
	Recover   Choice = "recover"
	Preflight Choice = "preflight"
	Report    Choice = "report"
	Attach    Choice = "attach"
	Skip      Choice = "skip" // never possible in a recovery; shown so that nobody looks for it
	Undo      Choice = "undo"
	Drill     Choice = "drill"
	Verify    Choice = "verify"  // read every byte of a backup
	Details   Choice = "details" // look at a backup as far as that takes a moment
)

// Offers tells whether a choice is among the options and can be chosen.
func (q Question) Offers(c Choice) bool {
	return slices.ContainsFunc(q.Options, func(o Option) bool { return o.Key == c && o.Why == "" })
}

// Begin is the option on which a cursor begins. Where nothing can be changed it
// is the first that can be chosen; to retry is to go on with what was agreed
// to; anything else must be chosen on purpose, so it begins on the way out.
func (q Question) Begin() int {
	at := func(want func(Option) bool) int { return slices.IndexFunc(q.Options, want) }
	if q.ID.Harmless() {
		if i := at(func(o Option) bool { return o.Key == q.At && q.At != "" }); i >= 0 {
			return i
		}

		return max(at(func(o Option) bool { return o.Why == "" }), 0)
	}
	if i := at(func(o Option) bool { return o.Key == Retry && o.Why == "" }); i >= 0 {
		return i
	}

	return max(at(func(o Option) bool { return o.Key == q.Leave() }), 0)
}

// Leave is what esc chooses: back where that leads somewhere, else a stop.
func (q Question) Leave() Choice {
	if q.Offers(Back) {
		return Back
	}

	return Stop
}

// Answer is the answer to a Question. Its zero value stops.
type Answer struct {
	Choice Choice `json:"choice"`
	Typed  string `json:"typed,omitempty"`
	// Concealed is what was typed where that must not be seen. It reaches whoever
	// asked, and no journal.
	Concealed *Concealed `json:"-"`
}

// Consents tells whether an answer chooses what was asked for, and typed what
// had to be typed.
func (q Question) Consents(a Answer, want Choice) bool {
	return a.Choice == want && want != Stop && a.Typed == q.Typed
}

// accepts tells whether an answer agrees to the remedy that is offered.
func (q Question) accepts(a Answer) bool {
	switch q.ID {
	case AskRemedy:
		return q.Consents(a, Apply)
	case AskGiveUp:
		return q.Typed != "" && q.Consents(a, Go)
	default:
		return false
	}
}

// label gives an answer in the words that it was offered in.
func (q Question) label(a Answer) string {
	text := string(a.Choice)
	for _, o := range q.Options {
		if o.Key == a.Choice {
			text = o.Label
		}
	}
	switch {
	case q.Enter != "" && a.Typed != "":
		return text + ": " + a.Typed
	case q.Typed != "" && a.Typed == q.Typed:
		return text + ", typed out"
	default:
		return text
	}
}

// NoAnswerError is a question that nobody could be asked.
type NoAnswerError struct{ Question Question }

func (e *NoAnswerError) Error() string {
	return fmt.Sprintf("no answer to %q: nobody to ask; %s answers it", e.Question.Text, e.Question.Flag)
}

// StopRequest is the cause of a context that was ended on purpose: a signal, or
// the operator's stop.
type StopRequest struct {
	By   string
	Exit ExitCode
}

func (s *StopRequest) Error() string { return "stopped by " + s.By }
