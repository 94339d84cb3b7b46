package plain

import (
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery"
)

// Pruned writes what became of the backups, or, in a rehearsal, would.
func Pruned(w io.Writer, p recovery.Pruning) error {
	var b strings.Builder
	gone := "deleted "
	if p.DryRun {
		gone = "would go"
	}
	fmt.Fprintf(&b, "%s\n", Clean(p.Directory))
	for _, one := range p.Backups {
		word := "kept    "
		if one.Delete {
			word = gone
		}
		fmt.Fprintf(&b, "%s %s: %s\n", word, Clean(one.Name), Clean(one.Why))
	}
	n := p.Deleted()
	fmt.Fprintf(&b, "%s %d of %s; %d verified before.\n", strings.TrimSpace(gone), n, recovery.Counted(int64(len(p.Backups)), "backup"), p.Verified)
	_, err := io.WriteString(w, b.String())

	return err
}
