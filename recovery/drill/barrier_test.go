package drill_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"firmflow-recovery/recovery/drill"
)

func TestADrillThatWouldTouchTheInstallationIsRefused(t *testing.T) {
	dir := t.TempDir()
	root, project := filepath.Join(dir, "places"), filepath.Join(dir, "opt", "firmflow")
	for _, made := range []string{root, project} {
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(project, link); err != nil {
		t.Fatal(err)
	}
	p := drill.In(root, drill.Receipt{Run: "20261123-030107"})
	for name, c := range map[string]struct {
		root    string
		barrier drill.Barrier
		ports   []int
		touches bool
	}{
		"apart":                       {root, drill.Barrier{Paths: map[string]string{"project": project, "vault": project + "/uploads"}, Project: "firmflow", Ports: []int{9002}}, []int{9003}, false},
		"inside the project":          {project, drill.Barrier{Paths: map[string]string{"project": project}}, nil, true},
		"deep inside, not there yet":  {filepath.Join(project, "a", "b"), drill.Barrier{Paths: map[string]string{"project": project}}, nil, true},
		"inside it through a link":    {link, drill.Barrier{Paths: map[string]string{"project": project}}, nil, true},
		"the vault is in the place":   {root, drill.Barrier{Paths: map[string]string{"vault": filepath.Join(p.Dir, "uploads")}}, nil, true},
		"the same, through a link":    {project, drill.Barrier{Paths: map[string]string{"vault": link}}, nil, true},
		"the same project":            {root, drill.Barrier{Project: p.Receipt.Project}, nil, true},
		"a port of the installation":  {root, drill.Barrier{Ports: []int{9002}}, []int{5432, 9002}, true},
		"a name that only begins so":  {root + "-more", drill.Barrier{Paths: map[string]string{"project": root}}, nil, false},
		"a path that nobody has told": {root, drill.Barrier{Paths: map[string]string{"database": ""}}, nil, false},
	} {
		err := c.barrier.Check(drill.In(c.root, drill.Receipt{Run: "20261123-030107"}), c.ports...)
		var touch *drill.TouchError
		if c.touches != errors.As(err, &touch) || !c.touches && err != nil {
			t.Errorf("%s: %v, want it refused: %t", name, err, c.touches)
		}
	}
}
