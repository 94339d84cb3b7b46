package steps

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack"
)

// outlook is where the barrier stands, in one look: in a container each question
// to the server costs a good part of a second.
type outlook struct {
	project bool          // it could be read
	data    bool          // and its database has been started before
	notice  bool          // this run's is there
	running []string      // of the services that use the data
	up      bool          // the database could be asked
	live    bool          // there is a live database
	ours    bool          // which carries this run's receipt
	barrier *dump.Barrier // in front of it; nil: none
	run     string
}

func (s *Stack) outlook(ctx context.Context) (outlook, error) {
	o := outlook{project: s.project != nil, run: string(s.RunID)}
	var err error
	if o.notice, err = s.noticed(); err != nil || !o.project {
		return o, err
	}
	o.data = s.project.HasData
	now, err := s.Runtime.Services(ctx)
	if err != nil {
		return o, err
	}
	o.running = (&services{Stack: s}).running(now)
	if !o.data || stack.Find(now, s.DBService).State != stack.Running {
		return o, nil
	}
	stands, err := s.server().Stands(ctx, s.Database)
	if wentAway(err) {
		return o, nil // it does not answer yet, and cannot be asked
	}
	if err != nil {
		return o, err
	}
	_, ours := s.receiptIn(stands.Comment)
	o.up, o.live, o.ours, o.barrier = true, stands.There, ours, stands.Barrier

	return o, nil
}

// raised tells whether this run's barrier stands as far as it can: the notice is
// there, nothing that uses the data runs, and the live database, where there is
// one, is closed.
func (o outlook) raised() bool {
	if !o.project || !o.notice || len(o.running) > 0 {
		return false
	}

	return !o.data || o.up && (!o.live || o.barrier != nil && o.barrier.Run == o.run)
}

// lowered tells whether neither the notice of this run is there nor a barrier.
func (o outlook) lowered() bool { return !o.notice && o.barrier == nil }

// needed tells whether the barrier must be up for this run to go on: until what
// it has loaded is live.
func (o outlook) needed() bool { return !o.ours }

// noticed tells whether the notice is there, and this run's.
func (s *Stack) noticed() (bool, error) {
	text, err := os.ReadFile(s.noticePath())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}

	return strings.HasPrefix(string(text), s.noticeMark()), err
}
