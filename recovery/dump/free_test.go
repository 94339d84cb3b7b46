package dump

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestFreeDeletesOnlyWhatARunHasSetAside(t *testing.T) {
	c, s := postgres(t)
	live, run := "freed", "r1"
	w := swapOf(live)
	c.stage(t, w, live, w.Loaded, w.Aside)
	c.dropAfter(t, UndoneName(live, run))
	c.sql(t, "postgres", "create database "+identifier(UndoneName(live, run))+" template template0")
	others := []string{live, "postgres", "template1", AsideName(live, "r2"), AsideName("other", run), UndoneName(live, "r2"), ""}
	for _, name := range others {
		if err := s.Free(t.Context(), name, live, run); !errors.Is(err, ErrNotOurs) {
			t.Errorf("free %q: %v, want ErrNotOurs", name, err)
		}
	}
	// The live name counts, whatever it looks like.
	if err := s.Free(t.Context(), w.Aside, w.Aside, run); !errors.Is(err, ErrNotOurs) {
		t.Errorf("free the live one: %v, want ErrNotOurs", err)
	}
	found, err := s.SetAside(t.Context(), live, run)
	if want := []string{w.Aside, w.Loaded, UndoneName(live, run)}; err != nil || !slices.Equal(names(found), want) {
		t.Errorf("set aside: %q, %v; want %q", names(found), err, want)
	}
	for _, db := range found {
		for range 2 {
			if err := s.Free(t.Context(), db.Name, live, run); err != nil {
				t.Errorf("free %s: %v", db.Name, err)
			}
		}
	}
	if left, err := s.SetAside(t.Context(), live, run); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", names(left), err)
	}
	if c.is(t, live) != live {
		t.Error("the live database is gone")
	}
}

func TestFreeEndsNoSession(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("looked at")
	c.stage(t, w, w.Aside)
	end := c.connected(t, w.Aside, "psql")
	if err := s.Free(t.Context(), w.Aside, w.Live, "r1"); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("the session ended by itself: %v", err)
	}
	if c.is(t, w.Aside) == "" {
		t.Error("it was deleted under somebody")
	}
}

// The server vacuums what was set aside like any other database. Nobody has to wait
// for that, and it must not look like somebody.
func TestFreeDoesNotWaitForTheServersOwnCleanUp(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("vacuumed")
	c.stage(t, w, w.Aside)
	c.sql(t, w.Aside, `create table "Slow" (id int) with (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,
autovacuum_analyze_threshold = 1000000000, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)`)
	c.sql(t, w.Aside, `insert into "Slow" select generate_series(1, 500000)`)
	c.sql(t, w.Aside, `delete from "Slow"`)
	defer func() {
		c.sql(t, "postgres", "alter system reset autovacuum_naptime")
		c.sql(t, "postgres", "select pg_reload_conf()")
	}()
	c.sql(t, "postgres", "alter system set autovacuum_naptime = '1s'")
	c.sql(t, "postgres", "select pg_reload_conf()")
	at := "select count(*) from pg_stat_activity where backend_type = 'autovacuum worker' and datname = " + literal(w.Aside)
	deadline := time.Now().Add(time.Minute)
	for c.sql(t, "postgres", at)[0][0] == "0" {
		if time.Now().After(deadline) {
			t.Fatal("the server does not vacuum within a minute")
		}
		time.Sleep(100 * time.Millisecond)
	}
	found, err := s.SetAside(t.Context(), w.Live, "r1")
	if err != nil || len(found) != 1 || found[0].Connections != 0 {
		t.Errorf("set aside: %+v, %v; want one database, and nobody on it", found, err)
	}
	if c.sql(t, "postgres", at)[0][0] == "0" {
		t.Error("the server did not vacuum for long enough for this test")
	}
	if err := s.Free(t.Context(), w.Aside, w.Live, "r1"); err != nil {
		t.Errorf("Free = %v", err)
	}
	if c.is(t, w.Aside) != "" {
		t.Error("it is still there")
	}
}

// Undo gives the restored database a name that no load has, so that none drops it.
func TestUnswapUnderTheUndoneName(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("taken back")
	c.stage(t, w, w.Live, w.Loaded)
	if _, err := s.Swap(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	undone := w
	undone.Loaded = UndoneName(w.Live, "r1")
	c.dropAfter(t, undone.Loaded)
	for _, already := range []bool{false, true} {
		if got, err := s.Unswap(t.Context(), undone); err != nil || got.Already != already {
			t.Errorf("Unswap = %+v, %v; already %v", got, err, already)
		}
		c.stands(t, undone, w.Live, w.Loaded, "")
	}
	if err := s.Drop(t.Context(), undone.Loaded); !errors.Is(err, ErrNotOurs) {
		t.Errorf("Drop of what was undone: %v, want ErrNotOurs", err)
	}
}
