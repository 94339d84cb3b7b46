package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/evidence"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/vault"
)

// evidence is what the restored data itself proves. None of it can be mended by
// another try, so whatever it says, the step is done; the verdict weighs it.
func (r *restart) evidence(ctx context.Context, p recovery.Progress) ([]recovery.Finding, error) {
	db := r.server().Talk(r.Database)
	defer db.Close()
	p.Phase("follow the audit chain", recovery.Items)
	chain, err := r.auditChain(ctx, db)
	if err != nil {
		return nil, err
	}
	p.Phase("compare vault and database", recovery.Items)
	documents, sample, err := r.documents(ctx, db)
	if err != nil {
		return nil, err
	}
	p.Phase("open a sample of documents", recovery.Items)
	opened, err := r.decryption(ctx, sample)
	if err != nil {
		return nil, err
	}
	p.Phase("open a sample of encrypted fields", recovery.Items)
	more, err := r.fields(ctx, db)

	return append([]recovery.Finding{chain, documents, opened}, more...), err
}

func (r *restart) auditChain(ctx context.Context, db evidence.Database) (recovery.Finding, error) {
	const subject = "audit chain"
	c, err := evidence.AuditChain(ctx, db, r.AuditTable)
	switch {
	case errors.Is(err, evidence.ErrUnrecognised):
		return recovery.Problem(subject, recovery.Unproven, chainUnknown(r.RunID, err)), nil
	case err != nil:
		return recovery.Finding{}, err
	case c.Cut():
		return recovery.Problem(subject, recovery.Unproven, chainBegins(c)), nil
	case !c.Intact():
		return recovery.Problem(subject, recovery.Failed, chainBroken(c)), nil
	}
	recorded, other, err := r.chainInManifest(ctx, db, c)
	if err != nil {
		return recovery.Finding{}, err
	}
	if other != nil {
		return recovery.Problem(subject, recovery.Failed, *other), nil
	}
	text := recovery.Counted(c.Length, "entry") + " of " + c.Table + " link"
	if c.Length != 1 {
		text = recovery.Count(c.Length) + " entries of " + c.Table + " link"
	}
	if c.Starts > 1 {
		text += " in " + recovery.Counted(c.Starts, "chain")
	}
	switch {
	case c.Content != "":
		text += ", every hash computed again from " + c.Content
	case c.Combined != "":
		text += ", every hash computed again"
	}
	if len(c.Heads) == 1 {
		text += ", head " + c.Heads[0][:min(len(c.Heads[0]), 16)]
	}
	if recorded != "" {
		text += "; " + recorded
	}

	return recovery.OK(subject, text), nil
}

// documents compares the vault with the database. All that does not agree is
// listed in a file beside the journal.
func (r *restart) documents(ctx context.Context, db evidence.Database) (recovery.Finding, []string, error) {
	const subject = "documents"
	files := func(ctx context.Context, show func(string, int64) error) error {
		return vault.Files(ctx, r.Vault, show)
	}
	var named evidence.Named
	if table, column, both := cutLast(r.VaultColumn, "."); both {
		named = evidence.Named{Table: table, Column: column}
	}
	if r.fromMirror() {
		named.Sample = everyDocument
	}
	var list bytes.Buffer
	c, err := evidence.Compare(ctx, db, files, named, &list)
	if errors.Is(err, evidence.ErrUnrecognised) {
		sample, problem := r.anySample(ctx)

		return recovery.Problem(subject, recovery.Unproven, documentsUnknown(r.RunID, err)), sample, problem
	}
	if err != nil {
		return recovery.Finding{}, nil, err
	}
	r.referenced = c.Referenced
	path := ""
	if c.Missing+c.WrongSize+c.Orphans > 0 && r.Keep != nil {
		if path, err = r.Keep(r.RunID, "documents.csv", list.Bytes()); err != nil {
			return recovery.Finding{}, nil, err
		}
	}
	switch {
	case c.Missing > 0:
		return recovery.Problem(subject, recovery.Failed, documentsMissing(r.RunID, c, path)), c.Sample, nil
	case c.WrongSize > 0:
		return recovery.Problem(subject, recovery.Failed, documentsCut(c, path)), c.Sample, nil
	}
	text := fmt.Sprintf("%s of %s referenced files exist", recovery.Count(c.Referenced), recovery.Count(c.Referenced))
	if c.SizeColumn != "" {
		text += ", sizes as recorded"
	}
	if c.Orphans > 0 {
		text += "; " + recovery.Counted(c.Orphans, "orphan")
	}

	return recovery.OK(subject, text), c.Sample, nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	at := strings.LastIndex(s, separator)
	if at < 0 {
		return s, "", false
	}

	return s[:at], s[at+len(separator):], true
}

// anySample takes documents from the vault where the database does not say which
// there are.
func (r *restart) anySample(ctx context.Context) ([]string, error) {
	const some = 24
	var paths []string
	enough := errors.New("enough")
	err := vault.Files(ctx, r.Vault, func(path string, _ int64) error {
		if paths = append(paths, path); len(paths) == some {
			return enough
		}
		return nil
	})

	if errors.Is(err, enough) {
		err = nil
	}

	return paths, err
}

// everyDocument is how many documents of a mirror are opened: all, where there are
// no more. A mirror has no checksum, so that only the tag of each document proves
// that it is whole.
const everyDocument = 200_000

func (r *restart) decryption(ctx context.Context, sample []string) (recovery.Finding, error) {
	const subject = "decryption"
	if len(sample) == 0 {
		return recovery.Problem(subject, recovery.Unproven, nothingToOpen()), nil
	}
	original, err := r.original()
	if err != nil {
		return recovery.Finding{}, err
	}
	secrets := make(map[string]secret.String)
	for _, key := range []string{envfile.AuthSecret, envfile.FieldEncryptionKey} {
		secrets[key] = original.Value(key)
	}
	root, err := os.OpenRoot(r.Vault)
	if err != nil {
		return recovery.Finding{}, fmt.Errorf("open the vault: %w", err)
	}
	defer root.Close()
	d, err := evidence.Decrypt(ctx, root.FS(), sample, secrets)
	switch {
	case errors.Is(err, evidence.ErrUnrecognised):
		return recovery.Problem(subject, recovery.Unproven, notOpened(len(sample))), nil
	case err != nil:
		return recovery.Finding{}, err
	case d.Opened < d.Tried:
		return recovery.Problem(subject, recovery.Failed, someNotOpened(d)), nil
	}

	which := "sampled documents"
	if r.fromMirror() && int64(d.Tried) == r.referenced {
		which = "documents, all that the database names,"
	}

	return recovery.OK(subject, fmt.Sprintf("%s of %s %s open with %s", recovery.Count(int64(d.Opened)), recovery.Count(int64(d.Tried)), which, d.Key)), nil
}
