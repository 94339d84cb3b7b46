package steps

import (
	"context"
	"errors"
	"fmt"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/vault"
)

// makeLive switches vault and database, back to back, and sets aside what was
// live. The vault goes first: its exchange can be taken back in an instant,
// while the database's two renames are one transaction, done or not done. If
// that fails the vault is taken back, and the installation is wholly the old
// one again.
//
// Nothing interrupts it but a crash. After one the receipts tell how far it
// came, and it is finished by calling it again.
func (r *restart) makeLive(ctx context.Context, p recovery.Progress) error {
	ctx = context.WithoutCancel(ctx)
	place, err := vault.Locate(r.Vault)
	if err != nil {
		return err
	}
	run := string(r.RunID)
	staged, complete, err := place.StagedComplete(run)
	if err != nil {
		return err
	}
	if !complete {
		return recovery.Fail(stagingGone(place.Staging(run)), nil)
	}
	p.Phase("switch", recovery.Items)
	p.Note("switching the vault, then the database; the app is held")
	swapped, err := vault.Swap(ctx, place, run)
	if err != nil {
		return err
	}
	outcome, err := r.swapDatabase(ctx)
	if err != nil {
		return r.takeBack(ctx, place, err)
	}
	r.noteSwitch(p, swapped, outcome)

	return vault.WriteReceipt(place, vault.Receipt{
		Run: run, Backup: r.Backup.Name(), Time: r.Now().UTC(), Files: staged.Files, Bytes: staged.Bytes,
		Tree: staged.Tree, ArchiveSHA256: staged.SHA256,
	})
}

// swapDatabase renames both databases in one transaction, if the loaded one
// carries this run's receipt.
func (r *restart) swapDatabase(ctx context.Context) (dump.Outcome, error) {
	for _, name := range []string{r.restoring(), r.Database} {
		loaded, err := r.loaded(ctx, name)
		if err != nil {
			return dump.Outcome{}, err
		}
		if !loaded {
			continue
		}
		comment, err := r.server().CommentOf(ctx, name)
		if err != nil {
			return dump.Outcome{}, err
		}

		return r.server().Swap(ctx, dump.Swap{Live: r.Database, Loaded: r.restoring(), Aside: r.aside(), Receipt: comment})
	}

	return dump.Outcome{}, recovery.Fail(loadedGone(r.restoring()), nil)
}

// takeBack undoes the vault's half of a switch whose other half failed.
func (r *restart) takeBack(ctx context.Context, place vault.Place, cause error) error {
	if _, err := vault.Unswap(ctx, place, string(r.RunID)); err != nil {
		return recovery.Fail(halfSwitched(r.Stack, err), errors.Join(cause, err))
	}

	return cause
}

func (r *restart) noteSwitch(p recovery.Progress, v vault.Swapped, d dump.Outcome) {
	p.Note("live now: vault " + v.Live + ", database " + r.Database)
	if v.Aside != "" {
		p.Note("kept: the vault of before in " + v.Aside)
	}
	if d.HadLive {
		p.Note("kept: the database of before as " + r.aside())
	}
}

// goBack tells how what was set aside is put back by hand.
func (r *restart) goBack(place vault.Place) []string {
	run := string(r.RunID)
	swap := fmt.Sprintf("begin; alter database %q rename to %q; alter database %q rename to %q; commit", r.Database, r.restoring(), r.aside(), r.Database)

	lines := append([]string{r.Runtime.Typed(stack.Stop, r.held()...)}, byHand(place, place.Aside(run), place.Staging(run))...)
	lines = append(lines, r.Runtime.TypedIn(r.DBService, "psql", "-U", r.User, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", swap))

	return append(lines, r.Runtime.Typed(stack.Start, r.all()...))
}
