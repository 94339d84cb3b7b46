package backup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFactsTellWhatAListingCan(t *testing.T) {
	taken := night("2026-11-22")
	now := taken.Add(30 * time.Hour)
	plain := Facts{Taken: taken, Age: 30 * time.Hour, Apart: 3 * time.Minute, ApartKnown: true}
	with := func(change func(f *Facts)) Facts {
		f := plain
		change(&f)

		return f
	}
	for _, c := range []struct {
		name  string
		build func(p place)
		want  Facts
	}{
		{"nothing odd", func(place) {}, plain},
		{"C22 archive of the day before", func(p place) { p.file("vault_snapshot_2026-11-22.tar.gz", 9000, taken.Add(-11*time.Hour)) },
			with(func(f *Facts) { f.Apart = -11 * time.Hour })},
		{"copied later", func(p place) {
			p.file("db_2026-11-22.dump", 1000, now.AddDate(0, 1, 0)).file("vault_snapshot_2026-11-22.tar.gz", 9000, now.AddDate(0, 1, 0))
		},
			Facts{Taken: taken.Add(-2 * time.Hour), FromName: true, Age: 32 * time.Hour}},
		{"dump copied later", func(p place) { p.file("db_2026-11-22.dump", 1000, now.AddDate(0, 1, 0)) },
			Facts{Taken: taken.Add(3 * time.Minute), Age: 30*time.Hour - 3*time.Minute}},
		{"a time of 1970", func(p place) {
			p.file("db_2026-11-22.dump", 1000, time.Unix(0, 0)).file("vault_snapshot_2026-11-22.tar.gz", 9000, time.Unix(0, 0))
		},
			Facts{Taken: taken.Add(-2 * time.Hour), FromName: true, Age: 32 * time.Hour}},
		{"C26 empty dump", func(p place) { p.file("db_2026-11-22.dump", 0, taken) },
			with(func(f *Facts) { f.Missing, f.Empty, f.Shrunk = []Part{Dump}, []Part{Dump}, []Part{Dump} })},
		{"empty manifest", func(p place) { p.file("manifest_2026-11-22.json", 0, taken) },
			with(func(f *Facts) { f.Empty = []Part{Proof} })},
		{"half as large", func(p place) { p.file("db_2026-11-22.dump", 500, taken) }, plain},
		{"less than half", func(p place) { p.file("db_2026-11-22.dump", 499, taken) },
			with(func(f *Facts) { f.Shrunk = []Part{Dump} })},
		{"archive less than half", func(p place) { p.file("vault_snapshot_2026-11-22.tar.gz", 100, taken.Add(3*time.Minute)) },
			with(func(f *Facts) { f.Shrunk = []Part{Archive} })},
		{"mirror as old", func(p place) { p.mirror(taken) }, plain},
		{"C22 mirror newer than the dump", func(p place) { p.mirror(taken.Add(24 * time.Hour)) },
			with(func(f *Facts) { f.MirrorAfter = 24 * time.Hour })},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t).set("2026-11-20").file("db_2026-11-21.dump", 0, night("2026-11-21")).set("2026-11-22")
			c.build(p)
			d := p.open()
			got := d.Facts(d.Sets[0], now)
			got.Taken, c.want.Taken = got.Taken.UTC(), c.want.Taken.UTC()
			if !cmp.Equal(got, c.want) {
				t.Errorf("facts: %s", cmp.Diff(c.want, got))
			}
		})
	}
}

func TestFactsOfADumpOfAnotherName(t *testing.T) {
	taken := night("2026-11-22")
	p := newPlace(t).set("2026-11-21").file("upgrade.dump", 10, taken).file("vault_sync/f/b", 1, taken)
	d := p.open()
	s, err := d.Choose("upgrade.dump")
	p.must(err)
	if f := d.Facts(s, taken.Add(time.Hour)); f.Age != time.Hour || f.FromName || len(f.Shrunk) > 0 {
		t.Errorf("facts = %+v, want an age of an hour and nothing odd", f)
	}
}

func TestFactsOfADumpFromTheFuture(t *testing.T) {
	d := newPlace(t).set("2026-11-22").open()
	if f := d.Facts(d.Sets[0], night("2026-11-21")); f.Age != -24*time.Hour {
		t.Errorf("age = %v, want -24h: one of the clocks is wrong", f.Age)
	}
}

// mirror makes a vault_sync of one document, in which everything has one time.
func (p place) mirror(modified time.Time) place {
	p.t.Helper()

	return p.file("vault_sync/firm/blob", 5, modified).directory("vault_sync/firm", modified).directory("vault_sync", modified)
}
