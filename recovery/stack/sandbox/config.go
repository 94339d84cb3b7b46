package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/google/renameio/v2"

	"firmflow-recovery/recovery/stack"
)

// The names of what lies in a sandbox's directory.
const (
	configFile = "sandbox.json"
	envFile    = ".env"
	uploadsDir = "uploads"
	runDir     = "run"
	logDir     = "log"
)

// Config is what sandbox.json holds.
type Config struct {
	Project  string             `json:"project"`
	Services map[string]Service `json:"services"`
}

// Kind is what a service is.
type Kind string

// The kinds of service.
const (
	Postgres Kind = "postgres"
	App      Kind = "app"
)

// Service is one service. In User, Database and the values of Environment,
// variables of .env are put in as in a compose file: ${NAME}, ${NAME:-other},
// $$ for a dollar sign.
type Service struct {
	Kind        Kind              `json:"kind"`
	Port        int               `json:"port"` // on 127.0.0.1
	Environment map[string]string `json:"environment,omitempty"`

	// Of a database.
	Data     string `json:"data,omitempty"` // its directory, below DIR
	User     string `json:"user,omitempty"` // the superuser that a first start creates
	Database string `json:"database,omitempty"`

	// Of an app.
	Command []string `json:"command,omitempty"` // a program and its arguments; never a secret
	Health  string   `json:"health,omitempty"`  // the path to GET on Port; empty: no check
}

// configured is a service with its name.
type configured struct {
	name string
	Service
}

// Write makes a sandbox, or gives an existing one another configuration. The
// .env is the caller's to write. The directories are open to pass through, as
// the unprivileged PostgreSQL must.
func Write(dir string, c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the sandbox: %w", err)
	}
	for _, d := range []string{uploadsDir, runDir, logDir} {
		if err := openDir(filepath.Join(dir, d)); err != nil {
			return fmt.Errorf("make the sandbox: %w", err)
		}
	}

	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("make the sandbox: %w", err)
	}
	if err := renameio.WriteFile(filepath.Join(dir, configFile), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("make the sandbox: %w", err)
	}

	return nil
}

// openDir makes a directory that can be passed through whatever the umask says:
// a timer's is often 077. One that is there keeps its mode.
func openDir(path string) error {
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}

	return os.Chmod(path, 0o755) //nolint:gosec // PostgreSQL's account passes through it
}

func (r *Runtime) config() (Config, error) {
	text, err := os.ReadFile(filepath.Join(r.dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("read %s: %w", filepath.Join(r.dir, configFile), stack.ErrNoConfiguration)
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}

	var c Config
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Config{}, wrong("%v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Config{}, wrong("something follows its end")
	}

	return c, c.check()
}

// service looks a service up, for a method that goes on with it.
func (r *Runtime) service(ctx context.Context, name string) (configured, error) {
	if err := ctx.Err(); err != nil {
		return configured{}, err
	}
	c, err := r.config()
	if err != nil {
		return configured{}, err
	}
	s, ok := c.Services[name]
	if !ok {
		return configured{}, fmt.Errorf("%s: %w", name, stack.ErrUnknownService)
	}

	return configured{name, s}, nil
}

// sorted gives the services in the order of their names.
func (c Config) sorted() []configured {
	var all []configured
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		all = append(all, configured{name, c.Services[name]})
	}

	return all
}

// serviceName is what may become the name of a file.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (c Config) check() error {
	if c.Project == "" {
		return wrong("the project has no name")
	}
	for _, s := range c.sorted() {
		if err := s.check(); err != nil {
			return err
		}
	}

	return nil
}

func (s configured) check() error {
	switch {
	case !serviceName.MatchString(s.name):
		return wrong("%q cannot be the name of a service", s.name)
	case s.Port < 1 || s.Port > 65535:
		return wrong("service %s: %d is not a port", s.name, s.Port)
	case s.Kind == Postgres && (!filepath.IsLocal(s.Data) || filepath.Clean(s.Data) == "."):
		return wrong("service %s: data must be a directory inside the sandbox, not %q", s.name, s.Data)
	case s.Kind == Postgres && (s.User == "" || s.Database == ""):
		return wrong("service %s: user and database are needed", s.name)
	case s.Kind == App && len(s.Command) == 0:
		return wrong("service %s: command is needed", s.name)
	case s.Kind != Postgres && s.Kind != App:
		return wrong("service %s: kind is %q, and neither %q nor %q", s.name, s.Kind, Postgres, App)
	}

	return nil
}

func wrong(format string, args ...any) error {
	return &stack.ConfigurationError{Text: configFile + ": " + fmt.Sprintf(format, args...)}
}
