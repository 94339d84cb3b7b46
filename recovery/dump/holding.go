package dump

import (
	"context"
	"fmt"
	"time"
)

// Holding is what a database holds, as far as it can be told quickly. It is
// there to fit a confirmation to the danger, not to prove anything.
type Holding struct {
	Tables int
	Rows   int64     // as the server estimates
	Size   int64     // on disk
	Closed bool      // nobody may connect, so that only its size can be told
	Newest time.Time // when a row was created or changed last; zero if it cannot be told
}

// Summary tells what a database holds.
func (s Server) Summary(ctx context.Context, db string) (Holding, error) {
	row, err := s.row(ctx, "look into "+db, db, `
select count(*), pg_database_size(current_database()),
       coalesce(sum(case when c.reltuples > 0 then c.reltuples else s.n_live_tup end) filter (where c.relkind = 'r'), 0)::bigint
from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_all_tables s on s.relid = c.oid
where c.relkind in ('r', 'p') and `+ofOperators)
	if err != nil {
		return Holding{}, err
	}
	n, err := numbers(row...)
	if err != nil {
		return Holding{}, fmt.Errorf("look into %s: %w", db, err)
	}

	return Holding{Tables: int(n[0]), Rows: n[2], Size: n[1], Newest: s.newest(ctx, db)}, ctx.Err()
}

// patience is how long the newest row is looked for.
const patience = 15 * time.Second

// ofOperators leaves the server's own tables out.
const ofOperators = `n.nspname <> 'information_schema' and n.nspname !~ '^pg_'`

// newest looks for the latest time in columns that by their name say when a row
// was made or changed. Where it finds none, or no answer in time, that is no
// error: the question can just not be answered.
func (s Server) newest(ctx context.Context, db string) time.Time {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	rows, err := s.query(ctx, "look for the newest row of "+db, db, `
set timezone = 'UTC'; set statement_timeout = '5s';
select format('select to_char(max(%I)::timestamptz, ''YYYY-MM-DD"T"HH24:MI:SS"Z"'') from only %I.%I where %I <= now()',
              a.attname, n.nspname, c.relname, a.attname)
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
  and a.atttypid in ('timestamp'::regtype, 'timestamptz'::regtype)
  and a.attname ~* '^(created|updated|modified|changed|inserted|timestamp)(_?at|_?on)?$' and `+ofOperators+`
\gexec
`)
	if err != nil {
		return time.Time{}
	}
	var newest time.Time
	for _, row := range rows {
		if at, err := time.Parse(time.RFC3339, row[0]); err == nil && at.After(newest) {
			newest = at
		}
	}

	return newest
}
