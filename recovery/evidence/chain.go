package evidence

import (
	"context"
	"fmt"
	"strings"
)

// Chain is an audit log whose rows each hold the hash of the row before.
type Chain struct {
	Table    string   // with its schema, quoted as SQL needs it
	Previous string   // the column with the hash of the row before
	Hash     string   // the column with the row's own hash
	Length   int64    // rows
	Starts   int64    // rows that name no predecessor
	Ends     int64    // rows that no other names as its predecessor
	Heads    []string // their hashes, at most a hundred
	Missing  int64    // rows whose predecessor is not there
	FirstBad string   // one of them, by its primary key
	Forks    int64    // rows that name a predecessor which another one names, too
	Twice    int64    // rows whose own hash another one has, too

	Combined string // how Hash follows from Previous and another column; empty: not recognised
	Content  string // which column that other one is the SHA-256 of; empty: not recognised
	Altered  int64  // rows that are not what those hashes say
}

// Intact tells whether every row links to the one before, in one unbroken line
// from each beginning to its head, and no row contradicts its own hashes.
func (c Chain) Intact() bool {
	return c.Missing == 0 && c.Forks == 0 && c.Twice == 0 && c.Altered == 0 && c.Ends == c.Starts && (c.Starts > 0 || c.Length == 0)
}

// Cut tells whether the only thing wrong is that the first row names a
// predecessor which is not there. That may be how this application begins its
// chains, or the beginning may have been cut off: the rows cannot tell.
func (c Chain) Cut() bool {
	return c.Starts == 0 && c.Missing == 1 && c.Ends == 1 && c.Forks == 0 && c.Twice == 0 && c.Altered == 0
}

// sampled is how many values a recognition looks at. One that is wrong about so
// many hashes does not happen by chance.
const sampled = 200

// hexHash is what a SHA-256 looks like as text.
const hexHash = `'^[0-9a-fA-F]{64}$'`

// AuditChain finds the audit log and follows it. A table may be named, as
// schema.table or table; empty: it is looked for. ErrUnrecognised means that no
// table is such a log.
func AuditChain(ctx context.Context, db Database, named string) (Chain, error) {
	all, err := columns(ctx, db)
	if err != nil {
		return Chain{}, err
	}
	var best Chain
	var most int64
	for _, table := range byTable(all) {
		if named != "" && !is(table[0].table, named) {
			continue
		}
		found, links, err := recognise(ctx, db, table)
		if err != nil {
			return Chain{}, err
		}
		if links > most {
			best, most = found, links
		}
	}
	if most == 0 {
		return Chain{}, fmt.Errorf("find the audit log: %w", ErrUnrecognised)
	}

	return directed(ctx, db, best, all)
}

// directed follows a chain both ways and takes the one that makes sense: links
// read the same from either end, but a row's hash is made of the one before, a
// beginning names none, and somebody chose the columns' names.
func directed(ctx context.Context, db Database, c Chain, all []column) (Chain, error) {
	forth, err := follow(ctx, db, c, all)
	if err != nil {
		return Chain{}, err
	}
	c.Previous, c.Hash = c.Hash, c.Previous
	back, err := follow(ctx, db, c, all)
	if err != nil {
		return Chain{}, err
	}
	for _, better := range []func(Chain) bool{
		func(c Chain) bool { return c.Combined != "" },
		func(c Chain) bool { return c.Starts > 0 },
		func(c Chain) bool { return strings.Contains(strings.ToLower(c.Previous), "prev") },
	} {
		if better(forth) != better(back) {
			if better(back) {
				return back, nil
			}
			return forth, nil
		}
	}

	return Chain{}, fmt.Errorf("tell which way the audit log runs: %w", ErrUnrecognised)
}

// is tells whether a quoted name is the one that the operator typed.
func is(quoted, named string) bool {
	plain := strings.ReplaceAll(quoted, `"`, "")

	return plain == named || strings.HasSuffix(plain, "."+named) || quoted == named
}

// recognise looks for a pair of columns of which one holds the other's values.
func recognise(ctx context.Context, db Database, table []column) (Chain, int64, error) {
	hashes, err := hashColumns(ctx, db, table)
	if err != nil || len(hashes) < 2 {
		return Chain{}, 0, err
	}
	var best Chain
	var most int64
	for _, previous := range hashes {
		for _, own := range hashes {
			if previous == own {
				continue
			}
			var links int64
			sql := fmt.Sprintf(`select count(*) from (select %[2]s::text as p, %[3]s::text as h from %[1]s where %[2]s::text ~ %[4]s limit %[5]d) s
				where s.p <> s.h and s.p in (select %[3]s::text from %[1]s)`, table[0].table, previous, own, hexHash, sampled)
			if err := numbers(ctx, db, sql, &links); err != nil {
				return Chain{}, 0, fmt.Errorf("look at %s: %w", table[0].table, err)
			}
			if links > most {
				best, most = Chain{Table: table[0].table, Previous: previous, Hash: own}, links
			}
		}
	}

	return best, most, nil
}

// hashColumns are those of a table that hold hashes in hex, and nothing else.
func hashColumns(ctx context.Context, db Database, table []column) ([]string, error) {
	var names, tests []string
	for _, c := range table {
		if c.kind == "number" {
			continue
		}
		names = append(names, c.name)
		// The first row of a chain has no hash before it; all others must.
		tests = append(tests, fmt.Sprintf(`(count(*) filter (where %[1]s::text ~ %[2]s) > 0 and count(*) filter (where %[1]s::text !~ %[2]s and %[1]s::text <> '') <= 1)::int`, c.name, hexHash))
	}
	if len(names) < 2 {
		return nil, nil
	}
	fits := make([]int64, len(names))
	into := make([]*int64, len(names))
	for i := range fits {
		into[i] = &fits[i]
	}
	sql := fmt.Sprintf("select %s from (select %s from %s limit %d) s", strings.Join(tests, ", "), strings.Join(names, ", "), table[0].table, sampled)
	if err := numbers(ctx, db, sql, into...); err != nil {
		return nil, fmt.Errorf("look at %s: %w", table[0].table, err)
	}
	var hashes []string
	for i, name := range names {
		if fits[i] == 1 {
			hashes = append(hashes, name)
		}
	}

	return hashes, nil
}
