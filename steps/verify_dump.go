package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
)

// What no reading of a dump can tell.
const (
	untoldContents = "a changed byte in the table of contents that still reads well: only a rehearsal, or a checksum made with the backup, shows it"
	untoldData     = "a flipped bit, a zeroed block or a few bytes too many among the rows: --full finds them"
	untoldPlain    = "a changed byte inside a row: nothing in this dump has a checksum of it, and no manifest or .sha256 file was made with the backup"
	untoldScript   = "what it holds: a script has no table of contents, so only --full tells, and whether all of it is there"
	untoldNoList   = "whether PostgreSQL's own pg_restore lists it alike: none was found on this host, or an older one"
)

// dump looks at the dump.
func (l look) dump(ctx context.Context) recovery.VerifiedPart {
	p := recovery.VerifiedPart{Name: string(backup.Dump), Path: l.set.Dump.Path, Bytes: l.set.Dump.Size}
	if !l.set.Dump.Exists() {
		l.failed(&p, recovery.Failed, notWhole(l.set, backup.Dump))
		return p
	}
	contents, err := dump.Look(p.Path)
	inside := l.Full && contents.Header.Items > 0 // reading it tells better what is wrong with its end
	if err != nil && !inside {
		l.broken(&p, err)
		return p
	}
	l.header(&p, contents)
	if contents.Header.Format == dump.Plain {
		l.script(ctx, &p)
		return p
	}
	listed, ok := l.listed(ctx, &p)
	if !ok {
		return p
	}
	if err != nil {
		l.read(ctx, &p, contents, listed)
		return p
	}
	p.Find(recovery.OK(p.Name, fmt.Sprintf("table of contents: %s, %s%s; %s",
		recovery.Counted(int64(contents.Header.Items), "line"), tables(len(contents.Tables)), listedAlike(listed), wholeBy(contents.Header))))
	if !l.Full {
		p.Untold = append(p.Untold, untoldData, untoldContents)
		return p
	}
	l.read(ctx, &p, contents, listed)

	return p
}

// wholeBy says what a look at a dump's end was.
func wholeBy(h dump.Header) string {
	if h.Format == dump.Directory {
		return "every file that it names is there"
	}

	return "the last bytes are as those of a whole one"
}

// script looks at a dump in plain SQL. No program reads it but psql, which would
// carry it out.
func (l look) script(ctx context.Context, p *recovery.VerifiedPart) {
	if !l.Full {
		p.Find(recovery.OK(p.Name, "its first lines are pg_dump's, and its last say that it is complete"))
		p.Untold = append(p.Untold, untoldScript, untoldPlain)
		return
	}
	c, r, err := dump.Scan(ctx, p.Path, summed(l.moved(p.Name, p.Bytes)))
	if err != nil {
		l.broken(p, err)
		return
	}
	p.SHA256 = r.SHA256
	p.Find(recovery.OK(p.Name, fmt.Sprintf("read to its last line: %s, %s counted; it does nothing outside of its database", tables(len(c.Tables)), rows(r.Total()))))
	l.digest(p, c.Header, r)
	l.tried(ctx, p, c, r)
}

// tried rehearses the load, where that was asked for and nothing is wrong yet.
func (l look) tried(ctx context.Context, p *recovery.VerifiedPart, c dump.Contents, r dump.Reading) {
	if l.Rehearse && p.Status != recovery.Failed {
		l.rehearse(ctx, p, c, r)
	}
}

// digest holds a dump's digest against the one that was taken with the backup. A
// manifest is a part of its own.
func (l look) digest(p *recovery.VerifiedPart, h dump.Header, r dump.Reading) {
	d := &database{Stack: &Stack{Backup: l.set}}
	d.Backup.Manifest = backup.File{}
	known, err := d.digestOf(r)
	var failure *recovery.Failure
	switch {
	case errors.As(err, &failure):
		l.failed(p, recovery.Failed, failure.Diagnosis)
	case err != nil:
		l.failed(p, recovery.Unproven, notRead(p.Path, err))
	case known.from != "":
		p.Find(recovery.OK(p.Name, "its SHA-256 is the one that was taken with the backup"))
		return
	case !checked(h):
		p.Untold = append(p.Untold, untoldPlain)
	}
	p.Untold = append(p.Untold, untoldContents)
}

