// Package console chooses how the operator is spoken to: JSON lines, lines of
// text, or a full screen. It is the one place that knows terminals and signals,
// so that the screens need not.
package console

import (
	"context"
	"io"
	"os"

	"golang.org/x/term"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/jsonl"
	"firmflow-recovery/ui/plain"
	"firmflow-recovery/ui/tui"
)

// Options say what the operator asked for, and where they are.
type Options struct {
	JSON, Plain, Verbose bool
	ASCII                bool
	Looking              bool // nothing will be asked or changed: lines will do
	Brief                bool // where nobody watches, show nothing unless it was asked for
	Yes, Fix             bool // answers given beforehand
	Confirm              string
	GiveUpUndo           string // what must be typed out to have live data deleted for room
	Retries              int
	Host                 string
	Getenv               func(string) string
	In, Out              *os.File
	Stops                *Stops
	Shell                func(ctx context.Context) error // a shell in this terminal
	// Save keeps a document of a run, and gives its path.
	Save func(run recovery.RunID, name string, content []byte) (path string, err error)
}

// Operator is one of the three. Close it after the run.
type Operator interface {
	recovery.Operator
	Close()
}

// Open starts the operator that fits.
func Open(o Options) (Operator, error) {
	if o.JSON {
		return jsonl.New(o.Out, o.answers()), nil
	}
	if Fits(o) && !o.Looking {
		s, err := openScreen(o)
		if err != nil {
			return nil, err
		}
		return attended{Operator: s, shell: o.Shell, lend: s.Lend, say: o.say}, nil
	}
	if o.Unwatched() {
		return plain.NewBrief(o.answers()), nil
	}
	lines := plain.Options{Out: o.Out, Answers: o.answers(), Verbose: o.Verbose}
	if o.terminal() {
		lines.In, lines.Conceal = o.In, o.conceal
	}

	return attended{Operator: plain.New(lines), shell: o.Shell, lend: func(use func() error) error { return use() }, say: o.say}, nil
}

func (o Options) say(text string) { _, _ = io.WriteString(o.Out, text) }

// conceal keeps what is typed from being shown, until shown is called.
func (o Options) conceal() (shown func(), err error) { return hide(o.In) }

// Fits tells whether there is a terminal that can show a full screen, and nobody
// asked for lines.
func Fits(o Options) bool {
	lines := o.Plain || o.JSON || o.Getenv("ACCESSIBLE") != "" || o.Getenv("TERM") == "dumb" || o.Getenv("TERM") == ""

	return !lines && o.terminal()
}

// Unwatched tells whether an operator that was opened so shows nothing.
func (o Options) Unwatched() bool {
	return o.Brief && !o.JSON && !o.Plain && !o.Verbose && !o.terminal()
}

// Interactive tells whether somebody sits there who can be asked.
func Interactive(o Options) bool { return !o.JSON && o.terminal() }

// Whereabouts tells what an operator should know of where they sit.
func Whereabouts(getenv func(string) string) []string {
	switch {
	case getenv("TMUX") != "":
		return []string{"You are inside tmux."}
	case getenv("STY") != "":
		return []string{"You are inside screen."}
	case getenv("SSH_CONNECTION") != "":
		return []string{"You are connected over SSH. If the line drops, the work goes on without a screen."}
	default:
		return nil
	}
}

// terminal wants both ends: /dev/null is a character device, too.
func (o Options) terminal() bool {
	return term.IsTerminal(int(o.In.Fd())) && term.IsTerminal(int(o.Out.Fd()))
}

// answers are those that flags give beforehand.
func (o Options) answers() map[recovery.QuestionID][]recovery.Answer {
	given := make(map[recovery.QuestionID][]recovery.Answer)
	if o.Yes || o.Confirm != "" {
		given[recovery.AskStart] = []recovery.Answer{{Choice: recovery.Go, Typed: o.Confirm}}
	}
	if o.Fix {
		given[recovery.AskRemedy] = []recovery.Answer{{Choice: recovery.Apply}, {Choice: recovery.Apply}, {Choice: recovery.Apply}} // a step asks once for each
	}
	if o.GiveUpUndo != "" {
		given[recovery.AskGiveUp] = []recovery.Answer{{Choice: recovery.Apply}, {Choice: recovery.Go, Typed: o.GiveUpUndo}}
	}
	for range o.Retries {
		given[recovery.AskFailure] = append(given[recovery.AskFailure], recovery.Answer{Choice: recovery.Retry})
	}

	return given
}

func (o Options) stop(when tui.Halt) {
	if when == tui.AfterStep {
		o.Stops.AfterStep()
		return
	}
	o.Stops.Now()
}

// Watch tells an operator whether what it is told from here on is another
// process's run, which can be left and not be stopped.
func Watch(op Operator, on bool) {
	if w, can := op.(interface{ Watch(on bool) }); can {
		w.Watch(on)
	}
}
