package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/plain"
	"firmflow-recovery/ui/tui"
)

// screen is the full screen. A hangup or SIGTERM ends it: after those nobody
// reads the verdict. Where the operator detaches, lines take its place.
type screen struct {
	*tui.Operator
	options Options
	answers map[recovery.QuestionID][]recovery.Answer
	signals chan os.Signal

	mu    sync.Mutex
	last  *recovery.Verdict
	past  []recovery.Event // of this run, without the lossy ones
	lines *plain.Operator  // once detached

	detaching sync.Once
	left      chan struct{} // closed when the operator has left the screen
	moved     chan struct{} // closed when lines have taken its place
}

func openScreen(o Options) (*screen, error) {
	s := &screen{options: o, answers: o.answers(), signals: make(chan os.Signal, 1), left: make(chan struct{}), moved: make(chan struct{})}
	delete(s.answers, recovery.AskStart) // whoever sits before a screen reads the plan, unless the name was given
	if o.Confirm != "" {
		s.answers[recovery.AskStart] = o.answers()[recovery.AskStart]
	}
	s.Operator = tui.New(tui.Options{
		In: o.In, Out: o.Out, Host: o.Host, Dark: !light(o.Getenv("COLORFGBG")), NoColour: o.Getenv("NO_COLOR") != "",
		ASCII: o.ASCII || o.Getenv("TERM") == "linux" || o.Getenv("LC_ALL") == "C" || o.Getenv("LC_ALL") == "" && o.Getenv("LANG") == "C",
		Stop:  o.stop, Save: o.Save, Detach: s.detach,
	})
	if err := s.Start(); err != nil {
		return nil, err
	}
	signal.Notify(s.signals, syscall.SIGHUP, syscall.SIGTERM)
	go func() {
		if _, open := <-s.signals; open {
			s.Hangup()
		}
	}()

	return s, nil
}

// light reads the one hint that terminals give without being asked: the
// background's number comes last, and 7 and 15 are white.
func light(hint string) bool {
	_, background, found := strings.Cut(hint, ";")
	background = background[strings.LastIndex(background, ";")+1:]

	return found && (background == "7" || background == "15")
}

// Tell passes an event on, and keeps what comes after the screen needs.
func (s *screen) Tell(e recovery.Event) {
	s.mu.Lock()
	if e.Verdict != nil && e.Verdict.Turn == "" {
		s.last = e.Verdict
	}
	lines := s.lines
	switch {
	case lines != nil:
	case e.Kind == recovery.RunOpened, e.Kind == recovery.RunResumed:
		s.past = []recovery.Event{e}
	case !e.Kind.Lossy():
		s.past = append(s.past, e)
	}
	s.mu.Unlock()
	if lines != nil {
		lines.Tell(e)
		return
	}
	s.Operator.Tell(e)
}

// Ask gives the answer that a flag gave, else asks: on the screen, or on lines
// if that was left.
func (s *screen) Ask(ctx context.Context, q recovery.Question) (recovery.Answer, error) {
	if left := s.answers[q.ID]; len(left) > 0 {
		s.answers[q.ID] = left[1:]
		return left[0], nil
	}
	answer, err := s.Operator.Ask(ctx, q)
	var none *recovery.NoAnswerError
	if !errors.As(err, &none) || !s.detached() {
		return answer, err
	}
	select {
	case <-s.moved:
		return s.lines.Ask(ctx, q)
	case <-ctx.Done():
		return recovery.Answer{}, context.Cause(ctx)
	}
}

func (s *screen) detached() bool {
	select {
	case <-s.left:
		return true
	default:
		return false
	}
}

// detach leaves the screen for lines in the same terminal. The work does not
// notice; what happens meanwhile is not told twice.
func (s *screen) detach() {
	s.detaching.Do(func() {
		close(s.left)
		s.Hangup()
		<-s.Gone()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.options.say("The work goes on, told in lines. It is safe to disconnect: firmflow-recovery attach shows it again.\n")
		s.lines = plain.New(plain.Options{Out: s.options.Out, In: s.options.In, Answers: s.options.answers(), Verbose: s.options.Verbose, Past: s.past, Conceal: s.options.conceal})
		close(s.moved)
	})
}

// Close waits until the verdict was read, and leaves it in the scrollback.
func (s *screen) Close() {
	if s.signals == nil {
		return // closed before
	}
	err := s.Operator.Close()
	signal.Stop(s.signals)
	close(s.signals)
	s.signals = nil
	if err != nil {
		_, _ = fmt.Fprintln(s.options.Out, err)
	}
	if s.detached() {
		<-s.moved
		s.lines.Close()
		return
	}
	if s.last != nil {
		_, _ = io.WriteString(s.options.Out, plain.Verdict(*s.last))
	}
}
