package compose

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// model is the configuration as Compose resolves it, as far as it matters here.
type model struct {
	Name     string
	Services map[string]service
	Volumes  map[string]volume
}

type service struct {
	Image         string
	ContainerName string `json:"container_name"`
	User          string
	Restart       string
	Environment   environment
	Ports         []port
	Volumes       []mount
	Healthcheck   *struct {
		Test    []string
		Disable bool
	}
}

type port struct {
	HostIP    string `json:"host_ip"`
	Published string // a number, a range, or nothing
	Target    int
}

type mount struct {
	Type     string
	Source   string
	Target   string
	ReadOnly bool `json:"read_only"`
}

type volume struct {
	Name     string
	External bool
	Options  map[string]string `json:"driver_opts"`
}

// environment goes from Compose's JSON into secrets at once. A name without a
// value is one that the container does not get.
type environment map[string]secret.String

func (e *environment) UnmarshalJSON(data []byte) error {
	var values map[string]*string
	if err := json.Unmarshal(data, &values); err != nil {
		return errNotUnderstood
	}
	*e = environment{}
	for name, value := range values {
		if value != nil {
			(*e)[name] = secret.New(*value)
		}
	}

	return nil
}

// errNotUnderstood stands for every decoding error: those of encoding/json may
// quote what they stumble over.
var errNotUnderstood = errors.New("read what Compose resolved: its JSON is not understood")

// readModel decodes the output of docker compose config. Compose doubles every
// $ in it, so that it could be read as a configuration again.
func readModel(out []byte) (model, error) {
	var m model
	if err := json.Unmarshal(bytes.ReplaceAll(out, []byte("$$"), []byte("$")), &m); err != nil || m.Name == "" {
		return model{}, errNotUnderstood
	}
	for name, s := range m.Services {
		if s.Image == "" {
			s.Image = m.Name + "-" + name // what Compose calls the image it builds
			m.Services[name] = s
		}
	}

	return m, nil
}

// spec gives a service as far as the configuration tells.
func (m model) spec(name string) stack.Spec {
	s := m.Services[name]
	spec := stack.Spec{
		Name: name, Image: s.Image, User: s.User, Restart: cmp.Or(s.Restart, "no"),
		Environment: map[string]secret.String(s.Environment),
	}
	for _, p := range s.Ports {
		published, err := strconv.Atoi(p.Published)
		if err == nil { // a range or none at all: nothing that could be taken
			spec.Ports = append(spec.Ports, stack.Port{Host: p.HostIP, Published: published, Target: p.Target})
		}
	}
	for _, v := range s.Volumes {
		if v.Type == "bind" || v.Type == "volume" {
			spec.Mounts = append(spec.Mounts, stack.Mount{Kind: v.Type, Source: m.source(v), Target: v.Target, ReadOnly: v.ReadOnly})
		}
	}

	return spec
}

// source is the host's path, or the volume's name on this host; nothing for a
// volume without a name.
func (m model) source(v mount) string {
	if v.Type != "volume" || v.Source == "" {
		return v.Source
	}

	return cmp.Or(m.Volumes[v.Source].Name, m.Name+"_"+v.Source)
}

// checked tells whether a service has a check of its own, given whether its
// image has one.
func (m model) checked(name string, image bool) bool {
	check := m.Services[name].Healthcheck
	switch {
	case check == nil:
		return image
	case check.Disable:
		return false
	case len(check.Test) == 0:
		return image
	}

	return check.Test[0] != "NONE"
}

// image is what an image on this host tells.
type image struct {
	present bool
	id      string
	user    string
	checked bool
}

// image looks an image up on this host. It never asks a registry.
func (r *Runtime) image(ctx context.Context, name string) (image, error) {
	out, err := r.ask(ctx, "docker", "image", "inspect", name)
	if says(err, "no such image") {
		return image{}, nil
	}
	if err != nil {
		return image{}, fmt.Errorf("look up image %s: %w", name, err)
	}
	var found []struct {
		ID     string `json:"Id"`
		Config struct {
			User        string
			Healthcheck *struct{ Test []string }
		}
	}
	if err := json.Unmarshal(out, &found); err != nil || len(found) == 0 {
		return image{}, fmt.Errorf("look up image %s: the answer of docker is not understood", name)
	}
	check := found[0].Config.Healthcheck

	return image{
		present: true,
		id:      found[0].ID,
		user:    found[0].Config.User,
		checked: check != nil && len(check.Test) > 0 && check.Test[0] != "NONE",
	}, nil
}

// says tells whether a command failed with a text on its error stream.
func says(err error, text string) bool {
	var failed *command.Error

	return errors.As(err, &failed) && strings.Contains(strings.ToLower(failed.Stderr), text)
}
