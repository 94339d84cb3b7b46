package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/vault"
)

// TakeBarrierOver is the remedy by which a run makes a barrier its own that
// nobody here knows of.
const TakeBarrierOver recovery.Action = "barrier.take-over"

// noticeName is the file that tells a colleague why the app cannot connect. It
// lies where they would type docker compose up.
const noticeName = "RECOVERY-IN-PROGRESS.txt"

func (s *Stack) noticePath() string { return filepath.Join(s.ProjectDir, noticeName) }

// notice is what the file says; its first line is what it is recognised by.
func (s *Stack) notice() string {
	return fmt.Sprintf(`%s
Host %s, since %s.

Vault, database and .env of this installation are being changed together.
Until that is done nobody can connect to database %s: the app cannot serve
half a system, whoever starts it and however often this host is restarted.
"docker compose up -d" does no harm, and does not help.

See how far it is:                firmflow-recovery status
Watch it:                         firmflow-recovery attach
Go on, if it was interrupted:     firmflow-recovery resume %s
Or give it up, all as before:     firmflow-recovery undo %s

Either of the last two opens the database again and removes this file.
`, s.noticeMark(), s.Host, s.Now().UTC().Format(time.RFC3339), s.Database, s.RunID, s.RunID)
}

func (s *Stack) noticeMark() string {
	return "A recovery of FirmFlow is in progress: run " + string(s.RunID) + "."
}

func (s *Stack) barrier() *dump.Barrier {
	return &dump.Barrier{Run: string(s.RunID), Host: s.Host, Since: s.Now().UTC()}
}

// raise holds the app and closes the live database to everybody, before anything
// of vault, database or .env is changed. What it needs runs afterwards: the
// database, where there is one with data. Where another engine is at work it
// leaves everything to that one. Run again it mends what is missing.
func (s *Stack) raise(ctx context.Context, p recovery.Progress) error {
	data := s.project != nil && s.project.HasData
	if data {
		if err := s.takePossession(ctx, p); err != nil {
			return err
		}
	}
	if err := s.sweep(); err != nil {
		return err
	}
	if err := durable.WriteFile(s.noticePath(), []byte(s.notice()), 0o644); err != nil {
		return err
	}
	if s.project == nil {
		return nil // it cannot be read before .env is there
	}
	if err := s.Runtime.Stop(ctx, s.held()...); err != nil {
		return err
	}
	if !data {
		return nil
	}

	return s.closeLive(ctx, p)
}

// sweep deletes what killed writes have left beside .env and the vault: the first
// may hold secrets.
func (s *Stack) sweep() error {
	if err := durable.Sweep(s.ProjectDir); err != nil {
		return err
	}
	place, err := vault.Locate(s.Vault)
	if err != nil {
		return nil //nolint:nilerr // what is wrong with the vault's place is for its own step to tell
	}

	return durable.Sweep(filepath.Dir(place.Staging(string(s.RunID))))
}

// takePossession makes this run the one that works on the database, started if
// need be.
func (s *Stack) takePossession(ctx context.Context, p recovery.Progress) error {
	up, err := s.dbRuns(ctx)
	if err != nil {
		return err
	}
	if !up {
		if err := s.startDatabase(ctx, p); err != nil {
			return err
		}
	}
	if err := s.engage(ctx); err != nil {
		return err
	}

	return s.undisturbed(ctx)
}

// startDatabase starts the database's service and waits until it answers.
func (s *Stack) startDatabase(ctx context.Context, p recovery.Progress) error {
	p.Phase("start "+s.DBService, recovery.Items)
	if err := s.Runtime.Start(ctx, s.DBService); err != nil {
		return s.frozen(ctx, err)
	}
	if err := s.await(ctx, s.server().Ready); err != nil {
		return s.unreadyOr(ctx, err)
	}

	return nil
}

// closeLive raises the barrier in front of the live database, where there is one.
func (s *Stack) closeLive(ctx context.Context, p recovery.Progress) error {
	err := s.server().Close(ctx, s.Database, *s.barrier())
	if isNoDatabase(err) {
		return nil
	}
	if err == nil {
		p.Note("database " + s.Database + " closed: nobody is served until this ends; " + s.noticePath() + " says so")
	}

	return err
}

