package steps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/assets"
	"firmflow-recovery/recovery/command"
)

// spoken records the commands that are run.
type spoken struct {
	said []string
	err  error
}

func (s *spoken) Run(_ context.Context, c command.Cmd) error {
	s.said = append(s.said, c.String())

	return s.err
}

func unitsOf(t *testing.T) map[string]string {
	t.Helper()
	units, err := assets.Units()
	if err != nil {
		t.Fatal(err)
	}
	delete(units, assets.Cron)
	for name, text := range units {
		if units[name], err = UnitFor(text, "/usr/local/bin/firmflow-recovery", "/opt/firmflow"); err != nil {
			t.Fatal(err)
		}
	}

	return units
}

func TestTimersAreWrittenStartedAndWhatWasChangedIsKept(t *testing.T) {
	run := &spoken{}
	timers := Timers{Dir: t.TempDir(), Units: unitsOf(t), Run: run, Now: func() time.Time { return time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC) }}
	if plan, err := timers.Plan(); err != nil || len(plan) != 4 {
		t.Fatalf("%v, %v", plan, err)
	}
	if names, err := os.ReadDir(timers.Dir); err != nil || len(names) > 0 {
		t.Errorf("a plan has written %v, %v", names, err)
	}
	for range 2 { // twice is once
		if _, err := timers.Install(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"systemctl daemon-reload", "systemctl enable --now firmflow-backup.timer firmflow-drill.timer"}
	if !slices.Equal(run.said[:2], want) || !slices.Equal(run.said[2:], want) {
		t.Errorf("said %q", run.said)
	}
	unit := filepath.Join(timers.Dir, "firmflow-backup.service")
	file(t, unit, "what somebody wrote")
	if _, err := timers.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(unit + ".before-20261128-020000"); string(kept) != "what somebody wrote" {
		t.Errorf("kept %q, %v", kept, err)
	}
	if text, err := os.ReadFile(unit); err != nil || !strings.Contains(string(text), "\nExecStart=/usr/local/bin/firmflow-recovery backup --project /opt/firmflow --plain\n") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestTimersThatCannotBeStartedAreDiagnosed(t *testing.T) {
	timers := Timers{Dir: t.TempDir(), Units: unitsOf(t), Run: &spoken{err: errors.New("no systemd")}, Now: time.Now}
	_, err := timers.Install(t.Context())
	if d := carried(t, err); d.Code != CodeTimersFailed {
		t.Errorf("got %s", d.Code)
	}
}

func TestPathsThatSystemdWouldReadOtherwiseAreRefused(t *testing.T) {
	for _, path := range []string{"relative", "/with blank", "/with%percent", `/with"quote`, "/with\nline"} {
		if text, err := UnitFor("@PROGRAM@", path, "/opt/firmflow"); err == nil {
			t.Errorf("%q gives %q", path, text)
		}
	}
}
