package plain

import (
	"context"
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery"
)

// Backups writes a listing as a table.
func Backups(w io.Writer, l recovery.Listing) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", Clean(l.Directory), recovery.Counted(int64(len(l.Backups)), "backup"))
	width := 18
	for _, one := range l.Backups {
		width = max(width, len(Clean(one.Name)))
	}
	if len(l.Backups) > 0 {
		fmt.Fprintf(&b, "  %-*s %-14s %-10s %-10s %-5s %s\n", width, "BACKUP", "AGE", "VAULT", "DATABASE", ".ENV", "REMARKS")
	}
	for _, one := range l.Backups {
		fmt.Fprintf(&b, "  %-*s %-14s %-10s %-10s %-5s %s\n", width, Clean(one.Name), recovery.Span(one.Age), size(one.VaultBytes), size(one.DumpBytes),
			yesNo(one.Env), Clean(strings.Join(one.Remarks, "; ")))
	}
	for _, name := range l.Unusable {
		fmt.Fprintf(&b, "  not used: %s\n", Clean(name))
	}
	_, err := io.WriteString(w, b.String())

	return err
}

func size(bytes int64) string {
	if bytes == 0 {
		return "missing"
	}

	return recovery.Size(bytes)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}

	return "no"
}

// Silent is an operator that shows nothing and can be asked nothing.
type Silent struct{}

// Tell drops the event.
func (Silent) Tell(recovery.Event) {}

// Ask has nobody to ask.
func (Silent) Ask(_ context.Context, q recovery.Question) (recovery.Answer, error) {
	return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
}

// Close does nothing.
func (Silent) Close() {}
