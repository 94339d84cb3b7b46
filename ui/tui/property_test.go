package tui

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"firmflow-recovery/recovery"
)

func fits(t interface {
	Helper()
	Errorf(string, ...any)
}, view string, width, height int,
) {
	t.Helper()
	lines := strings.Split(view, "\n")
	if len(lines) > height {
		t.Errorf("%d lines on %d:\n%s", len(lines), height, view)
	}
	for _, line := range lines {
		if w := ansi.StringWidth(line); w > width {
			t.Errorf("%d cells on %d: %q", w, width, line)
		}
	}
}

// hostile texts are what file names and logs may hold.
func hostile() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "plain", "\x1b[2J\x1b[H", "\x1b]0;owned\a", "a\r\nb", "tab\tbed", "\u202eright to left", "日本語のとても長いファイル名です", "e\u0301\u0301\u0301",
			"👩‍👩‍👧‍👦🏳️‍🌈", "\xff\xfe", "\u2028", "\u0085", "\u200b\u200d", strings.Repeat("x", 5000), strings.Repeat("line\n", 500), strings.Repeat("語", 300),
		}),
		rapid.String(),
	)
}

func finding(t *rapid.T) *recovery.Finding {
	f := recovery.Finding{Subject: hostile().Draw(t, "subject"), Text: hostile().Draw(t, "text"),
		Status: rapid.SampledFrom([]recovery.Status{recovery.Passed, recovery.Warned, recovery.Unproven, recovery.Failed, "?"}).Draw(t, "status")}
	if rapid.Bool().Draw(t, "explained") {
		f.Diagnosis = diagnosis(t)
	}

	return &f
}

func diagnosis(t *rapid.T) *recovery.Diagnosis {
	return &recovery.Diagnosis{Code: recovery.Code(hostile().Draw(t, "code")), Summary: hostile().Draw(t, "summary"), Seen: hostile().Draw(t, "seen"),
		Intact: hostile().Draw(t, "intact"), Remedies: []recovery.Remedy{{Do: hostile().Draw(t, "do"), Command: hostile().Draw(t, "command")}}}
}

func event(t *rapid.T) recovery.Event {
	e := recovery.Event{
		Kind: rapid.SampledFrom([]recovery.Kind{
			recovery.RunOpened, recovery.RunResumed, recovery.CheckStarted, recovery.CheckFinding, recovery.PlanMade, recovery.RunStarted,
			recovery.StepStarted, recovery.StepProgress, recovery.StepLog, recovery.StepNoted, recovery.StepProof, recovery.StepFinished,
			recovery.StepFailed, recovery.RunEnded, "unheard.of",
		}).Draw(t, "kind"),
		Time: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), 0), Step: recovery.StepID(rapid.OneOf(rapid.SampledFrom([]string{"environment", "vault", "database"}), hostile()).Draw(t, "step")),
		Title: hostile().Draw(t, "title"), Text: hostile().Draw(t, "text"), Host: hostile().Draw(t, "host"), Phase: hostile().Draw(t, "phase"),
		Done: rapid.Int64().Draw(t, "done"), Total: rapid.Int64().Draw(t, "total"), Attempt: rapid.Int().Draw(t, "attempt"),
		Unit: rapid.SampledFrom([]recovery.Unit{recovery.Bytes, recovery.Items}).Draw(t, "unit"),
	}
	if rapid.Bool().Draw(t, "with its facts") {
		e.Finding, e.Diagnosis = finding(t), diagnosis(t)
		e.Verdict = &recovery.Verdict{Outcome: recovery.Outcome(hostile().Draw(t, "outcome")), Proofs: []recovery.Finding{*finding(t)}, Diagnosis: diagnosis(t), Next: []string{hostile().Draw(t, "next")}}
		e.Plan = &recovery.Plan{Backup: hostile().Draw(t, "backup"), Target: hostile().Draw(t, "target"), Steps: []recovery.PlannedStep{{ID: e.Step, Title: e.Title,
			Assessment: recovery.Assessment{Changes: []string{hostile().Draw(t, "change")}, Replaces: []string{hostile().Draw(t, "replaced")},
				Secrets: &recovery.SecretsTable{Original: hostile().Draw(t, "original"), Keys: []recovery.ComparedSecret{{Key: hostile().Draw(t, "key"), File: "identical"}},
					Others: []recovery.ComparedSecret{{Key: hostile().Draw(t, "key"), Result: hostile().Draw(t, "result")}}},
				Loses: hostile().Draw(t, "lost"), Commands: []string{hostile().Draw(t, "command")}, Findings: []recovery.Finding{*finding(t)}}}}}
	}

	return e
}

