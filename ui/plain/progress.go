package plain

import (
	"fmt"
	"math"
	"strings"
	"time"

	"firmflow-recovery/recovery"
)

// pace remembers what was told of the current step's progress.
type pace struct {
	told   time.Time // when a line was last written
	heard  time.Time // when the work last said something
	phase  string
	tenths int64
}

// progress is told at each tenth of the work, and as a heartbeat. A look is
// told as a heartbeat only, and the end of a phase not at all: what follows
// tells it.
func (t *transcript) progress(e recovery.Event) string {
	if e.Step != t.current {
		return ""
	}
	p := &t.pace
	p.heard = e.Time
	working := t.state.Step(e.Step).Status == recovery.Working
	tenths := tenths(e.Done, e.Total)
	if e.Phase != p.phase {
		p.phase, p.tenths = e.Phase, tenths
	}
	due := e.Time.Sub(p.told) >= t.every || working && tenths > p.tenths
	if !due || e.Total > 0 && e.Done >= e.Total {
		return ""
	}
	p.told, p.tenths = e.Time, tenths

	return t.line(e.Step, speed(t.state.Step(e.Step))...)
}

// beat says that a step goes on although nothing is heard of it. A rate and an
// estimate from before the silence would be untrue by now.
func (t *transcript) beat(now time.Time) string {
	if t.current == "" || now.Sub(t.pace.told) < t.every {
		return ""
	}
	t.pace.told = now
	if since := now.Sub(t.pace.heard); since >= t.every {
		return t.line(t.current, "nothing new for "+recovery.Span(since))
	}

	return t.line(t.current, speed(t.state.Step(t.current))...)
}

// line is where a step stands: "step 2 of 5, restore the vault: extract, 24 %,
// 2.7 of 11.2 GiB, 88.0 MiB/s, about 2 minutes left".
func (t *transcript) line(id recovery.StepID, more ...string) string {
	s := t.state.Step(id)
	facts := make([]string, 0, 6)
	if s.Status == recovery.Looking {
		facts = append(facts, "looking")
	}
	if s.Phase != "" {
		facts = append(facts, Clean(s.Phase))
	}
	if s.Total > 0 {
		facts = append(facts, fmt.Sprintf("%d %%", percent(s.Done, s.Total)))
	}
	if s.Done > 0 || s.Total > 0 {
		facts = append(facts, amount(s))
	}
	facts = append(facts, more...)
	if len(facts) == 0 {
		facts = append(facts, "going on")
	}

	return t.name(id) + ": " + strings.Join(facts, ", ") + "\n"
}

func speed(s recovery.StepState) []string {
	var facts []string
	if s.Rate >= 1 && s.Unit == recovery.Bytes {
		facts = append(facts, recovery.Size(int64(s.Rate))+"/s")
	}
	if left := s.Left(); left > 0 {
		facts = append(facts, remaining(left))
	}

	return facts
}

func tenths(done, total int64) int64 {
	if total <= 0 {
		return 0
	}

	return percent(done, total) / 10
}

// percent is rounded down and never above 100: an archive can turn out larger
// than it was announced.
func percent(done, total int64) int64 {
	return int64(min(100, math.Floor(float64(done)*100/float64(total))))
}

func amount(s recovery.StepState) string {
	show := recovery.Count
	if s.Unit == recovery.Bytes {
		show = recovery.Size
	}
	done := show(s.Done)
	if s.Total <= 0 {
		return done + " so far"
	}
	total := show(s.Total)
	if value, unit, ok := strings.Cut(done, " "); ok && strings.HasSuffix(total, " "+unit) {
		done = value
	}

	return done + " of " + total
}

// remaining is an estimate, so it is in words and not exact to the second.
func remaining(left time.Duration) string {
	minutes := int64((left + time.Minute - 1) / time.Minute)
	switch {
	case left < time.Minute:
		return "less than a minute left"
	case minutes < 60:
		return "about " + recovery.Counted(minutes, "minute") + " left"
	default:
		return "about " + recovery.Span(time.Duration(minutes)*time.Minute) + " left"
	}
}
