package dump

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery/command"
)

func TestE17ReadyNeedsAnAnswerOverTCP(t *testing.T) {
	c, s := postgres(t)
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("a server that answers: %v", err)
	}

	// The server that makes a new cluster answers on its socket only.
	socketOnly := c.run
	socketOnly.Env = append(slices.Clone(c.run.Env), "PGPORT=1")
	s.Run = tcpElsewhere{c.run, socketOnly}
	if err := s.Ready(t.Context()); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("a server on its socket only: %v, want ErrNoAnswer", err)
	}
}

// tcpElsewhere sends what goes over TCP to where nobody listens.
type tcpElsewhere struct{ here, there command.Runner }

func (r tcpElsewhere) Run(ctx context.Context, c command.Cmd) error {
	if slices.Contains(c.Args, "--host=127.0.0.1") {
		return r.there.Run(ctx, c)
	}

	return r.here.Run(ctx, c)
}

func TestE17APasswordAskedForIsAnAnswer(t *testing.T) {
	c, s := postgres(t)
	for stderr, want := range map[string]error{
		`psql: error: connection to server at "127.0.0.1", port 5432 failed: fe_sendauth: no password supplied`:                          nil,
		`psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "firmflow"`: nil,
		`psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  the database system is starting up`:                 ErrServerGone,
		`psql: error: connection to server at "127.0.0.1", port 5432 failed: Connection refused`:                                         ErrNoAnswer,
		`something else`: ErrNoAnswer,
	} {
		s.Run = tcpElsewhere{c.run, failing{complained(stderr)}}
		if err := s.Ready(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", stderr, err, want)
		}
	}
}

func TestDatabasesTellWhatThereIs(t *testing.T) {
	c, s := postgres(t)
	db := c.database(t, "listed, \"quoted\"")
	if err := s.Comment(t.Context(), db, "a receipt,\n\"with\" lines"); err != nil {
		t.Fatal(err)
	}
	list, err := s.Databases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(list, func(d Database) bool { return d.Name == db })
	if at < 0 {
		t.Fatalf("%q is not in %q", db, names(list))
	}
	got := list[at]
	if got.Size < 1<<20 {
		t.Errorf("size %d", got.Size)
	}
	got.Size = 0
	want := Database{Name: db, Owner: "firmflow", Comment: "a receipt,\n\"with\" lines", Encoding: "UTF8", Collate: "C.UTF-8", Ctype: "C.UTF-8"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if slices.Contains(names(list), "template1") {
		t.Error("templates are listed")
	}
}

func TestCommentOfADatabaseThatIsNotThere(t *testing.T) {
	_, s := postgres(t)
	if _, err := s.CommentOf(t.Context(), "nowhere"); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("error = %v, want ErrNoDatabase", err)
	}
	if _, err := s.Summary(t.Context(), "nowhere"); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("error = %v, want ErrNoDatabase", err)
	}
}

func TestSummaryTellsWhatIsAtStake(t *testing.T) {
	_, s, _ := sample(t)
	got, err := s.Summary(t.Context(), sampleName)
	if err != nil {
		t.Fatal(err)
	}
	newest := time.Date(2026, 1, 2, 9, 20, 0, 0, time.UTC) // 2,000 minutes into the year
	if got.Tables != 9 || got.Rows < 8000 || got.Rows > 8100 || got.Size < 1<<20 || !got.Newest.Equal(newest) {
		t.Errorf("summary %+v", got)
	}
	empty, err := s.Summary(t.Context(), "postgres")
	if err != nil || empty.Tables != 0 || empty.Rows != 0 || !empty.Newest.IsZero() {
		t.Errorf("summary of an empty database %+v, %v", empty, err)
	}
}

func TestB22B23B24Create(t *testing.T) {
	c, s := postgres(t)
	db := RestoringName("made", "r1")
	c.dropAfter(t, db)
	if err := s.Create(t.Context(), db, Options{Encoding: "SQL_ASCII"}); !errors.Is(err, ErrEncoding) {
		t.Errorf("SQL_ASCII: %v, want ErrEncoding", err)
	}
	if err := s.Create(t.Context(), db, Options{Collate: "xx_XX.UTF-8"}); !errors.Is(err, ErrLocale) {
		t.Errorf("a locale that is missing: %v, want ErrLocale", err)
	}
	if err := s.Create(t.Context(), db, Options{Encoding: "LATIN1", Collate: "C"}); err != nil {
		t.Errorf("as another database is: %v", err)
	}
	if err := s.Create(t.Context(), db, Options{}); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v, want ErrExists", err)
	}
	rows := c.sql(t, "postgres", "select pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = "+literal(db))
	if !slices.Equal(rows[0], []string{"LATIN1", "C", "C"}) {
		t.Errorf("made as %q", rows[0])
	}
}

// connected is somebody with an open transaction; the function ends it.
func (c *cluster) connected(t *testing.T, db, name string) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := Server{User: "firmflow"}.psql(db, "begin; select 1, 1;\n\\echo here\nselect pg_sleep(600), 1;")
	cmd.Env = append(cmd.Env, "PGAPPNAME="+name)
	here := make(chan struct{})
	cmd.Stdout = signal{here}
	done := make(chan error, 1)
	go func() { done <- c.run.Run(ctx, cmd) }()
	select {
	case <-here:
	case err := <-done:
		cancel()
		t.Fatal(err)
	}

	return func() error { cancel(); return <-done }
}

// signal tells once that something was written.
type signal struct{ seen chan struct{} }

func (s signal) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "here") {
		close(s.seen)
	}

	return len(p), nil
}

func TestSessionsNameWhoIsConnected(t *testing.T) {
	c, s := postgres(t)
	db := c.database(t, "visited")
	if got, err := s.Sessions(t.Context(), db); err != nil || len(got) != 0 {
		t.Errorf("sessions %+v, %v; want none", got, err)
	}
	end := c.connected(t, db, "a visitor")
	got, err := s.Sessions(t.Context(), db)
	if err != nil || len(got) != 1 || got[0].Application != "a visitor" || got[0].User != "firmflow" || time.Since(got[0].Since) > time.Minute {
		t.Errorf("sessions %+v, %v", got, err)
	}
	_ = end()
}

func TestG5AnalyzeAndCheckpoint(t *testing.T) {
	c, s := postgres(t)
	db := c.database(t, "plain")
	c.sql(t, db, "create table t as select generate_series(1, 100) as n")
	if err := s.Analyze(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if rows := c.sql(t, db, "select count(*), 1 from pg_stats where tablename = 't'"); rows[0][0] != "1" {
		t.Errorf("statistics of %s columns, want 1", rows[0][0])
	}
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerWithoutEndIsRefused(t *testing.T) {
	b := &bounded{limit: 10}
	if _, err := b.Write(make([]byte, 11)); err == nil {
		t.Error("more than the limit is kept")
	}
}
