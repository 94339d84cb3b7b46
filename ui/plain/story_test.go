package plain_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/ui/plain"
)

// pass lets time go by, in the bubble of synctest: nothing is waited for.
func pass(d time.Duration) { <-time.After(d) }

const mib = 1 << 20

var night = time.Date(2026, time.November, 23, 3, 1, 7, 0, time.UTC)

// story runs the engine over a plain operator, in a bubble where time is made
// up, and gives what was written.
func story(t *testing.T, o plain.Options, run func(context.Context, recovery.Runner) recovery.Verdict, steps ...recovery.Step) (text string, v recovery.Verdict) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pass(time.Until(night))
		var out bytes.Buffer
		o.Out = &out
		op := plain.New(o)
		v = run(t.Context(), recovery.Runner{
			Steps: steps, Operator: op, Now: time.Now, Run: "20261123-030107", Host: "ffhost-01",
			Backup: "2026-11-22", Target: "FirmFlow in /opt/firmflow",
		})
		op.Close()
		text = out.String()
	})

	return text, v
}

func restore(ctx context.Context, r recovery.Runner) recovery.Verdict { return r.Recover(ctx) }

func preflight(ctx context.Context, r recovery.Runner) recovery.Verdict {
	_, v := r.Preflight(ctx)

	return v
}

// confirmed are the answers of --confirm ffhost-01 --retries N.
func confirmed(retries int) map[recovery.QuestionID][]recovery.Answer {
	all := map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go, Typed: "ffhost-01"}}}
	for range retries {
		all[recovery.AskFailure] = append(all[recovery.AskFailure], recovery.Answer{Choice: recovery.Retry})
	}

	return all
}

// secrets is a step with nothing to do and a warning to give.
func secrets() *recoverytest.Step {
	warning := recovery.Problem("licence", recovery.Warned, recovery.Diagnosis{
		Code: "licence.hardware", Summary: "This host is not the one in the licence",
		Remedies: []recovery.Remedy{{Do: "Call the vendor while the data is restored"}},
	})

	return &recoverytest.Step{Name: "secrets", Checks: []recovery.Assessment{{
		Standing: recovery.Done, Summary: "secrets identical",
		Findings: []recovery.Finding{recovery.OK("secrets", "AUTH_SECRET, LICENSE_KEY identical"), warning},
	}}}
}

// vault is a step over live data. It is done at its last look, after the given
// number of attempts.
func vault(attempts int, do func(context.Context, recovery.Progress) error) *recoverytest.Step {
	pending := recovery.Assessment{
		Changes: []string{"stage 41,208 files (1.0 GiB)"}, Replaces: []string{"vault /opt/firmflow/uploads"},
		Loses:    "everything written after 2026-11-22 02:00Z (25 h)",
		Findings: []recovery.Finding{recovery.OK("vault", "vault_snapshot_2026-11-22.tar.gz (1.0 GiB)")},
	}
	s := &recoverytest.Step{Name: "vault", Checks: []recovery.Assessment{pending}, Do: do}
	for range attempts {
		s.Checks = append(s.Checks, pending)
	}
	s.Checks = append(s.Checks, recovery.Assessment{
		Standing: recovery.Done, Summary: "41,208 files, every checksum matches",
		Next:     []string{"take a backup:  firmflow-recovery backup"},
		Findings: []recovery.Finding{recovery.OK("vault", "41,208 files, archive read to its last byte")},
	})

	return s
}

// stage moves most of a GiB, falls silent, and ends.
func stage(_ context.Context, p recovery.Progress) error {
	p.Phase("stage and verify", recovery.Bytes)
	pass(100 * time.Millisecond)
	for done := int64(0); done < 600; done += 40 {
		p.Advance(done*mib, 1024*mib)
		pass(1300 * time.Millisecond)
	}
	p.Log("tar: a line that only --verbose shows")
	pass(2 * time.Minute)
	p.Advance(900*mib, 1024*mib)
	p.Note("staged in /opt/firmflow/uploads.restoring-20261123-030107")
	p.Phase("sync", recovery.Items)
	pass(40 * time.Second)

	return nil
}

func TestALongStepSaysThatItGoesOn(t *testing.T) {
	got, v := story(t, plain.Options{Answers: confirmed(0)}, restore, secrets(), vault(1, stage))
	golden(t, "long.txt", got)
	if v.Outcome != recovery.Verified {
		t.Errorf("outcome %s, want VERIFIED", v.Outcome)
	}
}

