package compose

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Reach is everything outside its containers that a configuration touches, by
// name. Two projects whose reach has nothing in common cannot meet.
type Reach struct {
	Project    string
	Containers []string // names given to containers
	Volumes    []string
	Networks   []string
	Ports      []string // that the host publishes, as configured
	Paths      []string // of this host, that services or volumes see
	Ways       []string // that lead out of a container otherwise: "service web: privileged", "network proxy: not internal"
}

// Reach tells what the project's configuration touches, as Compose resolves it.
func (r *Runtime) Reach(ctx context.Context) (Reach, error) {
	p, err := r.pin(ctx)
	if err != nil {
		return Reach{}, err
	}

	return r.reach(ctx, r.compose(p, "config", "--format", "json"))
}

// ReachOfCopy tells what the configuration of a copy touches. It has no .env yet,
// so nothing is filled in: what matters here holds no variable.
func (r *Runtime) ReachOfCopy(ctx context.Context) (Reach, error) {
	return r.reach(ctx, r.arguments(r.options.Project, r.options.Files, "config", "--no-interpolate", "--format", "json"))
}

// reaching is a configuration, as far as it leads out of its containers.
type reaching struct {
	Name     string
	Services map[string]struct {
		ContainerName string            `json:"container_name"`
		NetworkMode   string            `json:"network_mode"`
		CgroupParent  string            `json:"cgroup_parent"`
		UsernsMode    string            `json:"userns_mode"`
		VolumesFrom   []string          `json:"volumes_from"`
		ExternalLinks []string          `json:"external_links"`
		Devices       []json.RawMessage `json:"devices"`
		CapAdd        []string          `json:"cap_add"`
		SecurityOpt   []string          `json:"security_opt"`
		ExtraHosts    json.RawMessage   `json:"extra_hosts"`
		Provider      json.RawMessage   `json:"provider"`
		Networks      map[string]any
		Labels        map[string]any
		Ports         []json.RawMessage
		Volumes       []mount
		EnvFile       []struct{ Path string } `json:"env_file"`
		Logging       struct{ Driver string }
		Privileged    any
		Pid, Ipc, Uts string
		Restart       string
	}
	Networks map[string]struct {
		Name       string
		Internal   any
		External   any
		Driver     string
		DriverOpts map[string]any `json:"driver_opts"`
	}
	Volumes map[string]struct {
		Name       string
		External   any
		Driver     string
		DriverOpts map[string]any `json:"driver_opts"`
	}
	Secrets, Configs map[string]struct {
		File     string
		External any
	}
}

func (r *Runtime) reach(ctx context.Context, args []string) (Reach, error) {
	out, err := r.ask(ctx, args...)
	if err != nil {
		return Reach{}, r.configurationFailure(err)
	}
	var m reaching
	if err := json.Unmarshal(out, &m); err != nil || m.Name == "" {
		return Reach{}, errNotUnderstood
	}

	return m.reach(), nil
}

func (m reaching) reach() Reach {
	all := Reach{Project: m.Name}
	for _, name := range slices.Sorted(maps.Keys(m.Services)) {
		m.service(&all, name)
	}
	for key, n := range m.Networks {
		all.Networks = append(all.Networks, cmp.Or(n.Name, m.Name+"_"+key))
		all.way(set(n.External), "network %s: external", key)
		all.way(!set(n.Internal), "network %s: not internal", key)
		all.way(n.Driver != "" && n.Driver != "bridge" || len(n.DriverOpts) > 0, "network %s: a driver of its own", key)
	}
	for key, v := range m.Volumes {
		all.Volumes = append(all.Volumes, cmp.Or(v.Name, m.Name+"_"+key))
		all.way(set(v.External), "volume %s: external", key)
		all.way(v.Driver != "" && v.Driver != "local" || len(v.DriverOpts) > 0, "volume %s: a driver of its own", key)
		if path, is := v.DriverOpts["device"].(string); is && filepath.IsAbs(path) {
			all.Paths = append(all.Paths, path)
		}
	}
	for _, files := range []map[string]struct {
		File     string
		External any
	}{m.Secrets, m.Configs} {
		for name, f := range files {
			all.way(set(f.External), "secret or config %s: external", name)
			all.path(f.File)
		}
	}
	for _, list := range []*[]string{&all.Containers, &all.Volumes, &all.Networks, &all.Ports, &all.Paths, &all.Ways} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}

	return all
}

func (m reaching) service(all *Reach, name string) {
	s := m.Services[name]
	if s.ContainerName != "" {
		all.Containers = append(all.Containers, s.ContainerName)
	}
	for _, raw := range s.Ports {
		all.Ports = append(all.Ports, published(raw))
	}
	for _, v := range s.Volumes {
		if v.Type == "bind" {
			all.path(v.Source)
		}
		all.way(!slices.Contains([]string{"bind", "volume", "tmpfs"}, v.Type), "service %s: mount of type %s", name, v.Type)
	}
	for _, f := range s.EnvFile {
		all.path(f.Path)
	}
	for what, is := range map[string]bool{
		"privileged": set(s.Privileged), "devices": len(s.Devices) > 0, "capabilities": len(s.CapAdd) > 0, "security_opt": len(s.SecurityOpt) > 0,
		"network_mode " + s.NetworkMode: s.NetworkMode != "", "pid " + s.Pid: s.Pid != "", "ipc " + s.Ipc: s.Ipc != "", "uts " + s.Uts: s.Uts != "",
		"userns_mode": s.UsernsMode != "", "cgroup_parent": s.CgroupParent != "", "volumes_from": len(s.VolumesFrom) > 0,
		"external_links": len(s.ExternalLinks) > 0, "extra_hosts": present(s.ExtraHosts), "a provider": present(s.Provider),
		"logging " + s.Logging.Driver: s.Logging.Driver != "" && s.Logging.Driver != "json-file",
		"restart " + s.Restart:        s.Restart != "" && s.Restart != "no",
	} {
		all.way(is, "service %s: %s", name, what)
	}
}

func (a *Reach) way(is bool, format string, args ...any) {
	if is {
		a.Ways = append(a.Ways, fmt.Sprintf(format, args...))
	}
}

func (a *Reach) path(path string) {
	if path != "" {
		a.Paths = append(a.Paths, strings.ReplaceAll(path, "$$", "$"))
	}
}

// published gives a port as far as it can be told: its number, or all that the
// configuration says.
func published(raw json.RawMessage) string {
	var long struct{ Published any }
	if err := json.Unmarshal(raw, &long); err == nil {
		switch p := long.Published.(type) {
		case string:
			return p
		case float64:
			return strconv.Itoa(int(p))
		}
	}

	return string(raw)
}

// set tells whether a switch is on, or is something that cannot be told.
func set(value any) bool { return value != nil && value != false && value != "false" }

func present(raw json.RawMessage) bool {
	text := strings.TrimSpace(string(raw))

	return text != "" && text != "null" && text != "[]" && text != "{}"
}
