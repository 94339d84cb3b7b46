package console

import (
	"context"
	"fmt"
	"time"

	"firmflow-recovery/recovery"
)

// attended asks, and opens the operator's shell where that is the answer. The
// question is then asked again by whoever asked it.
type attended struct {
	Operator

	shell func(ctx context.Context) error
	lend  func(use func() error) error
	say   func(text string)
}

// Ask passes a question on.
func (a attended) Ask(ctx context.Context, q recovery.Question) (recovery.Answer, error) {
	answer, err := a.Operator.Ask(ctx, q)
	if err != nil || answer.Choice != recovery.Shell {
		return answer, err
	}
	_ = a.lend(func() error { // whatever became of the shell, the question is asked again
		a.say("A shell. What it changes, the recovery looks at again. exit leads back.\n")
		err := a.shell(ctx)
		if err != nil && ctx.Err() == nil {
			a.say(fmt.Sprintf("The shell could not be opened: %v\n", err))
			time.Sleep(readable)
		}

		return err
	})
	if ctx.Err() != nil {
		return recovery.Answer{}, context.Cause(ctx)
	}

	return answer, nil
}

// Watch passes it on.
func (a attended) Watch(on bool) { Watch(a.Operator, on) }

// readable is how long a line stands that the screen will cover.
const readable = 3 * time.Second
