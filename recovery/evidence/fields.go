package evidence

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/secret"
)

// Fields is how the encrypted values of single columns opened: a second factor's
// secret, a key to somebody else's service. As with documents, a tag that
// verifies is proof.
type Fields struct {
	Columns []string // that look encrypted, as table.column
	Column  string   // one that opened, the first that did
	Tried   int      // values of that column
	Opened  int
	Key     string
	Layout  string
}

// What is looked at for encrypted values.
const (
	mostColumns = 12 // that look encrypted
	fieldValues = 24 // of each column
	fieldTries  = 1  // that are tried with every key, of each column
)

// OpenFields finds the columns whose values look encrypted, and tries to open
// some of them with the keys that are made of one secret. ErrUnrecognised means
// that columns look encrypted and none of their values opened. Where no column
// does, there is nothing to prove the secret by: Columns is empty then.
func OpenFields(ctx context.Context, db Database, name string, value secret.String) (Fields, error) {
	found, err := sealedColumns(ctx, db)
	if err != nil || len(found) == 0 {
		return Fields{}, err
	}
	var f Fields
	for _, c := range found {
		f.Columns = append(f.Columns, c.name)
	}
	made := keys(map[string]secret.String{name: value})
	for _, c := range found {
		way := searchAll(ctx, c.sealed[:min(len(c.sealed), fieldTries)], made)
		if ctx.Err() != nil {
			return Fields{}, context.Cause(ctx)
		}
		if way == nil {
			continue
		}
		f.Column, f.Key, f.Layout = c.name, way.key.name, way.layout.name
		for _, sealed := range c.sealed {
			f.Tried++
			if way.opens(sealed) {
				f.Opened++
			}
		}

		return f, nil
	}

	return f, fmt.Errorf("open a field: %w", ErrUnrecognised)
}

func searchAll(ctx context.Context, sealed [][]byte, made []key) *way {
	for _, one := range sealed {
		if w := search(ctx, one, made); w != nil {
			return w
		}
	}

	return nil
}

// sealedColumn is a column all of whose sampled values look encrypted.
type sealedColumn struct {
	name   string
	sealed [][]byte
}

// sealedColumns looks at all text columns in one statement. Shorter than a nonce
// and a tag together nothing is encrypted; what is longer than a page is no field.
func sealedColumns(ctx context.Context, db Database) ([]sealedColumn, error) {
	all, err := columns(ctx, db)
	if err != nil {
		return nil, err
	}
	var samples, names []string
	for _, c := range all {
		if c.kind != "text" {
			continue
		}
		samples = append(samples, fmt.Sprintf("(select %d, %s::text from %s where length(%s::text) between 1 and 4096 limit %d)", len(names), c.name, c.table, c.name, fieldValues))
		names = append(names, c.table+"."+c.name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	sealed, plain := make([][][]byte, len(names)), make([]bool, len(names))
	err = db.Rows(ctx, strings.Join(samples, " union all "), func(row []string) error {
		at, err := strconv.Atoi(row[0])
		if err != nil {
			return fmt.Errorf("read a number of the answer: %w", err)
		}
		if value, looks := encrypted(row[1]); looks {
			sealed[at] = append(sealed[at], value)
		} else {
			plain[at] = true
		}

		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for encrypted columns: %w", err)
	}
	var found []sealedColumn
	for i, values := range sealed {
		if len(values) > 0 && !plain[i] && len(found) < mostColumns {
			found = append(found, sealedColumn{names[i], values})
		}
	}

	return found, nil
}

// digests are texts of hexadecimal digits as long as those of the usual hashes.
var digests = regexp.MustCompile(`^([0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{56}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})$`)

// marks are what applications put before an encrypted value to know it by.
var marks = regexp.MustCompile(`^(enc|encrypted|aes|aes-256-gcm|aesgcm|v[0-9]{1,2})[:.$]`)

// encrypted tells whether a text can be an encrypted value, and gives its bytes,
// or the texts with colons between them as they are.
func encrypted(text string) ([]byte, bool) {
	const least = 12 + tagSize // a nonce and a tag
	if digests.MatchString(text) {
		return nil, false
	}
	for range 2 { // "enc:v1:"
		text = text[len(marks.FindString(text)):]
	}
	if bytes.Count([]byte(text), []byte(":")) == 2 {
		for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString} {
			if _, fits := texts([]byte(text), decode, 1, 2); fits {
				return []byte(text), true
			}
			if _, fits := texts([]byte(text), decode, 2, 1); fits {
				return []byte(text), true
			}
		}

		return nil, false
	}
	if b, err := hex.DecodeString(text); err == nil {
		return b, len(b) >= least
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := encoding.DecodeString(text); err == nil && len(b) >= least {
			return b, true
		}
	}

	return nil, false
}

// Analysed counts the tables of the database that hold rows, and how many of
// them the planner has statistics of. A dump carries none: without them the
// restored database is slow.
func Analysed(ctx context.Context, db Database) (tables, analysed int64, err error) {
	const sql = `select count(*), count(*) filter (where exists (select 1 from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname))
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and c.reltuples > 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`
	if err := numbers(ctx, db, sql, &tables, &analysed); err != nil {
		return 0, 0, fmt.Errorf("look for statistics: %w", err)
	}

	return tables, analysed, nil
}
