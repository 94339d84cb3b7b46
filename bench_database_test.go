package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
)

// databaseRow measures a load, into a server of its own with fsync on. Without
// Docker between, so the gain of jobs alone is seen.
func (b *bench) databaseRow() {
	b.t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	need(b.t, "postgres", err == nil)
	i, err := demo.Build(b.t.Context(), demo.Options{Program: []string{program, "sample-app"}, Environment: compose.Environment(os.Environ()), Now: time.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := i.Remove(context.WithoutCancel(b.t.Context())); err != nil {
			b.t.Error(err)
		}
	})
	port := databasePort(b.t, i)
	for n := range 4 {
		asked(b.t, i, "firmflow", benchTable(n, b.size.rows/4))
	}
	path := filepath.Join(b.dir, "guide.dump")
	b.dumpThroughAPipe(path, filepath.Join(bin, "pg_dump"), "-h", "127.0.0.1", "-p", port, "-U", "firmflow", "-Fc", "firmflow")

	server := benchServer(bin, port)
	psql := func(db string) []string {
		return []string{filepath.Join(bin, "psql"), "-h", "127.0.0.1", "-p", port, "-U", "firmflow", "-d", db, "-c", "checkpoint"}
	}
	b.pair(row{
		Name: fmt.Sprintf("load the database (%d rows)", b.size.rows), Theirs: "pg_restore < dump; checkpoint", Floor: 1.4, Target: 1.8,
		before: func(to string) error { return server.Create(b.t.Context(), benchDatabase(to), dump.Options{}) },
		ours:   b.ourWay("load", path, bin, port),
		theirs: func(to string) [][]string {
			return [][]string{{filepath.Join(bin, "pg_restore"), "-h", "127.0.0.1", "-p", port, "-U", "firmflow", "-d", benchDatabase(to)}, psql("postgres")}
		},
		stdin: path,
		same: func(ours, theirs string) error {
			want, err := server.Fingerprints(b.t.Context(), benchDatabase(theirs))
			if err != nil {
				return err
			}
			got, err := server.Fingerprints(b.t.Context(), benchDatabase(ours))
			if err == nil && !maps.Equal(got, want) {
				err = errors.New("the databases differ")
			}

			return errors.Join(err, server.Drop(b.t.Context(), benchDatabase(ours)), server.Drop(b.t.Context(), benchDatabase(theirs)))
		},
	})
}

// benchTable makes a table of so many rows, with indexes.
func benchTable(n, rows int) string {
	return fmt.Sprintf(`create table "Bench%d" (id int primary key, firm int not null, at timestamptz not null, hash text not null, body text);
insert into "Bench%d" select n, n %% 97, now() - n * interval '1 minute', md5(n::text), repeat(md5((n * 7)::text), 3) from generate_series(1, %d) n;
create index on "Bench%d" (firm, at); create unique index on "Bench%d" (hash)`, n, n, rows, n, n)
}

// dumpThroughAPipe dumps as from a container. A dump that pg_dump could not seek
// in does not say where its tables begin, so each job has to look for its own.
func (b *bench) dumpThroughAPipe(path string, args ...string) {
	b.t.Helper()
	file, err := os.Create(path)
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout = io.MultiWriter(file) // as it is no file, it is a pipe
	if err := errors.Join(cmd.Run(), file.Close()); err != nil {
		b.t.Fatal(err)
	}
}

func benchDatabase(dir string) string { return dump.RestoringName("firmflow", filepath.Base(dir)) }

func benchServer(bin, port string) dump.Server {
	return dump.Server{User: "firmflow", Run: command.Local{Env: []string{"PATH=" + bin + ":/usr/bin:/bin", "PGHOST=127.0.0.1", "PGPORT=" + port}}}
}

// loaded copies a dump beside the server and loads it by jobs, as step 4 does.
func loaded(ctx context.Context, args []string) error {
	path, server, into := args[0], benchServer(args[1], args[2]), benchDatabase(args[3])
	contents, err := dump.List(ctx, server.Run, path)
	if err != nil {
		return err
	}
	digest, err := sha256Of(path)
	if err != nil {
		return err
	}
	can, err := server.Capacity(ctx)
	if err != nil {
		return err
	}
	beside := server.CopyOf(filepath.Base(args[3]))
	err = beside.Put(ctx, path, digest, nil)
	if err == nil {
		err = beside.Load(ctx, into, contents, nil, can.Jobs, dump.LoadOptions{}, dump.LoadProgress{})
	}

	return errors.Join(err, beside.Remove(ctx), server.Checkpoint(ctx))
}
