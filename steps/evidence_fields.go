package steps

import (
	"context"
	"errors"
	"fmt"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/evidence"
)

// fields proves FIELD_ENCRYPTION_KEY, where the original has one, by a field
// that opens; and sees that the planner knows the restored tables.
func (r *restart) fields(ctx context.Context, db evidence.Database) ([]recovery.Finding, error) {
	var found []recovery.Finding
	original, err := r.original()
	if err != nil {
		return nil, err
	}
	if key := original.Value(envfile.FieldEncryptionKey); !key.Empty() {
		f, err := evidence.OpenFields(ctx, db, envfile.FieldEncryptionKey, key)
		one, err := fieldFinding(f, err)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	tables, analysed, err := evidence.Analysed(ctx, db)
	if err != nil {
		return nil, err
	}
	if analysed < tables {
		return append(found, recovery.Problem("statistics", recovery.Warned, statisticsMissing(r.server().User, r.Database, tables, analysed))), nil
	}

	return append(found, recovery.OK("statistics", "the planner knows "+recovery.Counted(tables, "table"))), nil
}

func fieldFinding(f evidence.Fields, err error) (recovery.Finding, error) {
	const subject = "encrypted fields"
	switch {
	case errors.Is(err, evidence.ErrUnrecognised):
		return recovery.Problem(subject, recovery.Unproven, fieldsNotOpened(f)), nil
	case err != nil:
		return recovery.Finding{}, err
	case len(f.Columns) == 0:
		return recovery.Problem(subject, recovery.Warned, noFields()), nil
	case f.Opened < f.Tried:
		return recovery.Problem(subject, recovery.Failed, someFieldsNotOpened(f)), nil
	}

	return recovery.OK(subject, fmt.Sprintf("%d of %d sampled values of %s open with %s", f.Opened, f.Tried, f.Column, f.Key)), nil
}

func fieldsNotOpened(f evidence.Fields) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeFieldsUnknown, Summary: "It is not proven that this FIELD_ENCRYPTION_KEY opens the encrypted fields",
		Seen:     "values that look encrypted are in " + join(f.Columns) + "; none opened in the usual ways of AES-256-GCM. The app may do it in another way, or the original .env is not the right one",
		Intact:   restoredAsBackedUp,
		Remedies: do("Log in to FirmFlow as somebody who uses a second factor: that proves it", ""),
	}
}

func someFieldsNotOpened(f evidence.Fields) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeFieldsFailed, Summary: fmt.Sprintf("%d of %d sampled encrypted fields do not open", f.Tried-f.Opened, f.Tried),
		Seen: "values of " + f.Column + "; the others open with " + f.Key, Intact: restoredAsBackedUp,
		Remedies: do("They were changed after they were stored, or another key wrote them: those people set their second factor up anew", ""),
	}
}

func noFields() recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeFieldsNone, Summary: "No column looks encrypted, so there is nothing to prove FIELD_ENCRYPTION_KEY by",
		Seen: "the text columns of all tables were looked at", Intact: restoredAsBackedUp,
		Remedies: do("Nothing has to be done if nobody uses a second factor, signatures or keys of other services", ""),
	}
}

func statisticsMissing(user, database string, tables, analysed int64) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeStatistics, Summary: "The planner does not know all restored tables, so the app may be slow",
		Seen: fmt.Sprintf("statistics are there of %d of %d tables with rows", analysed, tables), Intact: restoredAsBackedUp,
		Remedies: do("Have them collected", typed("docker", "compose", "exec", "-T", "db", "vacuumdb", "-U", user, "--analyze-only", database)),
	}
}
