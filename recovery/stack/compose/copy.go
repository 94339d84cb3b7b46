package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/stack"
)

// Copy is a second project made of a first one, kept apart from it: it has a
// name, a directory, volumes and a network of its own, and the network leads
// nowhere. Its services are the same, from the same images, with the same
// variables, which its own .env fills in. That .env is not written here.
//
// What is taken over is what is known to stay inside a container. All else of the
// configuration is left out, and Left says what of it may be missed.
type Copy struct {
	Name  string // the project's name
	Dir   string // the project's directory, which is there and empty
	Vault string // the first project's vault: the copy's is a directory of its own
	App   string // the service that gets a wrong DATABASE_URL, a training fault; empty: none
	Mark  string // a label of everything that docker makes of it
}

// Copied is what became of a copy.
type Copied struct {
	Vault string   // where its vault will be, on this host
	Left  []string // what of the configuration it has not
}

// CopyFile is the configuration file of a copy.
const CopyFile = "compose.yaml"

// The labels under which docker knows what belongs to a copy: its mark, and the
// directory that it was made in.
const (
	labelMark = "firmflow-recovery.drill"
	labelDir  = "firmflow-recovery.drill.dir"
)

// kept are the keys of a service that a copy takes over. They speak of what
// happens inside the container.
var kept = []string{
	"image", "platform", "command", "entrypoint", "environment", "user", "group_add", "working_dir", "healthcheck", "init", "tty", "stdin_open",
	"stop_signal", "stop_grace_period", "shm_size", "tmpfs", "ulimits", "hostname", "domainname", "expose", "read_only", "cap_drop",
}

// replaced are the keys that a copy has in a way of its own, or that nobody
// misses in it.
var replaced = []string{
	"ports", "container_name", "networks", "restart", "volumes", "env_file", "secrets", "configs", "depends_on", "links", "labels", "annotations",
	"label_file", "logging", "deploy", "mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "cpus", "cpu_count", "cpu_percent",
	"cpu_shares", "cpu_quota", "cpu_period", "cpuset", "pids_limit", "blkio_config", "oom_kill_disable", "oom_score_adj", "build", "pull_policy",
	"profiles", "scale", "dns", "dns_opt", "dns_search", "extends", "attach", "develop", "isolation",
}

// raw is a configuration in which no variable is filled in.
type raw struct {
	Services map[string]map[string]any
	Secrets  map[string]map[string]any
	Configs  map[string]map[string]any
}

// copying is one copy in the making.
type copying struct {
	Copy
	of    model // the first project, resolved
	raw   raw
	env   string // the first project's .env
	at    map[string]string
	files int // so many files and directories were given a place
	left  []string

	limits  limits
	volumes map[string]any
}

// Copy writes the configuration of a copy, and copies the small files that its
// services see.
func (r *Runtime) Copy(ctx context.Context, c Copy) (Copied, error) {
	p, _, err := r.resolve(ctx)
	if err != nil {
		return Copied{}, err
	}
	out, err := r.ask(ctx, r.compose(p, "config", "--no-interpolate", "--format", "json")...)
	if err != nil {
		return Copied{}, r.configurationFailure(err)
	}
	making := copying{Copy: c, of: p.model, env: followed(filepath.Join(r.options.Dir, ".env")), at: map[string]string{}, volumes: map[string]any{}}
	making.Vault = followed(c.Vault)
	if err := json.Unmarshal(out, &making.raw); err != nil {
		return Copied{}, errNotUnderstood
	}
	if making.at, err = r.placesOfVolumes(ctx, p.model); err != nil {
		return Copied{}, err
	}
	if making.limits, err = r.limits(ctx); err != nil {
		return Copied{}, err
	}

	return making.write()
}

// placesOfVolumes gives the directories of this host that volumes stand for.
func (r *Runtime) placesOfVolumes(ctx context.Context, m model) (map[string]string, error) {
	at := map[string]string{}
	for key, v := range m.Volumes {
		if at[key] = device(v.Options); at[key] != "" {
			continue
		}
		found, err := r.volumes(ctx, m.source(mount{Type: "volume", Source: key}))
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			at[key] = found[0].Mountpoint
		}
	}

	return at, nil
}

func (c *copying) write() (Copied, error) {
	vault, err := c.vault()
	if err != nil {
		return Copied{}, err
	}
	secrets, err := c.shared("secrets", c.raw.Secrets)
	if err != nil {
		return Copied{}, err
	}
	configs, err := c.shared("configs", c.raw.Configs)
	if err != nil {
		return Copied{}, err
	}
	mark := map[string]any{labelMark: c.Mark, labelDir: literal(c.Dir)}
	services := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.of.Services)) {
		s, err := c.service(name, vault)
		if err != nil {
			return Copied{}, err
		}
		references(s, c.raw.Services[name], "secrets", secrets)
		references(s, c.raw.Services[name], "configs", configs)
		s["labels"] = mark
		services[name] = s
	}
	whole := map[string]any{
		"name": c.Name, "services": services,
		"networks": map[string]any{"default": map[string]any{"name": c.Name + "_default", "internal": true, "labels": mark}},
	}
	for key, of := range map[string]map[string]any{"volumes": c.volumes, "secrets": secrets, "configs": configs} {
		if len(of) > 0 {
			whole[key] = of
		}
	}
	for _, v := range c.volumes {
		v.(map[string]any)["labels"] = mark //nolint:errcheck // we have made it
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text) // JSON is YAML, too
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(whole); err != nil {
		return Copied{}, errNotUnderstood
	}
	slices.Sort(c.left)

	return Copied{Vault: vault, Left: slices.Compact(c.left)}, durable.WriteFile(filepath.Join(c.Dir, CopyFile), text.Bytes(), 0o600)
}

