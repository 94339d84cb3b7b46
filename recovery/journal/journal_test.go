package journal

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
)

func event(seq uint64, kind recovery.Kind) recovery.Event {
	return recovery.Event{V: recovery.Version, Seq: seq, Time: time.Unix(1764000000, 0).UTC(), Run: "20261123-030107", Kind: kind, Text: "2026-11-22"}
}

func begun(t *testing.T, h Home, run recovery.RunID, kinds ...recovery.Kind) *Journal {
	t.Helper()
	j, err := h.Create(run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	for i, kind := range kinds {
		e := event(uint64(i)+1, kind)
		e.Run = run
		if kind == recovery.RunEnded {
			e.Verdict = &recovery.Verdict{Outcome: recovery.Verified}
		}
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}

	return j
}

func TestAppendedEventsAreReadBack(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	begun(t, h, "20261123-030107", recovery.RunOpened, recovery.RunStarted)
	state, err := h.Unfinished()
	if err != nil {
		t.Fatal(err)
	}
	if state.Run != "20261123-030107" || state.Seq != 2 || !state.Confirmed {
		t.Errorf("state %+v", state)
	}
}

func TestANewRunIsNamedAfterTheNewest(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)
	for name, c := range map[string]struct{ kept, want recovery.RunID }{
		"first":                  {"", "20261123-030107"},
		"an older one":           {"20261122-030107", "20261123-030107"},
		"one of the same second": {"20261123-030107", "20261123-030108"},
		"the clock was set back": {"20261231-235959", "20270101-000000"},
		"not a run's directory":  {"mine", "20261123-030107"},
	} {
		t.Run(name, func(t *testing.T) {
			h := Home{Dir: t.TempDir()}
			if c.kept != "" {
				begun(t, h, c.kept, recovery.RunOpened)
			}
			if got, err := h.NewRun(now); got != c.want || err != nil {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestALineCutByPowerLossIsLeftOutAndMended(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	j := begun(t, h, "20261123-030107", recovery.RunOpened, recovery.RunStarted)
	whole, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	second := strings.Index(string(whole), "\n") + 1
	for cut := second; cut < len(whole); cut++ {
		if err := os.WriteFile(j.Path(), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		resumed, state, err := h.Resume("20261123-030107")
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if state.Seq != 1 {
			t.Errorf("cut at %d: state knows %d events, want 1", cut, state.Seq)
		}
		if err := resumed.Append(event(2, recovery.RunResumed)); err != nil {
			t.Fatal(err)
		}
		_ = resumed.Close()
		if state, err = h.Read("20261123-030107"); err != nil || state.Seq != 2 {
			t.Errorf("cut at %d, then appended: %d events, %v", cut, state.Seq, err)
		}
	}
}

func TestAnUnreadableJournalIsNotAnEmptyOne(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	j := begun(t, h, "20261123-030107", recovery.RunOpened, recovery.RunStarted)
	if err := os.WriteFile(j.Path(), []byte("\x00\x00\x00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := h.Unfinished()
	var broken *BrokenError
	if !errors.As(err, &broken) || broken.Line != 1 {
		t.Errorf("Unfinished on a broken journal: %v, want *BrokenError at line 1", err)
	}
}

func TestOnlyARunThatBeganAndDidNotEndWellIsUnfinished(t *testing.T) {
	for name, c := range map[string]struct {
		kinds []recovery.Kind
		want  bool
	}{
		"opened only": {[]recovery.Kind{recovery.RunOpened}, false},
		"started":     {[]recovery.Kind{recovery.RunOpened, recovery.RunStarted}, true},
		"verified":    {[]recovery.Kind{recovery.RunOpened, recovery.RunStarted, recovery.RunEnded}, false},
	} {
		h := Home{Dir: t.TempDir()}
		begun(t, h, "20261123-030107", c.kinds...)
		if _, err := h.Unfinished(); errors.Is(err, ErrNoRun) == c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (Home{Dir: t.TempDir() + "/none"}).Unfinished(); !errors.Is(err, ErrNoRun) {
		t.Errorf("no directory at all: %v, want ErrNoRun", err)
	}
}

func TestARunThatEndedWellHidesWhatWasInterruptedBefore(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	begun(t, h, "20261122-010000", recovery.RunOpened, recovery.RunStarted)
	begun(t, h, "20261123-010000", recovery.RunOpened, recovery.RunStarted, recovery.RunEnded)
	begun(t, h, "20261123-020000", recovery.RunOpened)
	if state, err := h.Unfinished(); !errors.Is(err, ErrNoRun) {
		t.Errorf("unfinished %s, %v", state.Run, err)
	}
}

func TestARunIsCreatedOnce(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	begun(t, h, "20261123-030107")
	if _, err := h.Create("20261123-030107"); !errors.Is(err, os.ErrExist) {
		t.Errorf("second Create: %v", err)
	}
}

func TestF3TheLockIsHeldOnceAndFreedWhenItsHolderDies(t *testing.T) {
	if dir := os.Getenv("LOCK_HOLDER"); dir != "" {
		lock, err := Home{Dir: dir}.Lock(Holder{PID: os.Getpid(), Host: "ffhost-01", Run: "20261123-030107"})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("held\n")
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed; a process in which nothing waits for anything would end by itself
		runtime.KeepAlive(lock)
		return
	}
	h := Home{Dir: t.TempDir()}
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), "LOCK_HOLDER="+h.Dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}

	_, err = h.Lock(Holder{})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.PID != child.Process.Pid || held.Holder.Run != "20261123-030107" {
		t.Errorf("second lock: %v", err)
	}
	if who, is, err := h.Held(); !is || err != nil || who.Host != "ffhost-01" {
		t.Errorf("Held = %+v, %v, %v", who, is, err)
	}

	_ = child.Process.Kill()
	_ = child.Wait()
	lock, err := h.Lock(Holder{PID: os.Getpid()})
	if err != nil {
		t.Fatalf("the lock of a dead process is not free: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if _, is, err := h.Held(); is || err != nil {
		t.Errorf("held after release: %v, %v", is, err)
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	line, _ := json.Marshal(event(1, recovery.RunOpened))
	f.Add(append(line, '\n'))
	f.Add([]byte(`{"v":1,"seq":2,"kind":"step.proof","step":"x"}` + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := t.TempDir() + "/journal.jsonl"
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, _ = read(path)
	})
}
