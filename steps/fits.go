package steps

import (
	"context"
	"fmt"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
)

// fit is how a dump goes into this server where the two differ in what a load
// does not bring along.
type fit struct {
	options  dump.Options
	spaces   bool // all tablespaces of the dump are here
	findings []recovery.Finding
}

// fits compares a dump with the server before anything is loaded. What would
// stop the load is an error with its diagnosis; what only differs is said.
func (d *database) fits(ctx context.Context) (fit, error) {
	c := d.read.contents
	if strings.EqualFold(c.Encoding, "SQL_ASCII") {
		return fit{}, recovery.Fail(encodingUnknown(d.Backup.Dump.Path), dump.ErrEncoding)
	}
	if err := d.missing(ctx); err != nil {
		return fit{}, err
	}
	f := fit{options: dump.Options{Encoding: c.Encoding}}
	if err := f.locale(ctx, d, c); err != nil {
		return fit{}, err
	}
	if err := f.tablespaces(ctx, d, c); err != nil {
		return fit{}, err
	}

	return f, d.newerServer(ctx, &f)
}

// locale takes the dump's own where this server has it: texts are then in the
// order that the app knows.
func (f *fit) locale(ctx context.Context, d *database, c dump.Contents) error {
	if c.Locale.Collate == "" && c.Locale.Provider == "" {
		return nil // a script does not say
	}
	here, err := d.server().HasLocale(ctx, c.Locale)
	if err != nil {
		return err
	}
	if here {
		f.options.Collate, f.options.Ctype = c.Locale.Collate, c.Locale.Ctype
		return nil
	}
	f.warn(localeMissing(d.DBService, c.Locale))

	return nil
}

// tablespaces leaves those that are not here out: pg_restore can, a script
// cannot.
func (f *fit) tablespaces(ctx context.Context, d *database, c dump.Contents) error {
	missing, err := d.server().Spaceless(ctx, c)
	if err != nil {
		return err
	}
	f.spaces = len(missing) == 0
	switch {
	case f.spaces:
		return nil
	case c.Header.Format == dump.Plain:
		return recovery.Fail(tablespacesMissing(d.Stack, missing), nil)
	default:
		f.warn(tablespacesMissing(d.Stack, missing))
		return nil
	}
}

// newerServer says that the dump is of an older PostgreSQL, which is fine.
func (d *database) newerServer(ctx context.Context, f *fit) error {
	major, _, err := d.server().Version(ctx)
	if h := d.read.header; err == nil && h.ServerMajor < major {
		f.findings = append(f.findings, recovery.OK("dump", fmt.Sprintf("taken from PostgreSQL %d; the database here is %d, which loads it", h.ServerMajor, major)))
	}

	return err
}

func (f *fit) warn(d recovery.Diagnosis) {
	f.findings = append(f.findings, recovery.Problem("dump", recovery.Warned, d))
}

// settle sets again what was set for the database, and says what this server
// does not take.
func (d *database) settle(ctx context.Context, into string, p recovery.Progress) error {
	all := d.read.contents.Settings
	refused, err := d.server().Set(ctx, into, all)
	if len(all) > len(refused) {
		p.Note(recovery.Counted(int64(len(all)-len(refused)), "setting") + " of the database set again, as in the dump")
	}

	return err
}

// unset tells of settings that the loaded database lacks.
func (d *database) unset(ctx context.Context, name string) ([]recovery.Finding, error) {
	missing, err := d.server().Unset(ctx, name, d.read.contents.Settings)
	if err != nil || len(missing) == 0 {
		return nil, err
	}

	return []recovery.Finding{recovery.Problem("database", recovery.Warned, settingsMissing(d.Stack, missing))}, nil
}

func encodingUnknown(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDatabaseEncoding, Summary: "The dump is in SQL_ASCII, which does not say what its characters are", Seen: path, Intact: nothingTouched,
		Remedies: do("Such a database takes any bytes, and FirmFlow's is UTF8: see whether this is its dump", "firmflow-recovery verify", otherBackup, listBackups),
	}
}

func localeMissing(service string, l dump.Locale) recovery.Diagnosis {
	name := l.Collate
	if l.Provider != "libc" {
		name = "one of " + l.Provider
	}

	return recovery.Diagnosis{
		Code: CodeDatabaseLocale, Summary: "The locale of the dumped database is not in this database image: " + name,
		Seen: "the new database gets the server's own; texts are sorted by it", Intact: nothingTouched,
		Remedies: do("If the order of names matters, use the image of the backup's day for service "+service+", then look again", again),
	}
}

func tablespacesMissing(s *Stack, missing []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDatabaseSpaces, Summary: "Tablespaces of the dump are not on this server: " + join(missing),
		Seen:   "from an archive, all is loaded into the default tablespace; a script names them in its own words, and stops there",
		Intact: nothingTouched,
		Remedies: do("Make it, on a directory of the server that is empty",
			s.Runtime.TypedIn(s.DBService, "psql", "-U", s.User, "-d", "postgres", "-c", "create tablespace "+missing[0]+" location '/DIRECTORY'"), thenLookMore, again),
	}
}

func settingsMissing(s *Stack, missing []dump.DatabaseSetting) recovery.Diagnosis {
	names := make([]string, len(missing))
	for i, one := range missing {
		names[i] = one.String()
	}

	return recovery.Diagnosis{
		Code: CodeDatabaseSettings, Summary: "Settings of the dumped database are not set here: " + join(names),
		Seen: "this server did not take them, or the roles they are for do not exist", Intact: "The data are not touched by it.",
		Remedies: do("Set them by hand, if the app needs them",
			s.Runtime.TypedIn(s.DBService, "psql", "-U", s.User, "-d", "postgres", "-c", `alter database "`+s.Database+`" set `+missing[0].Name+" to "+missing[0].Value)),
	}
}
