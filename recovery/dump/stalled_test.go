package dump

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"firmflow-recovery/recovery/command"
)

// acting is a pg_restore that does what a test wants.
type acting func(context.Context, command.Cmd) error

func (a acting) Run(ctx context.Context, c command.Cmd) error { return a(ctx, c) }

// turning is a pg_restore that has read something, and turns in circles.
func turning(ctx context.Context, c command.Cmd) error {
	if _, err := c.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	<-ctx.Done()

	return &command.Error{Args: c.Args, ExitCode: -1, Err: ctx.Err()}
}

func TestBPowerAPgRestoreThatTurnsInCirclesIsEnded(t *testing.T) {
	_, _, content := sample(t)
	_, err := oneWay(t.Context(), written(t, content), nil, func(p *pass) error {
		p.patience = 20 * time.Millisecond
		return p.run(t.Context(), acting(turning))
	})
	if !errors.Is(err, ErrStalled) {
		t.Errorf("error = %v, want ErrStalled", err)
	}

	// What we find ourselves in the rest of the file says more.
	_, err = oneWay(t.Context(), written(t, content[:len(content)-100]), nil, func(p *pass) error {
		p.patience = 20 * time.Millisecond
		return p.run(t.Context(), acting(turning))
	})
	if !errors.Is(err, ErrTruncated) {
		t.Errorf("of a cut dump: %v, want ErrTruncated", err)
	}
}

// asking is a file that asks how silent the program is while it is read.
type asking struct {
	pulse *pulse
	heard time.Duration
}

func (a *asking) Read([]byte) (int, error) {
	a.heard = a.pulse.silence()

	return 0, io.EOF
}

// The silence of a disk is not the program's: however slow it is, nobody is
// ended for it.
func TestADiskThatHangsIsNoStall(t *testing.T) {
	p := &pulse{began: time.Now().Add(-time.Hour)}
	if p.silence() < time.Hour {
		t.Errorf("silent for %v, want an hour", p.silence())
	}
	file := &asking{pulse: p, heard: -1}
	if _, err := (heard{pulse: p, from: file}).Read(nil); !errors.Is(err, io.EOF) || file.heard != 0 {
		t.Errorf("while the disk is read it is silent for %v, %v", file.heard, err)
	}
	if p.silence() >= time.Hour {
		t.Error("a read is no sign of life")
	}
}
