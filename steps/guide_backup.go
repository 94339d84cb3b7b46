package steps

import (
	"context"

	"firmflow-recovery/recovery"
)

// backup asks for a backup until one was chosen; nil means back. Each can be
// looked at first.
func (g *Guide) backup(ctx context.Context) (*recovery.ListedBackup, error) {
	for at := recovery.Choice(""); ; {
		listing, err := ListBackups(ctx, g.Backups, g.Now())
		if err != nil {
			return nil, err
		}
		for i := range listing.Backups {
			listing.Backups[i].Checked = g.checked[listing.Backups[i].Name]
		}
		q := whichBackup(&listing)
		q.At = at
		answer, err := g.Operator.Ask(ctx, q)
		if err != nil {
			return nil, err
		}
		if answer.Choice == recovery.Verify || answer.Choice == recovery.Details {
			at = recovery.Choice(answer.Typed)
			if err := g.problem(ctx, g.lookInto(ctx, answer.Typed, answer.Choice == recovery.Verify)); err != nil {
				return nil, err
			}
			continue
		}

		return chosen(listing, answer.Choice), nil
	}
}

func whichBackup(l *recovery.Listing) recovery.Question {
	q := recovery.Question{
		ID: recovery.AskBackup, Text: "Which backup?", Flag: "--backup NAME", Page: &recovery.Page{Listing: l},
		Letters: []recovery.Letter{{Key: "v", Choice: recovery.Verify, Label: "verify in full"}, {Key: "i", Choice: recovery.Details, Label: "details"}},
	}
	for _, one := range l.Backups {
		option := recovery.Option{Key: recovery.Choice(one.Name), Label: one.Name, Detail: recovery.Span(one.Age) + " old"}
		if !one.Recoverable {
			option.Why = "it is incomplete"
		}
		q.Options = append(q.Options, option)
	}
	q.Options = append(q.Options, recovery.Option{Key: recovery.Back, Label: "Back"})

	return q
}

func chosen(l recovery.Listing, c recovery.Choice) *recovery.ListedBackup {
	for i := range l.Backups {
		if recovery.Choice(l.Backups[i].Name) == c {
			return &l.Backups[i]
		}
	}

	return nil
}

// looking names the look at a backup in what is told of it. It is no run: it
// has no journal, and nothing comes of it but what is shown.
const looking recovery.StepID = "verify"

// lookInto verifies a backup and lays out what was found.
func (g *Guide) lookInto(ctx context.Context, name string, full bool) error {
	tell := func(e recovery.Event) {
		e.V, e.Time, e.Step = recovery.Version, g.Now(), looking
		g.Operator.Tell(e)
	}
	tell(recovery.Event{Kind: recovery.CheckStarted, Title: "look at backup " + name})
	found, err := g.Verify(ctx, name, full, func(part string, done, total int64) {
		tell(recovery.Event{Kind: recovery.StepProgress, Phase: "read the " + part, Unit: recovery.Bytes, Done: done, Total: total})
	})
	if err != nil {
		return err
	}
	if full {
		if g.checked == nil {
			g.checked = make(map[string]recovery.Status)
		}
		g.checked[name] = found.Worst()
	}
	_, err = g.Operator.Ask(ctx, recovery.Question{
		ID: recovery.AskRead, Text: "Backup " + name, Options: []recovery.Option{{Key: recovery.Back, Label: "Back"}},
		Page: &recovery.Page{Verification: &found},
	})

	return err
}
