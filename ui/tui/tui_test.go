package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"firmflow-recovery/recovery"
)

func TestTellNeverBlocks(t *testing.T) {
	in, keys := io.Pipe()
	defer func() { _ = keys.Close() }()
	stuck, out := io.Pipe() // nobody reads: every write to this screen hangs
	started := New(Options{In: in, Out: out})
	start(t, started)
	for name, op := range map[string]*Operator{"not started": New(Options{In: in, Out: io.Discard}), "stuck": started} {
		within(t, "Tell to a screen that is "+name, func() {
			for i := range 20000 {
				op.Tell(recovery.Event{Kind: recovery.StepLog, Text: fmt.Sprint(i)})
				op.Tell(recovery.Event{Kind: recovery.StepNoted, Text: fmt.Sprint(i)})
			}
		})
	}
	started.Hangup()
	within(t, "Close", func() { _ = started.Close() })
	_ = stuck.Close()
	within(t, "the screen", func() { <-started.gone })
}

func TestCloseWithoutAVerdictDoesNotWait(t *testing.T) {
	in, keys := io.Pipe()
	defer func() { _ = keys.Close() }()
	op := New(Options{In: in, Out: io.Discard})
	if err := closeSoon(t, op); err != nil {
		t.Errorf("not started: %v", err)
	}
	op = New(Options{In: in, Out: io.Discard})
	start(t, op)
	op.Tell(recovery.Event{Kind: recovery.RunOpened})
	if err := closeSoon(t, op); err != nil {
		t.Error(err)
	}
}

