package steps

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
)

// largeDump is the size in bytes from which a dump is worth copying beside the
// server, to be loaded by several jobs: a smaller one is loaded in the time that
// takes.
const largeDump = 32 << 20

// loading is how a dump is loaded.
type loading struct {
	jobs     int      // one: it is streamed into the service
	settings []string // of the session
	why      string   // it is streamed although it is large; else empty
}

// how chooses: several jobs where the dump is large, and the service has the
// processors for them and the room for a copy.
func (d *database) how(ctx context.Context) (loading, error) {
	size := d.Backup.Dump.Size
	if size < largeDump {
		return loading{jobs: 1}, nil
	}
	if shape := d.read.header.Format; shape != dump.Custom {
		return streamed("it is in " + string(shape) + " format"), nil
	}
	can, err := d.server().Capacity(ctx)
	if err == nil && can.Jobs > 1 {
		return d.withRoom(ctx, can, size)
	}
	if err != nil && !command.IsMissing(err) {
		return loading{}, err
	}
	if err != nil {
		return streamed("the image lacks a program for more"), nil
	}

	return streamed("the service has one processor"), nil
}

func (d *database) withRoom(ctx context.Context, can dump.Capacity, size int64) (loading, error) {
	room, err := d.server().CopyOf(string(d.RunID)).Room(ctx)
	if command.IsMissing(err) {
		return streamed("the image lacks a program for more"), nil
	}
	if err != nil {
		return loading{}, err
	}
	if room < size+size/10 {
		return streamed(fmt.Sprintf("a copy of %s has no room in the service, where %s are free", recovery.Size(size), recovery.Size(room))), nil
	}

	return loading{jobs: can.Jobs, settings: can.Settings()}, nil
}

func streamed(why string) loading {
	return loading{jobs: 1, why: "loaded as a stream, by one job: " + why}
}

// load loads the dump into an empty database.
func (d *database) load(ctx context.Context, into string, o dump.LoadOptions, p recovery.Progress) error {
	how, err := d.how(ctx)
	if err != nil {
		return err
	}
	if how.jobs == 1 {
		if how.why != "" {
			p.Note(how.why)
		}
		return d.stream(ctx, into, o, p)
	}

	o.Settings = how.settings

	return d.byJobs(ctx, into, how.jobs, o, p)
}

func (d *database) stream(ctx context.Context, into string, o dump.LoadOptions, p recovery.Progress) error {
	p.Phase("load data", recovery.Bytes)
	size := d.Backup.Dump.Size
	moved := counter(p, size)
	var sent atomic.Int64 // what goes in and what is said come from two goroutines

	return d.server().Load(ctx, d.Backup.Dump.Path, into, d.read.contents, o, dump.LoadProgress{
		Moved: func(n int64) {
			sent.Add(n)
			moved(n)
		},
		Item: func(done, total int, what string) {
			p.Log("pg_restore: " + what)
			if sent.Load() < size || !finishing(what) {
				return
			}
			p.Phase("indexes and constraints", recovery.Items)
			p.Advance(int64(done), int64(total))
		},
	})
}

// freeWithin is how long deleting one file may take where nobody waits for it.
const freeWithin = 30 * time.Second

// byJobs loads from a copy beside the server, and takes the copy away whatever
// comes of it. One that a killed attempt left is made anew.
func (d *database) byJobs(ctx context.Context, into string, jobs int, o dump.LoadOptions, p recovery.Progress) error {
	beside := d.server().CopyOf(string(d.RunID))
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeWithin)
		defer cancel()
		if err := beside.Remove(ctx); err != nil {
			p.Note("the copy beside the server is still there, and goes with cleanup: " + err.Error())
		}
	}()
	if err := beside.Remove(ctx); err != nil {
		return err
	}
	p.Phase("copy the dump beside the server", recovery.Bytes)
	if err := beside.Put(ctx, d.Backup.Dump.Path, d.read.reading.SHA256, counter(p, d.Backup.Dump.Size)); err != nil {
		return err
	}
	p.Note(fmt.Sprintf("the copy beside the server has the dump's SHA-256; loaded by %d jobs", jobs))

	p.Phase("load data", recovery.Items)
	total := d.read.reading.Total()
	var loaded atomic.Bool

	return beside.Load(ctx, into, d.read.contents, d.read.reading.Rows, jobs, o, dump.LoadProgress{
		Rows:       func(done int64) { p.Advance(done, total) },
		DataLoaded: func() { loaded.Store(true); p.Phase("indexes and constraints", recovery.Items) },
		Item: func(done, total int, what string) {
			p.Log("pg_restore: " + what)
			if loaded.Load() {
				p.Advance(int64(done), int64(total))
			}
		},
	})
}

// commands are the step's by hand. By hand a stream is enough.
func (d *database) commands() []string {
	in := func(args ...string) string { return d.Runtime.TypedIn(d.DBService, args...) }
	path, into := typed(d.Backup.Dump.Path), d.restoring()
	commands := []string{in("createdb", "-U", d.User, "-T", "template0", "-E", "UTF8", into)}
	switch d.read.header.Format {
	case dump.Plain:
		commands = append(commands, in("psql", "-U", d.User, "-d", into, "-X", "-q", "-v", "ON_ERROR_STOP=1")+" < "+path)
	case dump.Directory:
		const beside = "/tmp/firmflow-dump"
		commands = append(commands, in("mkdir", beside), "tar -C "+path+" -cf - . | "+in("tar", "-xf", "-", "-C", beside),
			in("pg_restore", "-U", d.User, "-d", into, "--exit-on-error", beside), in("rm", "-r", beside))
	default:
		commands = append(commands, in("pg_restore", "-U", d.User, "-d", into, "--exit-on-error")+" < "+path)
	}

	return append(commands, in("psql", "-U", d.User, "-d", into, "-c", "analyze"))
}

// finishing tells the second half of a load from the first: pg_restore has read
// the whole dump long before it is done.
func finishing(what string) bool {
	for _, kind := range []string{"INDEX", "CONSTRAINT", "TRIGGER", "MATERIALIZED VIEW"} {
		if strings.Contains(what, kind) {
			return true
		}
	}

	return false
}
