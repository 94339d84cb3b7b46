package dump

import (
	"context"
	"fmt"
)

// Wait is a session of ours that waits for another one.
type Wait struct {
	PID     int    // of ours, on the server
	Doing   string // what ours calls itself
	Blocker Session
	Open    string // how long the blocker's transaction has been open, as PostgreSQL says it; empty: none is
}

func (w Wait) String() string {
	text := fmt.Sprintf("%s (process %d of the server) waits for %s, %s", w.Doing, w.PID, w.Blocker, w.Blocker.State)
	if w.Open != "" {
		text += ", its transaction open for " + w.Open
	}

	return text
}

// Waits tells who blocks whom, for the sessions of this program.
func (s Server) Waits(ctx context.Context) ([]Wait, error) {
	const doing = "ask who is in the way"
	rows, err := s.query(ctx, doing, maintenance, `
select w.pid, w.application_name, b.pid, coalesce(b.application_name, ''), coalesce(b.usename, ''), host(b.client_addr), coalesce(b.state, b.backend_type),
       to_char(b.backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), coalesce(b.datname, ''),
       date_trunc('second', now() - b.xact_start)
from pg_stat_activity w cross join lateral unnest(pg_blocking_pids(w.pid)) as by(pid) join pg_stat_activity b on b.pid = by.pid
where w.application_name like `+literal(looks+"%")+` order by 1, 3`)
	if err != nil {
		return nil, err
	}
	waits := make([]Wait, 0, len(rows))
	for _, row := range rows {
		n, err := numbers(row[0], row[2])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		since, err := instant(row[7])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		waits = append(waits, Wait{PID: int(n[0]), Doing: row[1], Open: row[9], Blocker: Session{
			PID: int(n[1]), Application: row[3], User: row[4], Address: row[5], State: row[6], Since: since, Database: row[8],
		}})
	}

	return waits, nil
}