func TestVerboseShowsOtherProgramsLines(t *testing.T) {
	got, _ := story(t, plain.Options{Answers: confirmed(0), Verbose: true}, restore, secrets(), vault(1, stage))
	if want := "\nlog      tar: a line that only --verbose shows\n"; !strings.Contains(got, want) {
		t.Errorf("%q is missing in\n%s", want, got)
	}
}

func TestALongLookIsNotTakenForWork(t *testing.T) {
	look := &slowLook{Step: vault(1, nil)}
	got, _ := story(t, plain.Options{}, preflight, secrets(), look)
	golden(t, "long-look.txt", got)
}

// slowLook is a step whose check reads a whole archive.
type slowLook struct{ *recoverytest.Step }

func (s *slowLook) Check(ctx context.Context, p recovery.Progress) (recovery.Assessment, error) {
	p.Phase("read the archive", recovery.Bytes)
	for done := int64(0); done < 1024; done += 64 {
		p.Advance(done*mib, 1024*mib)
		pass(4100 * time.Millisecond)
	}

	return s.Step.Check(ctx, p)
}

func TestAFailingStepIsRetriedOnLines(t *testing.T) {
	tries := 0
	s := vault(3, func(context.Context, recovery.Progress) error {
		pass(3 * time.Second)
		if tries++; tries < 3 {
			return io.ErrShortWrite
		}

		return nil
	})
	in := strings.NewReader("FFHOST-01\nffhost-01\nyes\n1\n1\n")
	got, v := story(t, plain.Options{In: in}, restore, secrets(), s)
	golden(t, "asked.txt", got)
	if v.Outcome != recovery.Verified {
		t.Errorf("outcome %s, want VERIFIED", v.Outcome)
	}
}

func TestAFailingStepIsStopped(t *testing.T) {
	s := vault(2, func(context.Context, recovery.Progress) error { return io.ErrShortWrite })
	got, v := story(t, plain.Options{Answers: confirmed(1), In: strings.NewReader("3\n")}, restore, secrets(), s)
	golden(t, "stopped.txt", got)
	if v.Outcome != recovery.PreviousLive {
		t.Errorf("outcome %s, want %s", v.Outcome, recovery.PreviousLive)
	}
}

func TestAnInterruptedRunSaysHowToGoOn(t *testing.T) {
	run := func(ctx context.Context, r recovery.Runner) recovery.Verdict {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		r.Steps = append(r.Steps, vault(1, func(ctx context.Context, _ recovery.Progress) error {
			pass(42 * time.Second)
			cancel(&recovery.StopRequest{By: "terminated", Exit: recovery.ExitTerminated})

			return ctx.Err()
		}))

		return r.Recover(ctx)
	}
	got, v := story(t, plain.Options{Answers: confirmed(0)}, run, secrets())
	golden(t, "interrupted.txt", got)
	if v.Exit != recovery.ExitTerminated {
		t.Errorf("exit code %d, want %d", v.Exit, recovery.ExitTerminated)
	}
}

func TestAPreflightThatFindsProblems(t *testing.T) {
	blocked := vault(1, nil)
	blocked.Checks = []recovery.Assessment{{Standing: recovery.Blocked, Findings: []recovery.Finding{
		recovery.Problem("space", recovery.Failed, full),
		recovery.Problem("mirror", recovery.Unproven, recovery.Diagnosis{
			Code: "vault.mirror.unproven", Summary: "The mirror holds no checksums", Remedies: []recovery.Remedy{{Do: "Restore from the archive"}},
		}),
	}}}
	got, v := story(t, plain.Options{}, preflight, secrets(), blocked)
	golden(t, "unproven.txt", got)
	if v.Exit != recovery.ExitBlocked {
		t.Errorf("exit code %d, want %d", v.Exit, recovery.ExitBlocked)
	}
}

func TestABareYesIsHandedOverAndRefused(t *testing.T) {
	yes := map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go}}}
	got, v := story(t, plain.Options{Answers: yes}, restore, secrets(), vault(1, stage))
	if v.Exit != recovery.ExitNotConfirmed || strings.Contains(got, "started") {
		t.Errorf("exit code %d, want %d, and nothing started:\n%s", v.Exit, recovery.ExitNotConfirmed, got)
	}
}

// TestEveryLineIsWhole: append-only, in plain characters, and whatever comes
// next begins a line of its own.
func TestEveryLineIsWhole(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", errors.Join(err, os.ErrNotExist))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(text, []byte("\n")) {
			t.Errorf("%s does not end with a line end", file)
		}
		for i, b := range text {
			if b < ' ' && b != '\n' || b >= 0x7f {
				t.Errorf("%s holds byte %#x at %d", file, b, i)
			}
		}
	}
}
