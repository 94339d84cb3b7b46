package mailbox_test

import (
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/mailbox"
)

func TestTransitionsAreAllKeptAndInOrder(t *testing.T) {
	b := mailbox.New()
	for i := range uint64(5000) {
		kind := recovery.StepNoted
		switch i % 3 {
		case 1:
			kind = recovery.StepLog
		case 2:
			kind = recovery.StepProgress
		}
		b.Put(recovery.Event{Seq: i + 1, Kind: kind, Step: "one", Phase: "stage"})
	}
	b.Close()
	b.Put(recovery.Event{Seq: 9999, Kind: recovery.StepNoted})
	events, more := b.Take()
	counts := make(map[recovery.Kind]int)
	for i, e := range events {
		counts[e.Kind]++
		if i > 0 && e.Seq <= events[i-1].Seq {
			t.Fatalf("event %d comes after %d", e.Seq, events[i-1].Seq)
		}
	}
	if more || counts[recovery.StepNoted] != 1667 || counts[recovery.StepLog] != 100 {
		t.Errorf("more %v, %v; want all 1,667 notes and the last 100 lines", more, counts)
	}
}

func TestOnlyTheLatestProgressWaits(t *testing.T) {
	b := mailbox.New()
	for i := range int64(1000) {
		b.Put(recovery.Event{Seq: uint64(i) + 1, Kind: recovery.StepProgress, Step: "one", Phase: "stage", Done: i})
	}
	events, more := b.Take()
	if len(events) != 1 || events[0].Done != 999 || !more {
		t.Errorf("%d events wait, the last is %+v", len(events), events[len(events)-1])
	}
}