func (c *copying) leave(format string, args ...any) {
	c.left = append(c.left, fmt.Sprintf(format, args...))
}

// service makes a service of the copy.
func (c *copying) service(name, vault string) (map[string]any, error) {
	from := c.raw.Services[name]
	s := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(from)) {
		value := from[key]
		switch {
		case slices.Contains(kept, key):
			s[key] = value
		case slices.Contains(replaced, key) || strings.HasPrefix(key, "x-") || empty(value):
		default:
			c.leave("%s: %s", name, key)
		}
	}
	if s["image"] == nil {
		s["image"] = literal(c.of.Services[name].Image)
	}
	s["restart"] = "no"
	s["networks"] = map[string]any{"default": map[string]any{"aliases": c.aliases(name)}}
	s["dns"] = []string{"127.0.0.1"} // nobody is asked for names from outside
	s["logging"] = map[string]any{"driver": "json-file", "options": map[string]string{"max-size": "16m", "max-file": "2"}}
	c.limit(s)
	if depends := c.dependencies(from["depends_on"]); len(depends) > 0 {
		s["depends_on"] = depends
	}
	if name == c.App {
		s["environment"] = led(s["environment"], "DATABASE_URL", astray)
	}
	files, err := c.envFiles(name, from["env_file"])
	if err != nil {
		return nil, err
	}
	if len(files) > 0 {
		s["env_file"] = files
	}
	mounts, err := c.mounts(name, vault)
	if len(mounts) > 0 {
		s["volumes"] = mounts
	}

	return s, err
}

// limit keeps a service from taking what the first project needs: less of the
// processors, and the kernel ends it first where memory is short.
func (c *copying) limit(s map[string]any) {
	s["oom_score_adj"] = 500
	if c.limits.cpus > 0 {
		s["cpus"], s["cpu_shares"] = c.limits.cpus, 128
	}
	if c.limits.memory > 0 {
		s["mem_limit"] = c.limits.memory
	}
	if c.limits.pids > 0 {
		s["pids_limit"] = c.limits.pids
	}
}

// astray is the address of a database that is not there.
const astray = "postgres://nobody@127.0.0.1:1/none?sslmode=disable&connect_timeout=2"

// led gives an environment in which one variable has another value.
func led(environment any, name, value string) any {
	switch all := environment.(type) {
	case []any:
		all = slices.DeleteFunc(slices.Clone(all), func(entry any) bool {
			text, is := entry.(string)
			return is && (text == name || strings.HasPrefix(text, name+"="))
		})

		return append(all, name+"="+value)
	case map[string]any:
		all = maps.Clone(all)
		all[name] = value

		return all
	default:
		return map[string]any{name: value}
	}
}

// aliases are the names by which other services may know one.
func (c *copying) aliases(name string) []string {
	all := []string{}
	if container := c.of.Services[name].ContainerName; container != "" {
		all = append(all, literal(container))
	}
	if networks, is := c.raw.Services[name]["networks"].(map[string]any); is {
		for _, network := range networks {
			if how, is := network.(map[string]any); is {
				all = append(all, words(how["aliases"])...)
			}
		}
	}
	for _, other := range c.raw.Services {
		for _, link := range words(other["links"]) {
			if to, alias, renamed := strings.Cut(link, ":"); renamed && to == name {
				all = append(all, alias)
			}
		}
	}
	slices.Sort(all)

	return slices.Compact(all)
}

// dependencies are those on services that the copy has.
func (c *copying) dependencies(from any) map[string]any {
	all := map[string]any{}
	if how, is := from.(map[string]any); is {
		for name, condition := range how {
			if _, has := c.of.Services[name]; has {
				all[name] = condition
			}
		}
	}
	for _, name := range words(from) {
		if _, has := c.of.Services[name]; has {
			all[name] = map[string]any{"condition": "service_started"}
		}
	}

	return all
}

// words gives the texts of a list.
func words(list any) []string {
	entries, is := list.([]any)
	if !is {
		return nil
	}
	var all []string
	for _, entry := range entries {
		if text, is := entry.(string); is {
			all = append(all, text)
		}
	}

	return all
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}

	return false
}

// literal writes a text so that Compose fills in nothing.
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// Address is where a service answers, as seen from this host: the address of its
// container.
func (r *Runtime) Address(ctx context.Context, service string) (string, error) {
	p, err := r.known(ctx, service)
	if err != nil {
		return "", err
	}
	found, err := r.containers(ctx, p)
	if err != nil {
		return "", err
	}
	for _, network := range found[service].NetworkSettings.Networks {
		if network.IPAddress != "" {
			return network.IPAddress, nil
		}
	}

	return "", fmt.Errorf("find the address of %s: %w", service, stack.ErrNotRunning)
}

// Kill ends a service as a crash would.
func (r *Runtime) Kill(ctx context.Context, service string) error {
	p, err := r.known(ctx, service)
	if err != nil {
		return err
	}
	if err := r.do(ctx, r.compose(p, "kill", "--signal", "SIGKILL", service)...); err != nil {
		return fmt.Errorf("kill %s: %w", service, r.plain(err))
	}

	return nil
}

// regular tells whether a path is a file of this host, and nothing special.
func regular(path string) (os.FileInfo, bool) {
	info, err := os.Stat(path)

	return info, err == nil && info.Mode().IsRegular()
}
