package sample

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// VerifyFields decrypts every user's MFA secret with FIELD_ENCRYPTION_KEY and returns how many there are. The first
// that does not decrypt is an error: it is how a wrong key shows.
func VerifyFields(ctx context.Context, c Config) (int, error) {
	db, err := dial(ctx, c.DatabaseURL, startPatience)
	if err != nil {
		return 0, err
	}
	defer db.Close()

	rows, err := db.Query(ctx, `SELECT "id", "mfaSecret" FROM "User" WHERE "mfaSecret" IS NOT NULL ORDER BY "id"`)
	if err != nil {
		return 0, fmt.Errorf("read the users: %w", err)
	}
	users, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ ID, Sealed string }])
	if err != nil {
		return 0, fmt.Errorf("read the users: %w", err)
	}

	if c.FieldKey == "" && len(users) > 0 {
		return 0, errors.New("decrypt the MFA secrets: FIELD_ENCRYPTION_KEY is not set")
	}
	seal, err := fieldSealer(c.FieldKey)
	if err != nil {
		return 0, err
	}

	for n, user := range users {
		if _, err := seal.openText(user.Sealed); err != nil {
			return n, fmt.Errorf("decrypt the MFA secret of user %s: %w", user.ID, err)
		}
	}
	return len(users), nil
}
