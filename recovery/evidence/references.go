package evidence

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Files shows every file of a vault by its path below the vault, slash-separated,
// with its size in bytes.
type Files func(ctx context.Context, show func(path string, size int64) error) error

// References is how a vault and the database that refers to it agree.
type References struct {
	Table, Column string // where the database names the files; quoted
	Prefix        string // what it puts before a path
	SizeColumn    string // where it keeps their sizes; empty: not recognised
	Overhead      int64  // bytes that a file is longer than that, as encryption makes it
	Referenced    int64  // distinct files that the database names
	Missing       int64  // of those, not in the vault
	WrongSize     int64  // of those in the vault, of another size
	Files         int64  // in the vault
	Orphans       int64  // of those, not named
	Sample        []string
}

// Named says where the database names the vault's files: a table, and a column.
// Empty: it is looked for. Sample is how many of those files are wanted for other
// proofs; zero: a few.
type Named struct {
	Table, Column string
	Sample        int
}

// few is how many files a sample for other proofs has, where nobody wants more.
const few = 24

// Compare finds where the database names the vault's files, and compares. Each
// file that is missing, of another size or an orphan becomes a line of the
// report, as CSV. ErrUnrecognised means that no column names them.
func Compare(ctx context.Context, db Database, files Files, named Named, report io.Writer) (References, error) {
	v, err := read(ctx, files)
	if err != nil {
		return References{}, err
	}
	all, err := columns(ctx, db)
	if err != nil {
		return References{}, err
	}
	r, err := v.recognise(ctx, db, all, named)
	if err != nil {
		return References{}, err
	}
	if err := v.sizes(ctx, db, &r, all); err != nil {
		return References{}, err
	}
	lines := csv.NewWriter(report)
	if err := lines.Write([]string{"what", "file", "bytes", "recorded"}); err != nil {
		return References{}, fmt.Errorf("write the comparison: %w", err)
	}
	if err := v.compare(ctx, db, &r, lines); err != nil {
		return References{}, err
	}
	if err := v.orphans(ctx, files, &r, cmp.Or(named.Sample, few), lines); err != nil {
		return References{}, err
	}
	lines.Flush()
	if err := lines.Error(); err != nil {
		return References{}, fmt.Errorf("write the comparison: %w", err)
	}

	return r, nil
}

// inventory is what a vault holds. Paths are kept as the beginning of their
// SHA-256: there may be a million of them.
type inventory map[[16]byte]*kept

type kept struct {
	size  int64
	named bool
}

func digest(path string) [16]byte {
	sum := sha256.Sum256([]byte(path))

	return [16]byte(sum[:16])
}

