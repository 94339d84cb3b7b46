// Package evidence asks restored data what it proves: whether the audit log's
// hash chain links, whether the vault holds what the database refers to, and
// whether documents open with the secret that was restored.
//
// FirmFlow's tables, columns and encryption are not documented, so they are
// recognised by what they hold, or named by the operator. Nothing here writes.
// What cannot be recognised is an error of its own, ErrUnrecognised, and never
// a success.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrUnrecognised means that the data holds nothing of the kind that was looked
// for, or nothing that can be told for certain.
var ErrUnrecognised = errors.New("not recognised")

// Database answers one statement at a time. There may be millions of rows;
// NULL and the empty text read the same.
type Database interface {
	Rows(ctx context.Context, sql string, row func(columns []string) error) error
}

// column is a column of a table as the catalogue has it.
type column struct {
	table string // with its schema, quoted
	name  string // quoted
	kind  string // text, hash or number: what it can hold
}

// columns lists the columns of the database's own tables that can hold a text
// or a whole number, table by table.
func columns(ctx context.Context, db Database) ([]column, error) {
	const sql = `select format('%I.%I', n.nspname, c.relname), format('%I', a.attname),
			case when t.typname in ('int4', 'int8') then 'number' when t.typname = 'bpchar' then 'hash' else 'text' end
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		join pg_type t on t.oid = a.atttypid
		where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
			and t.typname in ('text', 'varchar', 'bpchar', 'int4', 'int8')
		order by 1, a.attnum`
	var all []column
	err := db.Rows(ctx, sql, func(c []string) error {
		if len(c) != 3 {
			return fmt.Errorf("%d columns in the answer, not three", len(c))
		}
		all = append(all, column{c[0], c[1], c[2]})

		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the columns: %w", err)
	}

	return all, nil
}

// byTable groups columns, in their order.
func byTable(all []column) [][]column {
	var tables [][]column
	for i, c := range all {
		if i == 0 || all[i-1].table != c.table {
			tables = append(tables, nil)
		}
		last := len(tables) - 1
		tables[last] = append(tables[last], c)
	}

	return tables
}

// literal quotes a text for SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// numbers runs a statement that answers with one row of whole numbers.
func numbers(ctx context.Context, db Database, sql string, into ...*int64) error {
	rows := 0
	err := db.Rows(ctx, sql, func(c []string) error {
		rows++
		if len(c) != len(into) {
			return fmt.Errorf("%d columns in the answer, not %d", len(c), len(into))
		}
		for i := range into {
			if _, err := fmt.Sscan(c[i], into[i]); err != nil {
				return fmt.Errorf("read a number of the answer: %w", err)
			}
		}

		return nil
	})
	if err == nil && rows != 1 {
		err = fmt.Errorf("%d rows in the answer, not one", rows)
	}

	return err
}
