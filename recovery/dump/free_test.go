package dump

import (
	"context"
	"errors"
	"slices"
	"testing"
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
