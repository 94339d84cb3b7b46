package plain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"firmflow-recovery/recovery"
)

// Verification writes what looking at a backup found: per part what was seen,
// and what it was looked at too little to tell; then the last word.
func Verification(w io.Writer, v recovery.Verification) error {
	var b strings.Builder
	how := "beginnings and ends; --full reads every byte"
	if v.Full {
		how = "every byte"
	}
	if v.Rehearsed {
		how = "every byte, and the load rehearsed"
	}
	fmt.Fprintf(&b, "Backup %s in %s: %s\n", Clean(v.Backup), Clean(v.Directory), how)
	for _, p := range v.Parts {
		b.WriteString("\n" + Clean(p.Name) + "   " + about(p) + "\n")
		for _, f := range p.Findings {
			b.WriteString(line(f))
		}
		for _, text := range p.Untold {
			fmt.Fprintf(&b, "cannot tell  %s\n", cleanLines(text, indent))
		}
	}
	fmt.Fprintf(&b, "\n%s. Took %s.\n", lastWord(v), recovery.Span(v.Took))
	_, err := io.WriteString(w, b.String())

	return err
}

// about is a part's file: where it is, its size, its digest.
func about(p recovery.VerifiedPart) string {
	if p.Path == "" {
		return "-"
	}
	text := Clean(p.Path)
	if p.Bytes > 0 {
		text += ", " + recovery.Size(p.Bytes)
	}
	if p.SHA256 != "" {
		text += "\n" + indent + "SHA-256 " + Clean(p.SHA256)
	}

	return text
}

func line(f recovery.Finding) string {
	if f.Diagnosis != nil {
		return diagnosis(word(f.Status), *f.Diagnosis)
	}

	return word(f.Status) + " " + cleanLines(f.Text, indent) + "\n"
}

func lastWord(v recovery.Verification) string {
	switch v.Worst() {
	case recovery.Failed:
		return "BROKEN: this backup cannot be recovered from as it is"
	case recovery.Unproven:
		return "NOT PROVEN: nothing wrong was found, and not all could be looked at"
	}
	if v.Full {
		return "GOOD: every byte was read, and nothing is wrong but for what is said not to be told"
	}

	return "GOOD as far as this look goes"
}

// Repaired writes what a repair gave.
func Repaired(w io.Writer, r recovery.RepairedBackup) error {
	var b strings.Builder
	for _, c := range r.Copies {
		fmt.Fprintf(&b, "ok       undone: %s; %s itself is as it was\n", Clean(strings.Join(c.Undone, ", then ")), Clean(c.From))
		fmt.Fprintf(&b, "ok       copy: %s, %s\n%sSHA-256 %s\n", Clean(c.To), recovery.Size(c.Bytes), indent, Clean(c.SHA256))
		for _, f := range c.Checks {
			b.WriteString(line(f))
		}
	}
	for _, remark := range r.Remarks {
		fmt.Fprintf(&b, "note     %s\n", cleanLines(remark, indent))
	}
	for _, n := range r.Next {
		fmt.Fprintf(&b, "next     %s\n%s  %s\n", cleanLines(n.Do, indent), indent, cleanLines(n.Command, indent+"  "))
	}
	fmt.Fprintf(&b, "REPAIRED, as backup %s.\n", Clean(r.Backup))
	_, err := io.WriteString(w, b.String())

	return err
}

// Tenths tells of long work a line for each tenth of it, and one every half
// minute; of short work nothing.
func Tenths(w io.Writer, now func() time.Time) func(what string, done, total int64) {
	const quiet, every = 3 * time.Second, 30 * time.Second
	var part string
	var began, told time.Time
	var tenth int64

	return func(what string, done, total int64) {
		t := now()
		if what != part {
			part, began, told, tenth = what, t, t, 0
		}
		at := tenths(done, total)
		if total <= 0 || t.Sub(began) < quiet || at <= tenth && t.Sub(told) < every || done >= total {
			return
		}
		told, tenth = t, at
		_, _ = fmt.Fprintf(w, "%s: %d %%, %s of %s\n", Clean(what), percent(done, total), recovery.Size(done), recovery.Size(total))
	}
}
