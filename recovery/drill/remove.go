package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"firmflow-recovery/recovery/durable"
)

// MountedError is something that is mounted inside a place: removing the place
// would remove what belongs to somebody else.
type MountedError struct{ Dir, At string }

func (e *MountedError) Error() string { return fmt.Sprintf("%s is mounted inside %s", e.At, e.Dir) }

// InUseError is a place in which somebody works.
type InUseError struct {
	Dir       string
	Processes []string // "bash (4711)"
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("%s work in %s", strings.Join(e.Processes, ", "), e.Dir)
}

// Remove ends what runs in the place and takes the place away. Stop ends its
// services; it may be nil. Called again it goes on where it was interrupted: the
// receipt goes last.
func (p Place) Remove(ctx context.Context, stop func(context.Context) error) error {
	again, err := Open(p.Dir)
	if err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	if again.Receipt.Run != p.Receipt.Run {
		return fmt.Errorf("remove the drill's place: %w", ErrNotOurs)
	}
	if err := p.unmounted(); err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	if err := p.attended(ctx); err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	if stop != nil {
		if err := stop(ctx); err != nil {
			return fmt.Errorf("stop what runs in %s: %w", p.Dir, err)
		}
	}
	if err := p.end(ctx); err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	if err := p.unmount(); err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	if err := p.unmounted(); err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	for _, e := range entries {
		if e.Name() == receiptName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(p.Dir, e.Name())); err != nil {
			return fmt.Errorf("remove the drill's place: %w", err)
		}
	}
	if err := os.Remove(filepath.Join(p.Dir, receiptName)); err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}
	if err := os.Remove(p.Dir); err != nil {
		return fmt.Errorf("remove the drill's place: %w", err)
	}

	return nil
}

// unmounted refuses a place in which anything is mounted but our own disk.
func (p Place) unmounted() error {
	mounts, err := p.mounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if !p.isOwnDisk(m) {
			return &MountedError{Dir: p.Dir, At: m.At}
		}
	}

	return nil
}

// mounts lists what is mounted in the place, or on it.
func (p Place) mounts() ([]durable.Mount, error) {
	real, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		return nil, fmt.Errorf("see what is mounted: %w", err)
	}

	return durable.MountedIn(real)
}

// within tells whether a path is a directory or lies in it.
func within(path, dir string) bool {
	inside, err := filepath.Rel(dir, path)

	return err == nil && (inside == "." || filepath.IsLocal(inside))
}

// attended refuses a place in which somebody works at a terminal: a shell that
// was opened in kept surroundings. What a drill at a terminal started, and was
// killed beside, belongs to that terminal for the moment that it still takes.
func (p Place) attended(ctx context.Context) error {
	working := func() (names []string) {
		for _, one := range processesIn(p.Dir) {
			if one.terminal {
				names = append(names, one.String())
			}
		}

		return names
	}
	left, err := await(ctx, byItself, func() bool { return len(working()) == 0 })
	if err != nil || left {
		return err
	}

	return &InUseError{Dir: p.Dir, Processes: working()}
}

// How long what runs in a place may take to end: by itself, once its database
// is gone, then after it was asked to.
const (
	byItself = 5 * time.Second
	asked    = 10 * time.Second
	ending   = 30 * time.Second
)

// end waits until nothing runs in the place, and helps where that does not come
// by itself: a drill that was killed leaves programs without an engine.
func (p Place) end(ctx context.Context) error {
	left := func() []process { return processesIn(p.Dir) }
	for _, way := range []struct {
		end      func(process) error
		patience time.Duration
	}{{nil, byItself}, {terminate, asked}, {kill, ending}} {
		if way.end != nil {
			for _, one := range left() {
				if err := way.end(one); err != nil {
					return err
				}
			}
		}
		gone, err := await(ctx, way.patience, func() bool { return len(left()) == 0 })
		if err != nil || gone {
			return err
		}
	}
	var names []string
	for _, one := range left() {
		names = append(names, one.String())
	}

	return &InUseError{Dir: p.Dir, Processes: names}
}

// interval is how often it is looked whether something has come about: they are
// not our children, so that nobody tells us.
const interval = 20 * time.Millisecond

func await(ctx context.Context, patience time.Duration, so func() bool) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-bounded.Done():
			return so(), ctx.Err()
		}
	}

	return true, nil
}

// Gone tells whether nothing of the place is left: no directory, no process.
func (p Place) Gone() error {
	if _, err := os.Lstat(p.Dir); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is still there", p.Dir), err)
	}
	for _, one := range processesIn(p.Dir) {
		return fmt.Errorf("%s still runs", one)
	}

	return nil
}
