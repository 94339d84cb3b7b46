package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/vault"
)

// What can keep an archive from being copied without its level too many.
var (
	errNotNested = errors.New("the vault archive does not lie one directory too deep")
	errNotRaised = errors.New("the vault archive cannot be put right for sure") // with a diagnosis
)

// archive makes a copy of a vault archive that lies one directory too deep, without
// that level; errNotNested says that it does not. What else may be wrong with it is
// for verify to say.
func (r Repair) archive(ctx context.Context, l look, place string) (recovery.RepairedCopy, error) {
	from := l.set.Archive
	if !from.Filled() {
		return recovery.RepairedCopy{}, errNotNested
	}
	nested, err := vault.Archive{Path: from.Path}.LooksNested(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return recovery.RepairedCopy{}, cause
	}
	if err != nil || !nested {
		return recovery.RepairedCopy{}, errors.Join(errNotNested, err)
	}
	file, _ := l.set.RepairedArchiveName()
	to := filepath.Join(place, file)
	s, err := vault.Archive{Path: from.Path, LeaveOut: vault.Nested}.Raise(ctx, to, func(what string, done, total int64) {
		l.moved("vault archive, "+what, total)(done)
	})
	if errors.Is(err, vault.ErrBeside) {
		return recovery.RepairedCopy{}, errNotNested // only its beginning looked like it
	}
	if err != nil {
		return recovery.RepairedCopy{}, r.explainArchive(ctx, l, to, err)
	}
	text := fmt.Sprintf("read to its last byte: %s, %s, each the same as in the original", recovery.Counted(int64(s.Files), "file"), recovery.Size(s.Bytes))

	return recovery.RepairedCopy{
		From: from.Path, To: to, Bytes: s.CompressedBytes, SHA256: s.SHA256, Undone: []string{"the directory level " + vault.Nested + "/ too many"},
		Checks: []recovery.Finding{recovery.OK("copy", text)},
	}, nil
}

// explainArchive gives a failed copy of the archive its meaning.
func (r Repair) explainArchive(ctx context.Context, l look, to string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var direct *vault.DirectError
	var path *fs.PathError
	d, known := archiveDiagnosis(err, l.set.Archive.Path)
	switch {
	case errors.As(err, &direct):
		d = archiveNested(l.set.Archive.Path, vault.Nested, direct.Files, "")
	case known:
	case errors.Is(err, fs.ErrExist):
		return recovery.Fail(repairInTheWay(to, l.set, r.Dir), err)
	case errors.As(err, &path) && path.Path == l.set.Archive.Path:
		d = notRead(path.Path, err)
	default:
		return recovery.Fail(repairPlace(to, r.Dir, l.set, err), err)
	}
	d.Intact = noCopyMade

	return fmt.Errorf("%w: %w", errNotRaised, recovery.Fail(l.withNextBest(d), err))
}
