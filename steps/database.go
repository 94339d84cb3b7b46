package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
)

// database is step 4: the dump, loaded into a database of its own beside the
// live one, and counted there against what the dump holds. Step 5 makes it live.
type database struct {
	*Stack
	read *examined // the dump, as last read in full
	ran  bool      // Run has loaded it: what differs now will differ again
}

func (d *database) ID() recovery.StepID { return DatabaseID }
func (d *database) Title() string       { return "load the database dump" }

// Check reads the dump to its last byte, looks at what the server has, and
// counts again what this run has loaded.
func (d *database) Check(ctx context.Context, p recovery.Progress) (recovery.Assessment, error) {
	a, err := d.check(ctx, p)

	return a, d.withNextBest(ctx, err)
}

// withNextBest names, where the dump is of no use, the backup that is. Whoever
// cannot be asked for it is left out: the dump's own fault says enough.
func (d *database) withNextBest(ctx context.Context, err error) error {
	var failure *recovery.Failure
	if err == nil || ctx.Err() != nil {
		return err
	}
	diagnosis, known := dumpDiagnosis(err, d.Backup, d.BackupDir)
	if errors.As(err, &failure) {
		diagnosis, known = failure.Diagnosis, true
	}
	if !known {
		return err
	}
	directory, notRead := backup.Open(ctx, d.BackupDir)
	if notRead != nil {
		return err
	}
	l := look{Verify: Verify{Dir: d.BackupDir, Database: d.Database}, directory: directory, set: d.Backup}
	diagnosis.Remedies = slices.Clone(diagnosis.Remedies)

	return recovery.Fail(l.withNextBest(diagnosis), err)
}

