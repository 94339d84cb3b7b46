package steps

import (
	"context"
	"errors"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
)

func continues(s recovery.Summary) string {
	if s.Index == 0 {
		return "nothing is repeated"
	}

	return "at step " + recovery.Count(int64(s.Index)) + ", nothing is repeated"
}

// Start gathers what there is on this host. What cannot be read is told as a
// remark: the tasks say it in full.
func (g *Guide) Start(ctx context.Context) recovery.Start {
	start := recovery.Start{Remarks: g.Remarks}
	if holder, held, err := g.Home.Held(); err == nil && held {
		start.Running = &recovery.Summary{Run: holder.Run, Host: holder.Host, Last: holder.Since, Age: g.Now().Sub(holder.Since)}
		if state, err := g.Home.Read(holder.Run); err == nil {
			sum := state.Summarise(g.Now())
			start.Running = &sum
		}
	}
	if state, err := g.Home.Unfinished(); err == nil && !state.Undoing && (start.Running == nil || start.Running.Run != state.Run) {
		sum := state.Summarise(g.Now())
		start.Interrupted = &sum
	}
	start.Last = g.lastReport()
	listing, err := ListBackups(ctx, g.Backups, g.Now())
	switch failure := (*recovery.Failure)(nil); {
	case errors.As(err, &failure):
		start.Remarks = append(start.Remarks, failure.Diagnosis.Summary+".")
	case err == nil:
		start.Newest = &listing.Backups[0]
	}

	return start
}

// lastReport is the newest run or drill that came to a verdict of its own.
func (g *Guide) lastReport() *recovery.Summary {
	var last *recovery.Summary
	for _, home := range []journal.Home{g.Home, g.Drills} {
		runs, _ := home.Runs()
		for _, run := range runs {
			if state, err := home.Read(run); err == nil && state.Confirmed && state.Verdict != nil {
				if sum := state.Summarise(g.Now()); last == nil || sum.Last.After(last.Last) {
					last = &sum
				}
				break
			}
		}
	}

	return last
}

// watch shows a run to its end, and then its report.
func (g *Guide) watch(ctx context.Context, run recovery.RunID) error {
	if err := g.Watch(ctx, run); err != nil {
		return err
	}

	return g.read(ctx, run)
}

// read lays a report out.
func (g *Guide) read(ctx context.Context, run recovery.RunID) error {
	text, err := Reports{Live: g.Home, Drills: g.Drills}.Markdown(run)
	if err != nil {
		return err
	}
	_, err = g.Operator.Ask(ctx, recovery.Question{
		ID: recovery.AskRead, Text: "Report of run " + string(run), Options: []recovery.Option{{Key: recovery.Back, Label: "Back"}},
		Page: &recovery.Page{Document: document("Report of run "+string(run), text)},
	})

	return err
}

// document makes a text something to be read.
func document(title, text string) *recovery.Document {
	return &recovery.Document{Title: title, Lines: strings.Split(strings.TrimRight(text, "\n"), "\n")}
}

// lastOf says what the last report is about.
func lastOf(s recovery.Summary) string {
	text := string(s.Outcome) + ", backup " + s.Backup
	if s.Purpose == recovery.Drilling {
		return "drill: " + text
	}

	return text
}
