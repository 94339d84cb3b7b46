package compose

import (
	"slices"
	"strings"
)

// Environment gives the part of an operator's environment that docker needs:
// how to find itself, its settings and its engine. Everything else is left out,
// because Compose prefers a variable of the shell to the line in .env, even an
// empty one, and takes the project's name and files from COMPOSE_ variables.
func Environment(shell []string) []string {
	var kept []string
	for _, entry := range shell {
		name, _, ok := strings.Cut(entry, "=")
		if ok && needed(name) {
			kept = append(kept, entry)
		}
	}

	return append(kept, "LC_ALL=C.UTF-8")
}

func needed(name string) bool {
	switch name {
	case "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK":
		return true
	case "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION":
		return true
	}
	proxies := []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

	return strings.HasPrefix(name, "XDG_") || slices.Contains(proxies, strings.ToUpper(name))
}
