package tui

import (
	"fmt"
	"testing"
	"time"

	"firmflow-recovery/recovery"
)

// BenchmarkView draws the screens that hold the most: a run with a long log, the
// log itself searched, and a year of backups. A screen is drawn at most twenty
// times a second, so 5 ms is a tenth of a processor at the very worst.
func BenchmarkView(b *testing.B) {
	long := (&tape{}).load()
	for i := range 100_000 {
		long.add(time.Millisecond, recovery.Event{Kind: recovery.StepLog, Step: "database", Text: fmt.Sprintf("pg_restore: finished item %d TABLE DATA Table%d", i, i%58)})
	}
	year := chooseBackup()
	taken := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	year.Options = nil
	year.Page.Listing.Backups = nil
	for i := range 365 {
		name := taken.AddDate(0, 0, -i).Format("2006-01-02")
		year.Page.Listing.Backups = append(year.Page.Listing.Backups, recovery.ListedBackup{
			Name: name, Taken: taken.AddDate(0, 0, -i), Age: time.Duration(25+24*i) * time.Hour, DumpBytes: 7 << 30, VaultBytes: 11 << 30, Env: true, Recoverable: true,
		})
		year.Options = append(year.Options, recovery.Option{Key: recovery.Choice(name), Label: name})
	}
	for name, s := range map[string]scene{
		"run with 100,000 log lines": {tape: long},
		"log of 100,000 lines":       {tape: long, keys: "l"},
		"365 backups":                {tape: (&tape{}).open(), ask: year},
	} {
		for _, size := range []struct{ width, height int }{{80, 24}, {200, 60}} {
			b.Run(fmt.Sprintf("%s at %dx%d", name, size.width, size.height), func(b *testing.B) {
				m := s.at(b, Options{Host: host}, size.width, size.height)
				for b.Loop() {
					if m.View() == "" {
						b.Fatal("nothing is drawn")
					}
				}
			})
		}
	}
}
