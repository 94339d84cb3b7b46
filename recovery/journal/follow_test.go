package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"firmflow-recovery/recovery"
)

const followed = recovery.RunID("20261123-030107")

// following is a follower at work: what it told so far, and how it ended.
type following struct {
	t      *testing.T
	events chan recovery.Event
	result chan error
	all    []recovery.Event
}

func follow(ctx context.Context, t *testing.T, h Home) *following {
	t.Helper()
	f := &following{t: t, events: make(chan recovery.Event, 100_000), result: make(chan error, 1)}
	go func() {
		f.result <- h.Follow(ctx, followed, func(e recovery.Event) { f.events <- e })
		close(f.events)
	}()

	return f
}

// until waits for an event with the text.
func (f *following) until(text string) {
	f.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		select {
		case e, open := <-f.events:
			if !open {
				f.t.Fatalf("the follower ended before %q: %v", text, <-f.result)
			}
			f.all = append(f.all, e)
			if e.Text == text {
				return
			}
		case <-late:
			f.t.Fatalf("%q was not told in 20 s", text)
		}
	}
}

// end waits for the follower's end and checks what no follower may get wrong:
// numbers grow, and everything journalled was told.
func (f *following) end(h Home) error {
	f.t.Helper()
	for e := range f.events {
		f.all = append(f.all, e)
	}
	var seen, kept recovery.State
	var last uint64
	for _, e := range f.all {
		if e.Seq <= last {
			f.t.Errorf("event %d (%s) was told after event %d", e.Seq, e.Kind, last)
		}
		last = e.Seq
		if !e.Kind.Lossy() {
			seen.Apply(e)
		}
	}
	kept, err := h.Read(followed)
	if err != nil {
		f.t.Fatal(err)
	}
	if d := cmp.Diff(kept, seen, cmpopts.IgnoreFields(recovery.State{}, "Seq"), cmpopts.IgnoreUnexported(recovery.StepState{})); d != "" {
		f.t.Errorf("journal and follower differ (-journal +follower):\n%s", d)
	}

	return <-f.result
}

// scribe writes a run as an engine does, with numbers as its stream gives them.
type scribe struct {
	t   *testing.T
	j   *Journal
	seq uint64
}

func (s *scribe) write(kind recovery.Kind, text string) {
	s.t.Helper()
	s.seq++
	e := recovery.Event{V: recovery.Version, Seq: s.seq, Time: time.Now().UTC(), Run: followed, Kind: kind, Step: "vault", Text: text}
	if kind == recovery.RunEnded {
		e.Verdict = &recovery.Verdict{Outcome: recovery.Verified}
	}
	if kind.Lossy() {
		s.j.Show(e)
	} else if err := s.j.Append(e); err != nil {
		s.t.Fatal(err)
	}
}

// atWork takes the lock and begins or resumes the followed run.
func atWork(t *testing.T, h Home) (s *scribe, leave func()) {
	t.Helper()
	lock, err := h.Lock(Holder{PID: os.Getpid(), Host: "ffhost-01", Run: followed})
	if err != nil {
		t.Fatal(err)
	}
	s = &scribe{t: t}
	s.j, err = h.Create(followed)
	first := recovery.RunOpened
	if errors.Is(err, os.ErrExist) {
		var state recovery.State
		s.j, state, err = h.Resume(followed)
		s.seq, first = state.Seq, recovery.RunResumed
	}
	if err != nil {
		t.Fatal(err)
	}
	s.write(first, string(first))

	return s, func() {
		if err := errors.Join(s.j.Close(), lock.Release()); err != nil {
			t.Error(err)
		}
	}
}

// TestWriter is the other process. It writes what its input says, one word a
// line, and answers when it has.
func TestWriter(t *testing.T) {
	dir := os.Getenv("JOURNAL_WRITER")
	if dir == "" {
		t.Skip("the other process of other tests")
	}
	s, leave := atWork(t, Home{Dir: dir})
	defer leave()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch word := in.Text(); word {
		case "many":
			for i := range 500 {
				s.write(recovery.StepProgress, "")
				s.write(recovery.StepLog, fmt.Sprint("line ", i))
				if i%10 == 0 {
					s.write(recovery.StepNoted, fmt.Sprint("note ", i))
				}
			}
		case "end":
			s.write(recovery.RunEnded, word)
			return
		default:
			s.write(recovery.StepNoted, word)
			s.write(recovery.StepLog, word+" shown")
		}
	}
}

