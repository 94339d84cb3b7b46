package plain_test

import (
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/plain"
)

func verification(statuses ...recovery.Status) recovery.Verification {
	v := recovery.Verification{Directory: "/b", Backup: "2026-11-22", Took: time.Second}
	for _, status := range statuses {
		p := recovery.VerifiedPart{Name: "dump", Path: "/b/db\x1b[2J.dump", Bytes: 2048, SHA256: "abc", Untold: []string{"the rest\x1b"}}
		p.Find(recovery.OK("dump", "the header\x1b[2J"))
		if status != recovery.Passed {
			p.Find(recovery.Problem("dump", status, recovery.Diagnosis{
				Code: "dump.damaged", Summary: "It is damaged", Seen: "at 5", Intact: "All.", Remedies: []recovery.Remedy{{Do: "Copy it", Command: "cp a b"}},
			}))
		}
		v.Parts = append(v.Parts, p)
	}
	v.Judge()

	return v
}

func TestTheWorstFindingDecides(t *testing.T) {
	ok, warned, unproven, failed := recovery.Passed, recovery.Warned, recovery.Unproven, recovery.Failed
	for _, c := range []struct {
		statuses []recovery.Status
		exit     recovery.ExitCode
		word     string
	}{
		{nil, 0, "GOOD"},
		{[]recovery.Status{ok, ok}, 0, "GOOD"},
		{[]recovery.Status{warned, ok}, 0, "GOOD"},
		{[]recovery.Status{ok, unproven, warned}, 9, "NOT PROVEN"},
		{[]recovery.Status{failed, unproven, ok}, 5, "BROKEN"},
	} {
		v := verification(c.statuses...)
		var b strings.Builder
		if err := plain.Verification(&b, v); err != nil {
			t.Fatal(err)
		}
		if v.Exit != c.exit || !strings.Contains(b.String(), "\n"+c.word) {
			t.Errorf("%v: exit %d, want %d and %q in\n%s", c.statuses, v.Exit, c.exit, c.word, b.String())
		}
	}
}

func TestAVerificationSaysWhatWasSeenAndWhatNot(t *testing.T) {
	for full, how := range map[bool]string{false: "beginnings and ends; --full reads every byte", true: "every byte"} {
		v := verification(recovery.Failed)
		v.Full = full
		var b strings.Builder
		if err := plain.Verification(&b, v); err != nil {
			t.Fatal(err)
		}
		wantPrintable(t, b.String())
		for _, text := range []string{how, "2.0 KiB", "SHA-256 abc", "the header", "cannot tell  the rest", "It is damaged   [dump.damaged]", "cp a b", "Took 1 s."} {
			if !strings.Contains(b.String(), text) {
				t.Errorf("full %v: %q is missing in\n%s", full, text, b.String())
			}
		}
	}
}

func TestARepairSaysWhatWasUndoneAndWhatIsNext(t *testing.T) {
	var b strings.Builder
	err := plain.Repaired(&b, recovery.RepairedBackup{
		Backup: "2026-11-22-repaired", Copies: []recovery.RepairedCopy{
			{
				From: "/b/db\x1b.dump", To: "/b/db.repaired.dump", Bytes: 2048, SHA256: "abc", Undone: []string{"gzip", "the line ends of 1 terminal"},
				Checks: []recovery.Finding{recovery.OK("copy", "read to its last byte")},
			},
			{From: "/b/vault.tar.gz", To: "/b/vault.repaired.tar.gz", Bytes: 4096, SHA256: "def", Undone: []string{"the directory level uploads/"}},
		},
		Remarks: []string{"not encrypted\x1b"},
		Next:    []recovery.Remedy{{Do: "Recover from the copy", Command: "firmflow-recovery restore --backup 2026-11-22-repaired"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantPrintable(t, b.String())
	for _, text := range []string{"gzip, then the line ends of 1 terminal", "SHA-256 abc", "undone: the directory level uploads/", "SHA-256 def", "ok       read to its last byte", "note     not encrypted", "restore --backup 2026-11-22-repaired", "REPAIRED, as backup 2026-11-22-repaired."} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("%q is missing in\n%s", text, b.String())
		}
	}
}

func TestLongWorkIsToldAndShortWorkIsNot(t *testing.T) {
	var b strings.Builder
	now := time.Unix(0, 0)
	moved := plain.Tenths(&b, func() time.Time { return now })
	for i := range int64(100) {
		moved("dump", i, 100)
		now = now.Add(20 * time.Millisecond)
	}
	moved("dump", 100, 100)
	if b.Len() > 0 {
		t.Errorf("two seconds of work are told: %s", b.String())
	}
	for i := range int64(1000) {
		moved("vault archive", i, 1000)
		now = now.Add(20 * time.Millisecond)
	}
	moved("vault archive", 1000, 1000)
	moved("nothing", 0, 0)
	if lines := strings.Count(b.String(), "\n"); lines < 7 || lines > 10 || !strings.Contains(b.String(), "vault archive: 50 %, 500 B of 1000 B") {
		t.Errorf("twenty seconds of work: %s", b.String())
	}
	for range 4 {
		now = now.Add(20 * time.Second)
		moved("dump", 1, 1000)
	}
	if !strings.HasSuffix(b.String(), "dump: 0 %, 1 B of 1000 B\n") {
		t.Errorf("slow work is not told of: %s", b.String())
	}
}

func wantPrintable(t *testing.T, out string) {
	t.Helper()
	if strings.ContainsFunc(out, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }) {
		t.Errorf("it holds control characters: %q", out)
	}
}
