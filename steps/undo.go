package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/vault"
)

// The steps of an undo.
const (
	UndoHoldID   recovery.StepID = "hold"
	UndoSwitchID recovery.StepID = "put-back"
	UndoStartID  recovery.StepID = "prove"
)

// Undo lists the steps that take a run back, from wherever it has come to: what
// was live before is proven to be there and the app is held; vault, database and
// .env of before are made live; the stack is started on them, and proven.
//
// Nothing is deleted. What the run had restored is kept under names of its own.
// Where nothing was live before, nothing is live afterwards, and the app stays
// held: on an empty database it would begin a new installation.
func Undo(s *Stack, of recovery.State) []recovery.Step {
	u := &undo{Stack: s, of: of}

	return []recovery.Step{&undoHold{undo: u}, &undoSwitch{undo: u}, &undoStart{undo: u}}
}

// undo is what its three steps share.
type undo struct {
	*Stack
	of   recovery.State // the run that is taken back, as the journal has it
	back bool           // all three are as before

	unread error // why the project could not be read; only where there is no .env
}

// way is where one of the three, vault, database or .env, stands on its way back.
type way string

// The ways. Their values are those of the mechanisms.
const (
	stays     way = ""           // the run has not replaced it
	comesBack way = "replaced"   // another one was live before, and is kept
	goesAside way = "added"      // none was there before
	isBack    way = "taken back" // done
)

func (w way) done() bool { return w == stays || w == isBack }

// scene is where all three stand.
type scene struct {
	place    vault.Place
	vault    way
	database way
	env      way
	asked    bool   // the database could be asked; false while its service does not run
	comment  string // of the live database, where it is this run's
}

// done tells whether nothing is left to put back.
func (s scene) done() bool { return s.asked && s.vault.done() && s.database.done() && s.env.done() }

// untouched tells whether the run had replaced nothing at all.
func (s scene) untouched() bool { return s.vault == stays && s.database == stays && s.env == stays }

// look reads the project. Where there is no .env, it may not be readable, and
// need not be: .env is the first thing that a recovery writes and the last that
// its undo takes away.
func (u *undo) look(ctx context.Context) ([]recovery.Finding, error) {
	u.learn()
	findings, err := u.Stack.look(ctx)
	if u.unread = err; err == nil {
		return findings, nil
	}
	if there, looked := durable.Exists(u.envPath()); looked != nil || there || !beforeEnv(err) {
		return nil, err
	}

	return nil, nil
}

// learn teaches the scrubber the secrets before any program runs. What cannot
// be read is told where it is needed.
func (u *undo) learn() {
	for _, path := range []string{u.envPath(), u.keptEnv(), u.undoneEnv()} {
		if file, err := envfile.Read(path); err == nil {
			for _, key := range envfile.Keys() {
				u.Scrub.Learn(file.Value(key))
			}
		}
	}
}

// stand looks where the three stand, and fails where what an undo needs is not
// there: before anything is changed, and again right before it is.
func (u *undo) stand(ctx context.Context) (scene, error) {
	var now scene
	place, err := vault.Locate(u.Vault)
	if err != nil {
		return now, err
	}
	now.place = place
	v, err := place.Standing(string(u.RunID))
	if err != nil {
		return now, u.vaultGone(place, err)
	}
	e, err := envfile.StandingOf(u.envPath(), u.keptEnv(), u.undoneEnv())
	if err != nil {
		return now, err
	}
	now.vault, now.env = way(v), way(e)
	if err := u.standDatabase(ctx, &now); err != nil {
		return now, err
	}
	if !now.asked && agreedIn(u.of).has(spendsDatabase) { // begun, the undo could not be turned back from
		return now, recovery.Fail(undoGivenUp(u.RunID, "whether database "+u.Database+" cannot be told, since its service does not run: start it, and look again"), nil)
	}
	if u.finished() && (now.vault == stays || now.asked && now.database == stays) {
		return now, recovery.Fail(undoNothingOfIt(u.Stack, now), nil)
	}

	return now, nil
}

// finished tells whether the run had made its data live, so that there must be
// something to put back.
func (u *undo) finished() bool {
	v := u.of.Settled

	return v != nil && (v.Outcome == recovery.Verified || v.Outcome == recovery.NotVerified)
}

