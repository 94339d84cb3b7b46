package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/durable"
)

const (
	pause = 200 * time.Millisecond // between two looks at a run
	grace = time.Second            // how long nobody works on a run before it counts as stopped
)

// StoppedError is a run that nobody works on any more and that came to no
// verdict: its engine was killed, or the power was lost.
type StoppedError struct {
	Run  recovery.RunID
	Last time.Time // of its last event
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("run %s stopped without a verdict, after %s", e.Run, e.Last.UTC().Format(time.RFC3339))
}

// Current is the run to attach to when none is named: the one at work, or else
// the newest. ErrNoRun means there is none.
func (h Home) Current() (recovery.RunID, error) {
	holder, held, err := h.Held()
	if err != nil {
		return "", err
	}
	if held && holder.Run != "" {
		return holder.Run, nil
	}
	runs, err := h.Runs()
	if err != nil {
		return "", err
	}
	for _, run := range runs {
		there, err := durable.Exists(filepath.Join(h.dir(run), journalName))
		if err != nil || there {
			return run, err
		}
	}

	return "", ErrNoRun
}

// Follow tells a run's events from the first on, and goes on as another process
// writes them, until the run has ended and its engine is gone. Lossy events come
// as far as they were kept; every journalled one comes, with a greater number
// than all before it. A run that stopped without a verdict is a *StoppedError.
func (h Home) Follow(ctx context.Context, run recovery.RunID, tell func(recovery.Event)) error {
	dir := h.dir(run)
	f := &follower{tell: tell, journal: tail{path: filepath.Join(dir, journalName)}, live: tail{path: filepath.Join(dir, liveName)}}
	defer f.journal.close()
	defer f.live.close()
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	for free := time.Duration(0); ; { // how long nobody has worked on the run
		// The lock comes first: if it is free, what is read after is all there is.
		worked, err := h.worked(run)
		if err != nil {
			return err
		}
		err = f.read()
		unborn := errors.Is(err, fs.ErrNotExist)
		switch {
		case unborn && !worked:
			return fmt.Errorf("follow run %s: %w", run, ErrNoRun)
		case err != nil && !unborn:
			return err
		case worked:
			free = 0
		case f.ended:
			return nil
		case free >= grace:
			return &StoppedError{Run: run, Last: f.last}
		default:
			free += pause
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticks.C:
		}
	}
}

// worked tells whether an engine works on the run. A holder that cannot be told
// is taken for its engine: nothing that may be alive is declared dead.
func (h Home) worked(run recovery.RunID) (bool, error) {
	holder, held, err := h.Held()

	return held && (holder.Run == run || holder.Run == ""), err
}

// follower tells the events of two files in the order of their numbers.
type follower struct {
	tell    func(recovery.Event)
	journal tail
	live    tail

	line  int       // of the journal, for its error
	kept  uint64    // number of the last event of the journal
	told  uint64    // number of the last event that was told
	shift uint64    // see say
	last  time.Time // of the last event
	ended bool
}

// read tells what is new. The live file is read before the journal: whatever was
// journalled before a live event was shown is in the journal by then, and
// is told before it. The other way round, a reader's State could take a live
// event first and drop a journalled one as old.
func (f *follower) read() error {
	shown := f.readLive()
	kept, err := f.readJournal()
	for _, e := range kept {
		for len(shown) > 0 && shown[0].Seq < e.Seq {
			f.show(shown[0])
			shown = shown[1:]
		}
		f.keep(e)
	}
	for _, e := range shown {
		f.show(e)
	}

	return err
}

func (f *follower) readJournal() ([]recovery.Event, error) {
	if err := f.journal.open(); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	var events []recovery.Event
	err := f.journal.lines(func(line []byte) error {
		f.line++
		e, err := recovery.Decode(line)
		if err != nil {
			return &BrokenError{Path: f.journal.path, Line: f.line, Err: err}
		}
		events = append(events, e)
		return nil
	})

	return events, err
}

// readLive never fails: what of the live file cannot be read is not shown.
func (f *follower) readLive() []recovery.Event {
	var events []recovery.Event
	collect := func(line []byte) error {
		if e, err := recovery.Decode(line); err == nil && e.Kind.Lossy() {
			events = append(events, e)
		}
		return nil
	}
	if f.live.file != nil {
		replaced := f.live.replaced() // first: what was replaced is complete
		_ = f.live.lines(collect)
		if !replaced {
			return events
		}
		f.live.close()
	}
	if f.live.open() == nil {
		_ = f.live.lines(collect)
	}

	return events
}

func (f *follower) show(e recovery.Event) {
	if e.Seq+f.shift > f.told {
		f.say(e)
	}
}

func (f *follower) keep(e recovery.Event) {
	// Resume counts on from what was shown. Where it could not read that, its numbers begin among those told already; they are
	// shifted, or a reader would take what really happened for old.
	if e.Seq > f.kept && e.Seq+f.shift <= f.told {
		f.shift = f.told + 1 - e.Seq
	}
	f.kept = e.Seq
	switch e.Kind {
	case recovery.RunEnded:
		f.ended = true
	case recovery.RunOpened, recovery.RunResumed:
		f.ended = false
	}
	f.say(e)
}

func (f *follower) say(e recovery.Event) {
	e.Seq += f.shift
	f.told, f.last = e.Seq, e.Time
	f.tell(e)
}