func TestAskEndsWithTheRun(t *testing.T) {
	in, keys := io.Pipe()
	defer func() { _ = keys.Close() }()
	op := New(Options{In: in, Out: io.Discard})
	start(t, op)
	cause := errors.New("over")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	within(t, "Ask", func() {
		if _, err := op.Ask(ctx, startTyped); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
	op.Hangup()
	_ = closeSoon(t, op)
}

// counting counts what it is sent.
type counting struct {
	mu     *sync.Mutex
	sends  *int
	events *[]recovery.Event
}

func (c counting) Init() tea.Cmd { return nil }
func (c counting) View() string  { return "" }
func (c counting) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch msg := msg.(type) {
	case eventsMsg:
		*c.sends++
		*c.events = append(*c.events, msg...)
	case closedMsg:
		return c, tea.Quit
	}

	return c, nil
}

func TestTransitionsAreKeptAndSendsAreFew(t *testing.T) {
	in, keys := io.Pipe()
	defer func() { _ = keys.Close() }()
	c := counting{mu: new(sync.Mutex), sends: new(int), events: new([]recovery.Event)}
	op := operate(Options{In: in, Out: io.Discard}, c)
	start(t, op)
	began := time.Now()
	const told = 5000
	for i := range uint64(told) {
		op.Tell(recovery.Event{Kind: recovery.StepNoted, Seq: i + 1})
		op.Tell(recovery.Event{Kind: recovery.StepProgress, Seq: i + 1, Step: "s"})
	}
	if err := closeSoon(t, op); err != nil {
		t.Error(err)
	}
	most := int(time.Since(began)/rest) + 2
	if *c.sends > most {
		t.Errorf("%d sends, want at most %d", *c.sends, most)
	}
	next := uint64(1)
	for _, e := range *c.events {
		if e.Kind == recovery.StepNoted {
			if e.Seq != next {
				t.Fatalf("event %d where %d should be", e.Seq, next)
			}
			next++
		}
	}
	if next != told+1 {
		t.Errorf("%d transitions of %d arrived", next-1, told)
	}
}

func TestTheLogForgetsTheOldest(t *testing.T) {
	m := newModel(Options{})
	for i := range 1700 {
		m = m.record(fmt.Sprint(i))
	}
	lines := m.log.all()
	if len(lines) != kept || lines[0] != "1200" || lines[kept-1] != "1699" || cap(m.log.lines) > 2*kept {
		t.Errorf("%d lines from %s to %s, room for %d", len(lines), lines[0], lines[len(lines)-1], cap(m.log.lines))
	}
}

func TestHostileTextStaysText(t *testing.T) {
	d := recovery.Diagnosis{Code: "x", Summary: "\x1b[2Jgone", Seen: "a\x1b]52;c;bad\a\nFAILED fake\r✓ VERIFIED"}
	tape := new(tape).open().look("environment", recovery.Problem("secrets", recovery.Failed, d))
	view := scene{tape: tape}.at(t, Options{NoColour: true}, 80, 24).View()
	if strings.ContainsAny(view, "\x1b\a\r") || !strings.Contains(view, `\x1b[2Jgone`) {
		t.Errorf("got %q", view)
	}
}

func TestASecondCtrlCMustComeSoon(t *testing.T) {
	var stops []Halt
	m := newModel(Options{Stop: func(when Halt) { stops = append(stops, when) }})
	m, _ = play(t, m, eventsMsg(new(tape).load().events))
	tick := tickMsg(time.Time{})
	m, _ = play(t, m, key("ctrl+c"), tick, tick, tick)
	m, cmds := play(t, m, key("ctrl+c"), key("enter"))
	if len(cmds) != 0 || m.overlay != noOverlay {
		t.Error("a late second ctrl+c, or the dialog's default, stops")
	}
	_, cmds = play(t, m, tick, tick, tick, key("ctrl+c"), key("down"), key("enter"))
	for _, cmd := range cmds {
		cmd()
	}
	_, cmds = play(t, m, tick, tick, tick, key("ctrl+c"), tick, tick, key("ctrl+c"))
	for _, cmd := range cmds {
		cmd()
	}
	if !slices.Equal(stops, []Halt{AfterStep, Now}) {
		t.Errorf("stops %v", stops)
	}
}

func TestATerminalTooSmallSaysSo(t *testing.T) {
	s := scene{tape: new(tape).open().plan(true), ask: &startTyped}
	view := s.at(t, Options{NoColour: true}, 59, 18).View()
	for _, want := range []string{"Too small", "60x18", "work goes on", "question waits"} {
		if !strings.Contains(strings.ReplaceAll(view, "\n", " "), want) {
			t.Errorf("%q is not in %q", want, view)
		}
	}
}

func TestWorkGoesOnBelowTheStopDialog(t *testing.T) {
	m := scene{tape: new(tape).load(), keys: "ctrl+c"}.at(t, Options{}, 80, 24)
	m, _ = play(t, m, eventsMsg(new(tape).load().end(verified()).events))
	if m.page().title != "ended" {
		t.Errorf("the dialog hides the verdict: %q", m.page().title)
	}
	if _, cmds := play(t, m, closedMsg{}, key("enter")); len(cmds) != 1 {
		t.Error("enter does not leave the verdict")
	}
}

// TestAStepThatFailsAfterAllCanBeAnswered: who chose to stop after the step is
// asked when it fails, and must be able to answer.
func TestAStepThatFailsAfterAllCanBeAnswered(t *testing.T) {
	m := newModel(Options{Stop: func(Halt) {}})
	m, _ = play(t, m, eventsMsg(new(tape).load().events), key("ctrl+c"), key("down"), key("enter"))
	m, _ = play(t, m, eventsMsg(new(tape).fail().events))
	if a, answered := consent(t, m, failure, []tea.KeyMsg{key("enter")}); !answered || a.Choice != recovery.Retry {
		t.Errorf("got %+v, %t", a, answered)
	}
	m, _ = play(t, m, newAsking(failure, make(chan recovery.Answer, 1)), tickMsg{}, tickMsg{}, tickMsg{}, key("ctrl+c"))
	for _, h := range m.halts() {
		if h.Label == "Stop after this step" {
			t.Error("no step is in hand, and its end is offered")
		}
	}
}