// lower takes barrier and notice away, without a trace.
func (s *Stack) lower(ctx context.Context, p recovery.Progress) error {
	if err := s.openLive(ctx, p); err != nil {
		return err
	}
	if err := os.Remove(s.noticePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	return durable.SyncDir(s.ProjectDir)
}

// openLive takes the barrier away. It needs the database to run.
func (s *Stack) openLive(ctx context.Context, p recovery.Progress) error {
	if s.project == nil || !s.project.HasData {
		return nil
	}
	if err := s.takePossession(ctx, p); err != nil {
		return err
	}
	stands, err := s.server().Stands(ctx, s.Database)
	if err != nil || stands.Barrier == nil {
		return err
	}
	p.Note("database " + s.Database + " is opened again")

	return s.server().Open(ctx, s.Database)
}

// holdFirst makes a step 1 that changes .env raise the barrier before. One that
// changes nothing leaves the app be: the documents are staged beside what is live,
// and an archive that turns out to be damaged then must not have stopped anybody.
func (e *environment) holdFirst(o outlook, a recovery.Assessment) recovery.Assessment {
	if a.Standing != recovery.Pending || !o.needed() || o.raised() {
		return a
	}
	a.Changes = append([]string{"hold " + join(e.held()) + " and close database " + e.Database + ", so that nobody is served until the restored data is live"}, a.Changes...)

	return a
}

// foreignBarrier finds a barrier that another run has left. One of a run that is
// unfinished here comes first in any case, or is passed over on purpose; one that
// nobody knows of must be taken over on purpose.
func (e *environment) foreignBarrier(b *dump.Barrier) ([]recovery.Finding, error) {
	if b == nil || b.Run == string(e.RunID) {
		return nil, nil
	}
	known := false
	if e.Unfinished != nil {
		var err error
		if known, err = e.Unfinished(recovery.RunID(b.Run)); err != nil {
			return nil, err
		}
	}
	if known || e.takesOver {
		return []recovery.Finding{recovery.OK("barrier", "database "+e.Database+" is closed by run "+b.Run+"; this run takes that over")}, nil
	}

	return []recovery.Finding{recovery.Problem("barrier", recovery.Failed, barrierLeft(e.Stack, *b))}, nil
}

// barrierLeft is a live database that is closed by a run which is not, or no
// longer, in the journals of this host.
func barrierLeft(s *Stack, b dump.Barrier) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBarrierLeft, Summary: "The live database is closed by a recovery that nobody here knows of",
		Seen:   fmt.Sprintf("database %s: closed by run %s on %s since %s", s.Database, b.Run, b.Host, b.Since.UTC().Format(time.RFC3339)),
		Intact: "Nothing was changed by this start. Vault, database and .env may be a mixture of old and new, and the app cannot serve it.",
		Remedies: append(do("If that run is on another host, or its journals lie elsewhere, go on with it there", "firmflow-recovery resume --state-dir DIR"),
			recovery.Remedy{Do: "If it is gone for good, recover: this run takes the barrier over", Action: TakeBarrierOver},
			recovery.Remedy{Do: "Or open the database by hand, once you have seen that all three belong together", Command: s.psql(opened(s.Database))}),
	}
}

// opened is the barrier's removal by hand.
func opened(db string) string {
	return fmt.Sprintf("begin; alter database %q allow_connections true; comment on database %q is null; commit", db, db)
}

// closedReceipt is the proof of a loaded database that is live and closed: what
// was counted then is what is there, since nobody could connect since.
func (d *database) closedReceipt(ctx context.Context, name string) (recovery.Assessment, bool, error) {
	stands, err := d.server().Stands(ctx, name)
	if err != nil || stands.Barrier == nil {
		return recovery.Assessment{}, false, err
	}
	var r receipt
	if err := json.Unmarshal([]byte(stands.Comment), &r); err != nil {
		return recovery.Assessment{}, false, fmt.Errorf("read the receipt of %s: %w", name, err)
	}
	fact := tables(r.Tables) + ", " + rows(r.Rows) + " as in the dump when it went live; closed since"

	return recovery.Assessment{Standing: recovery.Done, Summary: fact, Findings: []recovery.Finding{recovery.OK("database", fact)}}, true, nil
}
