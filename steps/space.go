package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/vault"
)

// How much room a dump takes in a database, as multiples of its size. Below the
// first it cannot fit; below the second it may not (FAULTS B29: a dump of
// 22.6 MB made a database of 34 MB, and its log as much again).
const (
	dumpAtLeast = 3
	dumpSurely  = 12
)

// need is what one filesystem must have room for.
type need struct {
	paths         []string
	least, surely uint64
	inodes        uint64

	// What is thrown away before: of an attempt of this run that was interrupted;
	// and of what is live, where the operator gives up undo.
	returns     uint64
	vault       uint64
	vaultInodes uint64
	database    uint64
}

// frees is how much deleting what is live would add.
func (n *need) frees(s spending) (bytes, inodes uint64) {
	if s.has(spendsVault) {
		bytes, inodes = n.vault, n.vaultInodes
	}
	if s.has(spendsDatabase) {
		bytes += n.database
	}

	return bytes, inodes
}

// room is a filesystem with what is wanted of it.
type room struct {
	*need
	free durable.Space
}

func (r room) fits(s spending, wanted uint64) bool {
	bytes, inodes := r.frees(s)

	return r.free.Bytes+r.returns+bytes >= wanted && (r.free.InodesUnknown || r.free.Inodes+inodes >= r.inodes)
}

// space compares what old and new take at once with what is free, filesystem by
// filesystem: vault and database may share one. Where they do not fit, or may not
// and the operator asked for it, it finds the least that could be deleted first,
// and decides on it if that was agreed to.
func (e *environment) space(ctx context.Context) ([]recovery.Finding, error) {
	if err := e.seeSpent(ctx); err != nil {
		return nil, err
	}
	rooms, err := e.rooms(ctx, false)
	if err != nil {
		return nil, err
	}
	all := func(s spending, sure bool) bool {
		return !slices.ContainsFunc(rooms, func(r room) bool { return !r.fits(s, r.wanted(sure)) })
	}
	if !all(spendsNothing, true) { // only then it matters what the database's server knows
		if rooms, err = e.rooms(ctx, true); err != nil {
			return nil, err
		}
	}
	e.spends = spendsNothing
	for _, s := range spendings() {
		if e.Stack.agreed.has(s) && all(s, true) {
			e.spends = s
			break
		}
		if s == e.Stack.agreed {
			e.spends = s // may not be enough for sure, and is what there is
			break
		}
	}
	offer := e.offer(rooms, all)
	var findings []recovery.Finding
	for _, r := range rooms {
		findings = append(findings, r.judge(e.Stack, e.spends, offer))
	}

	return findings, nil
}

func (r room) wanted(sure bool) uint64 {
	if sure {
		return r.surely
	}

	return r.least
}

// offer is the least that could be deleted to have room, where that is not agreed
// to by now; nothing where there is room, or never enough.
func (e *environment) offer(rooms []room, all func(s spending, sure bool) bool) spending {
	if all(e.spends, true) || all(e.spends, false) && (!e.WithoutUndo || e.spends != spendsNothing) {
		return spendsNothing
	}
	gains := func(s spending) bool {
		return slices.ContainsFunc(rooms, func(r room) bool { bytes, inodes := r.frees(s); return bytes+inodes > 0 })
	}
	tight := all(e.spends, false)
	for _, s := range spendings() {
		if !e.Stack.agreed.has(s) && gains(s) && all(s, tight) {
			return s
		}
	}
	if tight && gains(spendsBoth) {
		return spendsBoth // not enough for sure, and all there is
	}

	return spendsNothing
}

// rooms are the filesystems that a recovery needs room on.
func (e *environment) rooms(ctx context.Context, ask bool) ([]room, error) {
	needs := make(map[uint64]*need)
	if err := e.vaultNeeds(ctx, needs); err != nil {
		return nil, err
	}
	if err := e.databaseNeeds(ctx, ask, needs); err != nil {
		return nil, err
	}
	var rooms []room
	for _, n := range needs {
		free, err := durable.Free(n.paths[0])
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, room{n, free})
	}
	slices.SortFunc(rooms, func(a, b room) int { return strings.Compare(a.paths[0], b.paths[0]) })

	return rooms, nil
}

// databaseNeeds adds what the loaded database takes; if it is asked, and not there
// by now.
func (e *environment) databaseNeeds(ctx context.Context, ask bool, needs map[uint64]*need) error {
	if e.project == nil || e.project.DataDir == "" {
		return nil
	}
	size := uint64(max(e.Backup.Dump.Size, 0))
	n := need{least: size * dumpAtLeast, surely: size * dumpSurely}
	if ask && e.project.HasData {
		if err := e.askDatabase(ctx, &n); err != nil {
			return err
		}
	}

	return add(needs, e.project.DataDir, n)
}

// askDatabase sees which databases there are. One that does not run has none to
// give up: how large it is cannot be told.
func (e *environment) askDatabase(ctx context.Context, n *need) error {
	up, err := e.dbRuns(ctx)
	if err != nil || !up {
		return err
	}
	all, err := e.server().Databases(ctx)
	if err != nil && !wentAway(err) {
		return err
	}
	for _, db := range all {
		_, ours := e.receiptIn(db.Comment)
		switch size := uint64(max(db.Size, 0)); {
		case ours:
			n.least, n.surely = 0, 0
		case db.Name == e.restoring():
			n.returns = size
		case db.Name == e.Database && !dump.Vacant(db.Comment, string(e.RunID)):
			n.database = size
		}
	}

	return nil
}

