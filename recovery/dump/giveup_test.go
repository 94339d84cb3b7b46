package dump

import (
	"errors"
	"testing"
	"time"
)

// TestGiveUpLeavesAClosedEmptyDatabaseUnderTheLiveName, also where an earlier
// attempt was killed between its two halves.
func TestGiveUpLeavesAClosedEmptyDatabaseUnderTheLiveName(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("given")
	c.stage(t, w, w.Live)
	barrier := Barrier{Run: "r1", Host: "ffhost-01", Since: time.Now()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Close(t.Context(), w.Live, barrier))
	must(s.GiveUp(t.Context(), w.Live, "r1", barrier))
	for range 2 {
		stands, err := s.Stands(t.Context(), w.Live)
		must(err)
		if !Vacant(stands.Comment, "r1") || Vacant(stands.Comment, "r2") || stands.Barrier == nil || stands.Barrier.Run != "r1" {
			t.Errorf("under the live name: %+v", stands)
		}
		if _, err := s.Summary(t.Context(), w.Live); !errors.Is(err, ErrClosed) {
			t.Errorf("it can be connected to: %v", err)
		}
		if there := c.sql(t, "postgres", "select count(*), 1 from pg_database where datname ~ '^given_'"); there[0][0] != "0" {
			t.Errorf("%s databases are left beside it", there[0][0])
		}
		// As after a kill before the old one was deleted.
		c.sql(t, "postgres", "create database "+identifier(w.Aside))
		must(s.GiveUp(t.Context(), w.Live, "r1", barrier))
	}
	must(s.GiveUp(t.Context(), "nothing", "r1", barrier))
}
