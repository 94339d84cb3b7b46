package plain_test

import (
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/plain"
)

func TestTheQuestionsBeforeARunAreAskedOnLines(t *testing.T) {
	newest := recovery.ListedBackup{Name: "2026-11-22", Age: 25 * time.Hour, DumpBytes: 7 << 30, Recoverable: true, Remarks: []string{"copied\x1b[2J later"}}
	interrupted := recovery.Summary{Run: "20261123-030107", Backup: "2026-11-22", Index: 4, Of: 5, Title: "load the database dump", Age: 14 * time.Minute}
	for name, c := range map[string]struct {
		question recovery.Question
		line     string
		want     recovery.Answer
		shows    []string
	}{
		"task": {
			question: recovery.Question{ID: recovery.AskTask, Text: "What do you want to do?", Options: []recovery.Option{{Key: recovery.Resume, Label: "Resume"}, {Key: recovery.Stop, Label: "Quit"}},
				Page: &recovery.Page{Start: &recovery.Start{Interrupted: &interrupted, Newest: &newest, Remarks: []string{"You are inside tmux."}}}},
			line: "1", want: recovery.Answer{Choice: recovery.Resume},
			shows: []string{"interrupted  run 20261123-030107, backup 2026-11-22, step 4 of 5, load the database dump, last heard of 14 min ago\n",
				"dump 7.0 GiB, vault archive missing; copied\\x1b[2J later\n", "You are inside tmux.", "to stop [stop]\n"},
		},
		"backup": {
			question: recovery.Question{ID: recovery.AskBackup, Text: "Which backup?", Options: []recovery.Option{{Key: "2026-11-22", Label: "2026-11-22"}, {Key: recovery.Back, Label: "Back"}},
				Page: &recovery.Page{Listing: &recovery.Listing{Directory: "/mnt", Backups: []recovery.ListedBackup{newest}}}},
			line: "", want: recovery.Answer{Choice: recovery.Back}, shows: []string{"/mnt: 1 backup\n", "to go back [back]\n"},
		},
		"original": {
			question: recovery.Question{ID: recovery.AskOriginal, Text: "Where is it?", Enter: "path", Options: []recovery.Option{{Key: recovery.Go}, {Key: recovery.Back}}},
			line:     "/safe/.env", want: recovery.Answer{Choice: recovery.Go, Typed: "/safe/.env"}, shows: []string{"type the path, or an empty line to go back [back]\n"},
		},
		"report": {
			question: recovery.Question{ID: recovery.AskRead, Text: "Report", Options: []recovery.Option{{Key: recovery.Back, Label: "Back"}},
				Page: &recovery.Page{Document: &recovery.Document{Lines: []string{"# Recovery", "**VERIFIED**"}}}},
			line: "1", want: recovery.Answer{Choice: recovery.Back}, shows: []string{"# Recovery\n**VERIFIED**\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			o := plain.New(plain.Options{Out: &out, In: strings.NewReader(c.line + "\n")})
			got, err := o.Ask(t.Context(), c.question)
			o.Close()
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
			for _, want := range c.shows {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in\n%s", want, out.String())
				}
			}
		})
	}
}

func TestWhatWasToldOnTheScreenIsNotToldAgain(t *testing.T) {
	var out strings.Builder
	plan := recovery.Plan{Steps: []recovery.PlannedStep{{ID: "one", Title: "do one"}, {ID: "two", Title: "do two"}}}
	o := plain.New(plain.Options{Out: &out, Past: []recovery.Event{
		{Seq: 1, Run: "r", Kind: recovery.RunOpened}, {Seq: 2, Run: "r", Kind: recovery.PlanMade, Plan: &plan},
		{Seq: 3, Run: "r", Kind: recovery.StepStarted, Step: "two", Title: "do two"},
	}})
	o.Tell(recovery.Event{Seq: 4, Run: "r", Kind: recovery.StepNoted, Step: "two", Text: "a fact"})
	o.Close()
	if got, want := out.String(), "step 2 of 2, do two: a fact\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
