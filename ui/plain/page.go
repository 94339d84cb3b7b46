package plain

import (
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery"
)

// page is what is laid out above a question.
func page(p *recovery.Page) string {
	var b strings.Builder
	switch {
	case p == nil:
		return ""
	case p.Start != nil:
		found(&b, *p.Start)
	case p.Listing != nil:
		_ = Backups(&b, *p.Listing) // a Builder takes everything
	case p.Verification != nil:
		_ = Verification(&b, *p.Verification)
	case p.Document != nil:
		for _, line := range p.Document.Lines {
			b.WriteString(cleanLines(line, "") + "\n")
		}
	}

	return b.String()
}

// Start writes what there is on this host.
func Start(w io.Writer, s recovery.Start) error {
	var b strings.Builder
	found(&b, s)
	_, err := io.WriteString(w, b.String())

	return err
}

func found(b *strings.Builder, s recovery.Start) {
	run := func(head string, r *recovery.Summary) {
		if r == nil {
			return
		}
		fmt.Fprintf(b, "%-12s run %s, backup %s", head, Clean(string(r.Run)), Clean(r.Backup))
		if r.Index > 0 {
			fmt.Fprintf(b, ", step %d of %d, %s", r.Index, r.Of, Clean(r.Title))
		}
		if r.Outcome != "" {
			b.WriteString(", " + Clean(string(r.Outcome)))
		}
		fmt.Fprintf(b, ", last heard of %s ago\n", recovery.Span(r.Age))
	}
	run("running", s.Running)
	run("interrupted", s.Interrupted)
	run("last", s.Last)
	if n := s.Newest; n != nil {
		fmt.Fprintf(b, "%-12s backup %s, %s old, dump %s, vault archive %s%s\n", "newest", Clean(n.Name), recovery.Span(n.Age), size(n.DumpBytes), size(n.VaultBytes),
			after("; ", Clean(strings.Join(n.Remarks, "; "))))
	}
	for _, remark := range s.Remarks {
		fmt.Fprintf(b, "%-12s %s\n", "note", cleanLines(remark, indent))
	}
}
