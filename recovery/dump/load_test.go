package dump

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"firmflow-recovery/recovery/command"
)

// scripted runs psql for real and has another fate for pg_restore.
type scripted struct {
	command.Runner
	restore func(context.Context, command.Cmd) error
}

func (s scripted) Run(ctx context.Context, c command.Cmd) error {
	if c.Args[0] == "pg_restore" {
		return s.restore(ctx, c)
	}

	return s.Runner.Run(ctx, c)
}

func TestLoadTellsHowItGoesOn(t *testing.T) {
	c, s, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "progress"))
	path := written(t, content)
	contents, err := List(t.Context(), c.run, path)
	if err != nil {
		t.Fatal(err)
	}
	var moved, lines int64
	var items []string
	last := 0
	err = s.Load(t.Context(), path, into, contents, LoadOptions{}, LoadProgress{
		Moved: func(n int64) { moved += n },
		Line:  func(string) { lines++ },
		Item: func(done, total int, what string) {
			if done < last || done > total || total != len(contents.Entries) {
				t.Errorf("item %d of %d after %d", done, total, last)
			}
			last, items = done, append(items, what)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if moved != int64(len(content)) || lines == 0 || last < len(contents.Entries)*3/4 {
		t.Errorf("moved %d of %d bytes, %d lines, %d of %d items", moved, len(content), lines, last, len(contents.Entries))
	}
	if !slices.Contains(items, `data for table "public.User"`) || !slices.Contains(items, `INDEX "public.User_members"`) {
		t.Errorf("items: %q", items)
	}
}

func TestLoadAsksForAQuickSessionAndEnglish(t *testing.T) {
	c, s, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "session"))
	var got command.Cmd
	s.Run = scripted{s.Run, func(_ context.Context, cmd command.Cmd) error {
		got = cmd
		_, err := cmd.Stdin.Read(make([]byte, len(content)))
		return err
	}}
	if err := s.Load(t.Context(), written(t, content), into, Contents{}, LoadOptions{NoOwner: true, NoPrivileges: true, Settings: []string{"work_mem=8 MB"}}, LoadProgress{}); err != nil {
		t.Fatal(err)
	}
	if want := `PGOPTIONS=-c maintenance_work_mem=256MB -c synchronous_commit=off -c work_mem=8\ MB -c lc_messages=C`; !slices.Contains(got.Env, want) {
		t.Errorf("environment %q, want %s", got.Env, want)
	}
	for _, want := range []string{"--exit-on-error", "--no-password", "--no-owner", "--no-privileges"} {
		if !slices.Contains(got.Args, want) {
			t.Errorf("arguments %q lack %s", got.Args, want)
		}
	}
	for _, never := range []string{"--clean", "--create"} {
		if slices.Contains(got.Args, never) {
			t.Errorf("arguments %q hold %s", got.Args, never)
		}
	}
}

func TestB15LoadRefusesADatabaseThatIsNotEmpty(t *testing.T) {
	c, s, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "full"))
	c.sql(t, into, `create table "User" (id int)`)
	s.Run = scripted{s.Run, func(context.Context, command.Cmd) error { return errors.New("pg_restore was run") }}
	if err := s.Load(t.Context(), written(t, content), into, Contents{}, LoadOptions{}, LoadProgress{}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("error = %v, want ErrNotEmpty", err)
	}
}

func TestB29AFullDiskIsUnderstood(t *testing.T) {
	c, s, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "b29"))
	s.Run = scripted{s.Run, func(context.Context, command.Cmd) error {
		return complained("pg_restore: error: COPY failed for table \"Document\": ERROR:  could not extend file \"base/16384/2\": No space left on device\nHINT:  Check free disk space.")
	}}
	if err := s.Load(t.Context(), written(t, content), into, Contents{}, LoadOptions{}, LoadProgress{}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("error = %v, want ErrNoSpace", err)
	}
}

func TestB28APgRestoreThatReadNotAllIsNoSuccess(t *testing.T) {
	c, s, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "b28"))
	s.Run = scripted{s.Run, func(_ context.Context, cmd command.Cmd) error {
		_, err := cmd.Stdin.Read(make([]byte, 100))
		return err
	}}
	if err := s.Load(t.Context(), written(t, content), into, Contents{}, LoadOptions{}, LoadProgress{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("error = %v, want ErrCorrupt", err)
	}
}

func TestB2ATruncatedDumpIsNotLoaded(t *testing.T) {
	c, s, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "b2"))
	err := s.Load(t.Context(), written(t, content[:len(content)*2/3]), into, Contents{}, LoadOptions{}, LoadProgress{})
	if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) {
		t.Errorf("error = %v, want ErrTruncated", err)
	}
}

