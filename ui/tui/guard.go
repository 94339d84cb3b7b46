package tui

import (
	"fmt"
	"runtime/debug"

	tea "github.com/charmbracelet/bubbletea"
)

// guard turns a panic of the model, or of a command of its, into the orderly
// end of the screen. Bubble Tea recovers too, but prints to a terminal that is
// still raw and leaves its reader behind.
type guard struct {
	tea.Model
	failed func(error) // may be called more than once; never blocks
}

// Update passes a message on.
func (g guard) Update(msg tea.Msg) (next tea.Model, cmd tea.Cmd) {
	defer func() {
		if cause := recover(); cause != nil {
			g.failed(mistake(cause))
			next, cmd = g, nil
		}
	}()
	inner, cmd := g.Model.Update(msg)

	return guard{Model: inner, failed: g.failed}, g.command(cmd)
}

// View draws, or says why it cannot for the moment that is left.
func (g guard) View() (view string) {
	defer func() {
		if cause := recover(); cause != nil {
			g.failed(mistake(cause))
			view = "The screen failed. The work goes on."
		}
	}()

	return g.Model.View()
}

func (g guard) command(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}

	return func() (msg tea.Msg) {
		defer func() {
			if cause := recover(); cause != nil {
				g.failed(mistake(cause))
				msg = nil
			}
		}()

		return cmd()
	}
}

func mistake(cause any) error {
	return fmt.Errorf("the screen made a mistake: %v\n%s", cause, debug.Stack())
}
