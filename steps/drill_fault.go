package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/compose"
)

// train makes the fault, in the place and in copies of the backup that lie in
// it. From then on the drill knows no other backup.
func (d Drill) train(ctx context.Context, place drill.Place) error {
	s := d.Rehearsal
	mirror := ""
	if s.Backup.Mirror != nil {
		mirror = s.Backup.Mirror.Path
	}
	if d.Fault.Disk {
		if err := place.Mount(s.Backup.Archive.Size / 2); err != nil {
			return err
		}
	}
	if !d.Fault.Damages() {
		return nil
	}
	copies, err := place.Copy(s.Backup.Dump.Path, s.Backup.Archive.Path, mirror)
	if err != nil {
		return err
	}
	if copies.Original, err = s.original(); err != nil {
		return err
	}
	if err := d.Fault.Damage(copies); err != nil {
		return err
	}
	name := s.Backup.Name()
	s.BackupDir = place.Copies()
	s.Backup, s.PassedOver, err = OpenBackup(ctx, s.BackupDir, name)

	return err
}

// struck is a runtime in which a fault strikes once, while the dump is loaded.
// It adds nothing to and takes nothing from what the runtime can do.
type struck struct {
	stack.Runtime
	strike func() error // called once
}

// In gives commands that the fault may strike.
func (s struck) In(service string) command.Runner {
	return striking{Runner: s.Runtime.In(service), strike: s.strike}
}

type striking struct {
	command.Runner
	strike func() error
}

// Run lets the fault strike a load: when it has taken the first part of the
// dump, or before it where it takes none from us.
func (s striking) Run(ctx context.Context, c command.Cmd) error {
	loads := slices.ContainsFunc(c.Args, func(a string) bool { return strings.HasPrefix(a, "--dbname=") })
	if len(c.Args) == 0 || c.Args[0] != "pg_restore" || !loads {
		return s.Runner.Run(ctx, c)
	}
	if c.Stdin == nil {
		if err := s.strike(); err != nil {
			return err
		}

		return s.Runner.Run(ctx, c)
	}
	c.Stdin = &halfway{Reader: c.Stdin, strike: s.strike}

	return s.Runner.Run(ctx, c)
}

// halfway strikes between the first read and the second.
type halfway struct {
	io.Reader
	reads  int
	strike func() error
}

func (h *halfway) Read(p []byte) (int, error) {
	h.reads++
	if h.reads == 2 {
		if err := h.strike(); err != nil {
			return 0, err
		}
	}

	return h.Reader.Read(p)
}

// struckContainers is struck, where services are containers.
type struckContainers struct {
	*compose.Runtime
	strike func() error // called once
}

// In gives commands that the fault may strike.
func (s struckContainers) In(service string) command.Runner {
	return striking{Runner: s.Runtime.In(service), strike: s.strike}
}

// withFault gives the rehearsal a runtime in which the drill's fault strikes.
func (d Drill) withFault(place drill.Place, r stack.Runtime) stack.Runtime {
	var strike func() error
	containers, onCompose := r.(*compose.Runtime)
	switch d.Fault.Moment {
	case drill.DatabaseDies:
		strike = place.KillDatabase
		if onCompose {
			strike = func() error { return containers.Kill(context.Background(), d.Installation.DBService) }
		}
	case drill.LineDrops:
		strike = d.Hangup
	default:
		return r
	}
	var once sync.Once
	struckOnce := func() (err error) {
		once.Do(func() { err = strike() })

		return err
	}
	if onCompose {
		return struckContainers{Runtime: containers, strike: struckOnce}
	}

	return struck{Runtime: r, strike: struckOnce}
}

// told is what a trainee is told of the fault once the drill is over.
func (d Drill) told() []string {
	if d.Fault.Name == "" {
		return nil
	}

	return []string{fmt.Sprintf("the fault was %s: %s. The way out: %s", d.Fault.Name, d.Fault.Does, d.Fault.Way)}
}

// faultImpossible explains a fault that cannot be made.
func faultImpossible(f drill.Fault, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDrillFault, Summary: "The training fault " + f.Name + " cannot be made here", Seen: reason(err), Intact: noDrill,
		Remedies: do("Choose another", "firmflow-recovery drill --fault list"),
	}
}

// notMade tells a fault that cannot be made from whatever else went wrong.
func (d Drill) notMade(err error) error {
	if err == nil || !errors.Is(err, drill.ErrImpossible) {
		return err
	}

	return recovery.Fail(faultImpossible(d.Fault, err), err)
}

// Faults lists what can be made to go wrong in a drill.
func Faults() []recovery.Training {
	var all []recovery.Training
	for _, f := range drill.Faults() {
		all = append(all, recovery.Training{Name: f.Name, Does: f.Does, Shows: recovery.Code(f.Shows), Way: f.Way})
	}

	return all
}

// FaultNamed finds a fault; no name is no fault.
func FaultNamed(name string) (drill.Fault, bool) {
	if name == "" {
		return drill.Fault{}, true
	}

	return drill.Named(name)
}