func TestB33ASessionThatIsEndedMidwayIsUnderstood(t *testing.T) {
	c, s, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "b33"))
	var ended atomic.Bool
	err := s.Load(t.Context(), written(t, content), into, Contents{}, LoadOptions{}, LoadProgress{Line: func(line string) {
		if strings.Contains(line, "processing data") && ended.CompareAndSwap(false, true) {
			c.sql(t, "postgres", "select pg_terminate_backend(pid, 5000), 1 from pg_stat_activity where datname = "+literal(into))
		}
	}})
	if !ended.Load() || !errors.Is(err, ErrServerGone) {
		t.Errorf("error = %v, want ErrServerGone", err)
	}
}

// Killed or cancelled, a load leaves the live database as it was, and one of
// ours that Drop takes.
func TestACancelledLoadLeavesOnlyItsOwnDatabase(t *testing.T) {
	c, s, content := sample(t)
	before, err := s.Databases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	into := c.database(t, RestoringName(sampleName, "cancel"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = s.Load(ctx, written(t, content), into, Contents{}, LoadOptions{}, LoadProgress{Line: func(line string) {
		if strings.Contains(line, "processing data") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrServerGone) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if err := s.Drop(t.Context(), into); err != nil {
		t.Fatal(err)
	}
	if err := s.Drop(t.Context(), into); err != nil {
		t.Errorf("dropped a second time: %v", err)
	}
	after, err := s.Databases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(after), names(before); !slices.Equal(got, want) {
		t.Errorf("databases %q, want %q", got, want)
	}
}

func names(list []Database) []string {
	all := make([]string, len(list))
	for i, d := range list {
		all[i] = d.Name
	}

	return all
}

func TestB12B13WhatTheServerLacksIsKnownBefore(t *testing.T) {
	c, s, content := sample(t)
	contents, err := List(t.Context(), c.run, written(t, content))
	if err != nil {
		t.Fatal(err)
	}
	roles, extensions, err := s.Missing(t.Context(), contents)
	if err != nil || len(roles) != 0 || len(extensions) != 0 {
		t.Errorf("missing %q and %q, %v; want nothing", roles, extensions, err)
	}
	contents.Roles = append(contents.Roles, "app_owner", "App Owner")
	contents.Extensions = append(contents.Extensions, "plpgsql", "no-such-extension")
	roles, extensions, err = s.Missing(t.Context(), contents)
	if err != nil || !slices.Equal(roles, []string{"app_owner", "App Owner"}) || !slices.Equal(extensions, []string{"no-such-extension"}) {
		t.Errorf("missing %q and %q, %v", roles, extensions, err)
	}
}

func TestB12ARoleThatIsMissingStopsTheLoad(t *testing.T) {
	c, s := postgres(t)
	from := c.database(t, "roles")
	c.sql(t, from, "create role passing; create table t (n int); alter table t owner to passing")
	path := c.dump(t, from)
	c.sql(t, from, "drop owned by passing; drop role passing")
	contents, err := List(t.Context(), c.run, path)
	if err != nil || !slices.Contains(contents.Owners, "passing") {
		t.Fatalf("owners %q, %v", contents.Owners, err)
	}
	into := c.database(t, RestoringName("roles", "r"))
	err = s.Load(t.Context(), path, into, contents, LoadOptions{}, LoadProgress{})
	var tool *ToolError
	if !errors.As(err, &tool) || !errors.Is(err, ErrRoleMissing) || tool.Subject != "passing" {
		t.Errorf("error = %v, want the role passing to be missing", err)
	}
	other := c.database(t, RestoringName("roles", "without"))
	if err := s.Load(t.Context(), path, other, contents, LoadOptions{NoOwner: true}, LoadProgress{}); err != nil {
		t.Errorf("without owners: %v", err)
	}
}

func TestB14SomebodyElseMayNotLoad(t *testing.T) {
	c, _, content := sample(t)
	into := c.database(t, RestoringName(sampleName, "b14"))
	c.sql(t, "postgres", "create role lesser login; grant create on database "+identifier(into)+" to lesser")
	t.Cleanup(func() {
		err := Server{Run: c.run, User: "firmflow"}.exec(context.Background(), "clean up", into, "drop owned by lesser cascade; drop role lesser")
		if err != nil {
			t.Error(err)
		}
	})
	s := Server{Run: c.run, User: "lesser"}
	if err := s.Load(t.Context(), written(t, content), into, Contents{}, LoadOptions{}, LoadProgress{}); !errors.Is(err, ErrPermission) {
		t.Errorf("error = %v, want ErrPermission", err)
	}
}
