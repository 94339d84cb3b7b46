package drill

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery/stack/compose"
)

// Barrier is what a drill must stay away from: the installation, by every name
// under which it could be touched.
type Barrier struct {
	Paths   map[string]string // what it is -> where: "vault" -> /opt/firmflow/uploads
	Project string            // its project; empty: cannot be told
	Ports   []int             // that it publishes
}

// TouchError is a drill that would touch the installation.
type TouchError struct{ Ours, Theirs string }

func (e *TouchError) Error() string {
	return fmt.Sprintf("the drill's %s would touch the installation's %s", e.Ours, e.Theirs)
}

// Check refuses a place, with the ports that it would use, where any of it is
// the installation's: the same, inside it, or around it. Links are followed, on
// either side, as far as they lead.
func (b Barrier) Check(p Place, ports ...int) error {
	place, err := resolved(p.Dir)
	if err != nil {
		return err
	}
	for what, path := range b.Paths {
		if path == "" {
			continue
		}
		theirs, err := resolved(path)
		if err != nil {
			return err
		}
		if within(place, theirs) || within(theirs, place) {
			return &TouchError{Ours: "directory " + p.Dir, Theirs: what + " " + path}
		}
	}
	if b.Project != "" && p.Receipt.Project == b.Project {
		return &TouchError{Ours: "project " + p.Receipt.Project, Theirs: "project"}
	}
	for _, port := range ports {
		if slices.Contains(b.Ports, port) {
			return &TouchError{Ours: fmt.Sprintf("port %d", port), Theirs: "port"}
		}
	}

	return nil
}

// resolved follows the links of a path as far as it exists: what does not exist
// yet lies under what does.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("tell where %s is: %w", path, err)
	}
	rest := ""
	for at := path; ; at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		switch {
		case err == nil:
			return filepath.Join(real, rest), nil
		case !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at):
			return "", fmt.Errorf("tell where %s is: %w", path, err)
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

// CheckReach refuses a copy of the installation that is not wholly apart: what it
// touches must lie in the place or bear its name, nothing of it may lead out, and
// nothing of it may be the installation's.
func (b Barrier) CheckReach(p Place, ours, theirs compose.Reach) error {
	name := p.Receipt.Project
	if ours.Project != name || ours.Project == theirs.Project {
		return &TouchError{Ours: "project " + ours.Project, Theirs: "project " + theirs.Project}
	}
	if len(ours.Ways) > 0 {
		return &TouchError{Ours: ours.Ways[0], Theirs: "host"}
	}
	if len(ours.Ports) > 0 {
		return &TouchError{Ours: "port " + ours.Ports[0], Theirs: "host"}
	}
	for _, kind := range []struct {
		what         string
		ours, theirs []string
	}{
		{"container", ours.Containers, theirs.Containers}, {"volume", ours.Volumes, theirs.Volumes}, {"network", ours.Networks, theirs.Networks},
	} {
		for _, one := range kind.ours {
			if !strings.HasPrefix(one, name+"_") || slices.Contains(kind.theirs, one) {
				return &TouchError{Ours: kind.what + " " + one, Theirs: kind.what}
			}
		}
	}
	place, err := resolved(p.Dir)
	if err != nil {
		return err
	}
	for _, path := range ours.Paths {
		real, err := resolved(path)
		if err != nil {
			return err
		}
		if !within(real, place) || slices.Contains(theirs.Paths, path) {
			return &TouchError{Ours: "path " + path, Theirs: "host"}
		}
	}

	return nil
}
