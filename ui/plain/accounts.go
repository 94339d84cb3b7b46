package plain

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"firmflow-recovery/recovery"
)

// Accounts lists runs and drills, one line each.
func Accounts(w io.Writer, all []recovery.Account) error {
	var b strings.Builder
	if len(all) == 0 {
		b.WriteString("There is no run and no drill on this host yet.\n")
	} else {
		fmt.Fprintf(&b, "%-15s  %-8s  %-14s  %-12s  %-14s  %s\n", "RUN", "KIND", "BACKUP", "TOOK", "DATA", "OUTCOME")
	}
	for _, a := range all {
		age := "not known"
		if !a.AsOf.IsZero() {
			age = recovery.Span(a.Age()) + " old"
		}
		fmt.Fprintf(&b, "%-15s  %-8s  %-14s  %-12s  %-14s  %s\n", Clean(string(a.Run)), cmp.Or(string(a.Purpose), "recovery"), Clean(a.Backup),
			recovery.Span(a.Took.Round(time.Millisecond)), age, cmp.Or(string(a.Outcome), "no verdict"))
	}
	_, err := io.WriteString(w, b.String())

	return err
}
