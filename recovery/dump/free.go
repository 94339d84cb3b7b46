package dump

import (
	"context"
	"fmt"
)

// SetAside lists the databases that a run has left beside the live one: what was
// live before it, or what it loaded and was taken back, or never came to be
// live. The live database is never among them.
func (s Server) SetAside(ctx context.Context, live, run string) ([]Database, error) {
	all, err := s.Databases(ctx)
	if err != nil {
		return nil, err
	}
	var found []Database
	for _, db := range all {
		if setAside(db.Name, live, run) {
			found = append(found, db)
		}
	}

	return found, nil
}

// setAside tells whether a name is one that a run gives to what is not live.
func setAside(name, live, run string) bool {
	if name == live || run == "" {
		return false
	}

	return name == AsideName(live, run) || name == UndoneName(live, run) || name == RestoringName(live, run)
}

// Free deletes a database that a run has set aside. Any other is refused before
// a word of SQL is sent, and one that somebody is connected to is ErrInUse:
// nobody should be. One that is gone is nothing to do.
func (s Server) Free(ctx context.Context, name, live, run string) error {
	if !setAside(name, live, run) {
		return fmt.Errorf("delete %q: %w", name, ErrNotOurs)
	}
	if err := checkName(name); err != nil {
		return err
	}

	return s.exec(ctx, "delete "+name, maintenance, "drop database if exists "+identifier(name))
}
