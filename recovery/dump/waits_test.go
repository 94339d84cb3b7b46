package dump

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestB19WhoBlocksWhomIsTold(t *testing.T) {
	c, s := postgres(t)
	s.Live = "waiting"
	w := swapOf(s.Live)
	c.stage(t, w, w.Live)
	if waits, err := s.Waits(t.Context()); err != nil || len(waits) > 0 {
		t.Fatalf("nobody waits: %+v, %v", waits, err)
	}
	c.sql(t, w.Live, "create table held as select 1 as one")
	ctx, cancel := context.WithCancel(t.Context())
	blocker := make(chan error, 1)
	locked := make(chan struct{})
	hold := s.psql(w.Live, "begin; lock table held; select 1, 1;\n\\echo here\nselect pg_sleep(600), 1;")
	hold.Env, hold.Stdout = append(hold.Env, "PGAPPNAME=pgAdmin 4"), signal{locked}
	go func() { blocker <- c.run.Run(ctx, hold) }()
	<-locked
	blocked := make(chan error, 1)
	go func() { blocked <- s.exec(ctx, "change it", w.Live, "alter table held add two int") }()

	waits := c.untilWaiting(t, s)
	text := waits[0].String()
	if len(waits) != 1 || waits[0].Blocker.Application != "pgAdmin 4" || !strings.Contains(text, "firmflow-recovery acts waiting (process ") || !strings.Contains(text, "waits for pgAdmin 4 of user firmflow") || waits[0].Open == "" {
		t.Errorf("told as %q, %+v", text, waits)
	}
	cancel()
	_, _ = <-blocker, <-blocked // both were ended
	if err := s.end(t.Context(), "end them", "datname = "+literal(w.Live)); err != nil {
		t.Error(err)
	}
}

func (c *cluster) untilWaiting(t *testing.T, s Server) []Wait {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		waits, err := s.Waits(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(waits) > 0 {
			return waits
		}
		<-tick.C
	}
}
