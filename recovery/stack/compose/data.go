package compose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"firmflow-recovery/recovery/stack"
)

// home is where images of PostgreSQL keep the data.
const home = "/var/lib/postgresql"

// The labels that Compose gives its volumes.
const (
	labelProject = "com.docker.compose.project"
	labelVolume  = "com.docker.compose.volume"
)

// data is where the database's files are.
type data struct {
	dir     string
	present bool
	rivals  []stack.Rival
}

// data looks for the database's files: in the first service that has something
// mounted where PostgreSQL keeps them.
func (r *Runtime) data(ctx context.Context, m model) (data, error) {
	v, ok := m.database()
	if !ok {
		return data{}, nil
	}
	if v.Type == "bind" {
		return data{dir: v.Source, present: holdsFiles(v.Source)}, nil
	}
	name := m.source(v)
	if name != "" {
		found, err := r.volumes(ctx, name)
		if err != nil {
			return data{}, err
		}
		if len(found) > 0 {
			return data{dir: cmp.Or(device(found[0].Options), found[0].Mountpoint), present: true}, nil
		}
	}
	root, err := r.dockerRoot(ctx)
	if err != nil {
		return data{}, err
	}
	d := data{dir: cmp.Or(device(m.Volumes[v.Source].Options), root)}
	if name != "" && !m.Volumes[v.Source].External {
		d.rivals, err = r.rivals(ctx, m.Name, v.Source)
	}

	return d, err
}

// database is the mount of the database's files.
func (m model) database() (mount, bool) {
	for _, name := range slices.Sorted(maps.Keys(m.Services)) {
		for _, v := range m.Services[name].Volumes {
			target := path.Clean(v.Target)
			at := target == home || strings.HasPrefix(target, home+"/")
			if at && !v.ReadOnly && (v.Type == "bind" || v.Type == "volume") {
				return v, true
			}
		}
	}

	return mount{}, false
}

// storedVolume is a volume as the engine has it.
type storedVolume struct {
	Name       string
	Mountpoint string
	CreatedAt  string
	Labels     map[string]string
	Options    map[string]string
}

// volumes looks volumes up; none is found if one of them is not there.
func (r *Runtime) volumes(ctx context.Context, names ...string) ([]storedVolume, error) {
	out, err := r.ask(ctx, append([]string{"docker", "volume", "inspect"}, names...)...)
	if says(err, "no such volume") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up volumes: %w", err)
	}
	var found []storedVolume
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("look up volumes: %w", err)
	}

	return found, nil
}

// device is the directory that a volume only stands for, if it does.
func device(options map[string]string) string {
	if options["type"] == "none" && slices.Contains(strings.Split(options["o"], ","), "bind") {
		return options["device"]
	}

	return ""
}

func (r *Runtime) dockerRoot(ctx context.Context) (string, error) {
	out, err := r.ask(ctx, "docker", "info", "--format", "{{json .DockerRootDir}}")
	if err != nil {
		return "", fmt.Errorf("ask for the engine's directory: %w", err)
	}
	var root string
	if err := json.Unmarshal(out, &root); err != nil {
		return "", fmt.Errorf("ask for the engine's directory: %w", err)
	}

	return root, nil
}

// rivals are the other projects with a volume of the same key.
func (r *Runtime) rivals(ctx context.Context, project, key string) ([]stack.Rival, error) {
	out, err := r.ask(ctx, "docker", "volume", "ls", "--quiet", "--filter", "label="+labelVolume+"="+key)
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	names := strings.Fields(string(out))
	if len(names) == 0 {
		return nil, nil
	}
	found, err := r.volumes(ctx, names...)
	if err != nil {
		return nil, err
	}
	var rivals []stack.Rival
	for _, v := range found {
		if owner := v.Labels[labelProject]; owner != "" && owner != project {
			rivals = append(rivals, stack.Rival{Project: owner, Volume: v.Name})
		}
	}

	return rivals, nil
}

// holdsFiles tells whether a directory is there and not empty. One we may not
// look into counts as holding files: a database's directory is closed to others.
func holdsFiles(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer func() { _ = f.Close() }()
	_, err = f.Readdirnames(1)

	return !errors.Is(err, io.EOF)
}