type process struct {
	*exec.Cmd
	in interface{ Write([]byte) (int, error) }
}

func writer(t *testing.T, h Home) process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestWriter$")
	cmd.Env = append(os.Environ(), "JOURNAL_WRITER="+h.Dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	return process{cmd, in}
}

func (p process) say(t *testing.T, words ...string) {
	t.Helper()
	if _, err := p.in.Write([]byte(strings.Join(words, "\n") + "\n")); err != nil {
		t.Fatal(err)
	}
}

// begin starts the other process and waits until it holds the lock, from which
// on the run can be followed.
func begin(t *testing.T, h Home) process {
	t.Helper()
	p := writer(t, h)
	for late := time.Now().Add(2 * time.Minute); time.Now().Before(late); {
		if _, held, err := h.Held(); err == nil && held {
			return p
		}
	}
	t.Fatal("the other process did not begin")

	return p
}

func TestARunOfAnotherProcessIsFollowedToItsVerdict(t *testing.T) {
	t.Parallel()
	h := Home{Dir: t.TempDir()}
	p := begin(t, h)
	f := follow(t.Context(), t, h)
	p.say(t, "first")
	f.until("first shown")
	p.say(t, "many", "end")
	if err := f.end(h); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, e := range f.all {
		if e.Kind == recovery.StepLog {
			lines++
		}
	}
	if lines < 450 { // a line between two reads that race with the writer may be lost
		t.Errorf("%d of 501 log lines were told", lines)
	}
	again := follow(t.Context(), t, h)
	if err := again.end(h); err != nil || len(again.all) < 52 {
		t.Errorf("the finished run: %d events, %v", len(again.all), err)
	}
}

func TestAKilledRunStoppedWithoutAVerdictAndIsFollowedOnceResumed(t *testing.T) {
	t.Parallel()
	h := Home{Dir: t.TempDir()}
	p := begin(t, h)
	f := follow(t.Context(), t, h)
	patient := follow(t.Context(), t, h)
	p.say(t, "first", "second")
	f.until("second shown")
	patient.until("second shown")
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	// What was shown has greater numbers than what was journalled. One that waits through the resumption must take nothing for old.
	next := begin(t, h)
	next.say(t, "third")
	patient.until("third shown")
	next.say(t, "end")
	for name, f := range map[string]*following{"impatient": f, "patient": patient} {
		if err := f.end(h); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	p = begin(t, h)
	f = follow(t.Context(), t, h)
	f.until(string(recovery.RunResumed))
	p.say(t, "fourth")
	f.until("fourth shown")
	_ = p.Process.Kill()
	_ = p.Wait()
	var stopped *StoppedError
	if err := f.end(h); !errors.As(err, &stopped) || stopped.Run != followed || time.Since(stopped.Last) > time.Minute {
		t.Errorf("after kill -9: %v, want *StoppedError", err)
	}
}

func TestAResumedRunIsFollowedToItsRealEnd(t *testing.T) {
	t.Parallel()
	h := Home{Dir: t.TempDir()}
	s, leave := atWork(t, h)
	s.write(recovery.RunEnded, "the first end")
	f := follow(t.Context(), t, h)
	f.until("the first end")
	leave()
	s, leave = atWork(t, h)
	f.until(string(recovery.RunResumed))
	s.write(recovery.RunEnded, "the real end")
	leave()
	if err := f.end(h); err != nil || f.all[len(f.all)-1].Text != "the real end" {
		t.Errorf("ended with %q, %v", f.all[len(f.all)-1].Text, err)
	}
}

func TestAHalfWrittenLineIsAwaited(t *testing.T) {
	t.Parallel()
	h := Home{Dir: t.TempDir()}
	s, leave := atWork(t, h)
	defer leave()
	file, err := os.OpenFile(s.j.Path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	put := func(text string) {
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	s.seq++
	put(`{"v":1,"seq":2,"kind":"step.noted","text":"ha`)
	ctx, stop := context.WithCancelCause(t.Context())
	f := follow(ctx, t, h)
	f.until(string(recovery.RunOpened))
	put("lf\"}\n{\"v\":1,")
	f.until("half")
	if err := file.Truncate(int64(strings.Index(read1(t, s.j.Path()), `{"v":1,`+"\x00")) + 1); err == nil {
		t.Log("cut")
	}
	gone := errors.New("the operator left")
	stop(gone)
	if err := <-f.result; !errors.Is(err, gone) {
		t.Errorf("Follow = %v, want the context's cause", err)
	}
}

func read1(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}

	return string(content)
}
