package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/evidence"
)

// takeDump is step 2 of a backup: the dump, and what it leaves out.
type takeDump struct {
	*taking
	findings []recovery.Finding
}

func (d *takeDump) ID() recovery.StepID { return TakeDumpID }
func (d *takeDump) Title() string       { return "dump the database" }

// Check tells what would be dumped, or what was.
func (d *takeDump) Check(context.Context, recovery.Progress) (recovery.Assessment, error) {
	if d.dumped {
		return provenly(d.findings...), nil
	}
	a := waits("dump database " + d.Database + " into " + d.name(backup.Dump) + ", read it to its last byte")
	a.Commands = []string{d.Runtime.TypedIn(d.DBService, "pg_dump", "-U", d.User, "-Fc", d.Database) + " > " + typed(d.BackupDir+"/"+d.name(backup.Dump))}

	return a, nil
}

// Run dumps one moment of the database, asks for the head of the audit chain as of
// the same moment, and reads the dump again from disk, with pg_restore.
func (d *takeDump) Run(ctx context.Context, p recovery.Progress) error {
	d.findings = nil
	if _, err := os.Stat(d.making.Path("")); errors.Is(err, os.ErrNotExist) {
		if err := d.making.Begin(); err != nil {
			return err
		}
	}
	d.manifest.Began = d.Now().UTC()
	sum, err := d.dump(ctx, p)
	if err != nil {
		return err
	}
	p.Phase("read the dump", recovery.Bytes)
	info, err := os.Stat(d.path(backup.Dump))
	if err != nil {
		return err
	}
	reading, err := dump.Read(ctx, d.Runtime.Tool(d.DBService), d.path(backup.Dump), counter(p, info.Size()))
	if err != nil {
		return err
	}
	if reading.SHA256 != sum {
		return recovery.Fail(takeChanged(d.path(backup.Dump)), nil)
	}
	d.manifest.Database.Rows = records(reading.Rows)
	d.note(backup.Dump, reading.Bytes, sum)
	p.Note("dump SHA-256 " + sum)
	text := fmt.Sprintf("%s, %s, %s; read to its last byte", tables(len(reading.Rows)), rows(reading.Total()), recovery.Size(reading.Bytes))
	d.findings = append([]recovery.Finding{recovery.OK("dump", text)}, d.findings...)
	d.dumped = true

	return nil
}

// dump takes the dump, and asks beside it.
func (d *takeDump) dump(ctx context.Context, p recovery.Progress) (sum string, err error) {
	moment, err := d.server().Snapshot(ctx, d.Database)
	if err != nil {
		return "", err
	}
	defer func() {
		if closed := moment.Close(); err == nil {
			err = closed
		}
	}()
	file, err := d.making.Create(d.name(backup.Dump))
	if err != nil {
		return "", err
	}
	defer file.Close() // after the sync it has nothing left to do
	sha := sha256.New()
	p.Phase("dump", recovery.Bytes)
	written := &counted{to: io.MultiWriter(file, sha), moved: func(n int64) { p.Advance(n, 0) }}
	if err := moment.Take(ctx, written, p.Log); err != nil {
		return "", err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return "", fmt.Errorf("write %s: %w", d.path(backup.Dump), err)
	}
	p.Phase("follow the audit chain", recovery.Items)
	if err := d.chain(ctx, moment); err != nil {
		return "", err
	}

	return hex.EncodeToString(sha.Sum(nil)), d.outside(ctx)
}

// counted tells how much was written.
type counted struct {
	to    io.Writer
	count int64
	moved func(int64)
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.count += int64(n)
	c.moved(c.count)

	return n, err
}

// chain notes length and head of the audit log. One that is broken is backed up all
// the same, and told.
func (d *takeDump) chain(ctx context.Context, moment *dump.Snapshot) error {
	talk := moment.Talk()
	defer talk.Close()
	c, err := evidence.AuditChain(ctx, talk, d.AuditTable)
	if errors.Is(err, evidence.ErrUnrecognised) {
		d.findings = append(d.findings, recovery.Problem("audit chain", recovery.Warned, takeNoChain(err)))
		return nil
	}
	if err != nil {
		return err
	}
	d.manifest.Chain = &backup.ChainRecord{Table: c.Table, Length: c.Length}
	if len(c.Heads) == 1 {
		d.manifest.Chain.Head = c.Heads[0]
	}
	if !c.Intact() && !c.Cut() {
		d.findings = append(d.findings, recovery.Problem("audit chain", recovery.Warned, takeBrokenChain(c)))
		return nil
	}
	text := recovery.Count(c.Length) + " entries of " + c.Table
	if d.manifest.Chain.Head != "" {
		text += ", head " + c.Heads[0][:min(len(c.Heads[0]), 16)]
	}
	d.findings = append(d.findings, recovery.OK("audit chain", text))

	return nil
}

// outside notes what the server has beside the database.
func (d *takeDump) outside(ctx context.Context) error {
	o, err := d.server().Outside(ctx, d.Database)
	if err != nil {
		return err
	}
	db := &d.manifest.Database
	db.Encoding, db.Collate, db.Settings, db.Roles = o.Encoding, o.Collate, nil, nil
	for _, s := range o.Settings {
		db.Settings = append(db.Settings, backup.SettingRecord{Database: s.Database, Role: s.Role, Setting: s.Text})
	}
	for _, r := range o.Roles {
		db.Roles = append(db.Roles, backup.RoleRecord{Name: r.Name, Attributes: r.Attributes, MemberOf: r.MemberOf})
	}

	return nil
}

func records(counted map[dump.Table]int64) []backup.TableRecord {
	var all []backup.TableRecord
	for table, n := range counted {
		all = append(all, backup.TableRecord{Schema: table.Schema, Name: table.Name, Rows: n})
	}
	slices.SortFunc(all, func(a, b backup.TableRecord) int { return strings.Compare(a.Schema+"."+a.Name, b.Schema+"."+b.Name) })

	return all
}
