package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/stack"
)

// oldest is the Compose version from which on every flag used here exists.
const oldest = "2.20"

// ErrPodman is Podman installed under Docker's name.
var ErrPodman = errors.New("docker is Podman under another name")

// Engine is what runs the containers.
type Engine struct {
	Version string // of the engine, as it says
	API     string // the engine's API version
	Compose string // the plugin's version, without a leading v
	Podman  bool   // Podman answers where Docker is expected
}

// String names the engine as an operator would.
func (e Engine) String() string {
	name := "Docker"
	if e.Podman {
		name = "Podman"
	}

	return fmt.Sprintf("%s %s, Compose %s", name, e.Version, e.Compose)
}

// Probe asks whether there is an engine to work with, and which.
func (r *Runtime) Probe(ctx context.Context) (Engine, error) {
	engine, err := r.probeEngine(ctx)
	if err != nil {
		return Engine{}, err
	}
	if engine.Compose, err = r.probeCompose(ctx); err != nil {
		return Engine{}, err
	}

	return engine, nil
}

func (r *Runtime) probeEngine(ctx context.Context) (Engine, error) {
	out, err := r.ask(ctx, "docker", "version", "--format", "{{json .}}")
	if err != nil {
		return Engine{}, fmt.Errorf("ask for the engine's version: %w", err)
	}
	var v struct {
		Server *struct {
			Version    string
			APIVersion string `json:"ApiVersion"`
			Components []struct{ Name string }
		}
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return Engine{}, fmt.Errorf("read the engine's version: %w", err)
	}
	// Docker fails when no server answers. Only Podman needs none.
	if v.Server == nil {
		return Engine{}, ErrPodman
	}
	engine := Engine{Version: v.Server.Version, API: v.Server.APIVersion}
	for _, c := range v.Server.Components {
		engine.Podman = engine.Podman || strings.Contains(c.Name, "Podman")
	}

	return engine, nil
}

func (r *Runtime) probeCompose(ctx context.Context) (string, error) {
	out, err := r.ask(ctx, "docker", "compose", "version", "--short")
	// Without the plugin docker takes our flags for its own, and what it says
	// then differs from version to version. This command has no other way to fail.
	var failed *command.Error
	if errors.As(err, &failed) && failed.ExitCode > 0 {
		return "", fmt.Errorf("%w: %w", stack.ErrComposeMissing, err)
	}
	if err != nil {
		return "", fmt.Errorf("ask for the version of Compose: %w", err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	if older(version, oldest) {
		return "", &stack.OldError{Tool: "Compose", Version: version, Needed: oldest}
	}

	return version, nil
}

// older compares versions by their first two numbers. One that cannot be read
// counts as older.
func older(version, needed string) bool {
	major, minor, ok := numbers(version)
	if !ok {
		return true
	}
	leastMajor, leastMinor, _ := numbers(needed)

	return major < leastMajor || major == leastMajor && minor < leastMinor
}

func numbers(version string) (major, minor int, ok bool) {
	first, rest, _ := strings.Cut(version, ".")
	second := rest
	if end := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		second = rest[:end]
	}
	major, errMajor := strconv.Atoi(first)
	minor, errMinor := strconv.Atoi(second)

	return major, minor, errMajor == nil && errMinor == nil
}

// probed is Probe, asked once: an engine that was found good stays so.
func (r *Runtime) probed(ctx context.Context) (Engine, error) {
	r.mu.Lock()
	known := r.engine
	r.mu.Unlock()
	if known != nil {
		return *known, nil
	}

	engine, err := r.Probe(ctx)
	if err != nil {
		return Engine{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.engine = &engine

	return engine, nil
}
