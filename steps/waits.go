package steps

import (
	"context"
	"fmt"
)

// waits tells who is in the way of what runs in the database.
func (s *Stack) waits(ctx context.Context) ([]string, error) {
	if s.project == nil || !s.project.HasData {
		return nil, nil
	}
	waits, err := s.server().Waits(ctx)
	if err != nil {
		return nil, err
	}
	lines := make([]string, 0, len(waits))
	for _, w := range waits {
		lines = append(lines, w.String()+"; to end that one: "+s.psql(fmt.Sprintf("select pg_terminate_backend(%d)", w.Blocker.PID)))
	}

	return lines, nil
}

// Waits tells who is in the way; see recovery.Waiter.
func (e *environment) Waits(ctx context.Context) ([]string, error) { return e.waits(ctx) }

// Waits tells who is in the way; see recovery.Waiter.
func (s *services) Waits(ctx context.Context) ([]string, error) { return s.waits(ctx) }

// Waits tells who is in the way; see recovery.Waiter.
func (d *database) Waits(ctx context.Context) ([]string, error) { return d.waits(ctx) }

// Waits tells who is in the way; see recovery.Waiter.
func (r *restart) Waits(ctx context.Context) ([]string, error) { return r.waits(ctx) }

// Waits tells who is in the way; see recovery.Waiter. It serves every step of an
// undo.
func (u *undo) Waits(ctx context.Context) ([]string, error) { return u.waits(ctx) }

// Waits tells who is in the way; see recovery.Waiter. It serves every step of a
// cleanup.
func (c *cleanup) Waits(ctx context.Context) ([]string, error) { return c.waits(ctx) }