// header tells of whose dump it is, and when it was taken.
func (l look) header(p *recovery.VerifiedPart, c dump.Contents) {
	h := c.Header
	text := fmt.Sprintf("header: %s format", h.Format)
	if h.Version != "" {
		text += " " + h.Version
	}
	if h.Database != "" {
		text += ", database " + h.Database
	}
	text += ", PostgreSQL " + h.Server
	if !h.Created.IsZero() {
		text += ", of " + h.Created.Format("2006-01-02 15:04")
	}
	p.Find(recovery.OK(p.Name, text))
	if !isOf(h, l.Database) {
		l.failed(p, recovery.Failed, otherDatabase(p.Path, h, l.Database))
	}
	if h.Created.IsZero() {
		p.Untold = append(p.Untold, "of which database it was taken, and when: a script does not say")
		return
	}
	if off := l.directory.Facts(l.set, l.Now()).Taken.Sub(h.Created).Abs(); off > ofAnotherDay {
		l.failed(p, recovery.Warned, otherDay(l.set, h, off))
	}
}

// ofAnotherDay is how far a dump's own date may be from that of its name: a day,
// and the clocks of two time zones.
const ofAnotherDay = 24*time.Hour + 14*time.Hour

// listed has pg_restore list the dump, where there is one that can.
func (l look) listed(ctx context.Context, p *recovery.VerifiedPart) (listed, ok bool) {
	if l.Tool == nil {
		p.Untold = append(p.Untold, untoldNoList)
		return false, true
	}
	_, err := dump.List(ctx, l.Tool, p.Path)
	switch {
	case err == nil:
		return true, true
	case errors.Is(err, dump.ErrUnsupported):
		p.Untold = append(p.Untold, untoldNoList)
		return false, true
	default:
		l.broken(p, err)
		return false, false
	}
}

func listedAlike(listed bool) string {
	if listed {
		return "; pg_restore lists the same"
	}

	return ""
}

// read reads every byte: through pg_restore where there is one, else along the
// blocks only, which is said.
func (l look) read(ctx context.Context, p *recovery.VerifiedPart, c dump.Contents, unpack bool) {
	moved := summed(l.moved(p.Name, p.Bytes))
	var r dump.Reading
	var err error
	if unpack {
		r, err = dump.Read(ctx, l.Tool, p.Path, moved)
	} else {
		r, err = dump.Follow(ctx, p.Path, moved)
	}
	if err != nil {
		l.broken(p, err)
		return
	}
	p.SHA256 = r.SHA256
	if unpack {
		p.Find(recovery.OK(p.Name, fmt.Sprintf("read to its last byte: every block is there and unpacks; %s counted", rows(r.Total()))))
	} else {
		p.Find(recovery.OK(p.Name, "read to its last byte: every block is there, and nothing behind them"))
		l.failed(p, recovery.Unproven, notUnpacked(l.set, l.Dir))
	}
	l.digest(p, c.Header, r)
	if unpack { // without its rows there is nothing to compare with
		l.tried(ctx, p, c, r)
	}
}

// summed makes increments a count from the beginning.
func summed(moved func(int64)) func(int64) {
	var done int64

	return func(n int64) {
		done += n
		moved(done)
	}
}

// broken is a dump that could not be read as one. A newer PostgreSQL's is not
// broken: it could not be judged.
func (l look) broken(p *recovery.VerifiedPart, err error) {
	d, known := dumpDiagnosis(err, l.set, l.Dir)
	switch {
	case !known:
		l.failed(p, recovery.Unproven, notRead(p.Path, err))
	case errors.Is(err, dump.ErrUnsupported):
		l.failed(p, recovery.Unproven, d)
	default:
		l.failed(p, recovery.Failed, d)
	}
}
