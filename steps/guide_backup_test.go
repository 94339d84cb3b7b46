package steps

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
)

// remembering is an operator that keeps what it was asked.
type remembering struct {
	recoverytest.Operator
	asked []recovery.Question
}

func (r *remembering) Ask(ctx context.Context, q recovery.Question) (recovery.Answer, error) {
	r.asked = append(r.asked, q)

	return r.Operator.Ask(ctx, q)
}

// A backup that is looked at first is no answer yet: the list comes back, with
// what was found and the cursor where it was.
func TestABackupCanBeLookedAtBeforeItIsChosen(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"db_2026-11-21.dump", "vault_snapshot_2026-11-21.tar.gz", "db_2026-11-22.dump", "vault_snapshot_2026-11-22.tar.gz"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	op := &remembering{Operator: recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{
		recovery.AskBackup: {{Choice: recovery.Details, Typed: "2026-11-22"}, {Choice: recovery.Verify, Typed: "2026-11-21"}, {Choice: "2026-11-22"}},
		recovery.AskRead:   {{Choice: recovery.Back}, {Choice: recovery.Back}},
	}}}
	var full []bool
	g := Guide{Operator: op, Backups: dir, Now: time.Now, Verify: func(_ context.Context, name string, all bool, moved func(string, int64, int64)) (recovery.Verification, error) {
		full = append(full, all)
		moved("dump", 1, 2)

		return recovery.Verification{Backup: name, Full: all, Parts: []recovery.VerifiedPart{{Name: "dump", Status: recovery.Failed}}}, nil
	}}
	picked, err := g.backup(t.Context())
	if err != nil || picked == nil || picked.Name != "2026-11-22" {
		t.Fatalf("got %+v, %v", picked, err)
	}
	if !slices.Equal(full, []bool{false, true}) {
		t.Errorf("looked in full: %v", full)
	}
	last := op.asked[len(op.asked)-1]
	if last.At != "2026-11-21" || last.Options[last.Begin()].Key != "2026-11-21" {
		t.Errorf("the cursor begins at %q, option %d", last.At, last.Begin())
	}
	if l := last.Page.Listing.Backups; l[0].Checked != "" || l[1].Checked != recovery.Failed {
		t.Errorf("checked: %q and %q; want only the one that was read in full", l[0].Checked, l[1].Checked)
	}
	if read := op.asked[1]; read.ID != recovery.AskRead || read.Page.Verification == nil || read.Page.Verification.Backup != "2026-11-22" {
		t.Errorf("the second question is %+v", read)
	}
	state := op.State()
	if step := state.Step(looking); step.Total != 2 || step.Phase != "read the dump" {
		t.Errorf("told: %+v", step)
	}
}
