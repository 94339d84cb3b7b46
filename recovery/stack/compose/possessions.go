package compose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"firmflow-recovery/recovery/stack"
)

// Possessions lists what the engine has of the project: every container, volume
// and network that bears its name or that it is configured to use.
func (r *Runtime) Possessions(ctx context.Context) ([]stack.Possession, error) {
	p, err := r.pin(ctx)
	if err != nil {
		return nil, err
	}
	all, err := r.possessions(ctx, labelProject+"="+p.name)
	if err != nil {
		return nil, err
	}
	for key, v := range p.model.Volumes { // external ones bear no label of ours
		name := cmp.Or(v.Name, p.name+"_"+key)
		if slices.ContainsFunc(all, func(one stack.Possession) bool { return one.Kind == stack.Volume && one.Name == name }) {
			continue
		}
		found, err := r.volumes(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			all = append(all, one.possession())
		}
	}
	slices.SortFunc(all, func(a, b stack.Possession) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})

	return all, nil
}

// possessions lists what bears labels.
func (r *Runtime) possessions(ctx context.Context, labels ...string) ([]stack.Possession, error) {
	var all []stack.Possession
	found, err := r.marked(ctx, labels...)
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		s := c.service("")
		all = append(all, stack.Possession{
			Kind: stack.Container, ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"),
			As: fmt.Sprintf("%s since %s, started again %d times", s.State, s.StartedAt.UTC().Format(time.RFC3339Nano), s.Restarts),
		})
	}
	names, err := r.labelled(ctx, []string{"docker", "volume", "ls", "--quiet"}, labels)
	if err != nil {
		return nil, err
	}
	volumes, err := inspected[storedVolume](ctx, r, "volume", names)
	if err != nil {
		return nil, err
	}
	for _, v := range volumes {
		all = append(all, v.possession())
	}
	ids, err := r.labelled(ctx, []string{"docker", "network", "ls", "--quiet", "--no-trunc"}, labels)
	if err != nil {
		return nil, err
	}
	networks, err := inspected[struct {
		ID       string `json:"Id"`
		Name     string
		Internal bool
	}](ctx, r, "network", ids)
	for _, n := range networks {
		all = append(all, stack.Possession{Kind: stack.Network, ID: n.ID, Name: n.Name, As: fmt.Sprintf("internal %t", n.Internal)})
	}

	return all, err
}

func (v storedVolume) possession() stack.Possession {
	return stack.Possession{Kind: stack.Volume, ID: v.Name, Name: v.Name, As: "at " + v.Mountpoint + ", made " + v.CreatedAt}
}

func (r *Runtime) labelled(ctx context.Context, args, labels []string) ([]string, error) {
	for _, label := range labels {
		args = append(args, "--filter", "label="+label)
	}
	out, err := r.ask(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("list what the engine has: %w", err)
	}

	return strings.Fields(string(out)), nil
}

// inspected looks things up. What is gone by now is left out.
func inspected[T any](ctx context.Context, r *Runtime, kind string, ids []string) ([]T, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := r.ask(ctx, append([]string{"docker", kind, "inspect"}, ids...)...)
	if err != nil && !says(err, "no such "+kind) && !says(err, "not found") {
		return nil, fmt.Errorf("look up what the engine has: %w", err)
	}
	var all []T
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, errNotUnderstood
	}

	return all, nil
}

// How often it is looked whether anything of a copy is left, and how long for: a
// docker command that was killed with its caller may just be having a container
// made.
const (
	clearings = 50
	clearing  = 200 * time.Millisecond
)

// Clear removes everything that the engine has of a copy: what bears its mark and
// its name, and nothing else. It returns once there is nothing.
func (r *Runtime) Clear(ctx context.Context, mark string) error {
	if r.options.Project == "" || mark == "" {
		return errors.New("clear a copy away: it has no name")
	}
	labels := []string{labelMark + "=" + mark, labelProject + "=" + r.options.Project}
	tick := time.NewTicker(clearing)
	defer tick.Stop()
	var failed error
	for empty, n := 0, 0; n < clearings; n++ {
		left, err := r.possessions(ctx, labels...)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			if empty++; empty == 2 {
				return nil
			}
		} else {
			empty, failed = 0, r.discard(ctx, left)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}

	return errors.Join(fmt.Errorf("clear %s away: something of it is still there", r.options.Project), failed)
}

// discard removes what it is given, containers first. Volumes without a name go
// with their container.
func (r *Runtime) discard(ctx context.Context, all []stack.Possession) error {
	ids := map[stack.PossessionKind][]string{}
	for _, one := range all {
		ids[one.Kind] = append(ids[one.Kind], one.ID)
	}
	var failed error
	for _, way := range []struct {
		kind stack.PossessionKind
		args []string
	}{
		{stack.Container, []string{"docker", "container", "rm", "--force", "--volumes"}},
		{stack.Volume, []string{"docker", "volume", "rm"}},
		{stack.Network, []string{"docker", "network", "rm"}},
	} {
		if len(ids[way.kind]) == 0 {
			continue
		}
		if err := r.do(ctx, append(way.args, ids[way.kind]...)...); err != nil {
			failed = errors.Join(failed, err)
		}
	}

	return failed
}

// Copies gives the marks of all copies that the engine has something of, and the
// directories that they were made in.
func (r *Runtime) Copies(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, args := range [][]string{{"docker", "ps", "--all"}, {"docker", "volume", "ls"}, {"docker", "network", "ls"}} {
		args = append(args, "--filter", "label="+labelMark, "--format", `{{.Label "`+labelMark+`"}} {{.Label "`+labelDir+`"}}`)
		out, err := r.ask(ctx, args...)
		if err != nil {
			return nil, fmt.Errorf("list what the engine has: %w", err)
		}
		for line := range strings.Lines(string(out)) {
			if mark, dir, both := strings.Cut(strings.TrimRight(line, "\n"), " "); both && dir != "" {
				all[mark] = dir
			}
		}
	}

	return all, nil
}

// Marked lists what the engine has of a copy.
func (r *Runtime) Marked(ctx context.Context) ([]stack.Possession, error) {
	return r.possessions(ctx, labelProject+"="+r.options.Project)
}
