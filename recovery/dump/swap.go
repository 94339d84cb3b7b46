package dump

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Swap names the three databases of a swap.
type Swap struct {
	Live   string // the name the application uses
	Loaded string // what was loaded, and becomes live
	Aside  string // what was live, and is set aside

	// Receipt is the comment the loaded database carries. With it a swap that
	// was done already is recognised even where nothing was live before.
	Receipt string

	// Barrier stays up on the live name, whichever database has it; nil: none.
	Barrier *Barrier
}

// Outcome is what a swap did.
type Outcome struct {
	Already bool // it was done before, and nothing was done now
	HadLive bool // there was a live database, and it is set aside
}

// tries is how often a swap is begun anew because somebody connected in
// between. The server itself waits five seconds for them each time.
const tries = 3

// Swap makes the loaded database live and sets the live one aside, both in one
// transaction, so that at any moment the live name is either the old or the new
// one. Sessions on both are ended. Done again, it finds that it is done.
func (s Server) Swap(ctx context.Context, w Swap) (Outcome, error) {
	return s.turn(ctx, w, forward)
}

// Unswap is the way back: what Swap made live gets the name it was loaded under,
// and what was set aside is live again.
func (s Server) Unswap(ctx context.Context, w Swap) (Outcome, error) {
	return s.turn(ctx, w, back)
}

// rename is one ALTER DATABASE ... RENAME.
type rename struct{ from, to string }

// present is which of the three databases there are, and the comment of the
// live one.
type present struct {
	there   map[string]bool
	receipt string
	all     map[string]standing
}

func (s Server) turn(ctx context.Context, w Swap, plan func(Swap, present) ([]rename, Outcome, error)) (Outcome, error) {
	if err := w.check(); err != nil {
		return Outcome{}, err
	}
	have, err := s.present(ctx, w)
	if err != nil {
		return Outcome{}, err
	}
	renames, outcome, err := plan(w, have)
	if err != nil || outcome.Already {
		return outcome, err
	}

	// An answer may get lost on the way although the transaction was committed.
	// What counts is what there is now.
	barrier, err := w.moved(renames, have.all)
	if err != nil {
		return Outcome{}, err
	}
	failed := s.rename(ctx, renames, barrier)
	have, err = s.present(ctx, w)
	if err == nil && have.after(renames) {
		return outcome, nil
	}
	if failed == nil && err == nil {
		failed = fmt.Errorf("rename the databases: %w", ErrUnchanged)
	}

	return Outcome{}, errors.Join(failed, err)
}

func (w Swap) check() error {
	if err := checkName(w.Live, w.Loaded, w.Aside); err != nil {
		return err
	}
	if w.Live == w.Loaded || w.Live == w.Aside || w.Loaded == w.Aside {
		return fmt.Errorf("swap %q, %q and %q: %w", w.Live, w.Loaded, w.Aside, ErrName)
	}

	return nil
}

// forward says what a swap must rename: nothing, where it was done before.
func forward(w Swap, have present) ([]rename, Outcome, error) {
	live, loaded, aside := have.there[w.Live], have.there[w.Loaded], have.there[w.Aside]
	switch {
	case loaded && live && aside:
		return nil, Outcome{}, fmt.Errorf("set %s aside as %s: %w", w.Live, w.Aside, ErrExists)
	case loaded && live:
		return []rename{{w.Live, w.Aside}, {w.Loaded, w.Live}}, Outcome{HadLive: true}, nil
	case loaded:
		return []rename{{w.Loaded, w.Live}}, Outcome{HadLive: aside}, nil
	case live && aside && have.ours(w), live && w.Receipt != "" && have.ours(w):
		return nil, Outcome{Already: true, HadLive: aside}, nil
	default:
		return nil, Outcome{}, fmt.Errorf("make %s live: %w", w.Loaded, ErrNoDatabase)
	}
}

// back says what an undo must rename.
func back(w Swap, have present) ([]rename, Outcome, error) {
	live, loaded, aside := have.there[w.Live], have.there[w.Loaded], have.there[w.Aside]
	switch {
	case loaded && aside && live:
		return nil, Outcome{}, fmt.Errorf("give %s its former name %s: %w", w.Live, w.Loaded, ErrExists)
	case aside && live && !have.ours(w):
		return nil, Outcome{}, fmt.Errorf("undo the swap of %s: another one was made live since: %w", w.Live, ErrNotOurs)
	case aside && live:
		return []rename{{w.Live, w.Loaded}, {w.Aside, w.Live}}, Outcome{HadLive: true}, nil
	case aside:
		return []rename{{w.Aside, w.Live}}, Outcome{HadLive: true}, nil
	case loaded:
		return nil, Outcome{Already: true, HadLive: live}, nil
	case live && w.Receipt != "" && have.ours(w):
		return []rename{{w.Live, w.Loaded}}, Outcome{}, nil
	default:
		return nil, Outcome{}, fmt.Errorf("make %s live again: %w", w.Aside, ErrNoDatabase)
	}
}

// ours tells whether the live database is the one that was loaded, as far as
// its receipt tells.
func (p present) ours(w Swap) bool { return w.Receipt == "" || p.receipt == w.Receipt }

// after tells whether the renames took place: the new names are there, and of
// the old ones those that nothing else took are gone.
func (p present) after(renames []rename) bool {
	taken := map[string]bool{}
	for _, r := range renames {
		taken[r.to] = true
	}
	for _, r := range renames {
		if !p.there[r.to] || (p.there[r.from] && !taken[r.from]) {
			return false
		}
	}

	return true
}

func (s Server) present(ctx context.Context, w Swap) (present, error) {
	all, err := s.standing(ctx, w.Live, w.Loaded, w.Aside)
	if err != nil {
		return present{}, err
	}
	have := present{there: map[string]bool{}, receipt: all[w.Live].comment, all: all}
	for name := range all {
		have.there[name] = true
	}

	return have, nil
}

// rename gives the databases their names, and whatever else belongs to that, in
// one transaction.
func (s Server) rename(ctx context.Context, renames []rename, more string) error {
	names := make([]string, 0, len(renames))
	var alter strings.Builder
	for _, r := range renames {
		names = append(names, literal(r.from))
		fmt.Fprintf(&alter, "alter database %s rename to %s;\n", identifier(r.from), identifier(r.to))
	}
	sql := "begin;\n" + ending(strings.Join(names, ", ")) + alter.String() + more + "commit;\n"
	for try := 1; ; try++ {
		err := s.exec(ctx, "rename the databases", maintenance, sql)
		if try == tries || !errors.Is(err, ErrInUse) {
			return err
		}
	}
}
