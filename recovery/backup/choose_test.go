package backup

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChooseFindsTheSet(t *testing.T) {
	at := night("2026-11-22")
	p := newPlace(t).set("2026-11-20").set("2026-11-21_0200").
		set("2026-11-22_0200").set("2026-11-22_1400").
		file("before upgrade.dump", 500, at).file("vault_sync/firm/blob", 5, at).link("before upgrade.dump", "linked.dump")
	t.Chdir(p.dir)
	d := p.open()

	for _, c := range []struct{ name, want string }{
		{Latest, "2026-11-22_1400"},
		{"2026-11-20", "2026-11-20"},
		{"2026-11-22_0200", "2026-11-22_0200"},
		{"2026-11-22T02:00", "2026-11-22_0200"},
		{"2026-11-21", "2026-11-21_0200"},
		{filepath.Join(p.dir, "db_2026-11-20.dump"), "2026-11-20"},
		{p.dir + "/./db_2026-11-20.dump", "2026-11-20"},
		{"db_2026-11-20.dump", "2026-11-20"},
		{"./db_2026-11-20.dump", "2026-11-20"},
		{filepath.Join(p.dir, "before upgrade.dump"), "before upgrade.dump"},
		{"linked.dump", "before upgrade.dump"},
	} {
		s, err := d.Choose(c.name)
		if err != nil || s.Name() != c.want {
			t.Errorf("Choose(%q) = %q, %v, want %q", c.name, s.Name(), err, c.want)
		}
	}
}

func TestChooseLatestIsTheNewestThatCanBeRecovered(t *testing.T) {
	at := night("2026-11-22")
	for _, c := range []struct {
		name  string
		build func(p place)
		want  string
		newer int
	}{
		{"the newest", func(p place) { p.set("2026-11-21").set("2026-11-22") }, "2026-11-22", 0},
		{"one without a vault is passed over", func(p place) { p.set("2026-11-21").file("db_2026-11-22.dump", 9, at) }, "2026-11-21", 1},
		{"one without a dump is passed over", func(p place) { p.set("2026-11-21").file("vault_snapshot_2026-11-22.tar.gz", 9, at) }, "2026-11-21", 1},
		{"C26 one with an empty dump too", func(p place) { p.set("2026-11-21").set("2026-11-22").file("db_2026-11-22.dump", 0, at) }, "2026-11-21", 1},
		{"C11 one with an empty archive too", func(p place) { p.set("2026-11-21").set("2026-11-22").file("vault_snapshot_2026-11-22.tar.gz", 0, at) }, "2026-11-21", 1},
		{"the mirror is a vault", func(p place) { p.set("2026-11-21").file("db_2026-11-22.dump", 9, at).file("vault_sync/f/b", 9, at) }, "2026-11-22", 0},
		{"C12 an empty mirror is none", func(p place) { p.set("2026-11-21").file("db_2026-11-22.dump", 9, at).directory("vault_sync", at) }, "2026-11-21", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			c.build(p)
			d := p.open()
			s, err := d.Choose(Latest)
			if err != nil || s.Date != c.want {
				t.Fatalf("Choose = %q, %v, want %q", s.Date, err, c.want)
			}
			if got := len(d.Newer(s)); got != c.newer {
				t.Errorf("%d are newer, want %d", got, c.newer)
			}
		})
	}
}

func TestChooseSaysWhyNot(t *testing.T) {
	at := night("2026-11-22")
	empty := newPlace(t).open()
	for _, name := range []string{Latest, "2026-11-22"} {
		if _, err := empty.Choose(name); !errors.Is(err, ErrNone) {
			t.Errorf("Choose(%q) = %v, want ErrNone", name, err)
		}
	}

	p := newPlace(t).set("2026-11-20_0200").set("2026-11-20_1400").file("db_2026-11-22.dump", 10, at).file("vault_snapshot_2026-11-21.tar.gz", 10, at)
	d := p.open()
	for _, name := range []string{"2026-11-23", "2026-11-20", "2026-11-22_0200", "yesterday", "", "/etc/passwd", "x\x1b[2J"} {
		_, err := d.Choose(name)
		got, ok := errors.AsType[*NotFoundError](err)
		if !ok {
			t.Errorf("Choose(%q) = %v, want a NotFoundError", name, err)

			continue
		}
		if want := []string{"2026-11-22", "2026-11-21", "2026-11-20_1400", "2026-11-20_0200"}; got.Name != name || !slices.Equal(got.Have, want) {
			t.Errorf("Choose(%q) = %+v, want all of %q", name, got, want)
		}
		if strings.Contains(err.Error(), "\x1b") {
			t.Errorf("the error writes to the terminal: %q", err)
		}
	}
	for name, want := range map[string][]Part{"2026-11-22": {Vault}, "2026-11-21": {Dump}} {
		_, err := d.Choose(name)
		got, ok := errors.AsType[*IncompleteError](err)
		if !ok || got.Set.Date != name || !slices.Equal(got.Missing, want) {
			t.Errorf("Choose(%q) = %v, want an IncompleteError that misses %q", name, err, want)
		}
	}
}

func TestChooseLatestAmongIncompleteOnesNamesTheNewest(t *testing.T) {
	p := newPlace(t).file("db_2026-11-21.dump", 10, night("2026-11-21")).file("db_2026-11-22.dump", 10, night("2026-11-22"))
	_, err := p.open().Choose(Latest)
	if got, ok := errors.AsType[*IncompleteError](err); !ok || got.Set.Date != "2026-11-22" {
		t.Errorf("Choose = %v, want an IncompleteError for the newest", err)
	}
}
