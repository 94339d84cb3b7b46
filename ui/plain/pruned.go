package plain

import (
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery"
)

// Pruned writes what became of the backups, or, in a rehearsal, would.
func Pruned(w io.Writer, p recovery.Pruning) error {
	text := pruned(p)
	if p.Offsite != nil {
		text += "\noff-site: " + pruned(*p.Offsite)
		if p.Offsite.DryRun && !p.DryRun && p.Offsite.Deleted() > 0 {
			text += "Nothing was deleted there; --delete-offsite does it.\n"
		}
	}
	_, err := io.WriteString(w, text)

	return err
}

func pruned(p recovery.Pruning) string {
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

	return b.String()
}
