package dump

import (
	"context"
	"encoding/json"
	"fmt"
)

// vacant is the comment of the empty database that stands, closed, under the live
// name after what was there was deleted: where there was none, the app could
// make itself one.
type vacant struct {
	Program string `json:"program"`
	Note    string `json:"note"` // for whoever lists the databases
	GivenUp string `json:"given_up_by_run"`
}

const vacantNote = "empty: what was live here was deleted to make room, as was agreed"

// Vacant tells whether a comment is that of the empty database by which a run has
// replaced what it gave up.
func Vacant(comment, run string) bool {
	var v vacant

	return json.Unmarshal([]byte(comment), &v) == nil && v.Program == barring && v.GivenUp == run && run != ""
}

// GiveUp deletes the live database for good, so that its room is free for what
// the run loads next. The name never has a part of it: an empty database takes it
// in one transaction, behind the barrier, and then the old one is deleted. Cut
// off, it is finished by calling it again. No live database is nothing to do.
func (s Server) GiveUp(ctx context.Context, live, run string, b Barrier) error {
	aside := AsideName(live, run)
	all, err := s.standing(ctx, live)
	if err != nil || !all[live].there {
		return err
	}
	if Vacant(all[live].comment, run) {
		return s.Free(ctx, aside, live, run)
	}
	text, err := json.Marshal(vacant{Program: barring, Note: vacantNote, GivenUp: run})
	if err != nil {
		return fmt.Errorf("describe the empty database: %w", err)
	}
	empty := RestoringName(live, run+"_empty")
	if err := s.Drop(ctx, empty); err != nil {
		return err
	}
	if err := s.Create(ctx, empty, Options{}); err != nil {
		return err
	}
	if err := s.Comment(ctx, empty, string(text)); err != nil {
		return err
	}
	if _, err := s.Swap(ctx, Swap{Live: live, Loaded: empty, Aside: aside, Receipt: string(text), Barrier: &b}); err != nil {
		return err
	}

	return s.Free(ctx, aside, live, run)
}
