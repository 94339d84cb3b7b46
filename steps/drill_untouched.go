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
	has      []stack.Possession // containers, volumes and networks, where there are such
	vault    vault.Tree
	still    vault.Still          // the documents that were there before the drill
	written  time.Time            // what was changed until then has the name that it keeps
	rows     map[dump.Table]int64 // of the live database; nil where it does not run
	others   []string             // names of all databases
	unseen   []error              // what could not be looked at
}

// countingMost is how long the rows of a live database may be counted. Longer
// would be a burden to those who work with it.
const countingMost = 2 * time.Minute

// possessor is a runtime whose engine keeps things in a project's name.
type possessor interface {
	Possessions(ctx context.Context) ([]stack.Possession, error)
}

// see looks at the installation, and at the documents in its vault that are not
// newer than the newest that was there before; there is none when it is the first
// look. It changes nothing.
func (d Drill) see(ctx context.Context, before *seen) seen {
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
	note(at.documents(ctx, i.Vault, before, d.Installation.Now()))
	if _, err = i.look(ctx); err != nil {
		note(err)
		return at
	}
	if at.services, err = i.Runtime.Services(ctx); err != nil {
		note(err)
		return at
	}
	if r, can := i.Runtime.(possessor); can {
		at.has, err = r.Possessions(ctx)
		note(err)
	}
	if stack.Find(at.services, i.DBService).State == stack.Running {
		note(d.count(ctx, &at))
	}

	return at
}

// writing is more than it takes from a document's last byte to its name.
const writing = time.Minute

// documents looks at the vault. One that is not there has none.
func (s *seen) documents(ctx context.Context, dir string, before *seen, now time.Time) error {
	var err error
	if s.vault, err = vault.Measure(ctx, dir); err != nil {
		return unlessMissing(err)
	}
	until := s.vault.Newest
	s.written = now.Add(-writing)
	if before != nil {
		until, s.written = before.vault.Newest, before.written
	}
	s.still, err = vault.StandsStill(ctx, dir, until, s.written)

	return unlessMissing(err)
}

func unlessMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	return err
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

	text += ", .env, " + recovery.Counted(int64(len(s.services)), "service")
	for _, kind := range []stack.PossessionKind{stack.Container, stack.Volume, stack.Network} {
		if n := s.count(kind); n > 0 {
			text += ", " + recovery.Counted(n, string(kind))
		}
	}

	return text + " as before"
}

func (s seen) count(kind stack.PossessionKind) (n int64) {
	for _, one := range s.has {
		if one.Kind == kind {
			n++
		}
	}

	return n
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
	found = append(found, possessed(s.has, now.has)...)
	if now.still.Root != s.still.Root {
		say("vault: another directory lies in its place")
	}
	if now.still.Files == s.still.Files && now.still.Sum != s.still.Sum {
		say("vault: of the %d documents of before, some have another size, date or name", s.still.Files)
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

// possessed compares what an engine had with what it has.
func possessed(was, is []stack.Possession) []string {
	var found []string
	for _, one := range was {
		if at := slices.IndexFunc(is, func(now stack.Possession) bool { return now.Kind == one.Kind && now.ID == one.ID }); at < 0 {
			found = append(found, fmt.Sprintf("%s %s is gone", one.Kind, one.Name))
		} else if is[at] != one {
			found = append(found, fmt.Sprintf("%s %s: was %s, is %s", one.Kind, one.Name, one.As, is[at].As))
		}
	}
	for _, one := range is {
		if !slices.ContainsFunc(was, func(before stack.Possession) bool { return before.Kind == one.Kind && before.ID == one.ID }) {
			found = append(found, fmt.Sprintf("%s %s is new", one.Kind, one.Name))
		}
	}

	return found
}

// grown are differences that those who work with a running app make.
func (s seen) grown(now seen) []string {
	var found []string
	if more := now.vault.Files - s.vault.Files; more > 0 {
		found = append(found, recovery.Counted(int64(more), "file")+" more")
	}
	if anew := s.still.Files - now.still.Files; anew > 0 {
		found = append(found, recovery.Counted(int64(anew), "document")+" written anew")
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
