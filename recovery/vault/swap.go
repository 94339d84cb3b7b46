package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"firmflow-recovery/recovery/durable"
)

// Swapped tells what Swap or Unswap did.
type Swapped struct {
	Live    string // the vault
	Aside   string // where what was live before is now; empty when nothing was
	Already bool   // it had been done before, and nothing was changed
}

// Swap makes live what the run has staged and sets aside what was live. Cut off
// at any instant, it is finished by calling it again, or reverted by Unswap.
// Where the filesystem can exchange names, the vault is never missing.
func Swap(ctx context.Context, p Place, run string) (Swapped, error) {
	return swap(ctx, realDisk{}, p, run)
}

// Unswap is the inverse: what was set aside is live again, and what was live is
// back in staging. It, too, is finished by calling it again.
func Unswap(ctx context.Context, p Place, run string) (Swapped, error) {
	return unswap(ctx, realDisk{}, p, run)
}

// disk is the few operations that change names, for tests that crash in each.
type disk interface {
	Exchange(a, b string) error
	Rename(old, new string) error // durable
	Move(old, new string) error   // not yet durable
	WriteFile(path string, data []byte, perm fs.FileMode) error
}

type realDisk struct{}

func (realDisk) Exchange(a, b string) error   { return durable.Exchange(a, b) }
func (realDisk) Rename(old, new string) error { return durable.Rename(old, new) }
func (realDisk) Move(old, new string) error   { return durable.Move(old, new) }
func (realDisk) WriteFile(path string, data []byte, perm fs.FileMode) error {
	return durable.WriteFile(path, data, perm)
}

func swap(ctx context.Context, d disk, p Place, run string) (Swapped, error) {
	s, err := openSwap(d, p, run)
	if err != nil {
		return Swapped{}, fmt.Errorf("swap %q: %w", p.Real, err)
	}
	if p.MountPoint {
		return s.inside(ctx)
	}

	return s.until(ctx, s.forward)
}

func unswap(ctx context.Context, d disk, p Place, run string) (Swapped, error) {
	s, err := openSwap(d, p, run)
	if err != nil {
		return Swapped{}, fmt.Errorf("undo the swap of %q: %w", p.Real, err)
	}

	// First of all: from now on neither the receipt nor StagedComplete may say
	// that this run's vault is as it was restored.
	if err := s.recall(); err != nil {
		return Swapped{}, fmt.Errorf("undo the swap of %q: %w", p.Real, err)
	}
	if p.MountPoint {
		return s.insideOut(ctx)
	}

	return s.until(ctx, s.backward)
}

// swapping is one swap, in either direction.
type swapping struct {
	disk  disk
	place Place
	rec   record
}

func openSwap(d disk, p Place, run string) (*swapping, error) {
	if err := checkRun(run); err != nil {
		return nil, err
	}
	rec, err := p.readRecord(run)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotStaged
	}
	if err != nil {
		return nil, err
	}
	if !rec.Complete {
		return nil, ErrNotStaged
	}

	return &swapping{disk: d, place: p, rec: rec}, nil
}

func (s *swapping) live() string    { return s.place.Real }
func (s *swapping) staging() string { return s.place.Staging(s.rec.Run) }
func (s *swapping) aside() string   { return s.place.Aside(s.rec.Run) }

func (s *swapping) save() error {
	return writeJSON(s.disk.WriteFile, s.place.recordPath(s.rec.Run), s.rec)
}

// recall notes that an undo has begun, if there is anything to undo.
func (s *swapping) recall() error {
	untouched, err := s.untouched()
	if err != nil || untouched {
		return err
	}
	if !s.rec.WasLive {
		s.rec.WasLive = true
		if err := s.save(); err != nil {
			return err
		}
	}

	return removeReceipt(s.place, s.rec.Run)
}

// untouched tells whether nothing has been swapped yet.
func (s *swapping) untouched() (bool, error) {
	if s.place.MountPoint {
		aside, err := inodeOf(s.aside())
		return s.rec.Holds == holdsOld && aside == 0, err
	}
	at, err := s.look()

	return at.staging == s.rec.New && at.aside == 0, err
}

// scene is which directories lie at the three places: inodes, 0 for none.
type scene struct{ live, staging, aside uint64 }

func (s *swapping) look() (scene, error) {
	var at scene
	var err error
	if at.live, err = inodeOf(s.live()); err != nil {
		return at, err
	}
	if at.staging, err = inodeOf(s.staging()); err != nil {
		return at, err
	}
	at.aside, err = inodeOf(s.aside())

	return at, err
}

