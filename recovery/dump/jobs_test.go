package dump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"firmflow-recovery/recovery/command"
)

// copied puts a dump beside the server, and reads what a load needs to know.
func copied(t *testing.T, c *cluster, s Server, content []byte) (Copy, Contents, Reading) {
	t.Helper()
	path := written(t, content)
	contents, err := List(t.Context(), c.run, path)
	if err != nil {
		t.Fatal(err)
	}
	reading, err := Read(t.Context(), c.run, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	beside := s.CopyOf(fmt.Sprintf("test-%d-%s", os.Getpid(), t.Name()))
	t.Cleanup(func() {
		if err := beside.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := beside.Put(t.Context(), path, reading.SHA256, nil); err != nil {
		t.Fatal(err)
	}

	return beside, contents, reading
}

func TestJobsLoadWhatAStreamDoes(t *testing.T) {
	c, s, content := sample(t)
	beside, contents, reading := copied(t, c, s, content)
	into := c.database(t, RestoringName(sampleName, "jobs"))
	var rows, steps, items atomic.Int64
	var loaded atomic.Bool
	err := beside.Load(t.Context(), into, contents, reading.Rows, 2, LoadOptions{}, LoadProgress{
		Rows: func(n int64) {
			if n < rows.Load() {
				t.Errorf("%d rows after %d", n, rows.Load())
			}
			rows.Store(n)
			steps.Add(1)
		},
		DataLoaded: func() { loaded.Store(true) },
		Item:       func(done, _ int, _ string) { items.Store(int64(done)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if rows.Load() != reading.Total() || !loaded.Load() || steps.Load() < int64(len(contents.TableData)) || items.Load() < int64(len(contents.Entries))*3/4 {
		t.Errorf("%d of %d rows in %d steps, all loaded: %v, %d of %d items", rows.Load(), reading.Total(), steps.Load(), loaded.Load(), items.Load(), len(contents.Entries))
	}
	compared, err := s.Compare(t.Context(), into, contents, reading)
	if err != nil || len(compared.Problems()) > 0 {
		t.Fatalf("problems %q, %v", compared.Problems(), err)
	}
	want, err := s.Fingerprints(t.Context(), sampleName)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Fingerprints(t.Context(), into)
	if err != nil {
		t.Fatal(err)
	}
	for table, print := range want {
		if got[table] != print {
			t.Errorf("%v differs from the one dumped", table)
		}
	}
}

// The copy holds everything the database does: no one else may read it.
func TestTheCopyIsForTheServerAlone(t *testing.T) {
	c, s, content := sample(t)
	beside, _, _ := copied(t, c, s, content)
	info, err := os.Stat(beside.dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v; want 0700", info.Mode(), err)
	}
	if err := beside.Put(t.Context(), written(t, content), "", nil); err == nil || errors.Is(err, ErrCopyDiffers) {
		t.Errorf("a place that is taken was used: %v", err)
	}
	room, err := beside.Room(t.Context())
	if err != nil || room <= 0 {
		t.Errorf("room %d, %v", room, err)
	}
	for range 2 {
		if err := beside.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(beside.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}

func TestA8ACopyThatDiffersIsSeen(t *testing.T) {
	c, s, content := sample(t)
	beside := s.CopyOf(fmt.Sprintf("test-%d-differs", os.Getpid()))
	t.Cleanup(func() { _ = beside.Remove(context.Background()) })
	reading, err := Read(t.Context(), c.run, written(t, content), nil)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := beside.Put(t.Context(), written(t, content), reading.SHA256, nil); !errors.Is(err, ErrCopyDiffers) {
		t.Errorf("error = %v, want ErrCopyDiffers", err)
	}
}

// Cancelled, jobs that outlive their client are ended too, and none comes back
// to load into a database that has been made anew.
func TestE24CancelledJobsAreEnded(t *testing.T) {
	c, s, content := sample(t)
	beside, contents, reading := copied(t, c, s, content)
	into := c.database(t, RestoringName(sampleName, "ended"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := s.Run
	over := make(chan error, 1)
	s.Run = scripted{client, func(ctx context.Context, cmd command.Cmd) error {
		go func() { over <- client.Run(context.WithoutCancel(ctx), cmd) }() // as in a container
		<-ctx.Done()
		return &command.Error{Args: cmd.Args, ExitCode: -1, Err: ctx.Err()}
	}}
	beside.server = s
	c.sql(t, into, `create table held (id int); create function hold() returns event_trigger language plpgsql as $$ begin perform pg_sleep(600); end $$;
create event trigger hold_index on ddl_command_start when tag in ('CREATE INDEX') execute function hold()`)
	c.sql(t, into, "drop table held")
	err := beside.Load(ctx, into, contents, reading.Rows, 2, LoadOptions{}, LoadProgress{Line: func(line string) {
		if strings.Contains(line, "creating INDEX") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if err := <-over; err == nil {
		t.Error("the jobs loaded to the end")
	}
	if left := c.sql(t, "postgres", "select count(*), 1 from pg_stat_activity where datname = "+literal(into)); left[0][0] != "0" {
		t.Errorf("%s sessions are left", left[0][0])
	}
}

func TestB2AJobThatFailsEndsTheLoad(t *testing.T) {
	c, s, content := sample(t)
	beside, contents, reading := copied(t, c, s, content)
	into := c.database(t, RestoringName(sampleName, "fails"))
	c.sql(t, into, `create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'no index today'; end $$;
create event trigger refuse_index on ddl_command_start when tag in ('CREATE INDEX') execute function refuse()`)
	err := beside.Load(t.Context(), into, contents, reading.Rows, 2, LoadOptions{}, LoadProgress{})
	var tool *ToolError
	if !errors.As(err, &tool) || !strings.Contains(fmt.Sprint(err), "no index today") {
		t.Errorf("error = %v, want the server's complaint", err)
	}
}

func TestCapacityIsWhatTheServiceMayUse(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string]string
		want    Capacity
	}{
		"no limits": {map[string]string{"nproc": "4\n", "/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    2048 kB\n", "/sys/fs/cgroup/cpu.max": "max 100000\n",
			"/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/memory.current": "5\n"}, Capacity{4, 2 << 20}},
		"a quota and a limit": {map[string]string{"nproc": "16\n", "/proc/meminfo": "MemAvailable: 2048 kB\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n",
			"/sys/fs/cgroup/memory.max": "1048576\n", "/sys/fs/cgroup/memory.current": "48576\n"}, Capacity{2, 1000000}},
		"no control group, many cores": {map[string]string{"nproc": "64\n", "/proc/meminfo": "MemAvailable: 2048 kB\n"}, Capacity{mostJobs, 2 << 20}},
	} {
		got, err := Server{Run: answering(c.answers)}.Capacity(t.Context())
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if _, err := (Server{Run: answering(nil)}).Capacity(t.Context()); !command.IsMissing(err) {
		t.Errorf("without nproc: %v", err)
	}
}

// answering knows programs by their only argument, and files that head shows.
type answering map[string]string

func (a answering) Run(_ context.Context, c command.Cmd) error {
	if c.Args[0] == "head" {
		return a.head(c)
	}
	text, known := a[c.Args[len(c.Args)-1]]
	if !known {
		return &command.Error{Args: c.Args, ExitCode: 127, Err: command.ErrMissing}
	}
	_, err := io.WriteString(c.Stdout, text)

	return err
}

// head shows files as GNU's and Busybox's do: between them lies an empty line.
func (a answering) head(c command.Cmd) error {
	var failed error
	for _, path := range c.Args[4:] {
		text, known := a[path]
		if !known {
			failed = &command.Error{Args: c.Args, ExitCode: 1, Stderr: "head: cannot open '" + path + "' for reading: No such file or directory", Err: errors.New("exit status 1")}
			continue
		}
		if _, err := io.WriteString(c.Stdout, "==> "+path+" <==\n"+text+"\n"); err != nil {
			return err
		}
	}

	return failed
}
