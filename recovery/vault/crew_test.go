package vault

import (
	"context"
	"strings"
	"testing"
)

func TestAWriterThatPanicsFailsTheWorkAndNotTheProgram(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	c := muster(ctx, cancel, func(_ context.Context, j int) error {
		if j == 3 {
			panic("a mistake")
		}
		return nil
	})
	for j := range 100 {
		if c.give(ctx, j) != nil {
			break
		}
	}
	c.wait()
	if cause := context.Cause(ctx); cause == nil || !strings.Contains(cause.Error(), "a mistake") {
		t.Errorf("the work ended with %v", cause)
	}
}
