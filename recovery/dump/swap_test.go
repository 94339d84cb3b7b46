package dump

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
)

// stage makes databases that carry their name in a table, and forgets them all
// after the test.
func (c *cluster) stage(t *testing.T, w Swap, names ...string) {
	t.Helper()
	c.dropAfter(t, w.Live, w.Loaded, w.Aside)
	for _, name := range names {
		c.sql(t, "postgres", "create database "+identifier(name)+" template template0")
		c.sql(t, name, "create table was as select "+literal(name)+"::text as name")
	}
}

// is tells which database stands under a name now.
func (c *cluster) is(t *testing.T, name string) string {
	t.Helper()
	there := c.sql(t, "postgres", "select count(*), 1 from pg_database where datname = "+literal(name))
	if there[0][0] == "0" {
		return ""
	}

	return c.sql(t, name, "select name, 1 from was")[0][0]
}

func (c *cluster) stands(t *testing.T, w Swap, live, loaded, aside string) {
	t.Helper()
	got := [3]string{c.is(t, w.Live), c.is(t, w.Loaded), c.is(t, w.Aside)}
	if want := [3]string{live, loaded, aside}; got != want {
		t.Errorf("live, loaded, aside are %q; want %q", got, want)
	}
}

func swapOf(live string) Swap {
	return Swap{Live: live, Loaded: RestoringName(live, "r1"), Aside: AsideName(live, "r1")}
}

func TestSwapAndUnswapAreTheirOwnInverse(t *testing.T) {
	c, s := postgres(t)
	w := swapOf(`Firm "Flow"`)
	c.stage(t, w, w.Live, w.Loaded)
	for _, already := range []bool{false, true, true} {
		got, err := s.Swap(t.Context(), w)
		if err != nil || got != (Outcome{Already: already, HadLive: true}) {
			t.Errorf("Swap = %+v, %v; already %v", got, err, already)
		}
		c.stands(t, w, w.Loaded, "", w.Live)
	}
	for _, already := range []bool{false, true, true} {
		got, err := s.Unswap(t.Context(), w)
		if err != nil || got.Already != already {
			t.Errorf("Unswap = %+v, %v; already %v", got, err, already)
		}
		c.stands(t, w, w.Live, w.Loaded, "")
	}
}

func TestSwapOnAServerWithoutALiveDatabase(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("fresh")
	c.stage(t, w, w.Loaded)
	if err := s.Comment(t.Context(), w.Loaded, "run r1"); err != nil {
		t.Fatal(err)
	}
	unproven := w
	w.Receipt = "run r1"
	for _, already := range []bool{false, true} {
		if got, err := s.Swap(t.Context(), w); err != nil || got != (Outcome{Already: already}) {
			t.Errorf("Swap = %+v, %v; already %v", got, err, already)
		}
		c.stands(t, w, w.Loaded, "", "")
	}
	if _, err := s.Swap(t.Context(), unproven); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("without a receipt: %v; a live database alone proves nothing", err)
	}
	if _, err := s.Unswap(t.Context(), w); err != nil {
		t.Error(err)
	}
	c.stands(t, w, "", w.Loaded, "")
}

func TestB18SwapEndsSessions(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("visited")
	c.stage(t, w, w.Live, w.Loaded)
	ends := []func() error{c.connected(t, w.Live, "app"), c.connected(t, w.Loaded, "psql")}
	if _, err := s.Swap(t.Context(), w); err != nil {
		t.Error(err)
	}
	for _, end := range ends {
		if err := end(); err == nil {
			t.Error("a session outlived the swap")
		}
	}
	c.stands(t, w, w.Loaded, "", w.Live)
}

// lost runs a number of programs, and fails the one after: before it ran, or
// after it did and its answer was lost.
type lost struct {
	command.Runner
	left *int
	done bool
}

var errLost = errors.New("the connection was lost")

func (l lost) Run(ctx context.Context, c command.Cmd) error {
	*l.left--
	if *l.left != 0 {
		return l.Runner.Run(ctx, c)
	}
	if l.done {
		if err := l.Runner.Run(ctx, c); err != nil {
			return err
		}
	}

	return errLost
}

func TestSwapInterruptedAnywhereIsDoneOrNotDone(t *testing.T) {
	c, _ := postgres(t)
	for _, done := range []bool{false, true} {
		for at := 1; at <= 3; at++ {
			t.Run(fmt.Sprintf("at %d, done %v", at, done), func(t *testing.T) {
				w := swapOf("torn")
				c.stage(t, w, w.Live, w.Loaded)
				left := at
				_, err := Server{Run: lost{c.run, &left, done}, User: "firmflow"}.Swap(t.Context(), w)
				if live := c.is(t, w.Live); live != w.Live && live != w.Loaded {
					t.Errorf("live is %q", live)
				}
				if swapped := c.is(t, w.Live) == w.Loaded; err == nil && !swapped {
					t.Error("success is told, and nothing was swapped")
				}
				s := Server{Run: c.run, User: "firmflow"}
				if _, err := s.Swap(t.Context(), w); err != nil {
					t.Errorf("again: %v", err)
				}
				c.stands(t, w, w.Loaded, "", w.Live)
			})
		}
	}
}

func TestAFailureBetweenTheRenamesChangesNothing(t *testing.T) {
	c, _ := postgres(t)
	w := swapOf("between")
	c.stage(t, w, w.Live, w.Loaded)
	s := Server{Run: breaking{c.run}, User: "firmflow"}
	if _, err := s.Swap(t.Context(), w); err == nil {
		t.Error("a broken transaction is told as success")
	}
	c.stands(t, w, w.Live, w.Loaded, "")
}

// breaking puts an error between the two renames.
type breaking struct{ command.Runner }

func (b breaking) Run(ctx context.Context, c command.Cmd) error {
	if r, ok := c.Stdin.(*strings.Reader); ok {
		var text strings.Builder
		_, _ = r.WriteTo(&text)
		c.Stdin = strings.NewReader(strings.Replace(text.String(), ";\nalter", ";\nselect 1 / 0;\nalter", 2))
	}

	return b.Runner.Run(ctx, c)
}

func TestSwapRefusesWhatItCannotMean(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("odd")
	c.stage(t, w, w.Live, w.Loaded, w.Aside)
	if _, err := s.Swap(t.Context(), w); !errors.Is(err, ErrExists) {
		t.Errorf("the name set aside is taken: %v, want ErrExists", err)
	}
	if _, err := s.Unswap(t.Context(), w); !errors.Is(err, ErrExists) {
		t.Errorf("the former name is taken: %v, want ErrExists", err)
	}
	c.stands(t, w, w.Live, w.Loaded, w.Aside)
	if _, err := s.Swap(t.Context(), Swap{Live: "a", Loaded: "a", Aside: "b"}); !errors.Is(err, ErrName) {
		t.Errorf("one name twice: %v, want ErrName", err)
	}
	if _, err := s.Swap(t.Context(), swapOf("nowhere")); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("nothing is there: %v, want ErrNoDatabase", err)
	}
}

func TestUnswapLeavesALaterRunsDatabaseAlone(t *testing.T) {
	c, s := postgres(t)
	w := swapOf("later")
	w.Receipt = "run r1"
	c.stage(t, w, w.Live, w.Aside)
	if err := s.Comment(t.Context(), w.Live, "run r2"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unswap(t.Context(), w); !errors.Is(err, ErrNotOurs) {
		t.Errorf("error = %v, want ErrNotOurs", err)
	}
	c.stands(t, w, w.Live, "", w.Aside)
}
