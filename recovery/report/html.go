package report

import (
	"bytes"
	_ "embed" // the page itself
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"

	"firmflow-recovery/recovery"
)

//go:embed page.html.tmpl
var page string

// HTML gives the report as one page: no script, no image, no font, nothing that
// is fetched from anywhere. It is well-formed XML, too, so that other programs
// read it as well as browsers do.
func (r Report) HTML() ([]byte, error) {
	t, err := template.New("report").Funcs(template.FuncMap{
		"span": func(s float64) string { return recovery.Span(time.Duration(s * float64(time.Second))) },
		"time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") },
		"size": recovery.Size, "count": recovery.Count, "mood": mood, "tone": tone,
		"lines": func(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") },
		"last":  func(i int, all []Point) bool { return i == len(all)-1 },
	}).Parse(page)
	if err != nil {
		return nil, fmt.Errorf("read the report's page: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, laidOut{Report: r, Bars: bars(r), Columns: columns(r.Trend)}); err != nil {
		return nil, fmt.Errorf("lay the report out: %w", err)
	}

	return bytes.Map(printable, bytes.ToValidUTF8(b.Bytes(), []byte("\uFFFD"))), nil
}

// printable takes out what neither a page nor XML may hold: a file's name or a
// program's message may have any byte in it.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return '\uFFFD'
	}

	return r
}

// laidOut is a report with its two drawings.
type laidOut struct {
	Report
	Bars    []bar
	Columns []column
}

// bar is a step on the timeline, in units of a drawing of 1000 by rows of 26.
type bar struct {
	X, Y, Width int
	Step        Step
}

const wide = 1000

// bars places the steps on a timeline from the begin to the end of the run.
func bars(r Report) []bar {
	whole := r.Took
	for _, s := range r.Steps {
		whole = max(whole, s.After+s.Took)
	}
	var all []bar
	for i, s := range r.Steps {
		b := bar{Y: i * 26, Step: s, Width: 2}
		if whole > 0 {
			b.X = min(int(s.After/whole*wide), wide-2)
			b.Width = max(2, int(s.Took/whole*wide))
		}
		all = append(all, b)
	}

	return all
}

// column is one run of the trend, in units of a drawing of 1000 by 160.
type column struct {
	X, Y, Width, Height int
	Point               Point
}

const tall = 160

func columns(points []Point) []column {
	var most float64
	for _, p := range points {
		most = max(most, p.Took)
	}
	var all []column
	for i, p := range points {
		slot := wide / len(points)
		c := column{X: i*slot + slot/10, Width: max(2, min(slot*8/10, 80)), Height: 2, Point: p}
		if most > 0 {
			c.Height = max(2, int(p.Took/most*tall))
		}
		c.Y = tall - c.Height
		all = append(all, c)
	}

	return all
}

// mood is the class of an outcome: good, doubtful or bad.
func mood(o recovery.Outcome) string {
	switch o {
	case recovery.Verified, recovery.Undone, recovery.CleanedUp, recovery.Ready, recovery.BackedUp:
		return "good"
	case recovery.NotVerified, recovery.Interrupted, recovery.DrillStopped, recovery.NothingChanged, recovery.BackedUpHere, recovery.BackedUpNotVerified, "":
		return "doubt"
	default:
		return "bad"
	}
}

// tone is the class of a finding's status.
func tone(s recovery.Status) string {
	switch s {
	case recovery.Passed:
		return "good"
	case recovery.Warned, recovery.Unproven:
		return "doubt"
	default:
		return "bad"
	}
}