func (u *undo) standDatabase(ctx context.Context, now *scene) error {
	if u.project == nil && now.vault != stays && now.env != isBack {
		return u.unread // something was replaced, and what became of the database cannot be told
	}
	if u.project == nil || !u.project.HasData { // it never ran, so nothing was made live in it
		now.asked = true
		return nil
	}
	up, err := u.dbRuns(ctx)
	if err != nil || !up {
		return err
	}
	all, err := u.server().Databases(ctx)
	if err != nil {
		return err
	}
	there := map[string]dump.Database{}
	for _, db := range all {
		there[db.Name] = db
	}
	now.asked = true
	now.database, now.comment, err = u.databaseWay(there)

	return err
}

func (u *undo) databaseWay(there map[string]dump.Database) (way, string, error) {
	live, isLive := there[u.Database]
	_, aside := there[u.aside()]
	_, undone := there[u.undone()]
	receipt, ours := u.receiptIn(live.Comment)
	switch {
	case dump.Vacant(there[u.aside()].Comment, string(u.RunID)), dump.Vacant(live.Comment, string(u.RunID)) && !aside:
		return stays, "", recovery.Fail(undoGivenUp(u.RunID, "database "+u.Database), nil)
	case dump.Vacant(live.Comment, string(u.RunID)): // what is to be deleted is not yet
		return comesBack, live.Comment, nil
	case undone && aside:
		return stays, "", recovery.Fail(undoNameTaken(u.undone()), nil)
	case undone:
		return isBack, "", nil
	case aside && isLive && !ours:
		return stays, "", recovery.Fail(undoOther(u.Stack, "database "+u.Database, "kept of this run: "+u.aside()), nil)
	case aside:
		return comesBack, live.Comment, nil
	case ours && receipt.Replaces != "":
		return stays, "", recovery.Fail(undoGone("database "+receipt.Replaces, "The live database is the restored one."), nil)
	case ours:
		return goesAside, live.Comment, nil
	default:
		return stays, "", nil
	}
}

// vaultGone gives what keeps a vault from being put back its meaning.
func (u *undo) vaultGone(place vault.Place, err error) error {
	var confused *vault.ConfusedError
	switch {
	case errors.Is(err, vault.ErrGivenUp):
		return recovery.Fail(undoGivenUp(u.RunID, "vault "+place.Real), err)
	case errors.Is(err, vault.ErrAsideGone):
		return recovery.Fail(undoGone("vault "+place.Aside(string(u.RunID)), "The live vault is the restored one."), err)
	case errors.As(err, &confused):
		return recovery.Fail(undoOther(u.Stack, "vault "+place.Real, err.Error()), err)
	default:
		return err
	}
}

// undoneEnv is where an undo keeps the .env that it replaces.
func (s *Stack) undoneEnv() string { return s.envPath() + ".undone-" + string(s.RunID) }

// undone is the name that an undo gives to the database that was restored.
func (s *Stack) undone() string { return dump.UndoneName(s.Database, string(s.RunID)) }

// serves tells whether there is something for the app to run on: a .env, and a
// live database with tables in it.
func (u *undo) serves(ctx context.Context) (bool, error) {
	env, err := durable.Exists(u.envPath())
	if err != nil || !env || u.project == nil || !u.project.HasData {
		return false, err
	}
	holding, err := u.server().Summary(ctx, u.Database)
	if isNoDatabase(err) {
		return false, nil
	}

	return holding.Tables > 0, err
}

// measured says what a vault holds; empty where there is none.
func measured(ctx context.Context, dir string) (string, error) {
	tree, err := vault.Measure(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}

	return recovery.Counted(int64(tree.Files), "file") + ", " + recovery.Size(tree.Bytes), nil
}

// contents says what a database holds.
func (u *undo) contents(ctx context.Context, name string) (string, error) {
	h, err := u.server().Summary(ctx, name)
	if errors.Is(err, dump.ErrClosed) {
		size, err := u.server().SizeOf(ctx, name)
		return recovery.Size(size) + ", closed while this goes on", err
	}
	if err != nil {
		return "", err
	}

	return fmt.Sprintf("%s, about %s, %s%s", tables(h.Tables), rows(h.Rows), recovery.Size(h.Size), newest(h)), nil
}
