package plain

import (
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery"
)

// Units writes what became of systemd's units; with lines for cron, what would, and
// their texts.
func Units(w io.Writer, units []recovery.TimerUnit, cron string) error {
	var b strings.Builder
	for _, u := range units {
		if cron != "" {
			fmt.Fprintf(&b, "# %s: %s\n%s\n", Clean(u.Path), would(u.Fate), u.Text)
			continue
		}
		fmt.Fprintf(&b, "%s: %s%s\n", Clean(u.Path), u.Fate, after(" as ", Clean(u.Aside)))
	}
	b.WriteString(cron)
	_, err := io.WriteString(w, b.String())

	return err
}

func would(f recovery.UnitFate) string {
	if f == recovery.UnitSame {
		return string(f)
	}

	return "would be " + string(f)
}
