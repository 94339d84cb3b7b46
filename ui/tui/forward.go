package tui

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"firmflow-recovery/recovery"
)

// What the model is sent.
type (
	eventsMsg []recovery.Event
	tickMsg   time.Time
	closedMsg struct{} // no event will follow
	watchMsg  bool     // whether another process does the work
)

// rest is the pause after each message: at most 20 a second.
const rest = 50 * time.Millisecond

// forward is the one goroutine that sends to the screen. Bubble Tea's Send
// blocks while the screen is busy, which is why the work never calls it.
func (o *Operator) forward() {
	defer func() {
		if cause := recover(); cause != nil {
			o.Hangup()
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-o.gone:
			return
		case now := <-tick.C:
			o.send(tickMsg(now))
		case a := <-o.asks:
			// What was told before the question is seen before it.
			o.deliver()
			o.send(a)
		case msg := <-o.marks:
			o.deliver()
			o.send(msg)
		case <-o.box.Wake():
			if !o.deliver() {
				o.send(closedMsg{})
				return
			}
		}
	}
}

// deliver sends all events that wait as one message.
func (o *Operator) deliver() bool {
	events, more := o.box.Take()
	if len(events) > 0 {
		o.send(eventsMsg(events))
	}

	return more
}

func (o *Operator) send(msg tea.Msg) {
	o.program.Send(msg)
	select {
	case <-time.After(rest):
	case <-o.gone:
	}
}
