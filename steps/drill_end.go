package steps

import (
	"context"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/drill"
)

// missed is what a drill does not rehearse.
func (d Drill) missed() []recovery.Finding {
	var findings []recovery.Finding
	if !d.OnCompose {
		findings = append(findings, recovery.Problem("app", recovery.Warned, standInApp()))
	}
	if len(d.left) > 0 {
		findings = append(findings, recovery.Problem("project", recovery.Warned, leftOut(d.left)))
	}
	if d.Rehearsal.OriginalEnv == d.Installation.envPath() {
		findings = append(findings, recovery.Problem("secrets", recovery.Warned, ownEnv(d.Rehearsal.OriginalEnv)))
	}

	return findings
}

// onTime judges how long the recovery took.
func (d Drill) onTime(took time.Duration) []recovery.Finding {
	const subject = "recovery time"
	switch {
	case d.Target == 0:
		return nil
	case took > d.Target:
		return []recovery.Finding{recovery.Problem(subject, recovery.Failed, targetMissed(took, d.Target))}
	default:
		return []recovery.Finding{recovery.OK(subject, recovery.Span(took)+", target "+recovery.Span(d.Target))}
	}
}

// next is what the operator does after a drill.
func (d Drill) next() []string {
	return append(d.told(), "in earnest, what was written after "+d.Rehearsal.Backup.Dump.Modified.UTC().Format("2006-01-02 15:04Z")+" would be gone: take backups as often as that hurts")
}

// keep leaves the surroundings there, and says how to enter and remove them.
func (d Drill) keep(ctx context.Context, p drill.Place) ([]string, error) {
	if err := p.Keep(); err != nil {
		return nil, err
	}
	s := d.Rehearsal
	url := s.url()
	if app, known := d.Installation.app(); d.OnCompose && known {
		at, err := asker{d.Compose.Open(p), s.AppService}.url(context.WithoutCancel(ctx), listens(app))
		if err != nil {
			at = "no address that is known: " + reason(err)
		}
		url = at
	}

	return []string{
		"kept in " + p.Dir,
		"its app answers at " + url,
		"its database:  " + s.Runtime.TypedIn(s.DBService, "psql", "-U", s.User, s.Database),
		"remove it:  firmflow-recovery drill --remove " + p.Receipt.Run,
	}, nil
}

// report writes the report of a drill beside its journal.
func (d Drill) report(run recovery.RunID) (string, error) {
	state, err := d.Home.Read(run)
	if err != nil {
		return "", err
	}

	return writeReport(d.Home, state)
}
