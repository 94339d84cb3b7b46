package steps

import (
	"context"
	"errors"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/vault"
)

// Actions by which room is made where old and new do not fit: something live is
// deleted before its replacement is there, and no undo brings it back. Each names
// all that it agrees to.
const (
	GiveUpVault    recovery.Action = "undo.give-up.vault"
	GiveUpDatabase recovery.Action = "undo.give-up.database"
	GiveUpBoth     recovery.Action = "undo.give-up.vault-and-database"
)

// spending is what is deleted for room.
type spending uint8

const (
	spendsVault spending = 1 << iota
	spendsDatabase

	spendsNothing spending = 0
	spendsBoth             = spendsVault | spendsDatabase
)

// spendings are the ways to make room, the least first. The vault goes before the
// database: an archive's checksum proves it before anything is deleted, while what
// is wrong with a dump may show only when it is loaded.
func spendings() []spending {
	return []spending{spendsNothing, spendsVault, spendsDatabase, spendsBoth}
}

func (s spending) has(part spending) bool { return s&part == part }

func (s spending) action() recovery.Action {
	switch s {
	case spendsVault:
		return GiveUpVault
	case spendsDatabase:
		return GiveUpDatabase
	default:
		return GiveUpBoth
	}
}

func spendingBy(a recovery.Action) spending {
	for _, s := range spendings() {
		if s != spendsNothing && s.action() == a {
			return s
		}
	}

	return spendsNothing
}

// agreedIn is what an operator has agreed to in a run.
func agreedIn(of recovery.State) spending {
	var all spending
	for _, action := range of.Accepted {
		all |= spendingBy(action)
	}

	return all
}

// words names what is deleted.
func (s *Stack) words(of spending) string {
	switch of {
	case spendsVault:
		return "vault " + s.Vault
	case spendsDatabase:
		return "database " + s.Database
	default:
		return "vault " + s.Vault + " and database " + s.Database
	}
}

// phrase is what must be typed out to have live data deleted for room.
func (s *Stack) phrase() string { return s.Host + " without undo" }

func (s *Stack) orWithoutUndo() string {
	return "Or give up undo: what of today's vault and database must go for room is named first"
}

func (s *Stack) resumeWithoutUndo() string {
	return typed("firmflow-recovery", "resume", "--give-up-undo", s.phrase())
}

// seeSpent looks what this run has deleted. It asks nobody where nothing was agreed.
func (s *Stack) seeSpent(ctx context.Context) error {
	if s.agreed.has(spendsVault) {
		place, err := vault.Locate(s.Vault)
		if err != nil {
			return err
		}
		gone, err := place.GivenUp(string(s.RunID))
		if err != nil {
			return err
		}
		if gone {
			s.spent[0] = s.words(spendsVault)
		}
	}
	if !s.agreed.has(spendsDatabase) || s.project == nil || !s.project.HasData {
		return nil
	}
	up, err := s.dbRuns(ctx)
	if err != nil || !up {
		return err
	}
	for _, name := range []string{s.Database, s.aside()} {
		stands, err := s.server().Stands(ctx, name)
		if err != nil {
			return err
		}
		if dump.Vacant(stands.Comment, string(s.RunID)) {
			s.spent[1] = s.words(spendsDatabase)
		}
	}

	return nil
}

// gives says what this run has deleted of what was live; empty: nothing.
func (s *Stack) gives() string {
	if s.spent[0] != "" && s.spent[1] != "" {
		return s.words(spendsBoth)
	}

	return s.spent[0] + s.spent[1]
}

// GivenUp says what is deleted of what was live.
func (e *environment) GivenUp() string { return e.gives() }

// spending is the plan of a step that deletes the live vault first.
func (v *vaultStep) spending(a recovery.Assessment, held string) recovery.Assessment {
	a.GivesUp = []string{held}
	a.Changes = append([]string{"read the source to its end; then hold " + join(v.held()) + ", and delete " + v.words(spendsVault) + " for good"}, a.Changes...)
	a.Commands = append([]string{v.Runtime.Typed(stack.Stop, v.held()...), typed("gzip", "-t", v.Backup.Archive.Path), typed("rm", "-r", v.Vault)}, a.Commands...)

	return a
}

