package compose

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Of what a service sees of the host, files and small directories are copied: a
// copy of the configuration would not start without them. Larger ones are data,
// which a recovery does not bring back either.
const (
	smallBytes = 16 << 20
	smallFiles = 2000
)

// hosts are directories that are the host itself, not something of a project's.
var hosts = []string{"/proc", "/sys", "/dev", "/run", "/var/run", "/boot"}

// vault decides where the copy's vault lies: beside its configuration, or inside
// the directory of which it is a part.
func (c *copying) vault() (string, error) {
	if c.Vault == "" {
		return filepath.Join(c.Dir, "uploads"), nil
	}
	whole := ""
	for _, s := range c.of.Services {
		for _, m := range s.Volumes {
			source := c.source(m)
			if source != "" && source != c.Vault && lies(c.Vault, source) && (whole == "" || lies(whole, source)) {
				whole = source
			}
		}
	}
	if whole == "" {
		return filepath.Join(c.Dir, "uploads"), nil
	}
	place, err := c.place()
	if err != nil {
		return "", err
	}
	rest, err := filepath.Rel(whole, c.Vault)

	return filepath.Join(place, rest), err
}

// place makes a directory for something that services see.
func (c *copying) place() (string, error) {
	c.files++
	dir := filepath.Join(c.Dir, "binds", strconv.Itoa(c.files))

	return dir, os.MkdirAll(dir, 0o755)
}

// source is the directory of this host that a mount stands for.
func (c *copying) source(m mount) string {
	if m.Type == "bind" {
		return followed(m.Source)
	}

	return followed(c.at[m.Source])
}

// followed follows the links of a path, where there is something to follow.
func followed(path string) string {
	if path == "" {
		return ""
	}
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}

	return filepath.Clean(path)
}

// mounts gives a service's mounts, each with something of the copy's own.
func (c *copying) mounts(name, vault string) ([]any, error) {
	var all []any
	for _, m := range c.of.Services[name].Volumes {
		one, err := c.mount(name, m, vault)
		if err != nil {
			return nil, err
		}
		if one != nil {
			all = append(all, one)
		}
	}

	return all, nil
}

func (c *copying) mount(name string, m mount, vault string) (any, error) {
	source := c.source(m)
	switch {
	case m.Type == "tmpfs" || m.Type == "volume" && m.Source == "":
		return map[string]any{"type": m.Type, "target": literal(m.Target)}, nil
	case c.Vault != "" && source != "" && lies(source, c.Vault):
		rest, err := filepath.Rel(c.Vault, source)
		return bound(m, filepath.Join(vault, rest)), err
	case c.Vault != "" && source != "" && lies(c.Vault, source):
		rest, err := filepath.Rel(source, c.Vault)
		if err != nil {
			return nil, err
		}
		c.leave("%s: what lies beside the vault in %s", name, source)

		return bound(m, strings.TrimSuffix(vault, string(filepath.Separator)+rest)), nil
	case m.Type == "volume":
		c.volumes[m.Source] = map[string]any{"name": c.Name + "_" + m.Source}
		return map[string]any{"type": "volume", "source": m.Source, "target": literal(m.Target), "read_only": m.ReadOnly}, nil
	case m.Type != "bind":
		c.leave("%s: %s at %s", name, m.Type, m.Target)
		return nil, nil
	case source == c.env:
		return bound(m, filepath.Join(c.Dir, ".env")), nil
	}

	return c.bind(name, m, source)
}

// bound is a mount of a path of this host.
func bound(m mount, path string) map[string]any {
	return map[string]any{
		"type": "bind", "source": literal(path), "target": literal(m.Target), "read_only": m.ReadOnly,
		"bind": map[string]any{"create_host_path": true},
	}
}

// bind gives a service a copy of what it sees of the host, or an empty directory.
func (c *copying) bind(name string, m mount, source string) (any, error) {
	said := fmt.Sprintf("%s: %s at %s", name, source, m.Target)
	info, err := os.Stat(source)
	special := source == "/" || slices.ContainsFunc(hosts, func(dir string) bool { return lies(source, dir) })
	if special || err == nil && !info.IsDir() && !info.Mode().IsRegular() || err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.leave("%s", said)
		return nil, nil
	}
	place, err := c.place()
	if err != nil {
		return nil, err
	}
	to := filepath.Join(place, filepath.Base(source))
	target := filepath.Clean(m.Target)
	switch {
	case info == nil || target == home || strings.HasPrefix(target, home+"/"): // a database's files, or a directory yet to be
		return bound(m, to), errors.Join(os.Mkdir(to, 0o755), os.Chmod(to, 0o755)) //nolint:gosec // as docker makes one, whatever our umask is
	case info.IsDir() && !small(source):
		c.leave("%s, which is large: empty", said)
		return bound(m, to), errors.Join(os.Mkdir(to, info.Mode().Perm()), likewise(to, info))
	case info.IsDir():
		return bound(m, to), copyTree(source, to)
	case info.Size() > smallBytes:
		c.leave("%s, which is large", said)
		return nil, nil
	}

	return bound(m, to), copyFile(source, to, info)
}

