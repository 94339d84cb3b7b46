package tui

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"firmflow-recovery/recovery"
)

// The smallest terminal that is drawn on, and the width from which the log
// stands at the right.
const (
	minWidth, minHeight = 60, 18
	wide                = 120
)

// overlay is what lies over the screen that the run itself calls for.
type overlay int

const (
	noOverlay overlay = iota
	helpOverlay
	commandsOverlay
	logOverlay
	stopOverlay
)

// screen is what the run calls for.
type screen int

const (
	preparing screen = iota
	starting
	choosing
	entering
	reading
	looked
	remedying
	planning
	running
	failing
	ended
)

// model is all that the view depends on.
type model struct {
	state         recovery.State
	width, height int
	ask           *asking // the open question; nil: none
	log           ring
	look          look
	host          string
	ascii         bool
	overlay       overlay
	cursor        int  // in the stop dialog
	everyKey      bool // of the secrets, not only the three
	over          bool // the verdict is the last word so far
	closed        bool // nothing follows
	leaving       bool // the operator has read the verdict
	watching      bool // another process does the work
	notice        string
	search        search
	scroll        int // lines away from where the page begins
	now           time.Time
	armed         int  // seconds in which another ctrl+c stops at once
	stopping      bool // the operator chose to stop now
	after         bool // or after the step in hand
	stop          func(Halt)
	detach        func()
	save          func(run recovery.RunID, name string, content []byte) (path string, err error)
}

func newModel(o Options) model {
	return model{width: 80, height: 24, look: newLook(o.NoColour, o.Dark), host: o.Host, ascii: o.ASCII, stop: o.Stop, detach: o.Detach, save: o.Save}
}

// Init does nothing: everything comes as a message.
func (m model) Init() tea.Cmd { return nil }

// Update folds a message.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	before := m.screen()
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case eventsMsg:
		m = m.fold(msg)
	case *asking:
		m = m.open(msg)
	case tickMsg:
		m.now, m.armed = time.Time(msg), max(m.armed-1, 0)
	case closedMsg:
		if m.closed = true; !m.over || m.leaving {
			cmd = tea.Quit // nothing is left to be read
		}
	case watchMsg:
		m.watching = bool(msg)
	case savedMsg:
		m.notice = m.saved(msg)
	case tea.KeyMsg:
		m, cmd = m.press(msg)
	}
	if m.screen() != before {
		m.scroll = 0
	}

	return m, cmd
}

// fold applies events and keeps the lines that belong to the log.
func (m model) fold(events []recovery.Event) model {
	for _, e := range events {
		m.state.Apply(e)
		switch e.Kind {
		case recovery.StepLog, recovery.StepNoted:
			m = m.record(e.Time.UTC().Format("15:04:05") + " " + e.Text)
		case recovery.RunEnded:
			m.ask, m.overlay = nil, noOverlay
		default:
		}
		// Who went back is asked something next: that is no last word.
		m.over = m.state.Verdict != nil && m.state.Verdict.Turn == "" && (m.over || e.Kind == recovery.RunEnded)
	}

	return m
}

// record adds a line to the log. A reader who has scrolled up stays where they
// are.
func (m model) record(line string) model {
	m.log = m.log.add(oneLine(line))
	m.search.at++
	if m.overlay == logOverlay && m.scroll > 0 {
		m.scroll = min(m.scroll+1, m.furthest())
	}

	return m
}

// open shows a question. It takes the place of what only informs. What comes
// before any run begins with an empty slate.
func (m model) open(a *asking) model {
	if a.question.Page != nil || a.question.Enter != "" {
		m.state = recovery.State{}
	}
	m.ask, m.scroll, m.over, m.leaving, m.notice = a, 0, false, false, ""
	if m.overlay != stopOverlay {
		m.overlay = noOverlay
	}

	return m
}

// screen tells what the run calls for.
func (m model) screen() screen {
	switch {
	case m.over:
		return ended
	case m.ask != nil:
		return screenOf(m.ask.question)
	case m.state.Started():
		return running
	default:
		return preparing
	}
}

func screenOf(q recovery.Question) screen {
	switch q.ID {
	case recovery.AskTask, recovery.AskFault:
		return starting
	case recovery.AskBackup:
		return choosing
	case recovery.AskOriginal, recovery.AskSecret:
		return entering
	case recovery.AskRead:
		return reading
	case recovery.AskLooked, recovery.AskBlocked:
		return looked
	case recovery.AskRemedy, recovery.AskGiveUp:
		return remedying
	case recovery.AskStart:
		return planning
	default:
		return failing
	}
}

func (m model) small() bool { return m.width < minWidth || m.height < minHeight }

// moment is the time that durations are told up to: the clock's, or that of an
// event the clock has not reached.
func (m model) moment() time.Time {
	if m.state.Verdict != nil || m.now.Before(m.state.Last) {
		return m.state.Last
	}

	return m.now
}
