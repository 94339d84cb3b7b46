package plain

import (
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery"
)

// Monitor writes one line for monitoring: the level, what is wrong, and after a
// bar the numbers that Nagios draws.
func Monitor(w io.Writer, m recovery.Monitor) error {
	text := "no backup"
	if m.Backup != "" {
		text = fmt.Sprintf("backup %s, %s old, %s", m.Backup, recovery.Span(m.Age), recovery.Size(m.Bytes))
		if m.Sealed {
			text += ", as its manifest says"
		}
		if m.Copied {
			text += ", equal off-site"
		}
	}
	if len(m.Problems) > 0 {
		text = strings.Join(m.Problems, "; ") + " (" + text + ")"
	}
	if m.LastDrill != nil {
		text += fmt.Sprintf("; last drill %s ago: %s", recovery.Span(m.LastDrill.Age), m.LastDrill.Outcome)
	}
	text = strings.ReplaceAll(Clean(text), "|", "/")
	_, err := fmt.Fprintf(w, "FIRMFLOW BACKUP %s - %s | age=%ds size=%dB backups=%d\n", m.Word, text, int64(m.Age.Seconds()), m.Bytes, m.Backups)

	return err
}

// Metrics gives the same for Prometheus, as a node exporter's textfile has it.
func Metrics(m recovery.Monitor) []byte {
	var b strings.Builder
	gauge := func(name, help string, value int64) {
		fmt.Fprintf(&b, "# HELP firmflow_%[1]s %[2]s\n# TYPE firmflow_%[1]s gauge\nfirmflow_%[1]s %[3]d\n", name, help, value)
	}
	gauge("backup_status", "0 OK, 1 warning, 2 critical, 3 unknown.", int64(m.Level))
	gauge("backup_restorable", "Backups from which a restore is possible.", int64(m.Backups))
	if m.Backup != "" {
		gauge("backup_newest_timestamp_seconds", "When the newest of them was taken.", m.Taken.Unix())
		gauge("backup_newest_bytes", "Size of its dump and vault archive.", m.Bytes)
		gauge("backup_newest_sealed", "1 where its files are as its manifest says.", truth(m.Sealed))
		if m.Offsite != "" {
			gauge("backup_newest_offsite", "1 where it is off-site, with the same manifest.", truth(m.Copied))
		}
	}
	if m.LastDrill != nil {
		gauge("drill_last_timestamp_seconds", "When the last drill ended.", m.LastDrill.Last.Unix())
		gauge("drill_last_passed", "1 where it came to its end.", truth(m.LastDrill.Outcome == recovery.Verified || m.LastDrill.Outcome == recovery.NotVerified))
	}

	return []byte(b.String())
}

func truth(is bool) int64 {
	if is {
		return 1
	}

	return 0
}
