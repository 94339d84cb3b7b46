package drill_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/stack/compose"
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

// Compose's own words of what a copy touches are not believed to be harmless: each
// of them is looked at.
func TestACopyThatIsNotWhollyApartIsRefused(t *testing.T) {
	root := t.TempDir()
	p := drill.In(root, drill.Receipt{Run: "20261123-030107"})
	name := p.Receipt.Project
	theirs := compose.Reach{
		Project: "firmflow", Containers: []string{"firmflow-db"}, Volumes: []string{"firmflow_pgdata"}, Networks: []string{"firmflow_default"}, Ports: []string{"9002"},
		Paths: []string{"/opt/firmflow/uploads"},
	}
	for what, c := range map[string]struct {
		spoil   func(*compose.Reach)
		touches bool
	}{
		"apart":                         {func(*compose.Reach) {}, false},
		"the project's name":            {func(r *compose.Reach) { r.Project = "firmflow" }, true},
		"another project's name":        {func(r *compose.Reach) { r.Project = "other" }, true},
		"a port":                        {func(r *compose.Reach) { r.Ports = []string{"9002"} }, true},
		"any port":                      {func(r *compose.Reach) { r.Ports = []string{"49002"} }, true},
		"a container's name":            {func(r *compose.Reach) { r.Containers = []string{"firmflow-db"} }, true},
		"a volume of the installation":  {func(r *compose.Reach) { r.Volumes[0] = "firmflow_pgdata" }, true},
		"a volume of somebody else":     {func(r *compose.Reach) { r.Volumes[0] = "shared" }, true},
		"a network of the installation": {func(r *compose.Reach) { r.Networks[0] = "firmflow_default" }, true},
		"a path of the installation":    {func(r *compose.Reach) { r.Paths = append(r.Paths, "/opt/firmflow/uploads") }, true},
		"a path outside":                {func(r *compose.Reach) { r.Paths[0] = filepath.Join(root, "elsewhere") }, true},
		"a path that leads outside":     {func(r *compose.Reach) { r.Paths[0] = filepath.Join(p.Work(), "..", "..", "x") }, true},
		"a way out":                     {func(r *compose.Reach) { r.Ways = []string{"network default: not internal"} }, true},
	} {
		ours := compose.Reach{Project: name, Volumes: []string{name + "_pgdata"}, Networks: []string{name + "_default"}, Paths: []string{p.Vault()}}
		c.spoil(&ours)
		err := drill.Barrier{}.CheckReach(p, ours, theirs)
		var touch *drill.TouchError
		if c.touches != errors.As(err, &touch) || !c.touches && err != nil {
			t.Errorf("%s: %v, want it refused: %t", what, err, c.touches)
		}
	}
}
