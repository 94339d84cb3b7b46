package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"firmflow-recovery/recovery/command"
)

// Fingerprint tells two states of an installation apart without any of the
// code that recovers it. Equal ones hold the same rows and the same files.
type Fingerprint struct {
	Tables map[string]string // name -> count and md5 of its rows; of a sequence, its last value
	Files  map[string]string // path in the vault -> sha256
}

// rows asks for a line for every table and sequence. The rows are put in order
// as text, since a restored table holds them in another.
const rows = `SELECT format($$SELECT %L, count(*) || ' rows, md5 ' ||
	md5(coalesce(string_agg(r::text, E'\n' ORDER BY r::text COLLATE "C"), '')) FROM %I.%I r$$, relname, nspname, relname)
FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = 'public' \gexec
SELECT sequencename, 'last value ' || coalesce(last_value::text, 'none') FROM pg_sequences WHERE schemaname = 'public';
`

// Fingerprint takes the fingerprint of the installation. The database must run.
func (i *Installation) Fingerprint(ctx context.Context) (Fingerprint, error) {
	tables, err := i.tables(ctx)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("fingerprint the database: %w", err)
	}
	files, err := digests(i.Vault)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("fingerprint the vault: %w", err)
	}

	return Fingerprint{Tables: tables, Files: files}, nil
}

func (i *Installation) tables(ctx context.Context) (map[string]string, error) {
	var out bytes.Buffer
	err := i.runtime.In(dbService).Run(ctx, command.Cmd{
		Args:   []string{"psql", "-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-U", database, "-d", database},
		Env:    []string{"PGTZ=UTC"}, // times with a zone are text in the session's
		Stdin:  strings.NewReader(rows),
		Stdout: &out,
	})
	if err != nil {
		return nil, err
	}
	reader := csv.NewReader(&out)
	reader.FieldsPerRecord = 2
	lines, err := reader.ReadAll()
	if err != nil {
		return nil, err
	}

	tables := make(map[string]string, len(lines))
	for _, line := range lines {
		tables[line[0]] = line[1]
	}

	return tables, nil
}

func digests(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[name], err = digest(path)

		return err
	})

	return files, err
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()

	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}

	return hex.EncodeToString(sum.Sum(nil)), nil
}
