package jsonl_test

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/jsonl"
)

func events() []recovery.Event {
	return []recovery.Event{
		{V: 1, Seq: 1, Kind: recovery.RunOpened, Run: "20261123-030107", Host: "ffhost-01", Text: "2026-11-22"},
		{V: 1, Seq: 2, Kind: recovery.StepStarted, Step: "vault", Title: "restore the vault", Attempt: 1},
		{V: 1, Seq: 3, Kind: recovery.StepProgress, Step: "vault", Phase: "extract", Unit: recovery.Bytes, Done: 1, Total: 2},
		{V: 1, Seq: 4, Kind: recovery.StepNoted, Step: "vault", Text: "a name with <, &, \x1b[2J,\nand \xff"},
		{V: 1, Seq: 5, Kind: recovery.RunEnded, Verdict: &recovery.Verdict{Outcome: recovery.Verified}},
	}
}

// brokenPipe takes half of the second line, and counts who still writes to it.
type brokenPipe struct {
	bytes.Buffer
	calls int
}

func (p *brokenPipe) Write(b []byte) (int, error) {
	p.calls++
	if p.calls < 2 {
		return p.Buffer.Write(b)
	}
	n, _ := p.Buffer.Write(b[:len(b)/2])

	return n, io.ErrClosedPipe
}

func TestNothingIsWrittenAfterHalfALine(t *testing.T) {
	pipe := &brokenPipe{}
	o := jsonl.New(pipe, nil)
	for _, e := range events() {
		o.Tell(e)
	}
	o.Close()
	if pipe.calls != 2 {
		t.Errorf("%d writes to a pipe that broke with the second", pipe.calls)
	}
}

type stuck struct{ release chan struct{} }

func (s stuck) Write(b []byte) (int, error) {
	<-s.release
	return len(b), nil
}

func TestStuckReaderBlocksNobody(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		pipe := stuck{make(chan struct{})}
		o := jsonl.New(pipe, nil)
		for range 100 {
			for _, e := range events() {
				o.Tell(e)
			}
		}
		o.Close() // it comes back, or synctest reports a deadlock
		close(pipe.release)
	})
}
