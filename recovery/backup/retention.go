package backup

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Retention says which backups are kept. Its zero value keeps all.
type Retention struct {
	Days int // younger ones are kept; 0 where Daily and so on say all there is to say

	// Of the newest so many days, weeks, months and years that have a backup, the
	// newest is kept: grandfather, father, son.
	Daily, Weekly, Monthly, Yearly int

	// Least is how many verified backups there must be besides what is deleted. As
	// long as there are fewer, nothing is: thirty days after backups have silently
	// broken, age alone would have left none (FAULTS C27).
	Least int
}

// Guide is the guide's retention of thirty days, with what it lacks.
func Guide() Retention { return Retention{Days: 30, Least: 3} }

// all tells whether nothing is ever deleted.
func (r Retention) all() bool {
	return r.Days == 0 && r.Daily == 0 && r.Weekly == 0 && r.Monthly == 0 && r.Yearly == 0
}

// Kept is a backup as far as a retention looks at it.
type Kept struct {
	Name     string
	Taken    time.Time
	Whole    bool // dump and vault are there
	Verified bool // it has a manifest, and its files are as that says
}

// Decision is what becomes of a backup, and why.
type Decision struct {
	Name   string
	Delete bool
	Why    string
}

// Decide says what becomes of each backup, the newest first. It is about times
// and facts alone, and touches nothing.
func (r Retention) Decide(now time.Time, all []Kept) []Decision {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b Kept) int {
		return cmp.Or(b.Taken.Compare(a.Taken), cmp.Compare(b.Name, a.Name))
	})
	verified := 0
	for _, k := range sorted {
		if k.Whole && k.Verified {
			verified++
		}
	}
	generations := r.generations(sorted)
	decisions := make([]Decision, len(sorted))
	seen := 0
	for i, k := range sorted {
		if k.Whole && k.Verified {
			seen++
		}
		decisions[i] = Decision{Name: k.Name, Why: r.keeps(now, k, seen, verified)}
		if why := generations[i]; decisions[i].Why == "" {
			decisions[i].Why = why
		}
		if decisions[i].Why == "" {
			decisions[i].Delete, decisions[i].Why = true, fmt.Sprintf("older than is kept: %d days", int(now.Sub(k.Taken).Hours())/24)
		}
	}

	return decisions
}

// keeps says why a backup is kept, whatever generation it is of; empty: it need
// not be. seen counts the verified ones down to this one.
func (r Retention) keeps(now time.Time, k Kept, seen, verified int) string {
	isVerified := k.Whole && k.Verified
	switch {
	case r.all():
		return "everything is kept"
	case !k.Whole:
		return "half of a pair: somebody should look at it"
	case isVerified && seen == 1:
		return "the newest verified one"
	case verified < max(r.Least, 1):
		return fmt.Sprintf("only %d verified, and %d must be before anything is deleted", verified, max(r.Least, 1))
	case isVerified && seen <= r.Least:
		return fmt.Sprintf("one of the %d verified that always stay", r.Least)
	case k.Taken.After(now):
		return "dated in the future"
	case r.Days > 0 && now.Sub(k.Taken) <= time.Duration(r.Days)*24*time.Hour:
		return fmt.Sprintf("younger than %d days", r.Days)
	default:
		return ""
	}
}

// generations gives, for each backup that stands for a day, week, month or year,
// which.
func (r Retention) generations(newestFirst []Kept) map[int]string {
	why := map[int]string{}
	for _, g := range []struct {
		keep int
		of   func(time.Time) string
		name string
	}{
		{r.Daily, func(t time.Time) string { return t.Format("2006-01-02") }, "day"},
		{r.Weekly, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprintf("%d, week %d", y, w) }, "week"},
		{r.Monthly, func(t time.Time) string { return t.Format("2006-01") }, "month"},
		{r.Yearly, func(t time.Time) string { return t.Format("2006") }, "year"},
	} {
		have := map[string]bool{}
		for i, k := range newestFirst {
			of := g.of(k.Taken.UTC())
			if !k.Whole || have[of] || len(have) == g.keep {
				continue
			}
			have[of] = true
			if why[i] == "" {
				why[i] = "the newest of the " + g.name + " " + of
			}
		}
	}

	return why
}
