package steps

import (
	"errors"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
)

// kept writes the journal of a run with a verdict.
func kept(t *testing.T, home journal.Home, run recovery.RunID, p recovery.Purpose, o recovery.Outcome) {
	t.Helper()
	j, err := home.Create(run)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)
	for i, e := range []recovery.Event{
		{Kind: recovery.RunOpened, Purpose: p, Text: "2026-11-22", Host: "ffhost-01"}, {Kind: recovery.RunStarted},
		{Kind: recovery.RunEnded, Verdict: &recovery.Verdict{Outcome: o, Took: time.Minute}},
	} {
		e.V, e.Seq, e.Run, e.Time = recovery.Version, uint64(i+1), run, at
		if o == recovery.NothingChanged && e.Kind == recovery.RunStarted {
			continue
		}
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReportsAreFoundOfRecoveriesAndOfDrills(t *testing.T) {
	r := Reports{Live: journal.Home{Dir: t.TempDir()}, Drills: journal.Home{Dir: t.TempDir()}}
	if _, err := r.Markdown(""); err == nil {
		t.Error("there is a report of nothing")
	}
	if all, err := r.List(); err != nil || len(all) != 0 || r.History() == nil {
		t.Errorf("%v, %v", all, err)
	}
	kept(t, r.Live, "20261123-030107", recovery.Recovering, recovery.Verified)
	kept(t, r.Drills, "20261123-030108", recovery.Drilling, recovery.DrillFailed)
	kept(t, r.Drills, "20261123-030109", recovery.Drilling, recovery.NothingChanged)
	for run, want := range map[recovery.RunID]string{"20261123-030107": "# Recovery 20261123-030107", "20261123-030108": "# Drill 20261123-030108", "": "# Drill 20261123-030109"} {
		if text, err := r.Markdown(run); err != nil || !strings.HasPrefix(text, want) {
			t.Errorf("run %q: %v\n%.80s", run, err, text)
		}
		if object, err := r.JSON(run); err != nil || !strings.Contains(string(object), `"took_s": 60`) {
			t.Errorf("run %q: %v\n%.80s", run, err, object)
		}
	}
	var failure *recovery.Failure
	if _, err := r.Markdown("20200101-000000"); !errors.As(err, &failure) || failure.Diagnosis.Code != CodeRunNone {
		t.Errorf("a run that never was: %v", err)
	}
	all, err := r.List()
	if err != nil || len(all) != 2 {
		t.Errorf("%d runs are listed, %v; want those that were begun", len(all), err)
	}
	if r.Watched("20261123-030107") != r.Live || r.Watched("20261123-030108") != r.Drills || r.Watched("") != r.Drills {
		t.Error("a run is watched where it is not")
	}
	lock, err := r.Live.Lock(journal.Holder{Run: "20261123-030107"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	if r.Watched("") != r.Live {
		t.Error("the run at work is not the one that is watched")
	}
}
