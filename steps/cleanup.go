package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/vault"
)

// The steps of a cleanup.
const (
	CleanVaultID    recovery.StepID = "free-vault"
	CleanDatabaseID recovery.StepID = "free-database"
)

// ToCleanUp finds the run to clean up after: by its id, or the newest that
// changed anything. One that has not come to its end is refused: what it has set
// aside may be all there is.
func ToCleanUp(home journal.Home, run recovery.RunID) (recovery.State, error) {
	state, err := begun(home, run)
	switch {
	case errors.Is(err, journal.ErrNoRun):
		return state, recovery.Fail(cleanNothing(run), err)
	case err != nil:
		return state, noResume(err)
	case state.Unfinished():
		return state, recovery.Fail(cleanEarly(state), nil)
	default:
		return state, nil
	}
}

// CleanUp lists the steps that free what a finished run has set aside. It and what
// is in giveup.go are all in this program that deletes what was live.
func CleanUp(s *Stack, of recovery.State) []recovery.Step {
	c := &cleanup{Stack: s, of: of}

	return []recovery.Step{&cleanVault{cleanup: c}, &cleanDatabase{cleanup: c}}
}

type cleanup struct {
	*Stack
	of recovery.State
}

// cleanVault deletes the vault that was set aside.
type cleanVault struct {
	*cleanup
	held string // what it held, once it is gone
}

func (c *cleanVault) ID() recovery.StepID { return CleanVaultID }
func (c *cleanVault) Title() string       { return "free the vault that was set aside" }

// Check tells what would be deleted and how much that is.
func (c *cleanVault) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	place, err := vault.Locate(c.Vault)
	if err != nil {
		return recovery.Assessment{}, err
	}
	dir, err := place.SetAside(string(c.RunID))
	if err != nil {
		return recovery.Assessment{}, recovery.Fail(cleanNotOurs(err), err)
	}
	if dir == "" {
		return gone("vault", "no vault of run "+string(c.RunID)+" is set aside", c.held), nil
	}
	if !c.of.Undone() && (place.Missing || place.Empty) {
		return recovery.Assessment{}, recovery.Fail(cleanLive("vault "+c.Vault, dir), nil)
	}
	held, err := measured(ctx, dir)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if c.held == "" {
		c.held = dir + ", " + held
	}

	return recovery.Assessment{
		Changes: []string{"delete " + dir}, Loses: "vault " + dir + ": " + held, Commands: []string{typed("rm", "-r", dir)},
		Findings: []recovery.Finding{recovery.OK("vault", "live, and not touched: "+place.Real)},
	}, nil
}

// gone is the assessment of what is freed, or was never there.
func gone(subject, nothing, held string) recovery.Assessment {
	a := recovery.Assessment{Standing: recovery.Done, Summary: nothing}
	if held != "" {
		a.Summary = "freed " + held
	}
	a.Findings = []recovery.Finding{recovery.OK(subject, a.Summary)}

	return a
}

// Run deletes it.
func (c *cleanVault) Run(ctx context.Context, p recovery.Progress) error {
	place, err := vault.Locate(c.Vault)
	if err != nil {
		return err
	}
	p.Phase("delete", recovery.Items)
	p.Note("deleting vault " + c.held)

	return vault.Free(ctx, place, string(c.RunID), p.Advance)
}

// Diagnose gives the errors of the step their meaning.
func (c *cleanup) Diagnose(err error) recovery.Diagnosis {
	d := c.diagnoseCommon(err, cleanIntact)
	switch {
	case d.Code != "":
	case errors.Is(err, dump.ErrInUse):
		d = cleanInUse(reason(err))
	case errors.Is(err, vault.ErrBelow), errors.Is(err, vault.ErrNotOurs), errors.Is(err, vault.ErrSwapBegun):
		d = cleanNotOurs(err)
	default:
		d = recovery.Diagnosis{
			Code: CodeCleanFailed, Summary: "Not all of what was set aside could be deleted", Seen: reason(err),
			Remedies: do("Repair what the error names, then continue", resume),
		}
	}
	d.Intact = cleanIntact

	return d
}

// cleanDatabase deletes the databases that were set aside.
type cleanDatabase struct {
	*cleanup
	held []string // what they held, once they are gone
}

func (c *cleanDatabase) ID() recovery.StepID { return CleanDatabaseID }
func (c *cleanDatabase) Title() string       { return "free the database that was set aside" }

// Check tells what would be deleted and how much that is.
func (c *cleanDatabase) Check(ctx context.Context, _ recovery.Progress) (recovery.Assessment, error) {
	found, err := c.find(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if len(found) == 0 {
		return gone("database", "no database of run "+string(c.RunID)+" is set aside", strings.Join(c.held, "; ")), nil
	}
	if err := c.liveIsThere(ctx, found[0].Name); err != nil {
		return recovery.Assessment{}, err
	}
	var a recovery.Assessment
	var loses []string
	for _, db := range found {
		if db.Connections > 0 {
			return a, recovery.Fail(cleanInUse(fmt.Sprintf("connected to %s: %s", db.Name, recovery.Counted(int64(db.Connections), "session"))), nil)
		}
		loses = append(loses, "database "+db.Name+": "+recovery.Size(db.Size))
		a.Changes = append(a.Changes, "delete database "+db.Name)
		a.Commands = append(a.Commands, c.psql(fmt.Sprintf("drop database %q", db.Name)))
	}
	a.Loses = strings.Join(loses, "; ")
	if c.held == nil {
		c.held = loses
	}

	return a, nil
}

// find lists what is set aside. It starts nothing: whoever wants room has a
// database that runs.
func (c *cleanDatabase) find(ctx context.Context) ([]dump.Database, error) {
	if _, err := c.look(ctx); err != nil {
		return nil, err
	}
	if !c.project.HasData {
		return nil, nil
	}
	up, err := c.dbRuns(ctx)
	if err != nil {
		return nil, err
	}
	if !up {
		return nil, recovery.Fail(cleanDown(c.Stack), nil)
	}

	return c.server().SetAside(ctx, c.Database, string(c.RunID))
}

// liveIsThere refuses to delete what may be the only copy.
func (c *cleanDatabase) liveIsThere(ctx context.Context, aside string) error {
	holding, err := (&database{Stack: c.Stack}).holding(ctx)
	if err != nil {
		return err
	}
	if holding.Closed {
		return recovery.Fail(cleanInUse("database "+c.Database+" is closed, since a recovery is unfinished"), nil)
	}
	if !c.of.Undone() && holding.Tables == 0 {
		return recovery.Fail(cleanLive("database "+c.Database, aside), nil)
	}

	return nil
}

// Run deletes them.
func (c *cleanDatabase) Run(ctx context.Context, p recovery.Progress) error {
	found, err := c.find(ctx)
	if err != nil {
		return err
	}
	for _, db := range found {
		p.Note("deleting database " + db.Name + ", " + recovery.Size(db.Size))
		if err := c.server().Free(ctx, db.Name, c.Database, string(c.RunID)); err != nil {
			return err
		}
	}

	return c.server().CopyOf(string(c.RunID)).Remove(ctx)
}
