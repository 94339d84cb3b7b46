package dump

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Database is one database of the server.
type Database struct {
	Name        string
	Owner       string
	Size        int64    // on disk; zero where it may not be asked
	Comment     string   // through a barrier, where one is up
	Barrier     *Barrier // who keeps everybody out; nil: nobody
	Encoding    string
	Collate     string
	Ctype       string
	Closed      bool // nobody may connect
	Connections int  // of now, but for the server's own clean-up: that makes way for whoever deletes
}

// Databases lists the databases, templates left out.
func (s Server) Databases(ctx context.Context) ([]Database, error) {
	rows, err := s.query(ctx, "list the databases", maintenance, `
select d.datname, pg_get_userbyid(d.datdba),
       case when has_database_privilege(d.oid, 'connect') then pg_database_size(d.oid) else 0 end,
       shobj_description(d.oid, 'pg_database'),
       pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datallowconn,
       (select count(*) from pg_stat_activity a where a.datid = d.oid and a.pid <> pg_backend_pid() and a.backend_type <> 'autovacuum worker')
from pg_database d where not d.datistemplate order by d.datname`)
	if err != nil {
		return nil, err
	}
	found := make([]Database, 0, len(rows))
	for _, row := range rows {
		n, err := numbers(row[2], row[8])
		if err != nil {
			return nil, fmt.Errorf("list the databases: %w", err)
		}
		comment, b := through(row[3])
		db := Database{
			Name: row[0], Owner: row[1], Size: n[0], Comment: comment,
			Encoding: row[4], Collate: row[5], Ctype: row[6],
			Closed: row[7] != "t", Connections: int(n[1]),
		}
		if b != nil {
			db.Barrier = b.Barrier
		}
		found = append(found, db)
	}

	return found, nil
}

// Options are how a database is made.
type Options struct {
	Encoding string // empty: UTF8
	Collate  string // empty: the server's own
	Ctype    string // empty: as Collate
}

// Create makes an empty database, from template0: nothing a site put into
// template1 may get in the way of what is loaded. SQL_ASCII is refused, because
// it takes any text and cannot tell its characters.
func (s Server) Create(ctx context.Context, name string, like Options) error {
	if err := checkName(name); err != nil {
		return err
	}
	encoding := like.Encoding
	if encoding == "" {
		encoding = "UTF8"
	}
	if strings.EqualFold(encoding, "SQL_ASCII") {
		return fmt.Errorf("create %s in %s: %w", name, encoding, ErrEncoding)
	}
	sql := "create database " + identifier(name) + " template template0 encoding " + literal(encoding)
	if like.Collate != "" {
		sql += " lc_collate " + literal(like.Collate)
	}
	if ctype := like.Ctype + like.Collate; ctype != "" {
		if like.Ctype != "" {
			ctype = like.Ctype
		}
		sql += " lc_ctype " + literal(ctype)
	}

	return s.exec(ctx, "create the database "+name, maintenance, sql)
}

// Drop removes a load of ours that was interrupted. Any other database is
// refused before a word of SQL is sent.
func (s Server) Drop(ctx context.Context, name string) error {
	if !IsRestoring(name) {
		return fmt.Errorf("drop %q: %w", name, ErrNotOurs)
	}

	return s.exec(ctx, "drop "+name, maintenance, "drop database if exists "+identifier(name)+" with (force)")
}

// Comment sets a database's comment: that is where its receipt is kept. It is for
// databases that are not live; the one of the live name may hold a barrier.
func (s Server) Comment(ctx context.Context, db, text string) error {
	if err := checkName(db); err != nil {
		return err
	}

	return s.exec(ctx, "comment on "+db, maintenance,
		"comment on database "+identifier(db)+" is "+literal(text))
}

// CommentOf gives a database's comment, through a barrier. A database that does
// not exist is ErrNoDatabase.
func (s Server) CommentOf(ctx context.Context, db string) (string, error) {
	all, err := s.standing(ctx, db)
	if err != nil {
		return "", err
	}
	if !all[db].there {
		return "", fmt.Errorf("read the comment on %s: %w", db, ErrNoDatabase)
	}

	return all[db].comment, nil
}

// Session is somebody connected to a database.
type Session struct {
	PID         int
	Database    string
	User        string
	Application string // what it calls itself: "pg_restore", "psql", or nothing
	Address     string // empty: over the socket
	State       string // "active", "idle", "idle in transaction"
	Since       time.Time
}

// Sessions lists who is connected to a database.
func (s Server) Sessions(ctx context.Context, db string) ([]Session, error) {
	return s.sessions(ctx, "list the sessions on "+db, "datname = "+literal(db))
}

// sessions lists those of others that a condition names.
func (s Server) sessions(ctx context.Context, doing, which string) ([]Session, error) {
	rows, err := s.query(ctx, doing, maintenance, `
select pid, usename, application_name, host(client_addr), state,
       to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), datname
from pg_stat_activity where pid <> pg_backend_pid() and `+which+` order by backend_start, pid`)
	if err != nil {
		return nil, err
	}
	found := make([]Session, 0, len(rows))
	for _, row := range rows {
		n, err := numbers(row[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		since, err := instant(row[5])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		found = append(found, Session{
			PID: int(n[0]), Database: row[6], User: row[1], Application: row[2], Address: row[3], State: row[4], Since: since,
		})
	}

	return found, nil
}

// instant reads a time as the queries here ask for it.
func instant(text string) (time.Time, error) { return time.Parse(time.RFC3339, text) }

// Analyze gathers the statistics that a dump does not carry. Without them every
// query is planned blindly.
func (s Server) Analyze(ctx context.Context, db string) error {
	return s.exec(ctx, "analyze "+db, db, "analyze")
}

// Checkpoint has everything written to disk.
func (s Server) Checkpoint(ctx context.Context) error {
	return s.exec(ctx, "write everything to disk", maintenance, "checkpoint")
}

// Missing tells which of the roles and extensions a dump names the server does
// not have. Each would stop the load.
func (s Server) Missing(ctx context.Context, c Contents) (roles, extensions []string, err error) {
	rows, err := s.query(ctx, "list roles and extensions", maintenance, `
select 'role', rolname from pg_roles union all select 'extension', name from pg_available_extensions`)
	if err != nil {
		return nil, nil, err
	}
	there := map[string]bool{}
	for _, row := range rows {
		there[row[0]+" "+row[1]] = true
	}
	lacks := func(kind string) func(string) bool {
		return func(name string) bool { return there[kind+" "+name] }
	}

	return slices.DeleteFunc(slices.Clone(c.Roles), lacks("role")),
		slices.DeleteFunc(slices.Clone(c.Extensions), lacks("extension")), nil
}
