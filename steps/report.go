package steps

import (
	"errors"
	"io/fs"
	"slices"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/report"
)

// trendMost is how many runs a trend shows: a year of weekly drills.
const trendMost = 52

// accounts gives the runs of a home that were begun, the newest first. A journal
// that cannot be read is left out: a report of another run does not fail over it.
func accounts(home journal.Home) ([]recovery.Account, error) {
	runs, err := home.Runs()
	if err != nil {
		return nil, err
	}
	var all []recovery.Account
	for _, run := range runs {
		state, err := home.Read(run)
		if err != nil || !state.Confirmed && (state.Verdict == nil || state.Verdict.Outcome == recovery.NothingChanged) {
			continue
		}
		all = append(all, state.Account())
	}

	return all, nil
}

// before gives the runs of the same purpose that came before one, the oldest
// first.
func before(home journal.Home, s recovery.State) ([]recovery.Account, error) {
	all, err := accounts(home)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a recovery.Account) bool { return a.Run >= s.Run || a.Purpose != s.Purpose })
	all = all[:min(len(all), trendMost-1)]
	slices.Reverse(all)

	return all, nil
}

// writeReport keeps a run's report beside its journal, in all its forms, and
// gives the path of the one for people.
func writeReport(home journal.Home, s recovery.State) (string, error) {
	earlier, err := before(home, s)
	if err != nil {
		return "", err
	}
	path, err := home.WriteReport(s.Run, s.Purpose, journal.Markdown, []byte(report.Markdown(s, earlier)))
	if err != nil {
		return "", err
	}
	laid := report.Of(s, earlier)
	for form, lay := range map[journal.Form]func() ([]byte, error){journal.JSON: laid.JSON, journal.HTML: laid.HTML} {
		content, err := lay()
		if err == nil {
			_, err = home.WriteReport(s.Run, s.Purpose, form, content)
		}
		if err != nil {
			return path, err
		}
	}

	return path, nil
}

// Reports is where reports of this host are found: of recoveries, and of drills.
type Reports struct{ Live, Drills journal.Home }

// Markdown gives the report of a run; of an empty one, that of the run at work,
// else of the newest, be it a recovery or a drill.
func (r Reports) Markdown(run recovery.RunID) (string, error) {
	home, state, err := r.find(run)
	if err != nil {
		return "", err
	}
	earlier, err := before(home, state)

	return report.Markdown(state, earlier), err
}

// JSON gives the same for programs.
func (r Reports) JSON(run recovery.RunID) ([]byte, error) {
	home, state, err := r.find(run)
	if err != nil {
		return nil, err
	}
	earlier, err := before(home, state)
	if err != nil {
		return nil, err
	}

	return report.Of(state, earlier).JSON()
}

// List gives all runs of this host in figures, the newest first.
func (r Reports) List() ([]recovery.Account, error) {
	live, err := accounts(r.Live)
	if err != nil {
		return nil, err
	}
	drills, err := accounts(r.Drills)
	if err != nil {
		return nil, err
	}
	all := append(live, drills...)
	slices.SortFunc(all, func(a, b recovery.Account) int { return b.Began.Compare(a.Began) })

	return all, nil
}

// History gives what earlier runs and drills took: of those, that restored.
func (r Reports) History() recovery.History {
	known := recovery.History{}
	all, err := r.List()
	if err != nil {
		return known // what cannot be read tells nothing; the run itself does not depend on it
	}
	for _, a := range all {
		if a.Purpose == recovery.Recovering || a.Purpose == recovery.Drilling {
			known = append(known, a)
		}
	}

	return known
}

// Watched gives the home of a run that is to be watched: of the one named; of an
// empty name, that of the recovery at work, else of the drill at work, else of
// the newest of both.
func (r Reports) Watched(run recovery.RunID) journal.Home {
	if run == "" {
		for _, home := range []journal.Home{r.Live, r.Drills} {
			if _, held, err := home.Held(); err == nil && held {
				return home
			}
		}
	}
	home, _, err := r.find(run)
	if err != nil {
		return r.Live // it says what is wrong
	}

	return home
}

func (r Reports) find(run recovery.RunID) (journal.Home, recovery.State, error) {
	if run == "" {
		var err error
		if run, err = r.newest(); err != nil {
			return r.Live, recovery.State{}, nothingToWatch(run, err)
		}
	}
	for _, home := range []journal.Home{r.Live, r.Drills} {
		state, err := home.Read(run)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, journal.ErrNoRun):
		case err != nil:
			return home, state, nothingToWatch(run, err)
		default:
			return home, state, nil
		}
	}

	return r.Live, recovery.State{}, nothingToWatch(run, journal.ErrNoRun)
}

// newest names the run at work, else the newest of both kinds.
func (r Reports) newest() (recovery.RunID, error) {
	live, err := r.Live.Current()
	if err != nil && !errors.Is(err, journal.ErrNoRun) {
		return "", err
	}
	drilled, failed := r.Drills.Current()
	if failed != nil && !errors.Is(failed, journal.ErrNoRun) {
		return "", failed
	}
	if live == "" && drilled == "" {
		return "", journal.ErrNoRun
	}

	return max(live, drilled), nil
}
