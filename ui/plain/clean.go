package plain

import (
	"strings"

	"firmflow-recovery/ui/text"
)

// Clean makes text of other programs and file names safe to show, on one line.
func Clean(s string) string { return text.Clean(s) }

// cleanLines does the same to text of several lines, whose line ends are ours:
// each further line is indented, so that none can pass for a fact of its own.
func cleanLines(s, indent string) string {
	return strings.Join(text.Lines(s), "\n"+indent)
}
