package tui

import (
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"firmflow-recovery/recovery"
)

// longest is how much of an answer is kept: no host name is longer.
const longest = 253

// asking is a question on the screen, and how far its answer has come.
type asking struct {
	question recovery.Question
	reply    chan<- recovery.Answer // has room for the one answer
	input    string                 // what was typed so far
	cursor   int
	refused  bool // what was typed is not what is asked for
}

// newAsking begins on the option that is safe: an Enter that was meant for
// something else must not start or change anything. To retry is to go on with
// what was agreed to.
func newAsking(q recovery.Question, reply chan<- recovery.Answer) *asking {
	a := &asking{question: q, reply: reply}
	for i, option := range q.Options {
		if option.Key == recovery.Stop {
			a.cursor = i
		}
	}
	for i, option := range q.Options {
		if option.Key == recovery.Retry && option.Why == "" {
			a.cursor = i
		}
	}

	return a
}

// answer hands an answer over and closes the question.
func (m model) answer(answer recovery.Answer) (model, tea.Cmd) {
	reply := m.ask.reply
	m.ask = nil

	return m, func() tea.Msg {
		select {
		case reply <- answer:
		default: // answered already
		}

		return nil
	}
}

func (m model) typing() bool { return m.ask != nil && m.ask.question.Typed != "" && !m.stopping }

// pressTyped edits what must be typed out. Only the exact name consents.
func (m model) pressTyped(k tea.KeyMsg) (model, tea.Cmd) {
	a := *m.ask
	a.refused = false
	switch k.Type {
	case tea.KeyEsc:
		return m.answer(recovery.Answer{})
	case tea.KeyEnter:
		if a.input == a.question.Typed {
			return m.answer(recovery.Answer{Choice: recovery.Go, Typed: a.input})
		}
		a.refused = true
	case tea.KeyBackspace:
		if runes := []rune(a.input); len(runes) > 0 {
			a.input = string(runes[:len(runes)-1])
		}
	case tea.KeyCtrlU:
		a.input = ""
	case tea.KeyRunes, tea.KeySpace:
		a.input = typed(a.input, k.Runes)
	default:
	}
	m.ask = &a

	return m, nil
}

// typed adds what can be seen. A line end in a pasted text is not an Enter.
func typed(input string, runes []rune) string {
	for _, r := range runes {
		if unicode.IsGraphic(r) && len(input) < longest {
			input += string(r)
		}
	}

	return input
}

// pressMenu moves in a menu and takes what is chosen.
func (m model) pressMenu(name string) (model, tea.Cmd) {
	a, options := *m.ask, m.ask.question.Options
	switch name {
	case "up", "k":
		a.cursor = max(a.cursor-1, 0)
	case "down", "j":
		a.cursor = min(a.cursor+1, max(len(options)-1, 0))
	case "enter":
		if len(options) == 0 {
			return m.answer(recovery.Answer{})
		}
		if chosen := options[a.cursor]; chosen.Why == "" {
			return m.answer(recovery.Answer{Choice: chosen.Key})
		}
	case "esc":
		if a.question.ID != recovery.AskFailure { // there, esc would abort work
			return m.answer(recovery.Answer{})
		}
	}
	m.ask = &a

	return m, nil
}
