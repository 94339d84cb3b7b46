package dump

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Barrier is who keeps everybody out of a database. While it is up nobody can
// connect, superusers included, and no restart of anything changes that: it lies
// in the server's own catalogue.
//
// Whose it is stands in the database's comment, around the comment that was
// there. Everything in this package reads a comment through it, so that a
// receipt is seen whether or not the barrier is up.
type Barrier struct {
	Run   string    `json:"run"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// barred is the comment of a closed database.
type barred struct {
	Program string   `json:"program"`
	Note    string   `json:"note"` // for whoever lists the databases
	Barrier *Barrier `json:"barrier"`
	Open    bool     `json:"was_open"`
	Comment string   `json:"comment,omitempty"` // what stood there before
}

const (
	barring = "firmflow-recovery"
	barNote = "closed while a recovery is unfinished: firmflow-recovery status"
)

// through reads a comment: what a barrier hides, and the barrier; nil where there
// is none.
func through(comment string) (string, *barred) {
	var b barred
	if json.Unmarshal([]byte(comment), &b) != nil || b.Program != barring || b.Barrier == nil {
		return comment, nil
	}

	return b.Comment, &b
}

// up is the SQL that raises a barrier in front of a database with this comment.
func (b Barrier) up(db, comment string, open bool) (string, error) {
	text, err := json.Marshal(barred{Program: barring, Note: barNote, Barrier: &b, Open: open, Comment: comment})
	if err != nil {
		return "", fmt.Errorf("describe the barrier: %w", err)
	}

	return "alter database " + identifier(db) + " allow_connections false;\n" +
		"comment on database " + identifier(db) + " is " + literal(string(text)) + ";\n", nil
}

// down is the SQL that takes it away again, without a trace.
func (b barred) down(db string) string {
	return "alter database " + identifier(db) + " allow_connections " + strconv.FormatBool(b.Open) + ";\n" +
		"comment on database " + identifier(db) + " is " + literal(b.Comment) + ";\n"
}

// standing is a database as the catalogue has it.
type standing struct {
	there   bool
	open    bool
	comment string  // through the barrier
	barred  *barred // nil: no barrier
}

func (s Server) standing(ctx context.Context, names ...string) (map[string]standing, error) {
	list := ""
	for i, name := range names {
		if i > 0 {
			list += ", "
		}
		list += literal(name)
	}
	rows, err := s.query(ctx, "look for the databases", maintenance,
		"select datname, datallowconn, shobj_description(oid, 'pg_database') from pg_database where datname in ("+list+")")
	if err != nil {
		return nil, err
	}
	found := make(map[string]standing, len(rows))
	for _, row := range rows {
		comment, b := through(row[2])
		found[row[0]] = standing{there: true, open: row[1] == "t", comment: comment, barred: b}
	}

	return found, nil
}

// Close raises a barrier in front of a database and ends every session on it. One
// that is up already, of whichever run, becomes this one's; what it will leave
// behind stays what was there before the first. A database that does not exist is
// ErrNoDatabase.
func (s Server) Close(ctx context.Context, db string, b Barrier) error {
	doing := "close " + db
	if err := checkName(db); err != nil {
		return err
	}
	all, err := s.standing(ctx, db)
	if err != nil {
		return err
	}
	now := all[db]
	if !now.there {
		return fmt.Errorf("%s: %w", doing, ErrNoDatabase)
	}
	open := now.open
	if now.barred != nil {
		open = now.barred.Open
		if now.barred.Barrier.Run == b.Run {
			b.Since = now.barred.Barrier.Since
		}
	}
	up, err := b.up(db, now.comment, open)
	if err != nil {
		return err
	}

	return s.exec(ctx, doing, maintenance, "begin;\n"+up+"commit;\n"+ending(literal(db)))
}

// ending is the SQL that ends all sessions on databases, and waits for them.
func ending(names string) string {
	return `select pg_terminate_backend(pid, 5000), 1 from pg_stat_activity
where pid <> pg_backend_pid() and datname in (` + names + `);
`
}

// Open takes the barrier in front of a database away: it is open or closed as it
// was before, and its comment is what it was. Where there is no barrier, or no
// such database, there is nothing to do.
func (s Server) Open(ctx context.Context, db string) error {
	if err := checkName(db); err != nil {
		return err
	}
	all, err := s.standing(ctx, db)
	if err != nil || all[db].barred == nil {
		return err
	}

	return s.exec(ctx, "open "+db, maintenance, "begin;\n"+all[db].barred.down(db)+"commit;\n")
}

// Stands is how a database stands in the catalogue.
type Stands struct {
	There   bool
	Comment string   // through a barrier
	Barrier *Barrier // nil: none
}

// Stands tells how a database stands in the catalogue, also where nobody may
// connect to it, or there is none.
func (s Server) Stands(ctx context.Context, db string) (Stands, error) {
	all, err := s.standing(ctx, db)
	now := all[db]
	found := Stands{There: now.there, Comment: now.comment}
	if now.barred != nil {
		found.Barrier = now.barred.Barrier
	}

	return found, err
}

// moved is the SQL by which a barrier stays on the live name while databases
// change names: who leaves it is as before the barrier, and who gets it is closed.
func (w Swap) moved(renames []rename, have map[string]standing) (string, error) {
	if w.Barrier == nil {
		return "", nil
	}
	sql := ""
	for _, r := range renames {
		was := have[r.from]
		switch {
		case r.from == w.Live && was.barred != nil:
			sql += was.barred.down(r.to)
		case r.to == w.Live:
			open := was.open || was.barred != nil && was.barred.Open
			up, err := w.Barrier.up(w.Live, was.comment, open)
			if err != nil {
				return "", err
			}
			sql += up
		}
	}

	return sql, nil
}

// SizeOf tells how large a database is on disk, also where nobody may connect.
func (s Server) SizeOf(ctx context.Context, db string) (int64, error) {
	row, err := s.row(ctx, "measure "+db, maintenance, "select pg_database_size("+literal(db)+"), 1")
	if err != nil {
		return 0, err
	}
	n, err := numbers(row[0])
	if err != nil {
		return 0, errors.Join(fmt.Errorf("measure %s", db), err)
	}

	return n[0], nil
}
