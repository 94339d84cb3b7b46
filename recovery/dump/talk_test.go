package dump

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// replied asks one question and gives the columns of all rows.
func replied(t *testing.T, talk *Talk, query string) ([]string, error) {
	t.Helper()
	var all []string
	err := talk.Rows(t.Context(), query, func(columns []string) error {
		all = append(all, columns...)

		return nil
	})

	return all, err
}

func talking(t *testing.T) (*Talk, *cluster, string) {
	t.Helper()
	c, server := postgres(t)
	db := c.database(t, "talk")
	talk := server.Talk(db)
	t.Cleanup(func() {
		talk.Close()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // a server notices a little later
			left, err := server.query(context.Background(), "see who is left", maintenance, "select pid from pg_stat_activity where datname = "+literal(db))
			if err == nil && len(left) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("sessions left: %v, %v", left, err)
				return
			}
		}
	})

	return talk, c, db
}

func TestATalkIsOneSession(t *testing.T) {
	talk, _, _ := talking(t)
	first, err := replied(t, talk, "select pg_backend_pid()")
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{
		`select * from (values ('a "quoted" text', null), (E'two\nlines, and a comma', '')) as v`: {`a "quoted" text`, "", "two\nlines, and a comma", ""},
		"select 1 where false":                                  nil,
		"select 'end-' || repeat('A', 26)":                      {"end-AAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"select pg_backend_pid()":                               first,
		"select current_setting('DateStyle') -- and a remark\n": {"ISO, MDY"},
	} {
		got, err := replied(t, talk, query)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", query, got, err, want)
		}
	}
	n := 0
	err = talk.Rows(t.Context(), "select n, repeat('x', 100) from generate_series(1, 100000) n", func([]string) error {
		n++

		return nil
	})
	if err != nil || n != 100_000 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestATalkGoesOnAfterAFailure(t *testing.T) {
	talk, _, _ := talking(t)
	enough := errors.New("enough")
	for name, ask := range map[string]func() error{
		"a column that is not there": func() error {
			_, err := replied(t, talk, "select nothing_of_the_kind")
			if err == nil || !strings.Contains(err.Error(), `column "nothing_of_the_kind" does not exist`) {
				t.Errorf("error = %v", err)
			}

			return err
		},
		"an error in the middle of many rows": func() error {
			_, err := replied(t, talk, "select 1 / (50000 - n) from generate_series(1, 100000) n")
			if err == nil || !strings.Contains(err.Error(), "division by zero") {
				t.Errorf("error = %v", err)
			}

			return err
		},
		"one row is enough": func() error {
			err := talk.Rows(t.Context(), "select n, repeat('x', 1000) from generate_series(1, 1000000) n", func([]string) error { return enough })
			if !errors.Is(err, enough) {
				t.Errorf("error = %v", err)
			}

			return err
		},
		"it is stopped": func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := talk.Rows(ctx, "select pg_sleep(5)::text", func([]string) error { return nil })
			if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 4*time.Second {
				t.Errorf("error = %v after %s", err, time.Since(began))
			}

			return err
		},
		"its session is ended": func() error {
			_, err := replied(t, talk, "select pg_terminate_backend(pg_backend_pid())")
			if !errors.Is(err, ErrServerGone) {
				t.Errorf("error = %v, want ErrServerGone", err)
			}

			return err
		},
	} {
		if ask() == nil {
			t.Errorf("%s: no error", name)
		}
		if got, err := replied(t, talk, "select 42"); err != nil || !slices.Equal(got, []string{"42"}) {
			t.Errorf("after %s: %q, %v", name, got, err)
		}
	}
}

func TestATalkChangesNothing(t *testing.T) {
	talk, c, db := talking(t)
	c.sql(t, db, `create table kept (n int); create function change() returns int language sql as 'insert into kept values (1) returning 1'`)
	if _, err := replied(t, talk, "select change()"); err == nil || !strings.Contains(err.Error(), "read-only transaction") {
		t.Errorf("error = %v", err)
	}
	if got := c.sql(t, db, "select count(*) from kept"); got[0][0] != "0" {
		t.Errorf("%s rows were written", got[0][0])
	}
	nowhere := Server{Run: c.run, User: "firmflow"}.Talk("no such database")
	defer nowhere.Close()
	if _, err := replied(t, nowhere, "select 1"); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("error = %v, want ErrNoDatabase", err)
	}
}

func TestQuestionsShareASession(t *testing.T) {
	c, server := postgres(t)
	server.Questions = Asking()
	defer server.Questions.Close()
	pid := func(db string) string {
		t.Helper()
		row, err := server.row(t.Context(), "ask", db, "select pg_backend_pid()")
		if err != nil {
			t.Fatal(err)
		}

		return row[0]
	}
	first := pid(maintenance)
	if again := pid(maintenance); again != first {
		t.Errorf("asked by %s, then by %s", first, again)
	}
	if other := pid(c.database(t, "another")); other == first {
		t.Error("another database was asked in the same session")
	}
	for name, ask := range map[string]func() error{
		"a wrong one": func() error {
			return errorOfQuery(server.query(t.Context(), "ask", maintenance, "select nothing_of_the_kind"))
		},
		"one that sets and leaves a transaction": func() error {
			return errorOfQuery(server.query(t.Context(), "ask", maintenance, "begin; set search_path = pg_catalog; select 1"))
		},
		"one whose session is ended": func() error {
			c.sql(t, maintenance, "select pg_terminate_backend("+pid(maintenance)+")")
			return nil
		},
	} {
		if err := ask(); (err != nil) != (name == "a wrong one") {
			t.Errorf("%s: %v", name, err)
		}
		row, err := server.row(t.Context(), "ask", maintenance, "select current_setting('search_path'), now() = statement_timestamp()")
		if err != nil || !slices.Equal(row, []string{`"$user", public`, "t"}) {
			t.Errorf("after %s: %q, %v", name, row, err)
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				if _, err := server.row(t.Context(), "ask", maintenance, "select pg_sleep(0.01), 1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func errorOfQuery(_ [][]string, err error) error { return err }

// A session whose server is frozen, as docker pause does it, answers nothing: what it
// is asked is asked in another one, and to end it takes no forever.
func TestAFrozenSessionIsGivenUp(t *testing.T) {
	_, server := postgres(t)
	server.Questions = &Questions{db: maintenance, within: 300 * time.Millisecond}
	row, err := server.row(t.Context(), "ask", maintenance, "select pg_backend_pid()")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(row[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	if again, err := server.row(t.Context(), "ask", maintenance, "select pg_backend_pid()"); err != nil || again[0] == row[0] {
		t.Errorf("asked again: %q, %v", again, err)
	}
	began := time.Now()
	server.Questions.Close()
	if took := time.Since(began); took > 2*endsWithin {
		t.Errorf("to end it took %s", took)
	}
}
