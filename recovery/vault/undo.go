package vault

import (
	"context"
	"errors"
	"fmt"
)

// Standing is how far a run's swap of the vault has come, seen from an undo.
type Standing string

// The standings.
const (
	Untouched Standing = ""         // what was live before still is
	Replaced  Standing = "replaced" // an undo has something to put back
	Added     Standing = "added"    // as Replaced, but nothing was live before
	TakenBack Standing = "taken back"
)

// Standing tells what an undo would find. Where what was set aside is gone it is
// ErrAsideGone, where it was deleted as agreed ErrGivenUp, and where something else has been made live since a
// *ConfusedError: then an undo would lose what is live.
func (p Place) Standing(run string) (Standing, error) {
	if gone, err := p.GivenUp(run); err != nil || gone {
		return Untouched, errors.Join(err, ErrGivenUp)
	}
	s, err := openSwap(realDisk{}, p, run)
	if errors.Is(err, ErrNotStaged) {
		return Untouched, nil
	}
	if err != nil {
		return Untouched, fmt.Errorf("look what run %q did to %q: %w", run, p.Real, err)
	}
	undone, err := inodeOf(p.Undone(run))
	if err != nil {
		return Untouched, err
	}
	if undone != 0 && undone == s.rec.New {
		return TakenBack, nil
	}
	standing, err := s.standing()
	if err != nil {
		return standing, fmt.Errorf("look what run %q did to %q: %w", run, p.Real, err)
	}

	return standing, nil
}

func (s *swapping) standing() (Standing, error) {
	if s.place.MountPoint {
		return s.standingInside()
	}
	at, err := s.look()
	if err != nil {
		return Untouched, err
	}
	isNew, isOld := s.rec.New, s.rec.Old
	switch {
	case at.staging == isNew && at.aside == 0:
		return s.staged(), nil
	case at.live == isNew && at.staging == 0 && at.aside == 0 && isOld == 0:
		return Added, nil
	case at.live == isNew && at.staging == 0 && at.aside == 0:
		return Untouched, ErrAsideGone
	case at.live == isNew && at.staging == 0 && at.aside == isOld,
		at.live == isOld && at.staging == 0 && at.aside == isNew,
		at.live == isNew && at.staging == isOld && at.aside == 0,
		at.live == 0 && at.staging == isNew && at.aside == isOld:
		return Replaced, nil
	}

	return Untouched, s.confused(at)
}

func (s *swapping) standingInside() (Standing, error) {
	aside, err := inodeOf(s.aside())
	switch {
	case err != nil:
		return Untouched, err
	case aside != 0:
		return Replaced, nil
	case s.rec.Holds == holdsNew:
		return Untouched, ErrAsideGone
	default:
		return s.staged(), nil
	}
}

// staged is what lies under the staging name: never live so far, or taken back
// and not yet called undone.
func (s *swapping) staged() Standing {
	if s.rec.WasLive {
		return Replaced
	}

	return Untouched
}

// Undo makes live again what was live before a run, and keeps what the run had
// restored under the name Undone. Nothing swapped is nothing to do. Cut off
// at any instant, it is finished by calling it again.
func Undo(ctx context.Context, p Place, run string) (Standing, error) {
	return undo(ctx, realDisk{}, p, run)
}

func undo(ctx context.Context, d disk, p Place, run string) (Standing, error) {
	was, err := p.Standing(run)
	if err != nil || was == Untouched || was == TakenBack {
		return was, err
	}
	if _, err := unswap(ctx, d, p, run); err != nil {
		return was, err
	}
	if err := d.Rename(p.Staging(run), p.Undone(run)); err != nil {
		return was, fmt.Errorf("keep what was restored: %w", err)
	}

	return was, nil
}