func read(ctx context.Context, files Files) (inventory, error) {
	v := make(inventory)
	err := files(ctx, func(path string, size int64) error {
		v[digest(path)] = &kept{size: size}

		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the vault: %w", err)
	}

	return v, nil
}

// recognise takes the column most of whose values are files of the vault. Tables
// are looked at in one statement: each would cost a connection.
func (v inventory) recognise(ctx context.Context, db Database, all []column, named Named) (References, error) {
	var samples []string
	var looked []column
	for _, c := range all {
		if c.kind != "text" || named.Table != "" && !is(c.table, named.Table) || named.Column != "" && !is(c.name, named.Column) {
			continue
		}
		samples = append(samples, fmt.Sprintf("(select %d, %s::text from %s where %s::text ~ '[^/]' limit %d)", len(looked), c.name, c.table, c.name, sampled))
		looked = append(looked, c)
	}
	if len(looked) == 0 {
		return References{}, fmt.Errorf("find where the database names the documents: %w", ErrUnrecognised)
	}
	seen := make([]int, len(looked))
	hits := make([]map[string]int, len(looked)) // by prefix
	err := db.Rows(ctx, strings.Join(samples, " union all "), func(row []string) error {
		i, err := strconv.Atoi(row[0])
		if err != nil {
			return fmt.Errorf("read a number of the answer: %w", err)
		}
		seen[i]++
		if prefix, found := v.prefix(row[1]); found {
			if hits[i] == nil {
				hits[i] = make(map[string]int)
			}
			hits[i][prefix]++
		}

		return nil
	})
	if err != nil {
		return References{}, fmt.Errorf("look for where the database names the documents: %w", err)
	}
	best, most := References{}, 0
	for i, prefixes := range hits {
		for prefix, n := range prefixes {
			if n > most && 2*n >= seen[i] {
				best, most = References{Table: looked[i].table, Column: looked[i].name, Prefix: prefix}, n
			}
		}
	}
	if most == 0 {
		return References{}, fmt.Errorf("find where the database names the documents: %w", ErrUnrecognised)
	}

	return best, nil
}

// prefix tells whether a value is a file of the vault, below directories that
// the application may have put before it.
func (v inventory) prefix(value string) (string, bool) {
	for at := 0; ; {
		if v[digest(value[at:])] != nil {
			return value[:at], true
		}
		next := strings.IndexByte(value[at:], '/')
		if next < 0 {
			return "", false
		}
		at += next + 1
	}
}

// sizes looks for a column that is a constant number of bytes less than the
// file, over files of different sizes.
func (v inventory) sizes(ctx context.Context, db Database, r *References, all []column) error {
	var names []string
	for _, c := range all {
		if c.table == r.Table && c.kind == "number" {
			names = append(names, c.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	over := make([]map[int64]int, len(names)) // how often each difference occurs
	different := make(map[int64]bool)
	sql := fmt.Sprintf("select %s::text, %s from %s where %s::text ~ '[^/]' limit %d", r.Column, strings.Join(names, ", "), r.Table, r.Column, sampled)
	err := db.Rows(ctx, sql, func(row []string) error {
		file := v[digest(strings.TrimPrefix(row[0], r.Prefix))]
		if file == nil {
			return nil
		}
		different[file.size] = true
		for i := range names {
			n, err := strconv.ParseInt(row[i+1], 10, 64)
			if err != nil {
				continue // NULL
			}
			if over[i] == nil {
				over[i] = make(map[int64]int)
			}
			over[i][file.size-n]++
		}

		return nil
	})
	if err != nil {
		return fmt.Errorf("look for the documents' sizes: %w", err)
	}
	most := 0
	for i, counts := range over {
		total := 0
		for _, n := range counts {
			total += n
		}
		for overhead, n := range counts {
			// Most, and not all: a file that was cut short must not hide the rest. By chance, sizes do not differ by the same.
			if n > most && 10*n >= 9*total && n > 1 && overhead >= 0 && len(different) > 1 {
				most, r.SizeColumn, r.Overhead = n, names[i], overhead
			}
		}
	}

	return nil
}

// compare looks for every file that the database names.
func (v inventory) compare(ctx context.Context, db Database, r *References, lines *csv.Writer) error {
	size := "''"
	if r.SizeColumn != "" {
		size = "max(" + r.SizeColumn + ")::text"
	}
	sql := fmt.Sprintf("select %[1]s::text, %[2]s from %[3]s where %[1]s::text ~ '[^/]' group by 1", r.Column, size, r.Table)
	err := db.Rows(ctx, sql, func(row []string) error {
		r.Referenced++
		path := strings.TrimPrefix(row[0], r.Prefix)
		file := v[digest(path)]
		if file == nil {
			r.Missing++
			return lines.Write([]string{"missing", path, "", row[1]})
		}
		file.named = true
		if recorded, err := strconv.ParseInt(row[1], 10, 64); err == nil && recorded+r.Overhead != file.size {
			r.WrongSize++
			return lines.Write([]string{"size", path, strconv.FormatInt(file.size, 10), row[1]})
		}

		return nil
	})
	if err != nil {
		return fmt.Errorf("compare the documents: %w", err)
	}

	return nil
}

// orphans lists what nothing names, and takes a sample of what something does,
// spread over the whole vault.
func (v inventory) orphans(ctx context.Context, files Files, r *References, wanted int, lines *csv.Writer) error {
	every := max(int64(len(v)/wanted), 1)
	err := files(ctx, func(path string, size int64) error {
		file := v[digest(path)]
		if file == nil {
			return nil // stored since
		}
		r.Files++
		if !file.named {
			r.Orphans++
			return lines.Write([]string{"orphan", path, strconv.FormatInt(size, 10), ""})
		}
		if r.Files%every == 0 && len(r.Sample) < wanted {
			r.Sample = append(r.Sample, path)
		}

		return nil
	})
	if err != nil {
		return fmt.Errorf("list the vault: %w", err)
	}

	return nil
}