func (d *database) check(ctx context.Context, p recovery.Progress) (recovery.Assessment, error) {
	header, err := dump.Inspect(d.Backup.Dump.Path)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if !isOf(header, d.Database) {
		return recovery.Assessment{}, recovery.Fail(otherDatabase(d.Backup.Dump.Path, header, d.Database), nil)
	}
	if d.project == nil {
		return d.unseen(header), nil
	}
	if err := d.examine(ctx, header, p); err != nil {
		return recovery.Assessment{}, err
	}
	up, err := d.dbRuns(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if !up {
		return d.unreachable(), nil
	}

	return d.compare(ctx)
}

// isOf tells whether a dump can be of a database. A script does not say whose it
// is.
func isOf(h dump.Header, database string) bool {
	return h.Database == database || h.Format == dump.Plain
}

// unseen is the assessment where the project cannot be read yet.
func (d *database) unseen(h dump.Header) recovery.Assessment {
	return recovery.Assessment{
		Changes:  []string{"load " + d.Backup.Dump.Path + entries(h) + " beside the live database"},
		Replaces: []string{"database " + d.Database + ", if there is one: it cannot be looked at before .env is there; kept as " + d.aside()},
		Loses:    d.loses(h),
	}
}

func entries(h dump.Header) string {
	if h.Items == 0 {
		return "" // a script has no table of contents
	}

	return fmt.Sprintf(" (%d entries)", h.Items)
}

// unreachable is the assessment while the database does not run: whatever is in
// its volume is taken for data.
func (d *database) unreachable() recovery.Assessment {
	a := d.planned()
	if d.project.HasData {
		a.Replaces = []string{"database " + d.Database + ", if there is one: the service does not run, so it cannot be looked at; kept as " + d.aside()}
	}

	return a
}

func (d *database) planned() recovery.Assessment {
	r := d.read
	what := fmt.Sprintf("%s, %s, from PostgreSQL %s", tables(len(r.contents.Tables)), rows(r.reading.Total()), r.header.Server)

	return recovery.Assessment{
		Changes:  []string{"load " + what + " into " + d.restoring() + ", count it"},
		Loses:    d.loses(r.header),
		Commands: d.commands(),
		Findings: []recovery.Finding{recovery.OK("dump", d.Backup.Dump.Path+": "+what+", read to its last byte").Of(d.Backup.Dump.Size, r.reading.Total())},
	}
}

func tables(n int) string { return recovery.Counted(int64(n), "table") }
func rows(n int64) string { return recovery.Counted(n, "row") }

// loses says what the operator gives up: what was written after the dump. The
// header's clock has no zone, so the file's own time is taken.
func (d *database) loses(h dump.Header) string {
	taken := d.Backup.Dump.Modified
	if taken.IsZero() {
		taken = h.Created
	}

	return fmt.Sprintf("everything written after %s (%s)", taken.UTC().Format("2006-01-02 15:04Z"), recovery.Span(d.Now().Sub(taken)))
}

// compare looks at the running server.
func (d *database) compare(ctx context.Context) (recovery.Assessment, error) {
	f, err := d.fits(ctx)
	if err != nil {
		return recovery.Assessment{}, err
	}
	for _, name := range []string{d.Database, d.restoring()} {
		loaded, err := d.loaded(ctx, name)
		if err != nil {
			return recovery.Assessment{}, err
		}
		if loaded && name == d.Database {
			if a, closed, err := d.closedReceipt(ctx, name); closed || err != nil {
				return a, err
			}
		}
		if loaded {
			return d.proven(ctx, name)
		}
	}
	a := d.planned()
	a.Findings = append(a.Findings, f.findings...)
	holding, err := d.holding(ctx)
	if err != nil {
		return a, err
	}
	if d.spends.has(spendsDatabase) || d.spent[1] != "" {
		return d.spending(a, holding), nil
	}
	if holding.Closed {
		a.Replaces = []string{fmt.Sprintf("database %s: %s, closed while a recovery is unfinished; kept as %s", d.Database, recovery.Size(holding.Size), d.aside())}
	}
	if holding.Tables > 0 {
		a.Replaces = []string{fmt.Sprintf("database %s: %s, about %s, %s%s; kept as %s", d.Database, tables(holding.Tables),
			rows(holding.Rows), recovery.Size(holding.Size), newest(holding), d.aside())}
	}

	return a, nil
}

func newest(h dump.Holding) string {
	if h.Newest.IsZero() {
		return ""
	}

	return ", last change " + h.Newest.UTC().Format("2006-01-02 15:04Z")
}

// missing tells of roles and extensions that would stop the load, before it.
func (d *database) missing(ctx context.Context) error {
	roles, extensions, err := d.server().Missing(ctx, d.read.contents)
	if err != nil {
		return err
	}
	if len(roles) > 0 {
		return recovery.Fail(rolesMissing(d.Stack, roles), dump.ErrRoleMissing)
	}
	if len(extensions) > 0 {
		return recovery.Fail(extensionsMissing(d.DBService, extensions), dump.ErrExtensionMissing)
	}

	return nil
}

// holding tells what is live; a database that does not exist holds nothing.
func (d *database) holding(ctx context.Context) (dump.Holding, error) {
	holding, err := d.server().Summary(ctx, d.Database)
	switch {
	case isNoDatabase(err):
		return dump.Holding{}, nil
	case errors.Is(err, dump.ErrClosed):
		size, err := d.server().SizeOf(ctx, d.Database)
		return dump.Holding{Size: size, Closed: true}, err
	default:
		return holding, err
	}
}

// Run loads the dump beside the live database, counts it, and gives it its
// receipt. An unfinished load of this run is ours and is dropped.
func (d *database) Run(ctx context.Context, p recovery.Progress) error {
	return d.explained(ctx, d.replace(ctx, p))
}

func (d *database) replace(ctx context.Context, p recovery.Progress) error {
	server, into := d.server(), d.restoring()
	d.ran = true
	if err := d.engage(ctx); err != nil {
		return err
	}
	if err := server.Drop(ctx, into); err != nil && !isNoDatabase(err) {
		return err
	}
	f, err := d.fits(ctx)
	if err != nil {
		return err
	}
	if err := d.makeRoom(ctx, p); err != nil {
		return err
	}
	if err := server.Create(ctx, into, f.options); err != nil {
		return err
	}
	if err := d.load(ctx, into, dump.LoadOptions{NoTablespace: !f.spaces}, p); err != nil {
		return err
	}
	if err := d.settle(ctx, into, p); err != nil {
		return err
	}
	p.Phase("count and analyse", recovery.Items)
	if err := server.Analyze(ctx, into); err != nil {
		return err
	}
	c, err := server.Compare(ctx, into, d.read.contents, d.read.reading)
	if err != nil {
		return err
	}
	if problems := c.Problems(); len(problems) > 0 {
		return recovery.Fail(databaseDiffers(into, problems), nil)
	}
	if err := server.Checkpoint(ctx); err != nil {
		return err
	}
	text, err := d.receipt(c)
	if err != nil {
		return err
	}
	p.Note("dump SHA-256 " + d.read.reading.SHA256)

	return server.Comment(ctx, into, text)
}

// Diagnose gives the errors of step 4 their meaning.
func (d *database) Diagnose(err error) recovery.Diagnosis {
	return d.diagnoseDump(err)
}
