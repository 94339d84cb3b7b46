// Package stack describes where FirmFlow's services run, and what can be asked
// of that place. There are two: stack/compose, the real installation under
// Docker Compose, and stack/sandbox, local processes for drills, demos and
// tests. A step speaks to either through Runtime and cannot tell which it is.
package stack

import (
	"context"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
)

// Runtime is a place where services run.
type Runtime interface {
	Viewer
	Controller
	Executor
}

// Viewer looks. None of its methods changes anything.
type Viewer interface {
	// Project reads and resolves the configuration, as the runtime itself does.
	Project(ctx context.Context) (Project, error)
	// Services tells what stands now, one entry for each configured service.
	Services(ctx context.Context) ([]Service, error)
	// Holds tells the environment a service's container was created with: what
	// its program gets or has got, whatever any file says by now.
	Holds(ctx context.Context, service string) (map[string]secret.String, error)
	// Logs gives the last lines a service wrote, scrubbed.
	Logs(ctx context.Context, service string, lines int) ([]string, error)
}

// Controller acts on whole services. Every method is safe to call again, and
// none of them ever removes a volume.
type Controller interface {
	// Create makes a service anew from the configuration of now, and holds it:
	// it is there, and does not run. A running one is stopped first.
	Create(ctx context.Context, service string) error
	// Start runs services, created if need be with the configuration of now,
	// and returns when they run; whether they are ready is for the caller to ask.
	Start(ctx context.Context, services ...string) error
	// Stop ends services and leaves them there. One that does not run is fine.
	Stop(ctx context.Context, services ...string) error
	// Typed gives what a method here does, as an operator would type it.
	Typed(action Action, services ...string) string
}

// Executor runs programs where a service's programs are.
type Executor interface {
	// In runs commands inside the running service.
	In(service string) command.Runner
	// Tool runs a program of the service's image without the service, with no
	// network, and leaves nothing behind. The service need not run or exist.
	Tool(service string) command.Runner
	// TypedIn gives a command inside the service, as an operator would type it.
	TypedIn(service string, args ...string) string
}

// Action is what a Controller can do, for Typed.
type Action string

// The actions of a Controller.
const (
	Create Action = "create"
	Start  Action = "start"
	Stop   Action = "stop"
)

// Project is a configuration, resolved.
type Project struct {
	Name     string   // the name under which services and volumes are known
	Dir      string   // the project directory, where .env lies
	Files    []string // the configuration files in force
	Tool     string   // what runs it: "Docker 28.2.2, Compose 2.40.3"
	Specs    []Spec   // the services as configured
	DataDir  string   // where on this host the database's files lie; empty: cannot be told
	HasData  bool     // whether the database's volume or directory exists
	Rivals   []Rival  // other projects on this host that look like this one
	Warnings []string // what the runtime said while reading, scrubbed
}

// Spec is one service as configured.
type Spec struct {
	Name         string
	Image        string
	ImagePresent bool   // on this host, without a network
	ImageID      string // of the image on this host; empty where it has none
	Environment  map[string]secret.String
	Ports        []Port
	Mounts       []Mount
	Healthcheck  bool
	User         string // as configured, or as the image says; may be empty
	Restart      string // the restart policy: "no", "always", "unless-stopped", ...
}

// Port is a port of a service that the host publishes.
type Port struct {
	Host      string // the address it is published on; empty: all
	Published int
	Target    int
}

// Mount is a directory or volume that a service sees.
type Mount struct {
	Kind     string // "bind" or "volume"
	Source   string // the host's path, or the volume's name
	Target   string // the path in the service
	ReadOnly bool
}

// Rival is another project with a volume of the same key: the database may be
// there, and here only an empty one would be made.
type Rival struct {
	Project string
	Volume  string
}

// State is what a service is doing.
type State string

// The states of a service.
const (
	Absent     State = "absent"     // never made, or removed
	Created    State = "created"    // made, and held
	Running    State = "running"    // running; see Health
	Exited     State = "exited"     // ended, or stopped
	Restarting State = "restarting" // ends again and again
	Paused     State = "paused"     // frozen
)

// Health is what a service's own check says.
type Health string

// The results of a service's own check.
const (
	NoCheck   Health = ""
	Starting  Health = "starting"
	Healthy   Health = "healthy"
	Unhealthy Health = "unhealthy"
)

// Service is one service as it stands.
type Service struct {
	Name      string
	ID        string // of the container, or the process
	State     State
	Health    Health
	StartedAt time.Time
	Restarts  int
	ExitCode  int
	OOMKilled bool // the kernel ended it for want of memory
}

// Find returns the service of a name; its zero value stands for one unknown.
func Find(services []Service, name string) Service {
	for _, s := range services {
		if s.Name == name {
			return s
		}
	}

	return Service{Name: name, State: Absent}
}

// Spec returns the configuration of a service by name.
func (p Project) Spec(name string) (Spec, bool) {
	for _, s := range p.Specs {
		if s.Name == name {
			return s, true
		}
	}

	return Spec{}, false
}

// Possession is one thing that an engine has of a project, as it stands.
type Possession struct {
	Kind PossessionKind
	ID   string
	Name string
	As   string // what must be the same for it to be untouched
}

// PossessionKind is what kind of thing an engine has.
type PossessionKind string

// The kinds.
const (
	Container PossessionKind = "container"
	Volume    PossessionKind = "volume"
	Network   PossessionKind = "network"
)
