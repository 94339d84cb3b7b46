package sample

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// migrationLock keeps two starting apps from migrating at once.
const migrationLock = 0x4646_0001

// createMigrations is Prisma's own table, column for column.
const createMigrations = `CREATE TABLE "_prisma_migrations" (
	id                  VARCHAR(36)  PRIMARY KEY,
	checksum            VARCHAR(64)  NOT NULL,
	finished_at         TIMESTAMPTZ,
	migration_name      VARCHAR(255) NOT NULL,
	logs                TEXT,
	rolled_back_at      TIMESTAMPTZ,
	started_at          TIMESTAMPTZ  NOT NULL DEFAULT now(),
	applied_steps_count INTEGER      NOT NULL DEFAULT 0
)`

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date and reports whether it was created from nothing. Where nothing is pending it
// writes nothing.
func migrate(ctx context.Context, db *pgxpool.Pool) (created bool, err error) {
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		created, err = migrateIn(ctx, tx)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("migrate the database: %w", err)
	}
	return created, nil
}

func migrateIn(ctx context.Context, tx pgx.Tx) (created bool, err error) {
	// The lock is a statement of its own, so that the next one sees what its last holder committed.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, migrationLock); err != nil {
		return false, fmt.Errorf("wait for the migration lock: %w", err)
	}

	var recorded, migrated bool
	look := `SELECT to_regclass('"_prisma_migrations"') IS NOT NULL, to_regclass('"Document"') IS NOT NULL`
	if err := tx.QueryRow(ctx, look).Scan(&recorded, &migrated); err != nil {
		return false, fmt.Errorf("look for the schema: %w", err)
	}

	if !recorded {
		if _, err := tx.Exec(ctx, createMigrations); err != nil {
			return false, fmt.Errorf("create the table of migrations: %w", err)
		}
	}

	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return false, fmt.Errorf("list the migrations: %w", err)
	}
	applied, err := appliedMigrations(ctx, tx)
	if err != nil {
		return false, fmt.Errorf("read the applied migrations: %w", err)
	}

	for _, name := range names {
		if err := applyMigration(ctx, tx, name, applied); err != nil {
			return false, err
		}
	}
	return !migrated, nil
}

// appliedMigrations returns the checksum of each migration that the database has finished.
func appliedMigrations(ctx context.Context, tx pgx.Tx) (map[string]string, error) {
	rows, err := tx.Query(ctx, `SELECT migration_name, checksum FROM "_prisma_migrations"
		WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`)
	if err != nil {
		return nil, err
	}

	applied := make(map[string]string)
	var name, checksum string
	_, err = pgx.ForEachRow(rows, []any{&name, &checksum}, func() error {
		applied[name] = checksum
		return nil
	})
	return applied, err
}

func applyMigration(ctx context.Context, tx pgx.Tx, file string, applied map[string]string) error {
	name := strings.TrimSuffix(path.Base(file), ".sql")
	text, err := migrations.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read migration %s: %w", name, err)
	}

	sum := sha256.Sum256(text)
	checksum := hex.EncodeToString(sum[:])
	if before, done := applied[name]; done {
		if before != checksum {
			return fmt.Errorf("compare migration %s: the database was migrated with another text of it", name)
		}
		return nil
	}

	if _, err := tx.Exec(ctx, string(text)); err != nil {
		return fmt.Errorf("apply migration %s: %w", name, err)
	}

	_, err = tx.Exec(ctx, `INSERT INTO "_prisma_migrations"
		(id, checksum, migration_name, started_at, finished_at, applied_steps_count)
		VALUES (gen_random_uuid()::text, $1, $2, now(), clock_timestamp(), 1)`, checksum, name)
	if err != nil {
		return fmt.Errorf("record migration %s: %w", name, err)
	}
	return nil
}
