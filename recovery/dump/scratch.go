package dump

import (
	"context"
	"errors"
)

// Rehearse loads a dump into a scratch server that nobody else uses, and counts
// what came of it. Roles that the dump names and the server lacks are made there:
// they can log in nowhere. moved is told of the bytes of the dump that were
// taken; it may be nil.
//
// What it proves, beyond what reading proves: that every statement of the dump is
// carried out, so that tables, keys, indexes and functions come to be, and that
// the rows satisfy them. What it returns is what Missing, Create, Load and
// Compare do.
func (s Server) Rehearse(ctx context.Context, path, name string, c Contents, r Reading, moved func(int64)) (Comparison, error) {
	roles, extensions, err := s.Missing(ctx, c)
	if err != nil {
		return Comparison{}, err
	}
	if len(extensions) > 0 {
		return Comparison{}, &ToolError{Doing: "rehearse the load", Cause: ErrExtensionMissing, Subject: extensions[0], Err: errors.New("it is not installed here")}
	}
	for _, role := range roles {
		if err := s.exec(ctx, "make the role "+role, maintenance, "create role "+identifier(role)+" nologin"); err != nil {
			return Comparison{}, err
		}
	}
	into := RestoringName(name, "rehearsal")
	if err := s.Create(ctx, into, Options{Encoding: c.Encoding}); err != nil {
		return Comparison{}, err
	}
	if err := s.Load(ctx, path, into, c, LoadOptions{NoTablespace: true}, LoadProgress{Moved: moved}); err != nil {
		return Comparison{}, err
	}

	return s.Compare(ctx, into, c, r)
}
