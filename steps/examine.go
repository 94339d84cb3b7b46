package steps

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
)

// examined is what a full look at the dump found. Reading it takes time, so it
// is kept as long as the file is the same.
type examined struct {
	file     string
	header   dump.Header
	contents dump.Contents
	reading  dump.Reading
	known    known // what the backup says of its digest
}

// examine reads the dump with the pg_restore that will load it.
func (d *database) examine(ctx context.Context, h dump.Header, p recovery.Progress) error {
	file := identity(d.Backup.Dump)
	if d.read != nil && d.read.file == file {
		return nil
	}
	contents, reading, err := d.readIfFits(ctx, h, p)
	if err != nil {
		return err
	}
	if err := d.psqlFits(ctx, contents); err != nil {
		return err
	}
	known, err := d.digestOf(reading)
	if err != nil {
		return err
	}
	d.read = &examined{file: file, header: contents.Header, contents: contents, reading: reading, known: known}

	return nil
}

// readIfFits reads the dump, and asks meanwhile whether it is for this server: if it
// is not, that counts, and the reading is broken off.
func (d *database) readIfFits(ctx context.Context, h dump.Header, p recovery.Progress) (dump.Contents, dump.Reading, error) {
	p.Phase("read the dump", recovery.Bytes)
	fitting, stop := context.WithCancel(ctx)
	defer stop()
	fits := make(chan error, 1)
	go func() {
		err := d.serverFits(ctx, h)
		if err != nil {
			stop()
		}
		fits <- err
	}()
	contents, reading, err := dump.Examine(fitting, d.Runtime.Tool(d.DBService), d.Backup.Dump.Path, counter(p, d.Backup.Dump.Size))
	if unfit := <-fits; unfit != nil {
		return dump.Contents{}, dump.Reading{}, unfit
	}

	return contents, reading, err
}

// counter makes a mechanism's increments a progress.
func counter(p recovery.Progress, total int64) func(int64) {
	var done int64

	return func(n int64) {
		done += n
		p.Advance(done, total)
	}
}

// serverFits refuses a dump of a server newer than the one it would be loaded
// into.
func (d *database) serverFits(ctx context.Context, h dump.Header) error {
	major, err := d.toolMajor(ctx)
	if err != nil {
		return err
	}
	// An archive of a newer pg_dump is refused by pg_restore itself where it
	// cannot read it; psql takes any script, and fails within it (FAULTS B9).
	if h.ServerMajor > major || h.Format == dump.Plain && h.ClientMajor > major {
		return recovery.Fail(dumpNewer(d.Backup.Dump.Path, h, major), nil)
	}

	return nil
}

// toolMajor is the major version of the pg_restore that will load the dump: the
// database service's own.
func (d *database) toolMajor(ctx context.Context) (int, error) {
	var out strings.Builder
	err := d.Runtime.Tool(d.DBService).Run(ctx, command.Cmd{Args: []string{"pg_restore", "--version"}, Stdout: &out})
	if err != nil {
		return 0, fmt.Errorf("ask pg_restore for its version: %w", err)
	}
	for _, word := range strings.Fields(out.String()) { // "pg_restore (PostgreSQL) 15.18 (Debian ...)"
		whole, _, _ := strings.Cut(word, ".")
		if major, err := strconv.Atoi(whole); err == nil {
			return major, nil
		}
	}

	return 0, fmt.Errorf("ask pg_restore for its version: it said %q", out.String())
}
