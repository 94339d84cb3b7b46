package main

import (
	"bytes"
	"os"
	"testing"

	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/recovery/stack/stacktest"
)

// A byte of the table of contents that another one took the place of may still
// read well. Only loading shows it.
func TestBPowerARehearsalShowsWhatReadingDoesNot(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, _ := copied(t, i)
	before := must(t, dir, "ls", "-laR", "--time-style=full-iso")
	scratch := stacktest.Dir(t)
	verify := func(how string) result {
		return firmflow(t, []string{"TMPDIR=" + scratch}, "verify", date, how, "--backups", dir, "--state-dir", t.TempDir())
	}
	verify("--rehearse").want(t, 0, "the load rehearsed", "rehearsed: loaded into a scratch database", "every key, index and constraint", "where it still loads")
	if must(t, dir, "ls", "-laR", "--time-style=full-iso") != before {
		t.Error("a rehearsal changed something of the backup")
	}
	edit(t, dump, func(b []byte) []byte { return bytes.Replace(b, []byte(" integer"), []byte(" intemer"), 1) })
	verify("--full").want(t, 0, "GOOD")
	verify("--rehearse").want(t, 5, "[dump.rehearsal.failed]", `type "intemer" does not exist`, "next best backup")
	edit(t, dump, recoverytest.ThroughTerminal)
	verify("--rehearse").want(t, 5, "[dump.terminal]")
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	noneRuns(t, scratch)
}
