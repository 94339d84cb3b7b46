package drill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/compose"
)

// Compose is how a drill's installation is made of containers: a copy of the
// installation's own project, on a network that leads nowhere.
type Compose struct {
	Environment []string // for the programs that are run
	Scrub       *secret.Scrubber
	Astray      bool   // the app is given the address of a database that is not there: a training fault
	App         string // the app's service
	Vault       string // the installation's vault
}

// Open gives the runtime of a place. Docker is run in the place, so that nothing
// of it outlives the place's removal.
func (c Compose) Open(p Place) *compose.Runtime {
	return compose.New(compose.Options{
		Dir: p.Work(), Files: []string{compose.CopyFile}, Project: p.Receipt.Project, Environment: c.Environment, Scrub: c.Scrub,
		Run: command.Local{Env: c.Environment, Dir: p.Work(), Scrub: c.Scrub},
	})
}

// LaidOut is an installation that was laid out in a place.
type LaidOut struct {
	Vault string
	Left  []string // what of the installation's configuration is not rehearsed
}

// LayOut writes a copy of the installation's project into a place, and refuses
// it where anything of it would be, or lead to, something that is not the place's
// own. There is no .env yet, as on a host that has nothing.
func (c Compose) LayOut(ctx context.Context, p Place, of *compose.Runtime, b Barrier) (LaidOut, error) {
	theirs, err := of.Reach(ctx)
	if err != nil {
		return LaidOut{}, err
	}
	app := ""
	if c.Astray {
		app = c.App
	}
	made, err := of.Copy(ctx, compose.Copy{Name: p.Receipt.Project, Dir: p.Work(), Vault: c.Vault, App: app, Mark: p.Receipt.Project})
	if err != nil {
		return LaidOut{}, err
	}
	own := c.Open(p)
	ours, err := own.ReachOfCopy(ctx)
	if err != nil {
		return LaidOut{}, err
	}
	if err := b.CheckReach(p, ours, theirs); err != nil {
		return LaidOut{}, err
	}
	there, err := own.Marked(ctx)
	if err != nil {
		return LaidOut{}, err
	}
	if len(there) > 0 {
		return LaidOut{}, &TouchError{Ours: "project " + p.Receipt.Project, Theirs: fmt.Sprintf("%s %s, which is there already", there[0].Kind, there[0].Name)}
	}

	return LaidOut{Vault: made.Vault, Left: made.Left}, nil
}

// Stop removes everything that docker has of a place. Commands that a killed
// drill has left come first: they would go on making what is removed.
func (c Compose) Stop(ctx context.Context, p Place) error {
	if err := p.end(ctx); err != nil {
		return err
	}

	return c.Open(p).Clear(ctx, p.Receipt.Project)
}

// ClearLost removes what docker has of a home's drills whose places are gone: a
// directory for temporary files is emptied of what is old. It gives their names.
func (c Compose) ClearLost(ctx context.Context, home string) ([]string, error) {
	engine := compose.New(compose.Options{Dir: "/", Environment: c.Environment, Scrub: c.Scrub})
	all, err := engine.Copies(ctx)
	if err != nil {
		return nil, err
	}
	var cleared []string
	for name, dir := range all {
		if !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, of(home)) {
			continue
		}
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		lost := compose.New(compose.Options{Dir: "/", Project: name, Environment: c.Environment, Scrub: c.Scrub})
		if err := lost.Clear(ctx, name); err != nil {
			return cleared, err
		}
		cleared = append(cleared, name)
	}

	return cleared, nil
}
