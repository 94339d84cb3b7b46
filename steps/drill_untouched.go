package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/vault"
)

// seen is how the installation stood at one moment, as far as a drill could have
// changed it.
type seen struct {
	none     bool   // nothing is installed here
	env      string // identity of .env; empty: there is none
	services []stack.Service
	vault    vault.Tree
	rows     map[dump.Table]int64 // of the live database; nil where it does not run
	others   []string             // names of all databases
	unseen   []error              // what could not be looked at
}

// countingMost is how long the rows of a live database may be counted. Longer
// would be a burden to those who work with it.
const countingMost = 2 * time.Minute

// see looks at the installation. It changes nothing.
func (d Drill) see(ctx context.Context) seen {
	i := d.Installation
	var at seen
	note := func(err error) {
		if err != nil {
			at.unseen = append(at.unseen, err)
		}
	}
	if there, err := durable.Exists(i.ProjectDir); err == nil && !there {
		at.none = true
		return at
	}
	var err error
	at.env, err = envIdentity(i.envPath())
	note(err)
	if at.vault, err = vault.Measure(ctx, i.Vault); err != nil && !errors.Is(err, fs.ErrNotExist) {
		note(err)
	}
	if _, err = i.look(ctx); err != nil {
		note(err)
		return at
	}
	if at.services, err = i.Runtime.Services(ctx); err != nil {
		note(err)
		return at
	}
	if stack.Find(at.services, i.DBService).State == stack.Running {
		note(d.count(ctx, &at))
	}

	return at
}

func (d Drill) count(ctx context.Context, at *seen) error {
	ctx, cancel := context.WithTimeout(ctx, countingMost)
	defer cancel()
	server := d.Installation.server()
	databases, err := server.Databases(ctx)
	if err != nil {
		return err
	}
	for _, one := range databases {
		at.others = append(at.others, one.Name)
	}
	if !slices.Contains(at.others, d.Installation.Database) {
		return nil
	}
	at.rows, err = server.Rows(ctx, d.Installation.Database)

	return err
}

func envIdentity(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}

	return info.ModTime().UTC().Format(time.RFC3339Nano), nil
}

// untouched compares how the installation stands with how it stood. Those who
// work with it go on working: where it runs, more rows and more files are
// theirs. Whatever else is different is not proven to be nobody's doing.
func (d Drill) untouched(before, after seen) recovery.Finding {
	const subject = "installation"
	if before.none && after.none {
		return recovery.OK(subject, "nothing is installed in "+d.Installation.ProjectDir+": there was nothing to touch")
	}
	if errs := append(before.unseen, after.unseen...); len(errs) > 0 {
		return recovery.Problem(subject, recovery.Unproven, installationUnseen(errors.Join(errs...)))
	}
	changes, grown := before.changes(after), before.grown(after)
	running := stack.Find(after.services, d.Installation.AppService).State == stack.Running
	switch {
	case len(changes) > 0 || len(grown) > 0 && !running:
		return recovery.Problem(subject, recovery.Unproven, installationChanged(append(changes, grown...)))
	case len(grown) > 0:
		return recovery.OK(subject, "untouched: "+after.figures()+"; its users wrote meanwhile: "+join(grown))
	default:
		return recovery.OK(subject, "untouched: "+after.figures())
	}
}

// figures is what was compared.
func (s seen) figures() string {
	text := fmt.Sprintf("vault %s, %s", recovery.Counted(int64(s.vault.Files), "file"), recovery.Size(s.vault.Bytes))
	if s.rows != nil {
		text += ", " + rows(s.total())
	}

	return text + ", .env, " + recovery.Counted(int64(len(s.services)), "service") + " as before"
}

func (s seen) total() int64 {
	var sum int64
	for _, n := range s.rows {
		sum += n
	}

	return sum
}

// changes are differences that those who work with an app do not make.
func (s seen) changes(now seen) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if s.env != now.env {
		say(".env was written")
	}
	for _, was := range s.services {
		is := stack.Find(now.services, was.Name)
		if is.ID != was.ID || is.State != was.State || !is.StartedAt.Equal(was.StartedAt) || is.Restarts != was.Restarts {
			say("service %s: was %s since %s, is %s since %s", was.Name, was.State, was.StartedAt.UTC().Format(time.RFC3339), is.State, is.StartedAt.UTC().Format(time.RFC3339))
		}
	}
	if now.vault.Files < s.vault.Files || now.vault.Bytes < s.vault.Bytes {
		say("vault: %d files of %d bytes, were %d of %d", now.vault.Files, now.vault.Bytes, s.vault.Files, s.vault.Bytes)
	}
	if !slices.Equal(s.others, now.others) {
		say("databases: %v, were %v", now.others, s.others)
	}
	for _, t := range slices.SortedFunc(maps.Keys(s.rows), byName) {
		if now.rows[t] < s.rows[t] {
			say("table %s: %d rows, were %d", t.Name, now.rows[t], s.rows[t])
		}
	}

	return found
}

// grown are differences that those who work with a running app make.
func (s seen) grown(now seen) []string {
	var found []string
	if more := now.vault.Files - s.vault.Files; more > 0 {
		found = append(found, recovery.Counted(int64(more), "file")+" more")
	} else if more == 0 && !now.vault.Newest.Equal(s.vault.Newest) {
		found = append(found, "a document written anew")
	}
	if more := now.total() - s.total(); more > 0 {
		found = append(found, rows(more)+" more")
	}

	return found
}

func byName(a, b dump.Table) int {
	if a.Schema != b.Schema {
		return strings.Compare(a.Schema, b.Schema)
	}

	return strings.Compare(a.Name, b.Name)
}
