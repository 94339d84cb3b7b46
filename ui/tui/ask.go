package tui

import (
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"firmflow-recovery/recovery"
)

// longest is how much of an answer is kept, in bytes: no path is longer.
const longest = 4096

// asking is a question on the screen, and how far its answer has come.
type asking struct {
	question recovery.Question
	reply    chan<- recovery.Answer // has room for the one answer
	input    string                 // what was typed so far
	hidden   *recovery.Concealed    // the same, where it must not be seen
	cursor   int
	refused  bool // what was typed is not what is asked for
}

// newAsking begins where the question says: an Enter that was meant for
// something else must not start or change anything.
func newAsking(q recovery.Question, reply chan<- recovery.Answer) *asking {
	return &asking{question: q, reply: reply, cursor: q.Begin()}
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

// typing tells whether letters are text rather than keys.
func (m model) typing() bool {
	return m.ask != nil && !m.stopping && (m.ask.question.Typed != "" || m.ask.question.Enter != "")
}

// pressTyped edits a text. Where something must be typed out, only the exact
// name consents.
func (m model) pressTyped(k tea.KeyMsg) (model, tea.Cmd) {
	a := *m.ask
	a.refused = false
	if a.question.Conceal {
		return m.pressConcealed(a, k)
	}
	switch k.Type {
	case tea.KeyEsc:
		return m.answer(recovery.Answer{Choice: a.question.Leave()})
	case tea.KeyEnter:
		if a.complete() {
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

// pressConcealed edits a text that is not shown, nor how long it is.
func (m model) pressConcealed(a asking, k tea.KeyMsg) (model, tea.Cmd) {
	text := a.hidden.Reveal()
	switch k.Type {
	case tea.KeyEsc:
		return m.answer(recovery.Answer{Choice: a.question.Leave()})
	case tea.KeyEnter:
		if text != "" {
			return m.answer(recovery.Answer{Choice: recovery.Go, Concealed: a.hidden})
		}
		a.refused = true
	case tea.KeyBackspace:
		if runes := []rune(text); len(runes) > 0 {
			a.hidden = recovery.Conceal(string(runes[:len(runes)-1]))
		}
	case tea.KeyCtrlU:
		a.hidden = nil
	case tea.KeyRunes, tea.KeySpace:
		a.hidden = recovery.Conceal(typed(text, k.Runes))
	default:
	}
	m.ask = &a

	return m, nil
}

// complete tells whether what was typed is an answer.
func (a asking) complete() bool {
	if a.question.Enter != "" {
		return a.input != ""
	}

	return a.input == a.question.Typed
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
	a, q := *m.ask, m.ask.question
	switch name {
	case "up", "k":
		a.cursor = max(a.cursor-1, 0)
	case "down", "j":
		a.cursor = min(a.cursor+1, max(len(q.Options)-1, 0))
	case "enter":
		if len(q.Options) == 0 {
			return m.answer(recovery.Answer{})
		}
		if chosen := q.Options[a.cursor]; chosen.Why == "" {
			return m.answer(recovery.Answer{Choice: chosen.Key})
		}
	case "r":
		for _, again := range []recovery.Choice{recovery.Again, recovery.Retry} {
			if q.Offers(again) {
				return m.answer(recovery.Answer{Choice: again})
			}
		}
	case "a":
		m.everyKey = !m.everyKey
	case "p":
		return m.saveRunbook()
	case "esc", "q":
		if leaves(q, name) {
			return m.answer(recovery.Answer{Choice: q.Leave()})
		}
	default:
		if answer, is := a.letter(name); is {
			return m.answer(answer)
		}
	}
	m.ask = &a

	return m, nil
}

// letter is the answer of a letter on the option under the cursor.
func (a asking) letter(name string) (recovery.Answer, bool) {
	for _, l := range a.question.Letters {
		if l.Key == name && a.cursor < len(a.question.Options) {
			return l.On(a.question.Options[a.cursor])
		}
	}

	return recovery.Answer{}, false
}

// leaves tells whether a key answers a question with the way out of it. Esc
// would abort work where a step failed, and q where something was begun.
func leaves(q recovery.Question, name string) bool {
	if name == "q" {
		return q.ID.Harmless()
	}

	return q.ID != recovery.AskFailure && q.ID != recovery.AskTask
}
