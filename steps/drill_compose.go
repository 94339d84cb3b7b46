package steps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/compose"
)

// readInstallation reads the project that is to be copied.
func (d Drill) readInstallation(ctx context.Context) error {
	_, err := d.Installation.look(ctx)
	var failure *recovery.Failure
	if err == nil || errors.As(err, &failure) {
		return err
	}
	if diagnosis := d.Installation.diagnoseCommon(err, noDrill); diagnosis.Code != "" {
		return recovery.Fail(diagnosis, err)
	}

	return err
}

// layOutContainers makes a copy of the installation's project in the place: its
// own images, with its own configuration, where they reach nobody.
func (d Drill) layOutContainers(ctx context.Context, place drill.Place, b drill.Barrier) (left []string, err error) {
	i, s := d.Installation, d.Rehearsal
	of, is := i.Runtime.(*compose.Runtime)
	app, known := i.app()
	if !is || !known { // it was looked at, so that both are there
		return nil, recovery.Fail(drillTouches(d.Root, stack.ErrNoConfiguration), stack.ErrNoConfiguration)
	}
	c := d.Compose
	c.Scrub, c.App, c.Vault, c.Astray = s.Scrub, i.AppService, i.Vault, d.Fault.Address
	laid, err := c.LayOut(ctx, place, of, b)
	if err != nil {
		return nil, recovery.Fail(i.diagnoseLayOut(d.Root, err), err)
	}
	own := c.Open(place)
	s.ProjectDir, s.Vault, s.Runtime = place.Work(), laid.Vault, d.withFault(place, own)
	s.DBService, s.AppService, s.PinProject, s.PinFile = i.DBService, i.AppService, true, true
	s.AppURL = "http://" + net.JoinHostPort(s.AppService, strconv.Itoa(listens(app)))
	s.Probe = asker{own, s.AppService}.probe

	return laid.Left, nil
}

// diagnoseLayOut tells a copy that would not be apart from a configuration that
// cannot be read.
func (s *Stack) diagnoseLayOut(root string, err error) recovery.Diagnosis {
	if d := s.diagnoseCommon(err, noDrill); d.Code != "" {
		return d
	}

	return drillTouches(root, err)
}

// listens is the port on which the app listens in its container.
func listens(app stack.Spec) int {
	for _, p := range app.Ports {
		if p.Target == guidePort {
			return guidePort
		}
	}
	if len(app.Ports) > 0 {
		return app.Ports[0].Target
	}

	return guidePort
}

// asker asks a service that publishes nothing: at its container's own address,
// which the host reaches and nobody else.
type asker struct {
	runtime *compose.Runtime
	service string
}

// probe is Probe, whatever the address says and wherever the app would send us:
// no other host is ever asked.
func (a asker) probe(ctx context.Context, url string) (int, time.Duration, error) {
	at, err := a.runtime.Address(ctx, a.service)
	if err != nil {
		return 0, 0, err
	}
	transport := &http.Transport{
		DisableKeepAlives: true, // and no proxy
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}

			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(at, port))
		},
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	return probeWith(ctx, client, url)
}

// url is where the app of a kept drill answers, from this host.
func (a asker) url(ctx context.Context, port int) (string, error) {
	at, err := a.runtime.Address(ctx, a.service)
	if err != nil {
		return "", err
	}

	return fmt.Sprintf("http://%s", net.JoinHostPort(at, strconv.Itoa(port))), nil
}
