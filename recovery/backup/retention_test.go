package backup

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func monday() time.Time { return time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC) }

// nightly gives verified backups of so many nights, the newest first.
func nightly(nights int) []Kept {
	var all []Kept
	for i := range nights {
		at := monday().AddDate(0, 0, -i)
		all = append(all, Kept{Name: at.Format("2006-01-02"), Taken: at, Whole: true, Verified: true})
	}

	return all
}

func deleted(ds []Decision) []string {
	var names []string
	for _, d := range ds {
		if d.Delete {
			names = append(names, d.Name)
		}
	}

	return names
}

func TestTheGuidesThirtyDaysAreKept(t *testing.T) {
	got := deleted(Guide().Decide(monday(), nightly(33)))
	if want := []string{"2026-10-30", "2026-10-29"}; !slices.Equal(got, want) {
		t.Errorf("deleted %q, want %q", got, want)
	}
}

// Thirty days after backups broke, age alone would leave none.
func TestC27NothingIsDeletedForItsAgeAlone(t *testing.T) {
	all := nightly(3)
	for i := range all {
		all[i].Taken = all[i].Taken.AddDate(0, 0, -90)
	}
	if got := deleted(Guide().Decide(monday(), all)); len(got) > 0 {
		t.Errorf("the last three verified: deleted %q", got)
	}
	for i := range all {
		all[i].Verified = false
	}
	if got := deleted(Guide().Decide(monday(), append(all, nightly(2)...))); len(got) > 0 {
		t.Errorf("two verified: deleted %q", got)
	}
	if got := deleted(Guide().Decide(monday(), append(all, nightly(3)...))); len(got) != 3 {
		t.Errorf("three verified: deleted %q, want the three old ones", got)
	}
}

func TestGrandfatherFatherSon(t *testing.T) {
	r := Retention{Daily: 3, Weekly: 2, Monthly: 2, Least: 1}
	var kept []string
	for _, d := range r.Decide(monday(), nightly(60)) {
		if !d.Delete {
			kept = append(kept, d.Name+": "+d.Why)
		}
	}
	want := []string{
		"2026-11-30: the newest verified one", "2026-11-29: the newest of the day 2026-11-29", "2026-11-28: the newest of the day 2026-11-28",
		"2026-10-31: the newest of the month 2026-10",
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Error(diff)
	}
}

func TestHalvesAndFutureDatesStay(t *testing.T) {
	all := append(nightly(4), Kept{Name: "half", Taken: monday().AddDate(-1, 0, 0), Verified: true}, Kept{Name: "future", Taken: monday().AddDate(1, 0, 0), Whole: true})
	if got := deleted(Guide().Decide(monday(), all)); len(got) > 0 {
		t.Errorf("deleted %q", got)
	}
	if got := deleted(Retention{Least: 1}.Decide(monday(), nightly(400))); len(got) > 0 {
		t.Errorf("the zero retention deletes %d", len(got))
	}
}

func TestWhateverThereIsARetentionKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		small := rapid.IntRange(0, 5)
		r := Retention{
			Days: rapid.SampledFrom([]int{0, 1, 7, 30}).Draw(rt, "days"), Daily: small.Draw(rt, "daily"), Weekly: small.Draw(rt, "weekly"),
			Monthly: small.Draw(rt, "monthly"), Yearly: small.Draw(rt, "yearly"), Least: small.Draw(rt, "least"),
		}
		var all []Kept
		for i := range rapid.IntRange(0, 40).Draw(rt, "backups") {
			all = append(all, Kept{
				Name: fmt.Sprint("b", i), Taken: monday().Add(-time.Duration(rapid.IntRange(-48, 24*800).Draw(rt, "hours")) * time.Hour),
				Whole: rapid.Bool().Draw(rt, "whole"), Verified: rapid.Bool().Draw(rt, "verified"),
			})
		}
		now := monday()
		decisions := r.Decide(now, all)
		if len(decisions) != len(all) {
			rt.Fatalf("%d decisions about %d backups", len(decisions), len(all))
		}
		gone := map[string]bool{}
		for _, d := range decisions {
			gone[d.Name] = d.Delete
			if d.Why == "" {
				rt.Fatalf("no reason for %s", d.Name)
			}
		}
		promises(rt, r, now, all, gone)
		rest := slices.DeleteFunc(slices.Clone(all), func(k Kept) bool { return gone[k.Name] })
		if again := deleted(r.Decide(now, rest)); len(again) > 0 {
			rt.Fatalf("decided again, %q are deleted", again)
		}
	})
}

// promises are what must be so whatever was decided.
func promises(rt *rapid.T, r Retention, now time.Time, all []Kept, gone map[string]bool) {
	verified, stay := 0, 0
	var newest Kept
	for _, k := range all {
		if !k.Whole && gone[k.Name] {
			rt.Fatalf("half a pair is deleted: %+v", k)
		}
		if r.Days > 0 && gone[k.Name] && now.Sub(k.Taken) <= time.Duration(r.Days)*24*time.Hour {
			rt.Fatalf("one of the last %d days is deleted: %+v", r.Days, k)
		}
		if !k.Whole || !k.Verified {
			continue
		}
		verified++
		if !gone[k.Name] {
			stay++
		}
		if newest.Name == "" || k.Taken.After(newest.Taken) {
			newest = k
		}
	}
	if newest.Name != "" && gone[newest.Name] && !slices.ContainsFunc(all, func(k Kept) bool { return k.Taken.Equal(newest.Taken) && !gone[k.Name] }) {
		rt.Fatal("the newest verified one is deleted")
	}
	if stay < min(verified, r.Least) {
		rt.Fatalf("%d verified stay of %d, want %d at least", stay, verified, r.Least)
	}
	for name, is := range gone {
		if is && verified < max(r.Least, 1) {
			rt.Fatalf("%s is deleted although only %d are verified", name, verified)
		}
	}
}
