package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/sandbox"
)

// The services of a drill's sandbox.
const (
	DatabaseService = "db"
	AppService      = "app"
)

// Sandbox is how a drill's installation is made of processes of this host.
type Sandbox struct {
	Program     []string // starts the stand-in for the app
	Environment []string // for the programs that are run
	Database    string
	User        string
	Keys        []string // that the app gets, beside AUTH_SECRET, from .env
	Scrub       *secret.Scrubber
	Astray      int // the port that the app is told of instead of the database's: a training fault; zero: none
}

// Open gives the runtime of a place that was laid out as a sandbox.
func (s Sandbox) Open(p Place) *sandbox.Runtime {
	return sandbox.New(sandbox.Options{Dir: p.Work(), Environment: s.Environment, Scrub: s.Scrub})
}

// LayOut writes the sandbox into a place: its services and their ports, and no
// .env, as on a host that has nothing yet. Ports of the installation are never
// taken. It gives the ports.
func (s Sandbox) LayOut(p Place, b Barrier) ([]int, error) {
	ports, err := freePorts(2, b.Ports)
	if err != nil {
		return nil, err
	}
	if err := b.Check(p, ports...); err != nil {
		return nil, err
	}
	environment := map[string]string{
		"DATABASE_URL": fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", s.User, cmp.Or(s.Astray, ports[0]), s.Database),
		"UPLOADS_DIR":  p.Vault(), "PORT": strconv.Itoa(ports[1]), "LISTEN_HOST": "127.0.0.1",
	}
	for _, name := range append([]string{key}, s.Keys...) {
		environment[name] = "${" + name + "}"
	}

	return ports, sandbox.Write(p.Work(), sandbox.Config{Project: p.Receipt.Project, Services: map[string]sandbox.Service{
		DatabaseService: {Kind: sandbox.Postgres, Port: ports[0], Data: "pgdata", User: s.User, Database: s.Database},
		AppService:      {Kind: sandbox.App, Port: ports[1], Command: s.Program, Health: "/api/health", Environment: environment},
	}})
}

// Stop ends the services of a place, if it was laid out.
func (s Sandbox) Stop(ctx context.Context, p Place) error {
	r := s.Open(p)
	services, err := r.Services(ctx)
	if err != nil {
		return nil //nolint:nilerr // killed before it was laid out: nothing of it can run but what Remove finds itself
	}
	names := make([]string, 0, len(services))
	for _, one := range services {
		names = append(names, one.Name)
	}

	return r.Stop(ctx, names...)
}

// freePorts finds ports that nobody listens on and the installation does not
// publish.
func freePorts(n int, taken []int) ([]int, error) {
	var ports []int
	var open []net.Listener
	defer func() {
		for _, l := range open {
			_ = l.Close()
		}
	}()
	for len(ports) < n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		open = append(open, l)
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, errors.New("find a free port: the listener has no TCP address")
		}
		if !slices.Contains(taken, address.Port) {
			ports = append(ports, address.Port)
		}
	}

	return ports, nil
}
