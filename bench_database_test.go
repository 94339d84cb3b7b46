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
	"slices"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
)

// loader is a server that dumps are loaded into.
type loader struct {
	server              dump.Server
	reach               []string                 // how a process of ours finds it: what benchServer takes
	restore, checkpoint func(db string) []string // by hand
	programs            string                   // the directory of psql, in the sandbox
}

// inSandbox is a server with fsync on, and nothing between.
func (b *bench) inSandbox() (loader, *demo.Installation) {
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
	by := func(name string) []string {
		return []string{filepath.Join(bin, name), "-h", "127.0.0.1", "-p", port, "-U", "firmflow", "-d"}
	}

	return loader{
		server: benchServer("sandbox", bin, port), reach: []string{"sandbox", bin, port}, programs: bin,
		restore:    func(db string) []string { return append(by("pg_restore"), db) },
		checkpoint: func(db string) []string { return append(by("psql"), db, "-c", "checkpoint") },
	}, i
}

// inCompose is the database of an installation on Compose.
func inCompose(i *site) loader {
	by := func(args ...string) []string {
		return append([]string{"docker", "compose", "--project-directory", i.dir, "exec", "-T", "db"}, args...)
	}

	return loader{
		server: benchServer("compose", i.dir, ""), reach: []string{"compose", i.dir, ""},
		restore:    func(db string) []string { return by("pg_restore", "-U", "firmflow", "-d", db) },
		checkpoint: func(db string) []string { return by("psql", "-q", "-U", "firmflow", "-d", db, "-c", "checkpoint") },
	}
}

// databaseRow measures a load without Docker between, so that the gain of jobs alone
// is seen, and whether vault and database gain from being restored at once.
func (b *bench) databaseRow() {
	b.t.Helper()
	l, i := b.inSandbox()
	for n := range 4 {
		asked(b.t, i, "firmflow", benchTable(n, b.size.rows/4))
	}
	path := filepath.Join(b.dir, "guide.dump")
	b.dumpThroughAPipe(path, filepath.Join(l.programs, "pg_dump"), "-h", "127.0.0.1", "-p", l.reach[2], "-U", "firmflow", "-Fc", "firmflow")
	b.pair(b.loadRow(fmt.Sprintf("load the database, no Docker between (%d rows)", b.size.rows), "pg_restore < dump; checkpoint", 1, path, l))
	b.atOnce(path, l)
}

// loadRow pairs a load as step 4 does it with one by hand.
func (b *bench) loadRow(name, theirs string, floor float64, path string, l loader) row {
	ctx := b.t.Context()

	return row{
		Name: name, Theirs: theirs, Floor: floor, Target: 1.8,
		before: func(to string) error { return l.server.Create(ctx, benchDatabase(to), dump.Options{}) },
		ours:   b.ourWay("load", append([]string{path}, l.reach...)...),
		theirs: func(to string) [][]string {
			return [][]string{l.restore(benchDatabase(to)), l.checkpoint("postgres")}
		},
		stdin: path,
		same:  func(ours, theirs string) error { return l.same(ctx, benchDatabase(ours), benchDatabase(theirs)) },
	}
}

// same compares two databases row by row, and drops them.
func (l loader) same(ctx context.Context, ours, theirs string) error {
	want, err := l.server.Fingerprints(ctx, theirs)
	if err != nil {
		return err
	}
	got, err := l.server.Fingerprints(ctx, ours)
	if err == nil && !maps.Equal(got, want) {
		err = errors.New("the databases differ")
	}

	return errors.Join(err, l.server.Drop(ctx, ours), l.server.Drop(ctx, theirs))
}

// atOnce tells what vault and database would gain from being restored at the same
// time, over one after the other.
func (b *bench) atOnce(path string, l loader) {
	b.t.Helper()
	ctx := b.t.Context()
	_, archive := b.packedDocuments(b.size.files / 14)
	load, extract := b.ourWay("load", append([]string{path}, l.reach...)...), b.ourWay("extract", archive)
	o := b.paired(row{
		Name:   "vault and database",
		before: func(to string) error { return l.server.Create(ctx, benchDatabase(to), dump.Options{}) },
		ours: func(to string) [][]string {
			return [][]string{{"sh", "-c", command.Quote(extract(to)[0]...) + " & " + command.Quote(load(to)[0]...) + " && wait $!"}}
		},
		theirs: func(to string) [][]string { return [][]string{extract(to)[0], load(to)[0]} },
		same: func(ours, theirs string) error {
			return errors.Join(sameTrees(ours, theirs), l.same(ctx, benchDatabase(ours), benchDatabase(theirs)))
		},
	})
	b.remark(fmt.Sprintf("vault (%d MiB) and database (%d rows) restored at the same time are %.2fx (%.2f-%.2f) as fast as one after the other",
		b.size.bytes>>20, b.size.rows, median(o.Ratios), slices.Min(o.Ratios), slices.Max(o.Ratios)))
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

// benchServer is the server of a sandbox, by its programs and its port, or of an
// installation on Compose, by its directory.
func benchServer(kind, at, port string) dump.Server {
	if kind == "compose" {
		runtime := compose.New(compose.Options{Dir: at, Environment: compose.Environment(os.Environ())})

		return dump.Server{User: "firmflow", Run: runtime.In("db")}
	}

	return dump.Server{User: "firmflow", Run: command.Local{Env: []string{"PATH=" + at + ":/usr/bin:/bin", "PGHOST=127.0.0.1", "PGPORT=" + port}}}
}

// loaded copies a dump beside the server and loads it by jobs, as step 4 does.
func loaded(ctx context.Context, args []string) error {
	path, server, into := args[0], benchServer(args[1], args[2], args[3]), benchDatabase(args[4])
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
	beside := server.CopyOf(filepath.Base(args[4]))
	err = beside.Put(ctx, path, digest, nil)
	if err == nil {
		err = beside.Load(ctx, into, contents, nil, can.Jobs, dump.LoadOptions{Settings: can.Settings()}, dump.LoadProgress{})
	}

	return errors.Join(err, beside.Remove(ctx), server.Checkpoint(ctx))
}
