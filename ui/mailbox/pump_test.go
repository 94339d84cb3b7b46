package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func event(seq int, kind recovery.Kind, step string) recovery.Event {
	return recovery.Event{Seq: uint64(seq), Kind: kind, Step: recovery.StepID(step)}
}

// TestBoxKeepsTransitionsAndOrder: whatever is put in and whenever it is taken,
// no transition is lost, nothing overtakes, and the last progress of a step
// arrives.
func TestBoxKeepsTransitionsAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		box := mailbox.New()
		var put, got []recovery.Event
		take := func() {
			events, _ := box.Take()
			got = append(got, events...)
		}
		n := rapid.IntRange(0, 400).Draw(t, "events")
		for seq := range n {
			kind := rapid.SampledFrom([]recovery.Kind{
				recovery.StepStarted, recovery.StepProgress, recovery.StepLog, recovery.StepLog, recovery.StepNoted,
			}).Draw(t, "kind")
			e := event(seq+1, kind, rapid.SampledFrom([]string{"vault", "database"}).Draw(t, "step"))
			put = append(put, e)
			box.Put(e)
			if rapid.IntRange(0, 30).Draw(t, "take") == 0 {
				take()
			}
		}
		take()
		wantTransitions(t, put, got)
		last := map[recovery.StepID]uint64{}
		for _, e := range put {
			if e.Kind == recovery.StepProgress {
				last[e.Step] = e.Seq
			}
		}
		for i, e := range got {
			if i > 0 && e.Seq <= got[i-1].Seq {
				t.Fatalf("event %d came after %d", e.Seq, got[i-1].Seq)
			}
			if e.Kind == recovery.StepProgress && last[e.Step] == e.Seq {
				delete(last, e.Step)
			}
		}
		if len(last) > 0 {
			t.Fatalf("the last progress was lost: %v", last)
		}
	})
}

func wantTransitions(t *rapid.T, put, got []recovery.Event) {
	var lost []uint64
	arrived := map[uint64]bool{}
	for _, e := range got {
		arrived[e.Seq] = true
	}
	for _, e := range put {
		if !e.Kind.Lossy() && !arrived[e.Seq] {
			lost = append(lost, e.Seq)
		}
	}
	if len(lost) > 0 {
		t.Fatalf("transitions %v were lost", lost)
	}
}

func TestPumpShowsAllBeforeItCloses(t *testing.T) {
	var got []uint64
	p := mailbox.Start(mailbox.Screen{Show: func(e recovery.Event) { got = append(got, e.Seq) }})
	for seq := range 1000 {
		p.Put(event(seq+1, recovery.StepNoted, "vault"))
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if len(got) != 1000 || got[999] != 1000 {
		t.Errorf("%d events were shown, want 1000 in order", len(got))
	}
	if err := p.Sync(context.Background()); !errors.Is(err, mailbox.ErrClosed) {
		t.Errorf("Sync after Close: %v, want ErrClosed", err)
	}
}

func TestSyncWaitsForWhatWasPutBefore(t *testing.T) {
	shown := 0
	p := mailbox.Start(mailbox.Screen{Show: func(recovery.Event) { shown++ }})
	defer func() { _ = p.Close() }()
	for i := range 100 {
		p.Put(event(i+1, recovery.StepNoted, "vault"))
		if err := p.Sync(context.Background()); err != nil || shown != i+1 {
			t.Fatalf("after Sync %d: %d shown, %v", i+1, shown, err)
		}
	}
}

func TestStalledScreenBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := mailbox.Start(mailbox.Screen{Show: func(recovery.Event) { <-release }})
		for seq := range 10_000 {
			p.Put(event(seq+1, recovery.StepProgress, "vault"))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := p.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sync: %v, want the context's error", err)
		}
		begun := time.Now()
		if err := p.Close(); !errors.Is(err, mailbox.ErrStalled) {
			t.Errorf("Close: %v, want ErrStalled", err)
		}
		if took := time.Since(begun); took != mailbox.Patience {
			t.Errorf("Close took %s, want %s", took, mailbox.Patience)
		}
		close(release) // the goroutine ends as soon as it can; synctest fails if it does not
	})
}

func TestASlowScreenIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shown := 0
		p := mailbox.Start(mailbox.Screen{Show: func(recovery.Event) {
			<-time.After(mailbox.Patience * 3 / 4)
			shown++
		}})
		for seq := range 5 {
			p.Put(event(seq+1, recovery.StepStarted, "vault"))
		}
		if err := p.Close(); err != nil || shown != 5 {
			t.Errorf("%d of 5 events shown, %v", shown, err)
		}
	})
}

func TestPanicOfAScreenEndsNothing(t *testing.T) {
	shown := 0
	p := mailbox.Start(mailbox.Screen{Show: func(e recovery.Event) {
		if e.Seq == 1 {
			panic("a mistake")
		}
		shown++
	}})
	p.Put(event(1, recovery.StepStarted, "vault"))
	p.Put(event(2, recovery.StepFinished, "vault"))
	if err := p.Close(); err == nil || shown != 1 {
		t.Errorf("Close: %v with %d events shown; want the mistake named and the next event shown", err, shown)
	}
}

func TestPumpBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var beats []string
		p := mailbox.Start(mailbox.Screen{
			Show:  func(recovery.Event) {},
			Beat:  func(now time.Time) { beats = append(beats, now.Sub(begun).String()) },
			Every: 15 * time.Second,
		})
		<-time.After(time.Minute)
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if got, want := fmt.Sprint(beats), "[15s 30s 45s 1m0s]"; got != want {
			t.Errorf("beats at %s, want %s", got, want)
		}
	})
}