func question(t *rapid.T) recovery.Question {
	q := recovery.Question{ID: rapid.SampledFrom([]recovery.QuestionID{
		recovery.AskStart, recovery.AskRemedy, recovery.AskGiveUp, recovery.AskFailure, recovery.AskTask, recovery.AskBackup, recovery.AskOriginal, recovery.AskSecret, recovery.AskRead,
		recovery.AskLooked, recovery.AskBlocked, "new",
	}).Draw(t, "id"), Step: recovery.StepID(rapid.SampledFrom([]string{"", "vault"}).Draw(t, "step")), Text: hostile().Draw(t, "question"),
		Typed: rapid.SampledFrom([]string{"", host}).Draw(t, "typed")}
	switch q.ID {
	case recovery.AskTask, recovery.AskBackup, recovery.AskRead:
		q.Page = anyPage(t)
	case recovery.AskOriginal:
		q.Enter = hostile().Draw(t, "enter")
	case recovery.AskSecret:
		q.Enter, q.Conceal = hostile().Draw(t, "enter"), true
	default:
	}
	for range rapid.IntRange(0, 30).Draw(t, "options") {
		q.Options = append(q.Options, recovery.Option{Key: recovery.Choice(rapid.SampledFrom([]string{"", "go", "retry", "apply"}).Draw(t, "key")),
			Label: hostile().Draw(t, "label"), Why: rapid.SampledFrom([]string{"", "no"}).Draw(t, "why")})
	}

	return q
}

func anyPage(t *rapid.T) *recovery.Page {
	p := &recovery.Page{}
	if rapid.Bool().Draw(t, "start") {
		sum := recovery.Summary{Run: recovery.RunID(hostile().Draw(t, "run")), Backup: hostile().Draw(t, "backup"), Title: hostile().Draw(t, "title"), Index: 1}
		p.Start = &recovery.Start{Running: &sum, Interrupted: &sum, Last: &sum, Remarks: []string{hostile().Draw(t, "remark")}}
	}
	if rapid.Bool().Draw(t, "listing") {
		p.Listing = &recovery.Listing{Directory: hostile().Draw(t, "directory"), Unusable: []string{hostile().Draw(t, "unusable")}}
		for range rapid.IntRange(0, 30).Draw(t, "backups") {
			p.Listing.Backups = append(p.Listing.Backups, recovery.ListedBackup{Name: hostile().Draw(t, "name"), Remarks: []string{hostile().Draw(t, "remark")}})
		}
	}
	if rapid.Bool().Draw(t, "document") {
		p.Document = &recovery.Document{Title: hostile().Draw(t, "title"), Lines: []string{hostile().Draw(t, "line"), hostile().Draw(t, "line")}}
	}

	return p
}

func anyKey(t *rapid.T) tea.KeyMsg {
	names := []string{"enter", "enter", "esc", "up", "down", "pgup", "pgdown", "home", "end", "tab", "ctrl+t", "ctrl+u", "backspace", "?", "x", "l", "q", "f", "0", "y"}
	if rapid.IntRange(0, 9).Draw(t, "pasted") == 0 {
		return tea.KeyMsg{Type: tea.KeyRunes, Paste: true, Runes: []rune(rapid.SampledFrom([]string{"ffhost-02\r", "yes\n", "\x1b[A", "ffhost"}).Draw(t, "paste"))}
	}

	return key(rapid.SampledFrom(names).Draw(t, "name"))
}

func TestNoViewIsLargerThanTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(Options{Host: hostile().Draw(t, "host"), ASCII: rapid.Bool().Draw(t, "ascii"), NoColour: rapid.Bool().Draw(t, "no colour")})
		width, height := 80, 24
		for range rapid.IntRange(1, 25).Draw(t, "messages") {
			var msg tea.Msg
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				width, height = rapid.IntRange(20, 200).Draw(t, "width"), rapid.IntRange(5, 60).Draw(t, "height")
				msg = tea.WindowSizeMsg{Width: width, Height: height}
			case 1:
				msg = newAsking(question(t), make(chan recovery.Answer, 1))
			case 2:
				msg = tickMsg(time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "tick"), 0))
			case 3:
				msg = key(rapid.SampledFrom([]string{"l", "x", "?", "pgup", "pgdown", "up", "down", "end", "ctrl+c", "esc", "enter", "/", "n", "a", "語", "r"}).Draw(t, "key"))
			default:
				msg = eventsMsg{event(t)}
			}
			m, _ = play(t, m, msg)
			view := m.View()
			fits(t, view, width, height)
			for _, r := range ansi.Strip(view) {
				if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028 {
					t.Fatalf("the view holds %q: %q", r, view)
				}
			}
		}
	})
}

