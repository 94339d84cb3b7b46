package tui

import (
	"strings"
	"testing"

	"firmflow-recovery/recovery"
)

func TestWhatMustNotBeSeenIsInNoView(t *testing.T) {
	reply := make(chan recovery.Answer, 1)
	m := newModel(Options{NoColour: true}).open(newAsking(whichPassphrase, reply))
	views := []string{m.View()}
	for _, name := range strings.Fields("s 3 c r 3 t x backspace") {
		next, _ := m.press(key(name))
		m = next
		views = append(views, m.View())
	}
	for _, view := range views[2:] {
		if view != views[1] {
			t.Errorf("the screen tells how much was typed:\n%s", view)
		}
	}
	if strings.Contains(strings.Join(views, ""), "s3") || m.ask.input != "" {
		t.Error("what was typed is on the screen, or kept where it can be seen")
	}
	_, cmd := m.press(key("enter"))
	cmd()
	if got := <-reply; got.Choice != recovery.Go || got.Typed != "" || got.Concealed.Reveal() != "s3cr3t" {
		t.Errorf("the answer is %+v", got)
	}
}
