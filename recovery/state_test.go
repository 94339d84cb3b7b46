package recovery_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
)

func TestTheJournalFoldsToWhatTheScreenShows(t *testing.T) {
	o := &recoverytest.Operator{Answers: yes()}
	journal := &recoverytest.Journal{}
	r := runner(o, works("one"), works("two"))
	r.Journal = journal
	r.Recover(t.Context())

	var kept recovery.State
	for _, e := range journal.Events {
		line, err := recovery.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := recovery.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		kept.Apply(back)
	}
	shown, _ := json.Marshal(o.State())
	read, _ := json.Marshal(kept)
	if d := cmp.Diff(string(shown), string(read)); d != "" {
		t.Errorf("state differs (-shown +read):\n%s", d)
	}
}

func TestApplyTakesEachEventOnce(t *testing.T) {
	var s recovery.State
	e := recovery.Event{V: 1, Seq: 7, Kind: recovery.StepNoted, Step: "one", Text: "kept"}
	s.Apply(e)
	s.Apply(e)
	if n := len(s.Step("one").Notes); n != 1 {
		t.Errorf("%d notes, want 1", n)
	}
}

func TestRateAndTimeLeftFollowThePhase(t *testing.T) {
	var s recovery.State
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	tell := func(phase string, done int64, after time.Duration) {
		s.Apply(recovery.Event{V: 1, Seq: s.Seq + 1, Time: at.Add(after), Kind: recovery.StepProgress, Step: "vault", Phase: phase, Unit: recovery.Bytes, Done: done, Total: 1000})
	}
	for i := range int64(6) {
		tell("stage", i*100, time.Duration(i)*time.Second)
	}
	step := s.Step("vault")
	if step.Rate < 99 || step.Rate > 101 || step.Left() != 5*time.Second {
		t.Errorf("rate %.1f, left %v; want 100, 5s", step.Rate, step.Left())
	}
	tell("verify", 0, 6*time.Second)
	if step = s.Step("vault"); step.Rate != 0 || step.Left() != 0 {
		t.Errorf("a new phase begins with rate %.1f, left %v", step.Rate, step.Left())
	}
}

func TestDecodeRefusesWhatIsNoEvent(t *testing.T) {
	for _, line := range []string{"", "{}", "null", "[]", `{"v":1}`, `{"v":1,"kind":`} {
		if e, err := recovery.Decode([]byte(line)); err == nil {
			t.Errorf("Decode(%q) = %+v, want an error", line, e)
		}
	}
}

func TestDifferencesNamesEveryInputThatChanged(t *testing.T) {
	was := []recovery.Input{{Name: "backup", Value: "2026-11-22"}, {Name: "vault", Value: "/a"}, {Name: "gone", Value: "x"}}
	is := []recovery.Input{{Name: "backup", Value: "2026-11-21"}, {Name: "vault", Value: "/a"}, {Name: "new", Value: "y"}}
	want := []string{"backup: was 2026-11-22, is 2026-11-21", "gone: was x, is nothing", "new: was nothing, is y"}
	if d := cmp.Diff(want, recovery.Differences(was, is)); d != "" {
		t.Error(d)
	}
}

func TestPlanTextIsAContract(t *testing.T) {
	plan := recovery.Plan{Backup: "2026-11-22", Target: "project firmflow in /opt/firmflow", Steps: []recovery.PlannedStep{
		{ID: "environment", Title: "prepare the environment", Assessment: recovery.Assessment{Standing: recovery.Done}},
		{ID: "vault", Title: "restore the vault", Assessment: recovery.Assessment{
			Changes: []string{"stage 41,208 files beside /opt/firmflow/uploads"}, Replaces: []string{"vault /opt/firmflow/uploads"},
			Loses: "everything written after 2026-11-22 02:00Z (25 h 11 min)", Commands: []string{"tar -xzf vault.tar.gz -C uploads.restoring"},
		}},
	}}
	golden(t, "plan.txt", plan.String()+"---\n"+plan.Runbook())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; UPDATE_GOLDEN=1 accepts it):\n%s", name, d)
	}
}

func TestUnitsForPeople(t *testing.T) {
	var got []string
	for _, n := range []int64{0, 1023, 1024, 1536, 12025908428, 1 << 50} {
		got = append(got, recovery.Size(n))
	}
	for _, n := range []int64{0, 999, 1000, 41208, 1409551, -1234} {
		got = append(got, recovery.Count(n))
	}
	for _, d := range []time.Duration{400 * time.Millisecond, 3 * time.Second, 171 * time.Second, 5 * time.Minute, 25*time.Hour + 11*time.Minute, 100 * time.Hour} {
		got = append(got, recovery.Span(d))
	}
	want := "0 B|1023 B|1.0 KiB|1.5 KiB|11.2 GiB|1.0 PiB|0|999|1,000|41,208|1,409,551|-1,234|0.4 s|3 s|2 min 51 s|5 min|25 h 11 min|4 d 4 h"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}