// until looks, takes one step, and looks again, until a step says that it is
// done. No step relies on the one before: each starts from what is on the disk,
// which is why a crash between two of them does not matter.
func (s *swapping) until(ctx context.Context, step func(scene) (string, bool, error)) (Swapped, error) {
	for steps := 0; ; steps++ {
		if err := ctx.Err(); err != nil {
			return Swapped{}, err
		}
		at, err := s.look()
		if err != nil {
			return Swapped{}, fmt.Errorf("swap %q: %w", s.live(), err)
		}
		aside, done, err := step(at)
		if err != nil {
			return Swapped{}, fmt.Errorf("swap %q: %w", s.live(), err)
		}
		if done {
			return Swapped{Live: s.live(), Aside: aside, Already: steps == 0}, nil
		}
	}
}

// forward is the table of Swap: one step from each scene, N being the new
// directory and O the old one.
//
//	live  staging  aside
//	O     N        -        exchange live and staging, or set live aside
//	N     O        -        set aside what is under the staging name
//	-     N        O or -   staging becomes live
//	O     -        N        (an undo was cut off) exchange live and aside
//	N     -        O or -   done
func (s *swapping) forward(at scene) (aside string, done bool, err error) {
	isNew, isOld := s.rec.New, s.rec.Old

	switch {
	case at.live == isNew && at.staging == 0 && at.aside == 0:
		return "", true, nil
	case at.live == isNew && at.staging == 0 && at.aside == isOld:
		return s.aside(), true, nil
	case at.live == isNew && at.staging == isOld && at.aside == 0:
		return "", false, s.disk.Rename(s.staging(), s.aside())
	case at.live == 0 && at.staging == isNew && (at.aside == 0 || at.aside == isOld):
		return "", false, s.disk.Rename(s.staging(), s.live())
	case at.live != 0 && at.staging == isNew && at.aside == 0:
		return "", false, s.replace(at)
	case at.live == isOld && at.staging == 0 && at.aside == isNew:
		return "", false, s.disk.Exchange(s.live(), s.aside())
	}

	return "", false, s.confused(at)
}

// replace notes what is live, and only then takes it away.
func (s *swapping) replace(at scene) error {
	if s.rec.Old != at.live {
		s.rec.Old = at.live
		if err := s.save(); err != nil {
			return err
		}
	}

	err := s.disk.Exchange(s.live(), s.staging())
	if errors.Is(err, durable.ErrNoExchange) {
		return s.disk.Rename(s.live(), s.aside())
	}

	return err
}

// backward is the table of Unswap.
//
//	live  staging  aside
//	N     -        O        exchange live and aside, or live goes to staging
//	O     -        N        what is under the aside name goes to staging
//	N     O        -        (a swap was cut off) exchange live and staging
//	-     N        O        what was set aside becomes live
//	N     -        -        (nothing was replaced) live goes to staging
//	any   N        -        done
func (s *swapping) backward(at scene) (aside string, done bool, err error) {
	isNew, isOld := s.rec.New, s.rec.Old

	switch {
	case at.staging == isNew && at.aside == 0:
		return s.staging(), true, nil
	case at.live == isNew && at.staging == 0 && at.aside == 0 && isOld == 0:
		return "", false, s.disk.Rename(s.live(), s.staging())
	case at.live == isNew && at.staging == 0 && at.aside == isOld:
		return "", false, s.takeBack()
	case at.live == isOld && at.staging == 0 && at.aside == isNew:
		return "", false, s.disk.Rename(s.aside(), s.staging())
	case at.live == isNew && at.staging == isOld && at.aside == 0:
		return "", false, s.disk.Exchange(s.live(), s.staging())
	case at.live == 0 && at.staging == isNew && at.aside == isOld:
		return "", false, s.disk.Rename(s.aside(), s.live())
	}

	return "", false, s.confused(at)
}

func (s *swapping) takeBack() error {
	err := s.disk.Exchange(s.live(), s.aside())
	if errors.Is(err, durable.ErrNoExchange) {
		return s.disk.Rename(s.live(), s.staging())
	}

	return err
}

func (s *swapping) confused(at scene) error {
	return &ConfusedError{
		Place: s.place, Run: s.rec.Run,
		Live: at.live, Staging: at.staging, Aside: at.aside,
		New: s.rec.New, Old: s.rec.Old,
	}
}
