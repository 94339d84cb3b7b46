package recovery

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Size gives a number of bytes for people, in binary units: "11.2 GiB".
func Size(bytes int64) string {
	const step = 1024
	if bytes < step {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	value, unit := float64(bytes), -1
	for value >= step && unit < 4 {
		value /= step
		unit++
	}

	return fmt.Sprintf("%.1f %ciB", value, "KMGTP"[unit])
}

// Count gives a number for people, in groups of three: "41,208".
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(digits) - 3; i > start; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}

	return digits
}

// Counted gives a number with its noun: "1 file", "12 files".
func Counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}

	return Count(n) + " " + noun + "s"
}

// Span gives a duration for people: "0.4 s", "3 s", "2 min 51 s", "25 h 11 min", "13 d 4 h".
func Span(d time.Duration) string {
	switch {
	case d == math.MinInt64:
		return Span(d + 1) // it has no opposite
	case d < 0:
		return "-" + Span(-d)
	case d < time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return pair(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 48*time.Hour:
		return pair(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	default:
		return pair(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
	}
}

func pair(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}

	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}
