package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/journal"
)

// drillArgs are those of a drill beside the demo's installation, which runs in a
// sandbox of its own.
func drillArgs(t *testing.T, i *demo.Installation, backups string, more ...string) (env, all []string) {
	t.Helper()
	places := filepath.Join(i.Dir, "places")
	if err := os.MkdirAll(places, 0o711); err != nil {
		t.Fatal(err)
	}
	env = []string{"FIRMFLOW_RECOVERY_RUNTIME=sandbox"}

	return env, append([]string{"drill", "--project", i.Project, "--backups", backups, "--original-env", i.OriginalEnv, "--state-dir", i.State,
		"--drill-dir", places}, more...)
}

func drilling(t *testing.T, i *demo.Installation, backups string, more ...string) result {
	t.Helper()
	env, all := drillArgs(t, i, backups, more...)

	return firmflow(t, env, all...)
}

// nothingLeft looks whether drills left a directory or a process.
func nothingLeft(t *testing.T, i *demo.Installation) {
	t.Helper()
	places := filepath.Join(i.Dir, "places")
	if left := listed(t, places); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	noneRuns(t, places)
}

func TestADrillIsVerifiedTouchesNothingAndIsKeptOnlyWhereThatWasAsked(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	clock := time.Now()
	r := drilling(t, i, i.Backups, "--keep")
	wall := time.Since(clock)
	r.want(t, 0, "of backup ", "VERIFIED in", "kept in ", "remove it:  firmflow-recovery drill --remove ", "psql")
	if first, _, _ := strings.Cut(r.out, "\n"); !strings.HasPrefix(first, "drill ") || !strings.Contains(first, "VERIFIED in") {
		t.Errorf("unwatched, a drill begins with %q, want all of it in one line", first)
	}
	_, url, _ := strings.Cut(r.out, "its app answers at ")
	url, _, _ = strings.Cut(url, "\n")
	if status, _ := get(t, url+"/api/health"); status != http.StatusOK {
		t.Errorf("the kept app answers %d", status)
	}
	report := content(t, reportOf(t, r))
	for _, text := range []string{"# Drill ", "**VERIFIED**", "untouched: vault 220 files"} {
		if !strings.Contains(report, text) {
			t.Errorf("the report lacks %q:\n%s", text, report)
		}
	}
	figuresHold(t, strings.TrimSuffix(reportOf(t, r), ".md"), wall)
	noSecrets(t, &site{state: filepath.Join(i.State, "drills"), original: i.OriginalEnv}, r.out)

	drilling(t, i, i.Backups, "--target", "1ms", "--plain").want(t, 9, "DRILL FAILED", "drill.target.missed", "FirmFlow Recovery, DRILL")
	if kept := listed(t, filepath.Join(i.Dir, "places")); len(kept) != 1 {
		t.Errorf("after another drill there is %q, want what was kept", kept)
	}
	firmflow(t, nil, "report", "--list", "--state-dir", i.State).want(t, 0, "KIND", "VERIFIED", "DRILL FAILED")
	firmflow(t, nil, "report", "--state-dir", i.State).want(t, 0, "# Drill ", "DRILL FAILED", "## Trend", "drill.target.missed")
	drilling(t, i, i.Backups, "--remove").want(t, 0, "removed what was kept of drill ")
	nothingLeft(t, i)
	if standing(t, i) != before {
		t.Error("the installation is not as it was")
	}
}

// figuresHold compares what a report says with this test's clock and with what
// the demo has made: 220 documents.
func figuresHold(t *testing.T, reports string, wall time.Duration) {
	t.Helper()
	var said struct {
		Took  float64 `json:"took_s"`
		Steps []struct {
			ID    string  `json:"id"`
			After float64 `json:"after_s"`
			Took  float64 `json:"took_s"`
			Items int64   `json:"items"`
		} `json:"steps"`
	}
	if err := json.Unmarshal([]byte(content(t, reports+".json")), &said); err != nil {
		t.Fatal(err)
	}
	if said.Took <= 10 || said.Took > wall.Seconds() || len(said.Steps) != 5 {
		t.Errorf("the report says %.1f s and %d steps; by the clock it took %.1f s", said.Took, len(said.Steps), wall.Seconds())
	}
	end := 0.0
	for _, step := range said.Steps {
		if step.After < end || step.After+step.Took > said.Took {
			t.Errorf("step %s of %.2f s begins after %.2f s; the one before ended after %.2f s, all after %.2f s", step.ID, step.Took, step.After, end, said.Took)
		}
		end = step.After + step.Took
		if step.ID == "vault" && step.Items != 220 {
			t.Errorf("the report counts %d documents", step.Items)
		}
	}
	if page := content(t, reports+".html"); !strings.Contains(page, "220 files") || !strings.Contains(page, "VERIFIED") {
		t.Error("the page lacks figures or verdict")
	}
}

