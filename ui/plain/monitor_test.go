package plain

import (
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
)

func TestMonitoringGetsOneLineAndMetrics(t *testing.T) {
	m := recovery.Monitor{
		Word: "OK", Backup: "2026-11-28_020000", Taken: time.Unix(1795831200, 0), Age: 7 * time.Hour, Bytes: 9 << 30, Sealed: true, Backups: 31,
		LastDrill: &recovery.Summary{Outcome: recovery.Verified, Age: 50 * time.Hour, Last: time.Unix(1795700000, 0)},
	}
	var line strings.Builder
	if err := Monitor(&line, m); err != nil {
		t.Fatal(err)
	}
	want := "FIRMFLOW BACKUP OK - backup 2026-11-28_020000, 7 h old, 9.0 GiB, as its manifest says; last drill 2 d 2 h ago: VERIFIED | age=25200s size=9663676416B backups=31\n"
	if line.String() != want {
		t.Errorf("got  %swant %s", line.String(), want)
	}
	m.Worsen(recovery.LevelCritical, "it says a | b\nand more\x1b[2J")
	line.Reset()
	if err := Monitor(&line, m); err != nil {
		t.Fatal(err)
	}
	if text := line.String(); strings.Count(text, "|") != 1 || strings.Count(text, "\n") != 1 || strings.ContainsRune(text, 0x1b) || !strings.HasPrefix(text, "FIRMFLOW BACKUP CRITICAL - it says a / b") {
		t.Errorf("got %q", text)
	}
	metrics := string(Metrics(m))
	for _, line := range []string{"firmflow_backup_status 2\n", "firmflow_backup_restorable 31\n", "firmflow_backup_newest_timestamp_seconds 1795831200\n", "firmflow_backup_newest_sealed 1\n", "firmflow_drill_last_passed 1\n"} {
		if !strings.Contains(metrics, "\n"+line) {
			t.Errorf("the metrics lack %q:\n%s", line, metrics)
		}
	}
}
