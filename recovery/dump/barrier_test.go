package dump

import (
	"errors"
	"testing"
	"time"
)

func barrierOf(run string) Barrier {
	return Barrier{Run: run, Host: "ffhost-01", Since: time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)}
}

// catalogued is how a database stands in the catalogue: open or not, comment.
func (c *cluster) catalogued(t *testing.T, db string) string {
	t.Helper()
	row := c.sql(t, "postgres", "select datallowconn, coalesce(shobj_description(oid, 'pg_database'), 'NULL') from pg_database where datname = "+literal(db))

	return row[0][0] + " " + row[0][1]
}

func TestB20ABarrierStopsSuperusersAndLeavesNoTrace(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("barred")
	c.stage(t, w, w.Live)
	for _, comment := range []string{"", "of the office's \"own\"", `{"program":"firmflow-recovery","run":"r0"}`} {
		if err := s.Comment(t.Context(), w.Live, comment); err != nil {
			t.Fatal(err)
		}
		before := c.catalogued(t, w.Live)
		end := c.connected(t, w.Live, "app")
		for _, run := range []string{"r1", "r1", "r2"} { // again, and taken over by another
			if err := s.Close(t.Context(), w.Live, barrierOf(run)); err != nil {
				t.Fatal(err)
			}
			if now, err := s.Stands(t.Context(), w.Live); err != nil || now.Barrier == nil || now.Barrier.Run != run {
				t.Errorf("the barrier is %+v, %v; want that of %s", now, err, run)
			}
		}
		if err := end(); err == nil {
			t.Error("a session outlived the barrier")
		}
		if _, err := s.Summary(t.Context(), w.Live); !errors.Is(err, ErrClosed) {
			t.Errorf("a superuser's look: %v, want ErrClosed", err)
		}
		if got, err := s.CommentOf(t.Context(), w.Live); err != nil || got != comment {
			t.Errorf("the comment behind it is %q, %v; want %q", got, err, comment)
		}
		for range 2 {
			if err := s.Open(t.Context(), w.Live); err != nil {
				t.Fatal(err)
			}
		}
		if after := c.catalogued(t, w.Live); after != before {
			t.Errorf("the catalogue has %q, had %q", after, before)
		}
	}
	if err := s.Close(t.Context(), "nowhere", barrierOf("r1")); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("no database: %v, want ErrNoDatabase", err)
	}
}

func TestABarrierLeavesADatabaseClosedThatWasClosed(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("shut")
	c.stage(t, w, w.Live)
	c.sql(t, "postgres", "alter database shut allow_connections false")
	if err := s.Close(t.Context(), w.Live, barrierOf("r1")); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context(), w.Live); err != nil {
		t.Fatal(err)
	}
	if got := c.catalogued(t, w.Live); got != "f NULL" {
		t.Errorf("the catalogue has %q, want it closed and without a comment", got)
	}
}

// TestASwapKeepsTheBarrierOnTheLiveName: whichever database has the name, and
// the other is as it was.
func TestASwapKeepsTheBarrierOnTheLiveName(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("moved")
	c.stage(t, w, w.Live, w.Loaded)
	for db, comment := range map[string]string{w.Live: "of before", w.Loaded: "run r1"} {
		if err := s.Comment(t.Context(), db, comment); err != nil {
			t.Fatal(err)
		}
	}
	b := barrierOf("r1")
	w.Barrier, w.Receipt = &b, "run r1"
	if err := s.Close(t.Context(), w.Live, b); err != nil {
		t.Fatal(err)
	}
	closed := func(comment string) {
		t.Helper()
		if _, err := s.Summary(t.Context(), w.Live); !errors.Is(err, ErrClosed) {
			t.Errorf("the live database: %v, want ErrClosed", err)
		}
		if got, err := s.CommentOf(t.Context(), w.Live); err != nil || got != comment {
			t.Errorf("behind the barrier is %q, %v; want %q", got, err, comment)
		}
	}
	for range 2 {
		if _, err := s.Swap(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		closed("run r1")
		if got := c.catalogued(t, w.Aside); got != "t of before" {
			t.Errorf("what was set aside stands as %q", got)
		}
	}
	for range 2 {
		if _, err := s.Unswap(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		closed("of before")
		if got := c.catalogued(t, w.Loaded); got != "t run r1" {
			t.Errorf("what was taken back stands as %q", got)
		}
	}
	if err := s.Open(t.Context(), w.Live); err != nil {
		t.Fatal(err)
	}
	if got := c.catalogued(t, w.Live); got != "t of before" {
		t.Errorf("opened, it stands as %q", got)
	}
}
