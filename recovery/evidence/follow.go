package evidence

import (
	"context"
	"fmt"
	"strings"
)

// follow counts, in statements over the whole table, what would break a chain.
// Where each row has one predecessor at most and is that of one row at most,
// equal numbers of beginnings and heads leave no room for a gap.
func follow(ctx context.Context, db Database, c Chain, all []column) (Chain, error) {
	fill := strings.NewReplacer("TABLE", c.Table, "PREV", c.Previous+"::text", "HASH", c.Hash+"::text", "HEX", hexHash)
	err := numbers(ctx, db, fill.Replace(`select count(*), count(*) filter (where coalesce(PREV, '') !~ HEX or PREV ~ '^0+$'),
		count(HASH) - count(distinct HASH) + count(*) filter (where HASH is null),
		count(*) filter (where PREV ~ HEX and PREV !~ '^0+$') - count(distinct PREV) filter (where PREV ~ HEX and PREV !~ '^0+$') from TABLE`),
		&c.Length, &c.Starts, &c.Twice, &c.Forks)
	if err != nil {
		return c, fmt.Errorf("count the audit log: %w", err)
	}
	key, err := primaryKey(ctx, db, c.Table)
	if err != nil {
		return c, err
	}
	fill = strings.NewReplacer("TABLE", c.Table, "PREV", "a."+c.Previous+"::text", "OWN", "a."+c.Hash+"::text",
		"BEFORE", "b."+c.Previous+"::text", "HASH", "b."+c.Hash+"::text", "HEX", hexHash, "KEY", key)
	// Behind "offset 0" the planner does not know that few rows are wanted. Where it
	// does, it looks for each row in the whole table, which took a minute for 12,000.
	err = db.Rows(ctx, fill.Replace(`select count(*) over (), k from (select KEY as k from TABLE a where PREV ~ HEX and PREV !~ '^0+$'
		and not exists (select 1 from TABLE b where HASH = PREV) offset 0) bad order by 2 limit 1`), func(row []string) error {
		c.FirstBad = row[1]
		_, err := fmt.Sscan(row[0], &c.Missing)

		return err
	})
	if err != nil {
		return c, fmt.Errorf("follow the audit log: %w", err)
	}
	err = db.Rows(ctx, fill.Replace(`select own, count(*) over () from (select OWN as own from TABLE a
		where not exists (select 1 from TABLE b where BEFORE = OWN) offset 0) ends order by 1 limit 100`), func(row []string) error {
		c.Heads = append(c.Heads, row[0])
		_, err := fmt.Sscan(row[1], &c.Ends)

		return err
	})
	if err != nil {
		return c, fmt.Errorf("find the head of the audit log: %w", err)
	}

	return recompute(ctx, db, c, all)
}

// primaryKey is an expression for what names a row of a table, as text of rows
// called a: its primary key where that is one column, else where the row lies.
func primaryKey(ctx context.Context, db Database, table string) (string, error) {
	key := "a.ctid::text"
	sql := fmt.Sprintf(`select format('%%I', a.attname) from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
		where i.indrelid = %s::regclass and i.indisprimary and i.indnatts = 1`, literal(table))
	err := db.Rows(ctx, sql, func(row []string) error {
		key = "a." + row[0]

		return nil
	})
	if err != nil {
		return "", fmt.Errorf("find the primary key of %s: %w", table, err)
	}

	return key, nil
}

// combinations are the usual ways to hash a previous hash and a payload's, as
// SQL over a.PREV and a.OTHER.
func combinations() []string {
	return []string{"PREV || OTHER", "OTHER || PREV", "PREV || ':' || OTHER", "PREV || '|' || OTHER", "OTHER || ':' || PREV", "OTHER || '|' || PREV"}
}

// recompute computes hashes again where it recognises how they are made.
func recompute(ctx context.Context, db Database, c Chain, all []column) (Chain, error) {
	if c.Length == 0 {
		return c, nil
	}
	var table []column
	for _, one := range all {
		if one.table == c.Table && one.kind != "number" && one.name != c.Previous && one.name != c.Hash {
			table = append(table, one)
		}
	}
	for _, other := range table {
		for _, how := range combinations() {
			sql := strings.NewReplacer("PREV", "coalesce("+c.Previous+"::text, '')", "OTHER", other.name+"::text").Replace(how)
			fits, wrong, err := agree(ctx, db, c.Table, c.Hash, sql)
			if err != nil || fits {
				c.Combined, c.Altered = strings.NewReplacer("PREV", c.Previous, "OTHER", other.name).Replace(how), wrong
				return content(ctx, db, c, other.name, table, err)
			}
		}
	}

	return c, nil
}

// content looks for the column that the payload's hash is made of.
func content(ctx context.Context, db Database, c Chain, hash string, table []column, err error) (Chain, error) {
	for _, other := range table {
		if err != nil {
			return c, err
		}
		if other.name == hash {
			continue
		}
		var fits bool
		var wrong int64
		if fits, wrong, err = agree(ctx, db, c.Table, hash, other.name+"::text"); fits {
			c.Content, c.Altered = other.name, c.Altered+wrong
			return c, err
		}
	}

	return c, err
}

// agree tells whether a column is the SHA-256 of a text: most of a sample says
// whether that is meant, all rows say how many are not. One row that was changed
// must not keep the rest from being recognised.
func agree(ctx context.Context, db Database, table, column, text string) (fits bool, wrong int64, err error) {
	equal := fmt.Sprintf(`lower(%s::text) = encode(sha256(convert_to(%s, 'UTF8')), 'hex')`, column, text)
	var good, seen int64
	sql := fmt.Sprintf(`select count(*) filter (where %s), count(*) from (select * from %s limit %d) s`, equal, table, sampled)
	if err := numbers(ctx, db, sql, &good, &seen); err != nil {
		return false, 0, fmt.Errorf("compute the hashes of %s: %w", table, err)
	}
	if good*2 <= seen {
		return false, 0, nil
	}
	if err := numbers(ctx, db, fmt.Sprintf(`select count(*) filter (where %s is not true) from %s`, equal, table), &wrong); err != nil {
		return false, 0, fmt.Errorf("compute the hashes of %s: %w", table, err)
	}

	return true, wrong, nil
}