// reportOf finds the path that a run has said.
func reportOf(t *testing.T, r result) string {
	t.Helper()
	_, path, said := strings.Cut(r.out, "Report: ")
	path, _, _ = strings.Cut(path, "\n")
	if !said {
		t.Fatalf("no report is named:\n%s", r.out)
	}

	return path
}

func TestADrillOfADamagedBackupFailsAndOneThatWouldTouchIsRefused(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	date := time.Now().Format("2006-01-02")
	for name, code := range map[string]string{"db_" + date + ".dump": "dump.truncated", "vault_snapshot_" + date + ".tar.gz": "vault.archive.truncated"} {
		dir := filepath.Join(i.Dir, "damaged")
		must(t, "/", "cp", "-a", i.Backups, dir)
		edit(t, filepath.Join(dir, name), func(b []byte) []byte { return b[:len(b)*2/3] })
		told := filepath.Join(i.Dir, "told-"+code)
		r := drilling(t, i, dir, "--on-failure", "tee "+told, "--on-success", "touch "+told+"-well", "--webhook", "http://127.0.0.1:1/token-of-ours")
		r.want(t, 9, "DRILL FAILED", "["+code+"]", "webhook: ", "the verdict stands")
		if heard := content(t, told); !strings.Contains(heard, code) || !strings.Contains(heard, `"exit": 9`) || strings.Contains(r.out, "token-of-ours") {
			t.Errorf("the hook heard\n%s\nof\n%s", heard, r.out)
		}
		if report := content(t, reportOf(t, r)); !strings.Contains(report, "DRILL FAILED") || !strings.Contains(report, code) || !strings.Contains(report, "untouched") {
			t.Errorf("the report of a failed drill says\n%s", report)
		}
		remove(t, dir)
	}
	drilling(t, i, filepath.Join(i.Dir, "none")).want(t, 5, "backup.directory.missing")
	env, inside := drillArgs(t, i, i.Backups, "--drill-dir", filepath.Join(i.Project, "uploads"))
	firmflow(t, env, inside...).want(t, 3, "drill.touches", "No drill was begun")
	notADirectory := filepath.Join(i.Dir, "file")
	write(t, notADirectory, "")
	drilling(t, i, i.Backups, "--state-dir", notADirectory).want(t, 3, "drill.recovery.unknown")

	lock, err := journal.Home{Dir: i.State}.Lock(journal.Holder{PID: os.Getpid(), Host: "ffhost-01", Run: "20261123-030107"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	drilling(t, i, i.Backups).want(t, 7, "run.locked", "20261123-030107")
	nothingLeft(t, i)
	if standing(t, i) != before {
		t.Error("the installation is not as it was")
	}
}

func TestF2AStoppedDrillCleansUpAndAKilledOneIsCleanedUpByTheNext(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	env, all := drillArgs(t, i, i.Backups, "--plain")
	all = append([]string{"sh", "-c", `umask 077; exec "$@"`, "sh", program}, all...) // as a timer's service has it
	killed := 0
	for _, c := range []struct {
		at     string
		signal syscall.Signal
	}{
		{"step 2 of 5, restore the vault: started", syscall.SIGKILL},
		{"step 4 of 5, load the database dump: started", syscall.SIGTERM},
		{"dump SHA-256", syscall.SIGKILL}, {"live now", syscall.SIGKILL},
	} {
		r := signalled(t, env, all, c.at, c.signal)
		if c.signal == syscall.SIGTERM {
			r.want(t, 143, "DRILL STOPPED", "Report: ")
			nothingLeft(t, i)
			continue
		}
		killed++
		if left := listed(t, filepath.Join(i.Dir, "places")); len(left) != 1 {
			t.Fatalf("killed at %q, there is %q, want what it left", c.at, left)
		}
		drilling(t, i, filepath.Join(i.Dir, "none")).want(t, 5, "removed what drill ", "backup.directory.missing")
		nothingLeft(t, i)
	}
	reports, err := filepath.Glob(filepath.Join(i.State, "drills", "runs", "*", "report.md"))
	if err != nil || len(reports) != killed+1 {
		t.Errorf("%d reports, %v; want one of every drill, also of the killed", len(reports), err)
	}
	if standing(t, i) != before {
		t.Error("the installation is not as it was")
	}
}