// envFiles gives the files from which a service's environment is filled. The
// project's .env is the copy's own.
func (c *copying) envFiles(name string, from any) ([]any, error) {
	entries, is := from.([]any)
	if text, one := from.(string); one {
		entries, is = []any{text}, true
	}
	if !is {
		return nil, nil
	}
	var all []any
	for _, entry := range entries {
		how, is := entry.(map[string]any)
		if !is {
			how = map[string]any{"path": entry, "required": true}
		}
		path, _ := how["path"].(string)
		info, is := regular(path)
		switch {
		case followed(path) == c.env:
			path = filepath.Join(c.Dir, ".env")
		case !is || info.Size() > smallBytes:
			c.leave("%s: env_file %s", name, path)
			continue
		default:
			place, err := c.place()
			if err != nil {
				return nil, err
			}
			to := filepath.Join(place, filepath.Base(path))
			if err := copyFile(path, to, info); err != nil {
				return nil, err
			}
			path = to
		}
		one := map[string]any{"path": path, "required": how["required"] != false}
		if format, given := how["format"]; given {
			one["format"] = format
		}
		all = append(all, one)
	}

	return all, nil
}

// shared gives the project's secrets or configs, with copies of their files.
func (c *copying) shared(kind string, from map[string]map[string]any) (map[string]any, error) {
	all := map[string]any{}
	for name, one := range from {
		if path, is := one["file"].(string); is {
			info, is := regular(path)
			if !is || info.Size() > smallBytes {
				c.leave("%s: %s", kind, name)
				continue
			}
			place, err := c.place()
			if err != nil {
				return nil, err
			}
			to := filepath.Join(place, filepath.Base(path))
			if err := copyFile(path, to, info); err != nil {
				return nil, err
			}
			all[name] = map[string]any{"file": literal(to)}
			continue
		}
		switch {
		case one["environment"] != nil:
			all[name] = map[string]any{"environment": one["environment"]}
		case one["content"] != nil:
			all[name] = map[string]any{"content": one["content"]}
		default:
			c.leave("%s: %s", kind, name)
		}
	}

	return all, nil
}

// references takes over what a service has of the secrets or configs there are.
func references(to, from map[string]any, kind string, there map[string]any) {
	entries, is := from[kind].([]any)
	if !is {
		return
	}
	var all []any
	for _, entry := range entries {
		name, is := entry.(string)
		if how, long := entry.(map[string]any); long {
			name, is = how["source"].(string)
		}
		if _, has := there[name]; is && has {
			all = append(all, entry)
		}
	}
	if len(all) > 0 {
		to[kind] = all
	}
}

// lies tells whether a path is a directory or lies in it.
func lies(path, dir string) bool {
	rest, err := filepath.Rel(dir, path)

	return err == nil && (rest == "." || filepath.IsLocal(rest))
}

var errLarge = errors.New("it is large")

// small tells whether a directory can be copied in a moment.
func small(dir string) bool {
	files, size := 0, int64(0)
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Type().IsRegular() {
			info, err := e.Info()
			if err != nil {
				return err
			}
			size += info.Size()
		}
		if files++; files > smallFiles || size > smallBytes {
			return errLarge
		}

		return nil
	})

	return err == nil
}

// copyTree copies files, directories and links; links are copied as they are, and
// whatever else lies there is left out.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rest)
		info, err := e.Info()
		if err != nil {
			return err
		}
		switch {
		case e.IsDir():
			return errors.Join(os.Mkdir(at, info.Mode().Perm()|0o700), likewise(at, info))
		case e.Type().IsRegular():
			return copyFile(path, at, info)
		case e.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			return errors.Join(err, os.Symlink(link, at)) //nolint:gosec // nobody but us works in a place that is being laid out
		}

		return nil
	})
}

func copyFile(from, to string, info os.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, smallBytes))

	return errors.Join(err, out.Close(), likewise(to, info))
}

// likewise gives a copy the owner and the permissions of what it is a copy of.
func likewise(path string, info os.FileInfo) error {
	if owner, known := info.Sys().(*syscall.Stat_t); known && os.Geteuid() == 0 {
		if err := os.Lchown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}

	return os.Chmod(path, info.Mode().Perm())
}
