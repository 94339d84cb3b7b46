package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/stack"
)

// asking is what restored data is asked.
type asking func(context.Context, recovery.Progress) ([]recovery.Finding, error)

// prove asks the running system, and only it, whether the recovery came true:
// the app stays up, answers, and holds the original's secrets. What the data
// holds, evidence says while the app is watched.
func (r *restart) prove(ctx context.Context, p recovery.Progress, evidence asking) (app, held []recovery.Finding, err error) {
	before, err := r.Runtime.Services(ctx)
	if err != nil {
		return nil, nil, err
	}
	first := stack.Find(before, r.AppService)
	if first.State != stack.Running {
		return []recovery.Finding{recovery.Problem("app", recovery.Failed, r.appDown(ctx, first))}, nil, nil
	}
	settled := time.NewTimer(r.settles(first))
	defer settled.Stop()
	secrets, err := r.proveSecrets(ctx)
	if err != nil || secrets.Status != recovery.Passed {
		return []recovery.Finding{secrets}, nil, err
	}
	if held, err = evidence(ctx, p); err != nil {
		return nil, nil, err
	}
	p.Phase("see whether the app stays up", recovery.Items)
	stable, err := r.proveStable(ctx, first, settled.C)
	if err != nil {
		return nil, nil, err
	}

	return []recovery.Finding{secrets, stable, r.proveAnswer(ctx)}, held, nil
}

func (r *restart) proveSecrets(ctx context.Context) (recovery.Finding, error) {
	wrong, err := r.keysDiffer(ctx)
	if err != nil {
		return recovery.Finding{}, err
	}
	if len(wrong) > 0 {
		return recovery.Problem("secrets", recovery.Failed, containerDiffers(r.AppService, wrong)), nil
	}
	original, err := r.original()
	if err != nil {
		return recovery.Finding{}, err
	}
	var keys []string
	for _, key := range envfile.Keys() {
		if !original.Value(key).Empty() {
			keys = append(keys, key)
		}
	}

	return recovery.OK("secrets", "the running "+r.AppService+" holds the original's "+strings.Join(keys, ", ")), nil
}

// proveStable watches the app for a while: Compose calls a container that ends
// again and again healthy, if it happens to run when it looks (FAULTS E14). It
// looks once it was settled that the watch is over.
func (r *restart) proveStable(ctx context.Context, first stack.Service, settled <-chan time.Time) (recovery.Finding, error) {
	select {
	case <-settled:
	case <-ctx.Done():
		return recovery.Finding{}, ctx.Err()
	}
	after, err := r.Runtime.Services(ctx)
	if err != nil {
		return recovery.Finding{}, err
	}
	app := stack.Find(after, r.AppService)
	if !sameStart(app, first) {
		return recovery.Problem("app", recovery.Failed, r.appDown(ctx, app)), nil
	}
	text := fmt.Sprintf("%s stayed up for %s", r.AppService, recovery.Span(r.Settle))
	if app.Health == stack.Healthy {
		text += ", healthy by its own check"
	}

	return recovery.OK("app", text), nil
}

func (r *restart) proveAnswer(ctx context.Context) recovery.Finding {
	if r.url() == "" {
		return recovery.Problem("app", recovery.Unproven, noURL(r.AppService))
	}
	status, took, err := r.ask(ctx)
	if err != nil {
		return recovery.Problem("app", recovery.Failed, r.appSilent(ctx, err))
	}

	return recovery.OK("app", fmt.Sprintf("%s answers %d in %d ms", r.url(), status, took.Milliseconds()))
}
