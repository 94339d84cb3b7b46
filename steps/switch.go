package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
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
	if err := r.engage(ctx); err != nil {
		return err
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
		comment, err := r.noteReplaced(ctx, name)
		if err != nil {
			return dump.Outcome{}, err
		}

		return r.server().Swap(ctx, dump.Swap{Live: r.Database, Loaded: r.restoring(), Aside: r.aside(), Receipt: comment, Barrier: r.barrier()})
	}

	return dump.Outcome{}, recovery.Fail(loadedGone(r.restoring()), nil)
}

// noteReplaced completes the receipt of a loaded database, while it is not yet
// live, with whether there is one to replace, and gives it.
func (r *restart) noteReplaced(ctx context.Context, name string) (string, error) {
	comment, err := r.server().CommentOf(ctx, name)
	if err != nil || name != r.restoring() {
		return comment, err
	}
	noted, _ := r.receiptIn(comment)
	noted.Replaces = r.aside()
	if _, err := r.server().CommentOf(ctx, r.Database); isNoDatabase(err) {
		noted.Replaces = ""
	} else if err != nil {
		return "", err
	}
	text, err := json.Marshal(noted)
	if err != nil {
		return "", fmt.Errorf("write the database's receipt: %w", err)
	}

	return string(text), r.server().Comment(ctx, name, string(text))
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
	if d.HadLive && r.spent[1] == "" {
		p.Note("kept: the database of before as " + r.aside())
	}
}