// makeRoom deletes the live vault where that was agreed to and the room is needed
// now: after the source was read to its end, behind the barrier, and with a note of
// it in the journal. One that an earlier attempt has begun to delete goes in any case.
func (v *vaultStep) makeRoom(ctx context.Context, place vault.Place, p recovery.Progress) (vault.Place, error) {
	run := string(v.RunID)
	gone, err := place.GivenUp(run)
	if err != nil || !gone && !v.spends.has(spendsVault) {
		return place, err
	}
	if !gone {
		if err := v.provenFirst(ctx, p); err != nil {
			return place, err
		}
		o, err := v.outlook(ctx)
		if err != nil {
			return place, err
		}
		if !o.raised() {
			if err := v.raise(ctx, p); err != nil {
				return place, err
			}
		}
	}
	held, err := measured(ctx, v.Vault)
	if err != nil {
		return place, err
	}
	p.Note("deleting for good, as agreed: " + v.words(spendsVault) + after(": ", held) + "; run " + run + " cannot be undone from here on")
	p.Phase("delete", recovery.Items)
	err = vault.GiveUp(ctx, place, run, p.Advance)
	if err := errors.Join(err, v.seeSpent(ctx)); err != nil {
		return place, err
	}
	p.Note("deleted: " + v.words(spendsVault) + "; nothing is under that name until step 5")

	return vault.Locate(v.Vault)
}

func after(separator, text string) string {
	if text == "" {
		return ""
	}

	return separator + text
}

// provenFirst reads the source of the vault to its last byte, into nowhere.
func (v *vaultStep) provenFirst(ctx context.Context, p recovery.Progress) error {
	if v.fromMirror() {
		return nil // it has no checksum, and was looked at for the plan
	}
	p.Phase("verify", recovery.Bytes)
	summary, err := vault.Archive{Path: v.Backup.Archive.Path, LeaveOut: v.leftOut()}.Verify(ctx, meter(p, v.Backup.Archive.Size))
	if err != nil {
		return err
	}
	if err := v.acceptable(summary); err != nil {
		return err
	}
	_, err = v.asInManifest(summary.SHA256, summary.Tree)

	return err
}

// spending is the plan of a load for which the live database is deleted first.
func (d *database) spending(a recovery.Assessment, now dump.Holding) recovery.Assessment {
	if d.spent[1] != "" {
		return a
	}
	a.GivesUp = []string{"database " + d.Database + ": " + recovery.Size(now.Size) + newest(now)}
	a.Changes = append([]string{"delete " + d.words(spendsDatabase) + " for good, once the vault is staged; an empty one stands there, closed, until step 5"}, a.Changes...)

	return a
}

// makeRoom deletes the live database where that was agreed to and the room is
// needed now. Whatever an earlier attempt has begun to delete goes in any case.
func (d *database) makeRoom(ctx context.Context, p recovery.Progress) error {
	if !d.spends.has(spendsDatabase) && d.spent[1] == "" {
		return nil
	}
	size := ""
	if d.spent[1] == "" {
		bytes, err := d.server().SizeOf(ctx, d.Database)
		if isNoDatabase(err) {
			return nil
		}
		if err != nil {
			return err
		}
		size = recovery.Size(bytes)
	}
	p.Note("deleting for good, as agreed: " + d.words(spendsDatabase) + after(": ", size) + "; run " + string(d.RunID) + " cannot be undone from here on")
	d.spent[1] = d.words(spendsDatabase) // if that fails, how far it came may not be told at all
	if err := d.server().GiveUp(ctx, d.Database, string(d.RunID), *d.barrier()); err != nil {
		return err
	}
	p.Note("deleted: " + d.words(spendsDatabase) + "; an empty one stands there, closed, until step 5")

	return nil
}
