package evidence

import (
	"context"
	"fmt"
)

// Holds tells whether an entry of the chain has this hash.
func (c Chain) Holds(ctx context.Context, db Database, hash string) (bool, error) {
	var n int64
	if err := numbers(ctx, db, fmt.Sprintf("select count(*) from %s where %s::text = %s", c.Table, c.Hash, literal(hash)), &n); err != nil {
		return false, fmt.Errorf("look for an entry of the audit log: %w", err)
	}

	return n > 0, nil
}
