package compose

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// Project resolves the configuration of now, and looks for the images, the
// database's files and the projects this one could be confused with. The first
// call decides which project that is for good.
func (r *Runtime) Project(ctx context.Context) (stack.Project, error) {
	engine, err := r.probed(ctx)
	if err != nil {
		return stack.Project{}, err
	}
	p, warned, err := r.resolve(ctx)
	if err != nil {
		return stack.Project{}, err
	}
	specs, err := r.specs(ctx, p.model)
	if err != nil {
		return stack.Project{}, err
	}
	data, err := r.data(ctx, p.model)
	if err != nil {
		return stack.Project{}, err
	}
	if engine.Podman {
		warned = append(warned, "Podman answers where Docker is expected")
	}

	return stack.Project{
		Name: p.name, Dir: r.options.Dir, Files: slices.Clone(p.files), Tool: engine.String(),
		Specs: specs, DataDir: data.dir, HasData: data.present, Rivals: data.rivals, Warnings: warned,
	}, nil
}

// Resolved gives the environment that a service would get if Compose ran in
// another environment than ours: in the operator's shell, whose variables win
// over .env. It is not bound to the pinned project, as the shell is not.
func (r *Runtime) Resolved(ctx context.Context, environment []string, service string) (map[string]secret.String, error) {
	// A shell may export the very secrets, so all of it travels as one.
	shell := fields(environment)
	shell["PWD"] = secret.New(r.options.Dir)
	m, _, err := r.config(ctx, r.options.Project, r.options.Files, shell)
	if err != nil {
		return nil, err
	}
	s, ok := m.Services[service]
	if !ok {
		return nil, fmt.Errorf("service %s: %w", service, stack.ErrUnknownService)
	}

	return maps.Clone(map[string]secret.String(s.Environment)), nil
}

// pin gives the pinned project, and resolves it if this is the first need.
func (r *Runtime) pin(ctx context.Context) (pin, error) {
	r.mu.Lock()
	known := r.pinned
	r.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	p, _, err := r.resolve(ctx)

	return p, err
}

// resolve reads the configuration as an operator in the project directory would
// get it. If that has become another project than the pinned one, the pinned
// one is read again, and the difference is a warning.
func (r *Runtime) resolve(ctx context.Context) (pin, []string, error) {
	files := r.findFiles()
	m, lines, err := r.config(ctx, r.options.Project, r.options.Files, nil)
	if err != nil {
		return pin{}, nil, err
	}
	p := pin{name: m.Name, files: files, model: m}
	warned := r.warnings(lines, texts(files))

	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.pinned; before != nil && (before.name != p.name || !slices.Equal(before.files, p.files)) {
		if m, lines, err = r.config(ctx, before.name, before.files, nil); err != nil {
			return pin{}, nil, err
		}
		moved := fmt.Sprintf("the configuration now names project %s in %q; this run stays with %s in %q",
			p.name, p.files, before.name, before.files)
		p = pin{name: before.name, files: before.files, model: m}
		warned = append(r.warnings(lines, texts(p.files)), moved)
	}
	r.pinned = &p

	return p, warned, nil
}

// config has Compose resolve the configuration, and gives what it warned of
// line by line. The scrubber knows the values before anybody sees a message.
func (r *Runtime) config(ctx context.Context, name string, files []string, shell map[string]secret.String) (model, []string, error) {
	var out answer
	var lines []string
	cmd := r.cmd(r.arguments(name, files, "config", "--format", "json"))
	cmd.Secrets = shell
	cmd.Stdout = &out
	cmd.Line = func(line string) { lines = append(lines, line) }
	if err := engineFailure(r.run.Run(ctx, cmd)); err != nil {
		return model{}, nil, r.configurationFailure(err)
	}
	m, err := readModel(out.Bytes())
	if err != nil {
		return model{}, nil, err
	}
	for _, s := range m.Services {
		r.learn(s.Environment)
	}

	return m, lines, nil
}

// specs gives the services in the order of their names, with what only their
// images tell.
func (r *Runtime) specs(ctx context.Context, m model) ([]stack.Spec, error) {
	var specs []stack.Spec
	images := map[string]image{}
	for _, name := range slices.Sorted(maps.Keys(m.Services)) {
		spec := m.spec(name)
		i, ok := images[spec.Image]
		if !ok {
			var err error
			if i, err = r.image(ctx, spec.Image); err != nil {
				return nil, err
			}
			images[spec.Image] = i
		}
		spec.ImagePresent, spec.ImageID = i.present, i.id
		spec.Healthcheck = m.checked(name, i.checked)
		if spec.User == "" {
			spec.User = i.user
		}
		specs = append(specs, spec)
	}

	return specs, nil
}
