package tui

// kept is how many lines of the log are kept.
const kept = 500

// ring holds the last lines of the log.
type ring struct {
	lines []string
}

// add gives a ring with one more line. The lines are copied only once in a
// while, when the forgotten ones have become as many as those that are kept.
func (r ring) add(line string) ring {
	if len(r.lines) == 2*kept {
		r.lines = append(make([]string, 0, 2*kept), r.lines[kept:]...)
	}
	r.lines = append(r.lines, line)

	return r
}

func (r ring) all() []string { return r.lines[max(len(r.lines)-kept, 0):] }

// last gives the newest lines, at most n.
func (r ring) last(n int) []string {
	all := r.all()

	return all[len(all)-min(max(n, 0), len(all)):]
}
