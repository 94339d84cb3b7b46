package compose

import (
	"context"
	"fmt"
	"strings"
)

// Endpoint tells where the engine is that docker speaks to, as docker itself
// resolves it: from DOCKER_HOST, from DOCKER_CONTEXT, or from the context chosen
// in its settings. It asks no engine.
func (r *Runtime) Endpoint(ctx context.Context) (string, error) {
	out, err := r.ask(ctx, "docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	if err != nil {
		return "", fmt.Errorf("ask where the engine is: %w", err)
	}

	return strings.TrimSpace(string(out)), nil
}
