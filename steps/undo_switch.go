package steps

import (
	"context"
	"fmt"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/vault"
)

// undoSwitch is the undo's step 2: database, vault and .env of before are live
// again, one right after the other, while the app is held.
//
// The database goes first, because its renames are one transaction and the
// likeliest to be refused: then nothing has changed. The .env goes last: while
// it is there, the project can be read. After a crash in between, each of the
// three still tells where it stands, and the step is finished by running it
// again.
type undoSwitch struct {
	*undo
}

func (s *undoSwitch) ID() recovery.StepID { return UndoSwitchID }
func (s *undoSwitch) Title() string       { return "put vault, database and .env of before back" }

// Check tells what would be put back, or proves that it is.
func (s *undoSwitch) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	now, err := s.stand(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	s.back = now.done()
	if s.back {
		return s.proven(now), nil
	}

	return s.planned(ctx, now)
}

func (s *undoSwitch) proven(now scene) recovery.Assessment {
	a := recovery.Assessment{Standing: recovery.Done, Summary: "vault, database and .env are those of before"}
	if now.untouched() {
		a.Summary = "the run had not replaced anything"
		a.Findings = []recovery.Finding{recovery.OK("before", "vault, database and .env were never replaced by this run")}

		return a
	}
	kept := func(w way, subject, name string) {
		if w == isBack {
			a.Findings = append(a.Findings, recovery.OK(subject, "as before the recovery; what was restored is kept as "+name))
		}
	}
	kept(now.database, "database", s.undone())
	kept(now.vault, "vault", now.place.Undone(string(s.RunID)))
	kept(now.env, ".env", s.undoneEnv())

	return a
}

func (s *undoSwitch) planned(ctx context.Context, now scene) (recovery.Assessment, error) {
	a := recovery.Assessment{Commands: s.commands(now)}
	if !now.database.done() && now.asked {
		if err := s.plannedDatabase(ctx, now, &a); err != nil {
			return a, err
		}
	}
	if !now.asked {
		a.Changes = append(a.Changes, "put the database of before back, if it was replaced")
		a.Replaces = append(a.Replaces, "database "+s.Database+", if it is the restored one: its service does not run; kept as "+s.undone())
	}
	if !now.vault.done() {
		run := string(s.RunID)
		live, err := measured(ctx, now.place.Real)
		if err != nil {
			return a, err
		}
		was := now.place.Aside(run)
		if now.vault == goesAside {
			was = "no vault"
		}
		a.Changes = append(a.Changes, "vault "+s.Vault+": back to "+was)
		a.Replaces = append(a.Replaces, fmt.Sprintf("vault %s: %s; kept as %s", s.Vault, live, now.place.Undone(run)))
	}
	if !now.env.done() {
		a.Changes = append(a.Changes, ".env: back to what it was before the recovery")
		a.Replaces = append(a.Replaces, s.envPath()+"; kept as "+s.undoneEnv())
	}
	a.Loses = "what was written since the recovery leaves the live data; it stays in what is kept"

	return a, nil
}

func (s *undoSwitch) plannedDatabase(ctx context.Context, now scene, a *recovery.Assessment) error {
	live, err := s.contents(ctx, s.Database)
	if isNoDatabase(err) {
		live, err = "none", nil
	}
	if err != nil {
		return err
	}
	a.Replaces = append(a.Replaces, fmt.Sprintf("database %s: %s; kept as %s", s.Database, live, s.undone()))
	if now.database == goesAside {
		a.Changes = append(a.Changes, "database "+s.Database+": back to none")
		return nil
	}
	was, err := s.contents(ctx, s.aside())
	a.Changes = append(a.Changes, fmt.Sprintf("database %s: back to %s (%s)", s.Database, s.aside(), was))

	return err
}

