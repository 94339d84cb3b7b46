// Package tui is the operator with a screen: one run, shown full screen, and
// its questions answered with keys.
//
// The model holds the fold of the run's events, the size of the terminal, the
// open question and a few toggles; the view is a pure function of it. Neither
// reads, writes or waits. The work is never held up: Tell only puts an event
// into a mailbox, which a goroutine of ours empties at most 20 times a second.
// When the screen ends, for whatever reason, the terminal is as it was before
// and the work goes on.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/term"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
)

// Options are how the screen looks and whom it tells of a stop.
type Options struct {
	In       io.Reader // the terminal
	Out      io.Writer // the terminal, too
	ASCII    bool      // no character beyond ASCII; ctrl+t toggles it
	NoColour bool
	Dark     bool // the terminal's background is dark
	Host     string
	// Stop ends the run, when the operator chose to. It must not block.
	Stop func(Halt)
	// Detach ends the screen and not the run; nil: it is not offered. It may
	// block, and is called once.
	Detach func()
	// Save keeps a document of a run and gives its path; nil: nothing is offered.
	Save func(run recovery.RunID, name string, content []byte) (path string, err error)
}

// Halt says when a run is to stop.
type Halt int

// The halts. A step that stops now does its unfinished part again when the run
// is resumed; after the step, nothing is done twice.
const (
	Now Halt = iota
	AfterStep
)

// Operator shows a run and asks about it. Start it before the run and Close it
// after.
type Operator struct {
	options Options
	program *tea.Program
	box     *mailbox.Box
	asks    chan *asking
	marks   chan tea.Msg // what is seen after all that was told before
	started atomic.Bool
	hang    sync.Once
	hung    chan struct{} // closed by Hangup
	faults  chan error    // the first mistake of the screen itself
	gone    chan struct{} // closed when the screen has ended and the terminal is restored
	err     error         // why it ended; read after gone
}

// New makes an operator. Nothing is written before Start.
func New(o Options) *Operator { return operate(o, newModel(o)) }

func operate(o Options, m tea.Model) *Operator {
	op := &Operator{options: o, box: mailbox.New(), asks: make(chan *asking), marks: make(chan tea.Msg), hung: make(chan struct{}), gone: make(chan struct{}), faults: make(chan error, 1)}
	// Signals are main's: Bubble Tea would end with nil on SIGTERM and not at all on SIGHUP.
	op.program = tea.NewProgram(guard{Model: m, failed: op.failed},
		tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithAltScreen(), tea.WithoutSignalHandler())

	return op
}

// failed ends the screen after a mistake of ours; the first one is kept.
func (o *Operator) failed(err error) {
	select {
	case o.faults <- err:
		go o.end()
	default:
	}
}

// Start takes over the terminal.
func (o *Operator) Start() error {
	restore, err := remember(o.options.In)
	if err != nil {
		return err
	}
	o.started.Store(true)
	go o.show(restore)
	go o.forward()

	return nil
}

// remember gives a function that puts the terminal's modes back.
func remember(in io.Reader) (func(), error) {
	file, is := in.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return func() {}, nil
	}
	state, err := term.GetState(int(file.Fd()))
	if err != nil {
		return nil, fmt.Errorf("read the terminal's modes: %w", err)
	}

	return func() { _ = term.Restore(int(file.Fd()), state) }, nil
}

// show runs the screen to its end.
func (o *Operator) show(restore func()) {
	defer close(o.gone)
	defer o.box.Close() // nobody reads on: keep nothing
	defer restore()     // Bubble Tea does so as well, but not after every one of its own failures
	defer func() {
		if cause := recover(); cause != nil {
			o.err = fmt.Errorf("the screen failed: %v", cause)
		}
	}()
	if _, err := o.program.Run(); err != nil {
		o.err = fmt.Errorf("show the run: %w", err)
	}
	select {
	case o.err = <-o.faults:
	default:
	}
}

// Tell hands over an event.
func (o *Operator) Tell(e recovery.Event) { o.box.Put(e) }

// Ask puts a question on the screen and waits for its answer. A screen that is
// gone cannot be asked.
func (o *Operator) Ask(ctx context.Context, q recovery.Question) (recovery.Answer, error) {
	reply := make(chan recovery.Answer, 1) // the screen never waits for us to listen
	select {
	case o.asks <- newAsking(q, reply):
	case <-o.gone:
		return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
	case <-o.hung:
		return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
	case <-ctx.Done():
		return recovery.Answer{}, context.Cause(ctx)
	}
	select {
	case answer := <-reply:
		return answer, nil
	case <-o.gone:
		return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
	case <-o.hung:
		return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
	case <-ctx.Done():
		return recovery.Answer{}, context.Cause(ctx)
	}
}

// Watch says whether the run that is told is another process's work: then a stop
// only leaves the view.
func (o *Operator) Watch(on bool) {
	select {
	case o.marks <- watchMsg(on):
	case <-o.gone:
	case <-o.hung:
	}
}

// patience is how long a terminal that was hung up may take to be restored.
const patience = 10 * time.Second

// Close waits until the operator has left the verdict, or returns at once where
// the screen is gone or there is no verdict to read.
func (o *Operator) Close() error {
	if !o.started.Load() {
		return nil
	}
	o.box.Close()
	select {
	case <-o.gone:
	case <-o.hung:
		select {
		case <-o.gone:
		case <-time.After(patience):
			return errors.New("restore the terminal: it does not answer")
		}
	}
	if errors.Is(o.err, tea.ErrProgramKilled) && o.wasHungUp() {
		return nil
	}

	return o.err
}

// Gone is closed when the screen has ended and the terminal is restored.
func (o *Operator) Gone() <-chan struct{} { return o.gone }

// Hangup ends the screen, as when its terminal is gone. It does not wait, and
// answers nothing: from here on nobody can be asked.
func (o *Operator) Hangup() {
	o.hang.Do(func() {
		close(o.hung)
		go o.end()
	})
}

// end asks the screen to end, and ends it where it hangs on its terminal. To be
// killed at once would leave its reader behind.
func (o *Operator) end() {
	if !o.started.Load() {
		o.program.Kill()
		return
	}
	go o.program.Quit()
	select {
	case <-o.gone:
	case <-time.After(patience / 2):
		o.program.Kill()
	}
}

func (o *Operator) wasHungUp() bool {
	select {
	case <-o.hung:
		return true
	default:
		return false
	}
}
