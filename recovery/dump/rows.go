package dump

import (
	"context"
	"fmt"
)

// steady makes rows read the same whatever the server, the database or the role
// is set to.
const steady = `
set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres';
set bytea_output = 'hex'; set extra_float_digits = 1; set xmlbinary = 'base64';
set search_path = pg_catalog; set row_security = off;
`

// ofTables goes over every table that holds rows itself: ordinary ones and
// partitions, not the partitioned tables above them.
const ofTables = `
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and ` + ofOperators + `
order by n.nspname, c.relname
\gexec
`

// Rows counts the rows of every table, exactly, and all as of one moment.
func (s Server) Rows(ctx context.Context, db string) (map[Table]int64, error) {
	rows, err := s.query(ctx, "count the rows of "+db, db, steady+`
begin isolation level repeatable read read only;
select format('select %L, %L, count(*) from only %I.%I', n.nspname, c.relname, n.nspname, c.relname)`+ofTables+`
commit;
`)
	if err != nil {
		return nil, err
	}
	counted := make(map[Table]int64, len(rows))
	for _, row := range rows {
		n, err := numbers(row[2])
		if err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", db, err)
		}
		counted[Table{row[0], row[1]}] = n[0]
	}

	return counted, nil
}

// LargeObjects is the name under which Fingerprints gives the large objects.
var LargeObjects = Table{"pg_catalog", "pg_largeobject"}

// Fingerprints gives a fingerprint of every table's rows, and of the large
// objects. It does not depend on the order in which rows lie, and takes no
// memory for them: it adds up a digest of each row, in two halves.
func (s Server) Fingerprints(ctx context.Context, db string) (map[Table]string, error) {
	rows, err := s.query(ctx, "take fingerprints of "+db, db, steady+`
begin isolation level repeatable read read only;
select format($q$select %L, %L, md5(concat_ws(':', count(*), sum(('x' || left(d, 16))::bit(64)::bigint), sum(('x' || right(d, 16))::bit(64)::bigint)))
              from (select md5((t.*)::text) as d from only %I.%I as t) as digests$q$, n.nspname, c.relname, n.nspname, c.relname)`+ofTables+`
select 'pg_catalog', 'pg_largeobject', md5(concat_ws(':', count(*), sum(('x' || left(d, 16))::bit(64)::bigint), sum(('x' || right(d, 16))::bit(64)::bigint)))
from (select md5(concat_ws(':', loid, pageno, md5(data))) as d from pg_largeobject
      union all select md5(oid::text) from pg_largeobject_metadata) as digests
where has_table_privilege('pg_largeobject', 'select');
commit;
`)
	if err != nil {
		return nil, err
	}
	taken := make(map[Table]string, len(rows))
	for _, row := range rows {
		taken[Table{row[0], row[1]}] = row[2]
	}

	return taken, nil
}
