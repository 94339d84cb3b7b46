package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"firmflow-recovery/recovery"
)

// TestOldRunsOfBackupGoAndNothingElse: recoveries stay, however old, and what
// cannot be read.
func TestOldRunsOfBackupGoAndNothingElse(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	of := func(run recovery.RunID, purpose recovery.Purpose) {
		j, err := h.Create(run)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		for i, kind := range []recovery.Kind{recovery.RunOpened, recovery.RunStarted} {
			e := event(uint64(i)+1, kind)
			e.Run, e.Purpose = run, purpose
			if err := j.Append(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	of("20260101-020000", recovery.Recovering)
	for day := 2; day <= 9; day++ {
		of(recovery.RunID(fmt.Sprintf("202601%02d-020000", day)), recovery.BackingUp)
	}
	of("20260110-020000", recovery.Recovering)
	if err := os.WriteFile(filepath.Join(h.dir("20260103-020000"), journalName), []byte("not a line of a journal\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.Thin(3); err != nil {
			t.Fatal(err)
		}
	}
	want := []recovery.RunID{"20260110-020000", "20260109-020000", "20260108-020000", "20260107-020000", "20260103-020000", "20260101-020000"}
	if left, err := h.Runs(); err != nil || !slices.Equal(left, want) {
		t.Errorf("left are %v, %v, want %v", left, err, want)
	}
}
