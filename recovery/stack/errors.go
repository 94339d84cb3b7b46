package stack

import (
	"errors"
	"fmt"
)

// What can be wrong with the place itself.
var (
	ErrEngineMissing     = errors.New("the engine's program is not installed")
	ErrEngineUnreachable = errors.New("the engine does not answer")
	ErrEngineForbidden   = errors.New("the engine's socket may not be used by this account")
	ErrComposeMissing    = errors.New("the Compose plugin is not installed")
	ErrNoConfiguration   = errors.New("no configuration file found")
	ErrUnknownService    = errors.New("no such service is configured")
	ErrNotRunning        = errors.New("the service does not run")
)

// OldError is a tool below the version that is needed.
type OldError struct{ Tool, Version, Needed string }

func (e *OldError) Error() string {
	return fmt.Sprintf("%s %s is older than %s", e.Tool, e.Version, e.Needed)
}

// ConfigurationError is a configuration that the runtime refuses to read.
type ConfigurationError struct{ Text string }

func (e *ConfigurationError) Error() string { return "read the configuration: " + e.Text }

// ImageError is an image that is not on this host.
type ImageError struct{ Service, Image string }

func (e *ImageError) Error() string {
	return fmt.Sprintf("image %s of service %s is not on this host", e.Image, e.Service)
}

// PortError is a port that something else holds.
type PortError struct {
	Service string
	Text    string // what the runtime said
}

func (e *PortError) Error() string {
	return fmt.Sprintf("publish the ports of %s: %s", e.Service, e.Text)
}

// StartError is a service that did not start, for any other reason.
type StartError struct {
	Service string
	Text    string // what the runtime said, scrubbed
	Err     error
}

func (e *StartError) Error() string { return fmt.Sprintf("start %s: %s", e.Service, e.Text) }
func (e *StartError) Unwrap() error { return e.Err }
