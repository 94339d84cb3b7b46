package steps

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/journal"
)

// watched is a monitor of a directory with the guide's backups of some ages.
func watched(t *testing.T, ages ...time.Duration) Monitor {
	t.Helper()
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	m := Monitor{
		Dir: t.TempDir(), Env: "/nowhere", Database: "firmflow", Now: func() time.Time { return now }, Warn: 26 * time.Hour, Critical: 50 * time.Hour,
		Home: journal.Home{Dir: t.TempDir()}, Drills: journal.Home{Dir: t.TempDir()},
	}
	for _, age := range ages {
		at := now.Add(-age)
		for _, name := range []string{"db_" + at.Format("2006-01-02_1504") + ".dump", "vault_snapshot_" + at.Format("2006-01-02_1504") + ".tar.gz"} {
			path := filepath.Join(m.Dir, name)
			file(t, path, "neither a dump nor an archive")
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}

	return m
}

func TestMonitoringTellsHowOldTheNewestBackupIs(t *testing.T) {
	for age, want := range map[time.Duration]recovery.Level{
		7 * time.Hour: recovery.LevelOK, 27 * time.Hour: recovery.LevelWarning, 51 * time.Hour: recovery.LevelCritical, -3 * time.Hour: recovery.LevelWarning,
	} {
		m := watched(t)
		seen := recovery.Monitor{Taken: m.Now().Add(-age)}
		if m.age(&seen); seen.Level != want {
			t.Errorf("%v: %v, want %v", age, seen.Level, want)
		}
	}
}

func TestC27MonitoringSeesThatThereIsNoBackupAndThatOneIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		m    Monitor
		want string
	}{
		"no directory":  {Monitor{Dir: "/nowhere", Now: time.Now}, "The backup directory is not there"},
		"nothing in it": {watched(t), "There is no backup in the directory"},
		"broken":        {watched(t, 7*time.Hour), "The file is not a PostgreSQL dump"},
	} {
		seen := c.m.Look(t.Context())
		if seen.Level != recovery.LevelCritical || seen.Word != "CRITICAL" || !slices.ContainsFunc(seen.Problems, func(p string) bool { return strings.Contains(p, c.want) }) {
			t.Errorf("%s: %+v, want critical with %q", name, seen, c.want)
		}
	}
}

func TestMonitoringComparesTheLiveSecretWithTheSeal(t *testing.T) {
	s := sealedBackup(t, func(m *backup.Manifest) { m.Began = time.Now() })
	sealed, err := soundByManifest(s.Backup)
	if err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(t.TempDir(), ".env")
	for text, want := range map[string]recovery.Level{
		"AUTH_SECRET='the secret'\n": recovery.LevelOK, "AUTH_SECRET='another secret'\n": recovery.LevelWarning,
	} {
		file(t, env, text)
		var seen recovery.Monitor
		if (Monitor{Env: env}).secrets(&seen, s.Backup, sealed); seen.Level != want || strings.Contains(seen.Secrets, "the secret") {
			t.Errorf("%s: %v, %q, want %v", text, seen.Level, seen.Secrets, want)
		}
	}
	var seen recovery.Monitor
	if (Monitor{Env: "/nowhere"}).secrets(&seen, s.Backup, sealed); seen.Level != recovery.LevelWarning {
		t.Errorf("no .env anywhere: %v, want a warning", seen.Level)
	}
}
