package recovery

import (
	"math"
	"testing"
	"time"
)

func TestEverySpanHasAnEnd(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:               "0.0 s",
		-time.Second:    "-1 s",
		math.MinInt64:   "-106751 d 23 h",
		25 * time.Hour:  "25 h",
		171e9:           "2 min 51 s",
		math.MaxInt64:   "106751 d 23 h",
		49 * time.Hour:  "2 d 1 h",
		-90 * time.Hour: "-3 d 18 h",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%d) = %q, want %q", d, got, want)
		}
	}
}
