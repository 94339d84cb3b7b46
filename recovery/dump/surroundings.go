package dump

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Locale is how a database orders and classifies text.
type Locale struct {
	Provider string // "libc", "icu" or "builtin"
	Collate  string
	Ctype    string
}

// DatabaseSetting is what was set for a database, or for a role in it. pg_restore sets
// it only where it makes the database itself.
type DatabaseSetting struct {
	Role  string // empty: for everybody
	Name  string // "TimeZone"
	Value string // as SQL: 'Europe/Zurich'
}

var localePart = regexp.MustCompile(` (LOCALE_PROVIDER|LOCALE|LC_COLLATE|LC_CTYPE) = (?:'([^']*)'|(\w+))`)

// localeIn reads pg_dump's CREATE DATABASE.
func localeIn(definition string) Locale {
	l := Locale{Provider: "libc"}
	for _, m := range localePart.FindAllStringSubmatch(definition, -1) {
		switch value := m[2] + m[3]; m[1] {
		case "LOCALE_PROVIDER":
			l.Provider = value
		case "LOCALE":
			l.Collate, l.Ctype = value, value
		case "LC_COLLATE":
			l.Collate = value
		default:
			l.Ctype = value
		}
	}

	return l
}

var (
	ofDatabase = regexp.MustCompile(`(?s)^ALTER DATABASE ` + name + ` SET ` + name + ` (?:TO|=) (.*)$`)
	ofRole     = regexp.MustCompile(`(?s)^ALTER ROLE ` + name + ` IN DATABASE ` + name + ` SET ` + name + ` (?:TO|=) (.*)$`)
)

// settings collects what pg_dump writes of a database's settings.
type settings struct{ found []DatabaseSetting }

func (s *settings) statement(text string, _ int64) {
	if m := ofDatabase.FindStringSubmatch(text); m != nil {
		s.found = append(s.found, DatabaseSetting{Name: unquoted(m[2]), Value: m[3]})
	}
	if m := ofRole.FindStringSubmatch(text); m != nil {
		s.found = append(s.found, DatabaseSetting{Role: unquoted(m[1]), Name: unquoted(m[3]), Value: m[4]})
	}
}
func (*settings) comment(string)              {}
func (*settings) command(string, int64, bool) {}
func (*settings) copied(int64)                {}

func settingsIn(definition string) []DatabaseSetting {
	s := &settings{}
	_, _ = (&lexer{to: s}).Write([]byte(definition + "\n"))

	return s.found
}

func (s DatabaseSetting) String() string {
	if s.Role != "" {
		return s.Name + " for " + s.Role
	}

	return s.Name
}

// value is what is literal in a setting: texts, numbers and words with commas
// between. Nothing else follows ALTER ... SET from a dump.
var value = regexp.MustCompile(`^(?:'(?:[^']|'')*'|[\w.+-]+|` + name + `)(?:, (?:'(?:[^']|'')*'|[\w.+-]+|` + name + `))*$`)

// Set sets again what was set for the database that was dumped. A setting that
// this server does not take is returned, and does not keep the others from it.
func (s Server) Set(ctx context.Context, db string, all []DatabaseSetting) (refused []DatabaseSetting, err error) {
	for _, one := range all {
		if !value.MatchString(one.Value) {
			refused = append(refused, one)
			continue
		}
		sql := "alter database " + identifier(db)
		if one.Role != "" {
			sql = "alter role " + identifier(one.Role) + " in database " + identifier(db)
		}
		err := s.exec(ctx, "set "+one.String()+" for "+db, maintenance, sql+" set "+identifier(one.Name)+" to "+one.Value)
		var tool *ToolError
		if errors.As(err, &tool) && !errors.Is(err, ErrServerGone) && !errors.Is(err, ErrNoAnswer) {
			refused = append(refused, one)
			continue
		}
		if err != nil {
			return refused, err
		}
	}

	return refused, nil
}

// Unset tells which settings a database does not have, whatever their values.
func (s Server) Unset(ctx context.Context, db string, all []DatabaseSetting) ([]DatabaseSetting, error) {
	if len(all) == 0 {
		return nil, nil
	}
	rows, err := s.query(ctx, "read the settings of "+db, maintenance, `
select coalesce(r.rolname, ''), split_part(one, '=', 1)
from pg_db_role_setting s cross join unnest(s.setconfig) as one join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole
where d.datname = `+literal(db))
	if err != nil {
		return nil, err
	}

	return slices.DeleteFunc(slices.Clone(all), func(one DatabaseSetting) bool {
		return slices.ContainsFunc(rows, func(row []string) bool { return row[0] == one.Role && strings.EqualFold(row[1], one.Name) })
	}), nil
}

// HasLocale tells whether a database can be made with a locale: whether the
// server knows a collation of it, or has a database with it.
func (s Server) HasLocale(ctx context.Context, l Locale) (bool, error) {
	if l.Provider != "libc" {
		return false, nil
	}
	rows, err := s.query(ctx, "list the locales", maintenance, `
select collcollate from pg_collation where collprovider = 'c' union select datcollate from pg_database union select datctype from pg_database`)
	if err != nil {
		return false, err
	}
	there := map[string]bool{"c": true, "posix": true}
	for _, row := range rows {
		there[sameLocale(row[0])] = true
	}

	return there[sameLocale(l.Collate)] && there[sameLocale(l.Ctype)], nil
}

// sameLocale gives names of the same locale the same spelling: en_US.UTF-8 is
// en_US.utf8.
func sameLocale(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "-", "")
}

// Spaceless tells which of a dump's tablespaces the server does not have.
func (s Server) Spaceless(ctx context.Context, c Contents) ([]string, error) {
	if len(c.Tablespaces) == 0 {
		return nil, nil
	}
	rows, err := s.query(ctx, "list the tablespaces", maintenance, "select spcname, 1 from pg_tablespace")
	if err != nil {
		return nil, err
	}

	return slices.DeleteFunc(slices.Clone(c.Tablespaces), func(name string) bool {
		return slices.ContainsFunc(rows, func(row []string) bool { return row[0] == name })
	}), nil
}

// objectsOf counts the large objects.
func (s Server) objectsOf(ctx context.Context, db string, r Reading) (Count, error) {
	row, err := s.row(ctx, "count the large objects of "+db, db, "select count(*), 1 from pg_largeobject_metadata")
	if err != nil {
		return Count{}, err
	}
	n, err := numbers(row[0])
	if err != nil {
		return Count{}, fmt.Errorf("count the large objects of %s: %w", db, err)
	}

	return Count{Want: r.LargeObjects, Got: n[0]}, nil
}