// vaultNeeds adds what the staged vault takes, if it is not there by now. Encrypted
// documents do not compress, so the archive is about as large as what is in it; a
// live vault that is larger is the better guess. How many files an archive holds
// only its last byte tells, so the live vault and the mirror beside the archive are
// counted: fewer than there will hardly be.
func (e *environment) vaultNeeds(ctx context.Context, needs map[uint64]*need) error {
	place, err := vault.Locate(e.Vault)
	if err != nil {
		return err
	}
	staging := place.Staging(string(e.RunID))
	_, complete, err := place.StagedComplete(string(e.RunID))
	if err != nil {
		return err
	}
	if complete {
		return add(needs, filepath.Dir(staging), need{})
	}
	live, err := weightOf(ctx, e.Vault)
	if err != nil {
		return err
	}
	begun, err := weightOf(ctx, staging)
	if err != nil {
		return err
	}
	size, files := uint64(max(e.Backup.Archive.Size, live.Bytes)), uint64(max(live.Files+live.Directories, 0))
	if m := e.Backup.Mirror; m != nil {
		files = max(files, uint64(max(m.Seen, 0)))
	}
	if e.fromMirror() && e.Backup.Mirror != nil {
		mirror, err := vault.Measure(ctx, e.Backup.Mirror.Path)
		if err != nil {
			return fmt.Errorf("measure %s: %w", e.Backup.Mirror.Path, err)
		}
		size, files = uint64(mirror.Bytes), uint64(mirror.Files+mirror.Directories)
	}

	return add(needs, filepath.Dir(staging), need{
		least: size, surely: size + size/10, inodes: files, returns: uint64(max(begun.Bytes, 0)),
		vault: uint64(max(live.Bytes, 0)), vaultInodes: uint64(max(live.Files+live.Directories, 0)),
	})
}

// weightOf measures a vault; one that is not there weighs nothing.
func weightOf(ctx context.Context, dir string) (vault.Tree, error) {
	tree, err := vault.Measure(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return vault.Tree{}, nil
	}

	return tree, err
}

func add(needs map[uint64]*need, path string, n need) error {
	free, err := durable.Free(existing(path))
	if err != nil {
		return err
	}
	sum := needs[free.Filesystem]
	if sum == nil {
		sum = &need{}
		needs[free.Filesystem] = sum
	}
	sum.paths = append(sum.paths, existing(path))
	sum.least += n.least
	sum.surely += n.surely
	sum.inodes += n.inodes
	sum.returns += n.returns
	sum.vault += n.vault
	sum.vaultInodes += n.vaultInodes
	sum.database += n.database

	return nil
}

// existing gives the nearest directory above a path that is there.
func existing(path string) string {
	for path != "/" && path != "." {
		if there, err := durable.Exists(path); err == nil && there {
			return path
		}
		path = filepath.Dir(path)
	}

	return path
}

// judge says how it stands with the room, where this is deleted first, and that
// could be.
func (r room) judge(s *Stack, spends, offer spending) recovery.Finding {
	bytes, _ := r.frees(spends)
	there := durable.Space{Bytes: r.free.Bytes + r.returns + bytes, Inodes: r.free.Inodes}
	switch {
	case r.free.ReadOnly:
		return recovery.Problem("space", recovery.Failed, readOnly(r.paths))
	case !r.fits(spends, 0):
		return recovery.Problem("space", recovery.Failed, s.orGiveUp(inodesShort(r.need, there), r, offer))
	case there.Bytes < r.least:
		return recovery.Problem("space", recovery.Failed, s.orGiveUp(spaceShort(r.need, there), r, offer))
	case there.Bytes < r.surely && s.WithoutUndo && offer != spendsNothing:
		return recovery.Problem("space", recovery.Failed, s.orGiveUp(spaceTight(r.need, there), r, offer))
	case there.Bytes < r.surely && spends != spendsNothing:
		d := spaceTight(r.need, there)
		d.Seen += ", with what is deleted first: " + s.words(spends)
		d.Remedies = do("Make room if you can; if it runs out, the recovery goes on once there is some", typed("df", "-h", r.paths[0]))

		return recovery.Problem("space", recovery.Warned, d)
	case there.Bytes < r.surely:
		return recovery.Problem("space", recovery.Warned, spaceTight(r.need, there))
	case bytes > 0:
		return recovery.OK("space", fmt.Sprintf("%s free on %s with %s of %s, deleted first as agreed; up to %s needed",
			recovery.Size(int64(there.Bytes)), r.paths[0], recovery.Size(int64(bytes)), s.words(spends), recovery.Size(int64(r.surely))))
	default:
		return recovery.OK("space", fmt.Sprintf("%s free on %s, up to %s needed beside what is there",
			recovery.Size(int64(there.Bytes)), r.paths[0], recovery.Size(int64(r.surely))))
	}
}

// orGiveUp adds to a lack of room what giving up undo would free, and offers that
// where it is enough.
func (s *Stack) orGiveUp(d recovery.Diagnosis, r room, offer spending) recovery.Diagnosis {
	most, _ := r.frees(spendsBoth)
	d.Remedies = append(d.Remedies, do("Where earlier recoveries have set something aside, free that", "firmflow-recovery cleanup")...)
	if most == 0 {
		return d
	}
	if offer == spendsNothing {
		d.Seen += fmt.Sprintf("; giving up undo would free %s, which is not enough", recovery.Size(int64(most)))
		return d
	}
	bytes, _ := r.frees(offer)
	d.Seen += fmt.Sprintf("; deleting today's %s first, which gives up undo, would free %s", s.words(offer), recovery.Size(int64(bytes)))
	d.Remedies = append(d.Remedies, recovery.Remedy{
		Do: "Give up undo: delete today's " + s.words(offer) + " for good, when its replacement needs the room", Action: offer.action(), Consent: s.phrase(),
		Command: typed("firmflow-recovery", "restore", "--give-up-undo", s.phrase()),
	})

	return d
}