// consent presses keys on a question and tells what was answered.
func consent(t interface{ Fatalf(string, ...any) }, m model, q recovery.Question, keys []tea.KeyMsg) (recovery.Answer, bool) {
	reply := make(chan recovery.Answer, 1)
	m, _ = play(t, m, newAsking(q, reply))
	for _, k := range keys {
		var cmds []tea.Cmd
		m, cmds = play(t, m, k)
		for _, cmd := range cmds {
			cmd()
		}
		select {
		case a := <-reply:
			return a, true
		default:
		}
	}

	return recovery.Answer{}, false
}

// The keys and pastes hold no 1, so that the name cannot come about by chance.
func TestOnlyTheExactNameConsents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys []tea.KeyMsg
		for range rapid.IntRange(0, 60).Draw(t, "keys") {
			keys = append(keys, anyKey(t))
		}
		m := newModel(Options{})
		m, _ = play(t, m, eventsMsg(new(tape).open().plan(true).events))
		if a, answered := consent(t, m, startTyped, keys); answered && a != (recovery.Answer{}) {
			t.Fatalf("%v consented: %+v", keys, a)
		}
		guided := startTyped
		guided.Options = startGuided.Options
		if a, answered := consent(t, m, guided, keys); answered && a != (recovery.Answer{Choice: recovery.Back}) {
			t.Fatalf("guided, %v consented: %+v", keys, a)
		}
	})
}

func TestTheExactNameConsents(t *testing.T) {
	var keys []tea.KeyMsg
	for _, r := range "ffhost-02" {
		keys = append(keys, key(string(r)))
	}
	keys = append(keys, key("enter"), key("backspace"), key("1"), key("tab"), key("esc"), key("enter"))
	a, answered := consent(t, newModel(Options{}), startTyped, keys)
	if want := (recovery.Answer{Choice: recovery.Go, Typed: host}); !answered || a != want {
		t.Errorf("got %+v, %t, want %+v", a, answered, want)
	}
}

func TestEnterAloneStartsAndChangesNothing(t *testing.T) {
	for _, q := range []recovery.Question{startTyped, startPlain, remedy, giveUpTyped} {
		enters := []tea.KeyMsg{key("enter"), key("enter"), key("enter"), key("enter")}
		if a, _ := consent(t, newModel(Options{}), q, enters); a.Choice != recovery.Stop {
			t.Errorf("%s: enter gave %+v", q.ID, a)
		}
	}
}

func TestWhatCannotBeSeenIsNotAnswered(t *testing.T) {
	m, _ := play(t, newModel(Options{}), tea.WindowSizeMsg{Width: 40, Height: 10})
	if a, answered := consent(t, m, failure, []tea.KeyMsg{key("enter"), key("down"), key("enter"), key("esc")}); answered {
		t.Errorf("got %+v", a)
	}
}

func TestMenusGiveWhatTheyShow(t *testing.T) {
	tests := []struct {
		question recovery.Question
		keys     string
		want     recovery.Choice
		answered bool
	}{
		{startPlain, "up enter", recovery.Go, true}, {startPlain, "esc", recovery.Stop, true}, {remedy, "up enter", recovery.Apply, true},
		{failure, "enter", recovery.Retry, true}, {failure, "down enter", recovery.Stop, true}, {failure, "esc", recovery.Stop, false},
		{failure, "l enter enter", recovery.Retry, true}, {failure, "ctrl+c esc q", recovery.Stop, false},
	}
	for _, test := range tests {
		var keys []tea.KeyMsg
		for _, name := range strings.Fields(test.keys) {
			keys = append(keys, key(name))
		}
		a, answered := consent(t, newModel(Options{}), test.question, keys)
		if a.Choice != test.want || answered != test.answered {
			t.Errorf("%s %s: got %q, %t, want %q, %t", test.question.ID, test.keys, a.Choice, answered, test.want, test.answered)
		}
	}
}
