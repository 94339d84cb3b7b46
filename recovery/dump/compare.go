package dump

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Comparison is what a loaded database lacks of what its dump holds. Its lists
// are empty where nothing is wrong.
type Comparison struct {
	Tables int   // compared
	Rows   int64 // counted in the database

	Missing   []Entry      // tables, sequences, views, constraints, indexes, triggers, extensions
	Differing []Difference // tables with other rows than the dump
	Behind    []Behind     // sequences that would give a number a second time
	Invalid   []Table      // indexes that the server does not use
	Objects   Count        // large objects

	Uncounted []Table // rows came by INSERT: there is nothing to compare with
	NoRows    []Table // tables whose rows are not in the dump at all
}

// Count is how many there should be, and are.
type Count struct{ Want, Got int64 }

// Difference is a table with another number of rows than the dump has.
type Difference struct {
	Table     Table
	Want, Got int64
}

// Behind is a sequence below the highest value of the column it numbers.
type Behind struct {
	Sequence  Table
	Table     Table
	Column    string
	Next, Max int64
}

// Problems says what is wrong, a line for each. It is empty where the database
// holds everything. What could not be counted is not wrong, only not proven.
func (c Comparison) Problems() []string {
	var lines []string
	if c.Tables == 0 {
		lines = append(lines, "no table was loaded")
	}
	for _, e := range c.Missing {
		lines = append(lines, fmt.Sprintf("%s %s is missing", strings.ToLower(e.Kind), Table{e.Schema, e.Name}))
	}
	for _, d := range c.Differing {
		lines = append(lines, fmt.Sprintf("table %s has %d rows, the dump has %d", d.Table, d.Got, d.Want))
	}
	if c.Objects.Want != c.Objects.Got {
		lines = append(lines, fmt.Sprintf("%d large objects are there, the dump has %d", c.Objects.Got, c.Objects.Want))
	}
	for _, b := range c.Behind {
		lines = append(lines, fmt.Sprintf("sequence %s would give %d next, and %s has %d already", b.Sequence, b.Next, b.Table, b.Max))
	}
	for _, i := range c.Invalid {
		lines = append(lines, fmt.Sprintf("index %s is not valid", i))
	}

	return lines
}

// Compare holds a loaded database against its dump.
func (s Server) Compare(ctx context.Context, db string, c Contents, r Reading) (Comparison, error) {
	s.Questions = &Questions{db: db}
	defer s.Questions.Close()
	counted, err := s.Rows(ctx, db)
	if err != nil {
		return Comparison{}, err
	}
	there, err := s.objects(ctx, db)
	if err != nil {
		return Comparison{}, err
	}
	found := compareRows(counted, c, r)
	for _, e := range c.Entries {
		if compared[e.Kind] && !there.have(e) {
			found.Missing = append(found.Missing, e)
		}
	}
	found.Invalid = there.invalid
	if found.Objects, err = s.objectsOf(ctx, db, r); err != nil {
		return Comparison{}, err
	}
	found.Behind, err = s.behind(ctx, db)

	return found, err
}

func compareRows(counted map[Table]int64, c Contents, r Reading) Comparison {
	found := Comparison{Uncounted: r.Unknown}
	for table, want := range r.Rows {
		if got, there := counted[table]; !there || got != want {
			found.Differing = append(found.Differing, Difference{table, want, got})
		}
	}
	slices.SortFunc(found.Differing, func(a, b Difference) int {
		return strings.Compare(a.Table.String(), b.Table.String())
	})
	for _, table := range c.Tables {
		// A partitioned table has no rows of its own, and is not counted.
		got, there := counted[table]
		if there && !slices.Contains(c.TableData, table) {
			found.NoRows = append(found.NoRows, table)
		}
		found.Rows += got
	}
	found.Tables = len(c.Tables)

	return found
}

// compared are the kinds of entries that are looked for, by the name that
// pg_dump gives them.
var compared = map[string]bool{
	"TABLE": true, "FOREIGN TABLE": true, "SEQUENCE": true, "VIEW": true, "MATERIALIZED VIEW": true,
	"INDEX": true, "CONSTRAINT": true, "FK CONSTRAINT": true, "CHECK CONSTRAINT": true,
	"TRIGGER": true, "EXTENSION": true,
}

type objects struct {
	names   map[Entry]bool
	invalid []Table
}

func (o objects) have(e Entry) bool {
	if e.Kind == "EXTENSION" {
		e.Schema = "" // its entry names none
	}

	return o.names[Entry{Kind: e.Kind, Schema: e.Schema, Name: e.Name}]
}

// objects lists what there is, under the names pg_dump gives: a constraint or a
// trigger goes by its table and its own.
func (s Server) objects(ctx context.Context, db string) (objects, error) {
	rows, err := s.query(ctx, "list what is in "+db, db, `
select case c.relkind when 'r' then 'TABLE' when 'p' then 'TABLE' when 'f' then 'FOREIGN TABLE' when 'S' then 'SEQUENCE'
                      when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' else 'INDEX' end, n.nspname, c.relname, 't'
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'f', 'S', 'v', 'm', 'i', 'I') and `+ofOperators+`
union all
select case k.contype when 'f' then 'FK CONSTRAINT' when 'c' then 'CHECK CONSTRAINT' else 'CONSTRAINT' end,
       n.nspname, c.relname || ' ' || k.conname, k.convalidated::text
from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
union all
select 'TRIGGER', n.nspname, c.relname || ' ' || t.tgname, 't'
from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace where not t.tgisinternal
union all
select 'EXTENSION', '', extname, 't' from pg_extension
union all
select 'INVALID', n.nspname, c.relname, 'f'
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where not (i.indisvalid and i.indisready) and `+ofOperators)
	if err != nil {
		return objects{}, err
	}
	found := objects{names: make(map[Entry]bool, len(rows))}
	for _, row := range rows {
		if row[0] == "INVALID" {
			found.invalid = append(found.invalid, Table{row[1], row[2]})
			continue
		}
		found.names[Entry{Kind: row[0], Schema: row[1], Name: row[2]}] = true
	}

	return found, nil
}

// behind looks for sequences below their column: the next row would be refused
// for a number that is taken.
func (s Server) behind(ctx context.Context, db string) ([]Behind, error) {
	rows, err := s.query(ctx, "look at the sequences of "+db, db, steady+`
select format($q$select %L, %L, %L, %L, %L, s.next, m.top
              from (select last_value + case when is_called then %s else 0 end as next from %I.%I) as s,
                   (select max(%I)::bigint as top from %I.%I) as m
              where m.top >= s.next$q$,
              sn.nspname, sc.relname, tn.nspname, tc.relname, a.attname, q.seqincrement,
              sn.nspname, sc.relname, a.attname, tn.nspname, tc.relname)
from pg_sequence q
join pg_class sc on sc.oid = q.seqrelid join pg_namespace sn on sn.oid = sc.relnamespace
join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = q.seqrelid and d.deptype in ('a', 'i')
                and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
join pg_class tc on tc.oid = d.refobjid join pg_namespace tn on tn.oid = tc.relnamespace
join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where q.seqincrement > 0 and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
\gexec
`)
	if err != nil {
		return nil, err
	}
	found := make([]Behind, 0, len(rows))
	for _, row := range rows {
		n, err := numbers(row[5], row[6])
		if err != nil {
			return nil, fmt.Errorf("look at the sequences of %s: %w", db, err)
		}
		found = append(found, Behind{Table{row[0], row[1]}, Table{row[2], row[3]}, row[4], n[0], n[1]})
	}

	return found, nil
}