// Run puts the three back. Nothing interrupts it but a crash.
func (s *undoSwitch) Run(ctx context.Context, p recovery.Progress) error {
	ctx = context.WithoutCancel(ctx)
	now, err := s.stand(ctx)
	if err != nil {
		return err
	}
	if !now.asked {
		return recovery.Fail(s.unready(ctx, dump.ErrNoAnswer), dump.ErrNoAnswer)
	}
	if s.project != nil {
		if err := s.Runtime.Stop(ctx, s.held()...); err != nil { // somebody may have started it meanwhile
			return err
		}
	}
	if s.project != nil && s.project.HasData {
		if err := s.engage(ctx); err != nil {
			return err
		}
	}
	p.Phase("put back", recovery.Items)
	p.Note("putting back the database, then the vault, then .env; the app is held")
	if err := s.putDatabase(ctx, now, p); err != nil {
		return err
	}
	if err := s.putVault(ctx, now, p); err != nil {
		return s.half(err)
	}
	if err := s.putEnv(p); err != nil {
		return s.half(err)
	}
	s.back = true

	return nil
}

func (s *undoSwitch) putDatabase(ctx context.Context, now scene, p recovery.Progress) error {
	if now.database.done() {
		return nil
	}
	outcome, err := s.server().Unswap(ctx, dump.Swap{Live: s.Database, Loaded: s.undone(), Aside: s.aside(), Receipt: now.comment, Barrier: s.barrier()})
	if err != nil {
		return err
	}
	if outcome.HadLive {
		p.Note("database " + s.Database + " is the one of before; the restored one is kept as " + s.undone())
		return nil
	}
	p.Note("there is no database " + s.Database + ", as before; the restored one is kept as " + s.undone())

	return nil
}

func (s *undoSwitch) putVault(ctx context.Context, now scene, p recovery.Progress) error {
	if now.vault.done() {
		return nil
	}
	if _, err := vault.Undo(ctx, now.place, string(s.RunID)); err != nil {
		return err
	}
	p.Note("vault " + s.Vault + " is as before; the restored one is kept as " + now.place.Undone(string(s.RunID)))

	return nil
}

func (s *undoSwitch) putEnv(p recovery.Progress) error {
	was, err := envfile.Undo(s.envPath(), s.keptEnv(), s.undoneEnv())
	if err != nil || way(was).done() {
		return err
	}
	p.Note(s.envPath() + " is as before; the recovery's is kept as " + s.undoneEnv())

	return nil
}

// half explains a failure between the three.
func (s *undoSwitch) half(err error) error { return recovery.Fail(undoHalf(s.Stack, err), err) }

// Switched tells whether all three are back.
func (s *undoSwitch) Switched() bool { return s.back }

// Diagnose gives the errors of the step their meaning.
func (s *undoSwitch) Diagnose(err error) recovery.Diagnosis { return s.diagnose(err, undoNotBegun) }

// commands are the same by hand.
func (s *undoSwitch) commands(now scene) []string {
	run := string(s.RunID)
	var lines []string
	switch now.database {
	case comesBack:
		swap := fmt.Sprintf("begin; alter database %q rename to %q; alter database %q rename to %q; commit", s.Database, s.undone(), s.aside(), s.Database)
		lines = append(lines, s.psql(swap))
	case goesAside:
		lines = append(lines, s.psql(fmt.Sprintf("alter database %q rename to %q", s.Database, s.undone())))
	}
	switch {
	case now.vault.done():
	case now.place.MountPoint:
		lines = append(lines, "# "+s.Vault+" is a mount point: move its entries into "+now.place.Undone(run)+", then those of "+now.place.Aside(run)+" up")
	default:
		lines = append(lines, typed("mv", "-T", now.place.Real, now.place.Undone(run)))
		if now.vault == comesBack {
			lines = append(lines, typed("mv", "-T", now.place.Aside(run), now.place.Real))
		}
	}
	if now.env == comesBack {
		lines = append(lines, typed("cp", "-p", s.envPath(), s.undoneEnv()), typed("cp", s.keptEnv(), s.envPath()))
	}
	if now.env == goesAside {
		lines = append(lines, typed("mv", s.envPath(), s.undoneEnv()))
	}

	return lines
}

func (s *Stack) psql(sql string) string {
	return s.Runtime.TypedIn(s.DBService, "psql", "-U", s.User, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql)
}
