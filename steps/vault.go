package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/vault"
)

// vaultStep is step 2: the documents, staged beside the live vault and verified
// to the last byte of their source. Step 5 makes them live.
type vaultStep struct {
	*Stack
	flat bool    // the operator agreed to leave a directory level out
	seen *levels // of the source, as last looked at
}

func (v *vaultStep) ID() recovery.StepID { return VaultID }
func (v *vaultStep) Title() string       { return "restore the vault" }

// Check tells what is staged, what is live, and what would be staged.
func (v *vaultStep) Check(ctx context.Context, p recovery.Progress) (recovery.Assessment, error) {
	place, err := vault.Locate(v.Vault)
	if err != nil {
		return recovery.Assessment{}, err
	}
	staged, complete, err := place.StagedComplete(string(v.RunID))
	if err != nil {
		return recovery.Assessment{}, err
	}
	if complete {
		return v.staged(ctx, place, staged)
	}

	return v.planned(ctx, place, p)
}

// staged proves again what this run has staged, wherever it lies by now.
func (v *vaultStep) staged(ctx context.Context, place vault.Place, s vault.Summary) (recovery.Assessment, error) {
	where, err := place.Where(string(v.RunID))
	if err != nil {
		return recovery.Assessment{}, err
	}
	tree, err := vault.Measure(ctx, where)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if place.MountPoint && where == place.Real { // its entries are moved one by one: a crash may have left some
		rest, err := vault.Measure(ctx, place.Staging(string(v.RunID)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return recovery.Assessment{}, err
		}
		tree.Files, tree.Bytes = tree.Files+rest.Files, tree.Bytes+rest.Bytes
	}
	same := tree.Files == s.Files && tree.Bytes == s.Bytes
	if where == place.Real { // the app may have stored more since
		same = tree.Files >= s.Files && tree.Bytes >= s.Bytes
	}
	if !same {
		return recovery.Assessment{Standing: recovery.Blocked, Findings: []recovery.Finding{
			recovery.Problem("vault", recovery.Failed, vaultChanged(where, s, tree)),
		}}, nil
	}
	fact, proven := recovery.Counted(int64(s.Files), "file")+", "+recovery.Size(s.Bytes), v.proven()
	recorded, err := v.asInManifest(s.SHA256, s.Tree)
	if err != nil {
		return recovery.Assessment{}, err
	}
	if recorded != "" {
		proven += "; " + recorded
	}

	return recovery.Assessment{
		Standing: recovery.Done, Summary: fact + ", " + proven,
		Findings: []recovery.Finding{recovery.OK("vault", fact+" restored, "+proven).Of(s.Bytes, int64(s.Files))},
	}, nil
}

// proven says what was proven of the source, and no more: an archive has a
// checksum, a mirror has none.
func (v *vaultStep) proven() string {
	if v.fromMirror() {
		return "copied from vault_sync, sizes compared"
	}

	return "archive read to its last byte, checksum matches"
}

func (v *vaultStep) planned(ctx context.Context, place vault.Place, p recovery.Progress) (recovery.Assessment, error) {
	if err := v.lookAtSource(); err != nil {
		return recovery.Assessment{}, err
	}
	if d, tooMany, err := v.tooDeep(ctx, p); err != nil || tooMany {
		return recovery.Assessment{Standing: recovery.Blocked, Findings: []recovery.Finding{recovery.Problem("vault", recovery.Failed, d)}}, err
	}
	a := recovery.Assessment{
		Changes:  []string{"stage " + v.sourceName() + v.leavingOut() + " in " + place.Staging(string(v.RunID)) + ", verify it to its last byte"},
		Commands: v.commands(place),
		Findings: []recovery.Finding{recovery.OK("vault", v.sourceName()).Of(v.sourceBytes(), 0)},
	}
	if place.Missing || place.Empty {
		return a, nil
	}
	live, err := vault.Measure(ctx, place.Real)
	if err != nil {
		return a, err
	}
	held := fmt.Sprintf("vault %s: %s, %s, newest of %s", v.Vault, recovery.Counted(int64(live.Files), "file"), recovery.Size(live.Bytes),
		live.Newest.UTC().Format("2006-01-02 15:04Z"))
	if v.spends.has(spendsVault) {
		return v.spending(a, held), nil
	}
	a.Replaces = []string{held + "; kept as " + place.Aside(string(v.RunID))}

	return a, nil
}

// lookAtSource is the cheap look, for the plan. The full one happens while the
// vault is staged, before anything is replaced.
func (v *vaultStep) lookAtSource() error {
	if v.fromMirror() {
		if v.Backup.Mirror == nil || v.Backup.Mirror.Empty {
			return recovery.Fail(mirrorEmpty(v.Backup), nil)
		}

		return nil
	}
	_, err := vault.Archive{Path: v.Backup.Archive.Path}.Inspect()

	return err
}

func (v *vaultStep) sourceName() string {
	if v.fromMirror() {
		return v.Backup.Mirror.Path
	}

	return fmt.Sprintf("%s (%s)", v.Backup.Archive.Path, recovery.Size(v.Backup.Archive.Size))
}

// sourceBytes is how large the source is, where that is known beforehand:
// encrypted documents do not compress, so it is about what is restored.
func (v *vaultStep) sourceBytes() int64 {
	if v.fromMirror() {
		return 0
	}

	return v.Backup.Archive.Size
}

func (v *vaultStep) commands(place vault.Place) []string {
	staging := place.Staging(string(v.RunID))
	unpack := typed("tar", "--numeric-owner", "-xzf", v.Backup.Archive.Path, "-C", staging)
	test := []string{typed("gzip", "-t", v.Backup.Archive.Path)}
	if v.fromMirror() {
		unpack, test = typed("cp", "-a", v.Backup.Mirror.Path+"/.", staging), nil
	}

	lines := append(test, typed("mkdir", "-p", staging), unpack)
	if v.flat {
		lines = append(lines, typed("mv", "-T", staging, staging+".deep"), typed("mv", "-T", filepath.Join(staging+".deep", v.leftOut()), staging), typed("rmdir", staging+".deep"))
	}
	if uid, gid, known := v.appUser(); known {
		lines = append(lines, typed("chown", "-R", fmt.Sprintf("%d:%d", uid, gid), staging))
	}

	return append(lines, "sync")
}

// Run stages the vault. What an interrupted attempt of this run left is ours and
// is thrown away; what is live is not touched.
func (v *vaultStep) Run(ctx context.Context, p recovery.Progress) error {
	if err := v.claim(ctx); err != nil {
		return err
	}
	place, err := vault.Locate(v.Vault)
	if err != nil {
		return err
	}
	run := string(v.RunID)
	if again, err := place.Reprove(ctx, run); again || err != nil {
		return err
	}
	if err := vault.Discard(place, run); err != nil {
		return err
	}
	if place, err = v.makeRoom(ctx, place, p); err != nil {
		return err
	}
	staging, err := place.Stage(run)
	if err != nil {
		return err
	}
	summary, err := v.stage(ctx, staging, p)
	if err != nil {
		if ctx.Err() != nil {
			return err // resumed, the step begins anew; nothing is gained by tidying up now
		}

		return errors.Join(err, vault.Discard(place, run))
	}
	err = v.acceptable(summary)
	if err == nil {
		_, err = v.asInManifest(summary.SHA256, summary.Tree)
	}
	if err != nil {
		return errors.Join(err, vault.Discard(place, run))
	}
	if v.flat {
		p.Note("the directory level " + v.leftOut() + "/ was left out")
	}
	if summary.SHA256 != "" {
		p.Note("vault archive SHA-256 " + summary.SHA256)
	}

	return place.MarkStaged(run, summary)
}

func (v *vaultStep) stage(ctx context.Context, staging string, p recovery.Progress) (vault.Summary, error) {
	if v.fromMirror() {
		from := filepath.Join(v.Backup.Mirror.Path, v.leftOut())
		source, err := vault.Measure(ctx, from)
		if err != nil {
			return vault.Summary{}, err
		}
		p.Phase("copy", recovery.Bytes)

		return vault.Mirror(ctx, from, staging, v.owner(), meter(p, source.Bytes))
	}
	p.Phase("stage and verify", recovery.Bytes)
	archive := vault.Archive{Path: v.Backup.Archive.Path, LeaveOut: v.leftOut()}

	return archive.Extract(ctx, staging, v.owner(), meter(p, v.Backup.Archive.Size))
}

// acceptable refuses what was read well and still cannot be the vault.
func (v *vaultStep) acceptable(s vault.Summary) error {
	if s.Files == 0 {
		return recovery.Fail(archiveNothing(v.sourceName()), nil)
	}
	if s.Nested != "" {
		return recovery.Fail(archiveNested(v.sourceName(), s.Nested, s.NestedFiles, v.raiseIt()), nil)
	}

	return nil
}

// owner gives the restored files to the app's user where its number is known,
// and otherwise leaves them as recorded.
func (v *vaultStep) owner() vault.Owner {
	if uid, gid, known := v.appUser(); known {
		return vault.OwnedBy(uid, gid)
	}

	return vault.Owner{}
}

// appUser is whom the app runs as, if that is told by number and not root.
func (v *vaultStep) appUser() (uid, gid int, known bool) {
	spec, known := v.app()
	if !known || v.fromSandbox() {
		return 0, 0, false
	}
	user, group, both := strings.Cut(spec.User, ":")
	uid, err := strconv.Atoi(user)
	if err != nil || uid == 0 {
		return 0, 0, false
	}
	gid = uid
	if both {
		gid, err = strconv.Atoi(group)
	}

	return uid, gid, err == nil
}

// fromSandbox tells whether the app runs as we do, so that ownership is ours.
func (s *Stack) fromSandbox() bool {
	_, compose := s.Runtime.(resolver)

	return !compose
}

// vaultIsLive tells whether this run's vault is the live one by now.
func (s *Stack) vaultIsLive(place vault.Place) (bool, error) {
	receipt, err := vault.ReadReceipt(place)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if receipt.Run != string(s.RunID) {
		return false, nil
	}

	return receipt.Describes(place)
}

// meter makes a mechanism's count a progress.
func meter(p recovery.Progress, total int64) func(int64) {
	return func(done int64) { p.Advance(done, total) }
}

// Diagnose gives the errors of step 2 their meaning.
func (v *vaultStep) Diagnose(err error) recovery.Diagnosis {
	return v.diagnoseVault(err, v.sourceName())
}
