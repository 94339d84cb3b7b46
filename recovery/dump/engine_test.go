package dump

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func nobodyGone(Engine) bool    { return false }
func everybodyGone(Engine) bool { return true }

func TestF3ASecondEngineOfADatabaseIsRefusedAndToldWhoWorks(t *testing.T) {
	c, s := postgres(t)
	c.dropAfter(t)
	first := Engine{Run: "20261123-030107", PID: 4711, Host: "ffhost-01"}
	second := Engine{Run: "20261123-030108", PID: 4711, Host: "ffhost-02"}
	held, err := s.Engage(t.Context(), "f3", first, nobodyGone)
	if err != nil {
		t.Fatal(err)
	}
	var other *AtWorkError
	if _, err := s.Engage(t.Context(), "f3", second, nobodyGone); !errors.As(err, &other) || other.Engine != first {
		t.Errorf("a second engine: %v, want to be told of %+v", err, first)
	}
	if e, _, ok, err := s.Holder(t.Context(), "f3"); err != nil || !ok || e != first {
		t.Errorf("the holder is %+v, %v, %v", e, ok, err)
	}
	elsewhere, err := s.Engage(t.Context(), "f3-other", second, nobodyGone)
	if err != nil {
		t.Fatalf("another database's lock: %v", err)
	}
	elsewhere.Release(t.Context())
	held.Release(t.Context())
	if held.Holds(t.Context()) {
		t.Error("released, its session goes on")
	}
	held, err = s.Engage(t.Context(), "f3", second, nobodyGone)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	held.Release(t.Context())
}

// TestTheSessionOfAnEngineThatIsGoneIsNotTakenForOneAtWork: it may outlive its
// engine for a while, most of all inside a container.
func TestTheSessionOfAnEngineThatIsGoneIsNotTakenForOneAtWork(t *testing.T) {
	_, s := postgres(t)
	left, err := s.Engage(t.Context(), "left", Engine{Run: "r1", PID: 1, Host: "h"}, nobodyGone)
	if err != nil {
		t.Fatal(err)
	}
	held, err := s.Engage(t.Context(), "left", Engine{Run: "r1", PID: 2, Host: "h"}, everybodyGone)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release(t.Context())
	if left.Holds(t.Context()) || !held.Holds(t.Context()) {
		t.Error("the lock is not with the second engine")
	}
	left.Release(t.Context())
	if !held.Holds(t.Context()) {
		t.Error("the lock was lost again")
	}
}

func TestE24WhatAnEngineHasLeftAtWorkIsEnded(t *testing.T) {
	c, s := postgres(t)
	s.Live = "orphaned"
	w := swapOf(s.Live)
	c.stage(t, w, w.Live, w.Loaded)
	load, act := c.connected(t, w.Loaded, session(loads, s.Live)), c.connected(t, w.Live, session(acts, s.Live))
	others := c.connected(t, w.Live, session(acts, "another"))
	held, err := s.Engage(t.Context(), s.Live, Engine{Run: "r2", PID: 2, Host: "h"}, nobodyGone)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release(t.Context())
	if left, err := s.Sessions(t.Context(), w.Loaded); err != nil || len(left) > 0 {
		t.Errorf("the load of an engine before goes on: %+v, %v", left, err)
	}
	sessions, err := s.Sessions(t.Context(), w.Live)
	if err != nil || len(sessions) != 1 || sessions[0].Application != session(acts, "another") {
		t.Errorf("left are %+v, %v; want the other database's", sessions, err)
	}
	if err := s.end(context.WithoutCancel(t.Context()), "end it", "datname = "+literal(w.Live)); err != nil {
		t.Error(err)
	}
	for _, end := range []func() error{load, act, others} {
		_ = end()
	}
}

func TestF3SomebodyElsesDumpAndRestoreAreSeen(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("busy")
	c.stage(t, w, w.Live, w.Loaded)
	if seen, err := s.Foreign(t.Context(), w.Live); err != nil || len(seen) != 0 {
		t.Errorf("nobody is there: %v, %v", seen, err)
	}
	var ends []func() error
	for _, name := range []string{"pg_dump", "pg_restore", "psql", "pg_dump of firmflow-recovery"} {
		ends = append(ends, c.connected(t, w.Live, name))
	}
	ends = append(ends, c.connected(t, w.Loaded, "pg_restore"))
	seen, err := s.Foreign(t.Context(), w.Live)
	if err != nil || len(seen) != 3 { // a backup of this program's is one, too
		t.Fatalf("seen are %+v, %v; want three", seen, err)
	}
	if text := seen[0].String(); !strings.Contains(text, "pg_dump of user firmflow from the server's own host on busy") {
		t.Errorf("told as %q", text)
	}
	if err := s.end(t.Context(), "end them", "datname in ("+literal(w.Live)+", "+literal(w.Loaded)+")"); err != nil {
		t.Error(err)
	}
	for _, end := range ends {
		_ = end()
	}
}

func TestAnEngineIsKnownByItsSessionsName(t *testing.T) {
	for _, e := range []Engine{{"20261123-030107", 7, "ffhost-01"}, {"20261123-030107", 4194304, "ffhost"}} {
		if got := engineOf(e.name()); got != e {
			t.Errorf("%+v is read as %+v", e, got)
		}
	}
	long := Engine{"20261123-030107", 4711, strings.Repeat("long.", 20)}
	if got := engineOf(long.name()); len(long.name()) > longestName || !strings.HasPrefix(long.Host, got.Host) || got.Host == "" || got.PID != 4711 {
		t.Errorf("a long name is read as %+v from %q", got, long.name())
	}
	for _, name := range []string{"", "psql", "firmflow-recovery", "firmflow-recovery engine", "firmflow-recovery engine r x h"} {
		if got := engineOf(name); got != (Engine{}) {
			t.Errorf("%q is read as %+v", name, got)
		}
	}
}
