package dump

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
)

// seeded gives the same damage in every run of the tests.
func seeded() *rand.Rand { return rand.New(rand.NewPCG(4, 2)) }

func TestReadDigestsAndCountsTheWholeFile(t *testing.T) {
	c, _, content := sample(t)
	var moved int64
	r, err := Read(t.Context(), c.run, written(t, content), func(n int64) { moved += n })
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if r.SHA256 != hex.EncodeToString(sum[:]) || r.Bytes != int64(len(content)) || moved != r.Bytes {
		t.Errorf("digest %s of %d bytes, %d moved", r.SHA256, r.Bytes, moved)
	}
	if r.LargeObjects != 3 || r.ScriptBytes < 3_000_000 || r.Rows[Table{"public", "nocolumns"}] != 2 {
		t.Errorf("%d large objects, a script of %d bytes, rows %v", r.LargeObjects, r.ScriptBytes, r.Rows)
	}
	if n, there := r.Rows[Table{"public", "Empty"}]; n != 0 || !there {
		t.Errorf("the empty table has %d rows, counted: %v", n, there)
	}
}

// damages tries what can happen to a file, and wants each seen by a full read.
func damages(t *testing.T, times int, content []byte, damage func(*rand.Rand, []byte) ([]byte, int)) {
	t.Helper()
	c, _ := postgres(t)
	r := seeded()
	for range times {
		damaged, at := damage(r, bytes.Clone(content))
		if bytes.Equal(damaged, content) {
			continue
		}
		_, err := Read(t.Context(), c.run, written(t, damaged), nil)
		if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrImplausible) {
			t.Errorf("at byte %d of %d: %v", at, len(content), err)
		}
	}
}

func TestB2ACutIsSeenWhereverItIs(t *testing.T) {
	for name, options := range map[string][]string{"compressed": nil, "not compressed": {"--compress=0"}} {
		t.Run(name, func(t *testing.T) {
			_, _, content := sample(t, options...)
			damages(t, 40, content, func(r *rand.Rand, b []byte) ([]byte, int) {
				at := 1 + r.IntN(len(b)-1)
				return b[:at], at
			})
		})
	}
}

func TestB2ACutOfTheLastBytesIsSeen(t *testing.T) {
	c, _, content := sample(t)
	for less := 1; less <= 12; less++ {
		_, err := Read(t.Context(), c.run, written(t, content[:len(content)-less]), nil)
		var damage *DamageError
		if !errors.As(err, &damage) || !errors.Is(err, ErrTruncated) {
			t.Errorf("without the last %d bytes: %v, want ErrTruncated", less, err)
		}
	}
}

func dataBegin(t *testing.T, content []byte) int {
	t.Helper()
	contents, err := readContents(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}

	return int(contents.begins)
}

func TestB2AFlippedBitInTheDataIsSeen(t *testing.T) {
	_, _, content := sample(t)
	from := dataBegin(t, content)
	damages(t, 60, content, func(r *rand.Rand, b []byte) ([]byte, int) {
		at := from + r.IntN(len(b)-from)
		b[at] ^= 1 << r.IntN(8)
		return b, at
	})
}

func TestB2ZeroedBlocksAreSeen(t *testing.T) {
	for name, options := range map[string][]string{"compressed": nil, "not compressed": {"--compress=0"}} {
		t.Run(name, func(t *testing.T) {
			_, _, content := sample(t, options...)
			from := dataBegin(t, content)
			damages(t, 20, content, func(r *rand.Rand, b []byte) ([]byte, int) {
				at := from + r.IntN(len(b)-from-4096)
				clear(b[at : at+4096])
				return b, at
			})
		})
	}
}

func TestA7InsertedBytesAreSeen(t *testing.T) {
	_, _, content := sample(t)
	from := dataBegin(t, content)
	damages(t, 20, content, func(r *rand.Rand, b []byte) ([]byte, int) {
		at := from + r.IntN(len(b)-from)
		return append(append(bytes.Clone(b[:at]), '\r', '\n'), b[at:]...), at
	})
}

// pg_restore takes both of these without a word.
func TestB2WhatFollowsADumpIsSeen(t *testing.T) {
	c, _, content := sample(t)
	for name, behind := range map[string][]byte{
		"rubbish": []byte("rubbish"), "a second dump": content, "one byte": {0}, "much": make([]byte, 1<<20),
	} {
		_, err := Read(t.Context(), c.run, written(t, append(bytes.Clone(content), behind...)), nil)
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Offset != int64(len(content))+1 {
			t.Errorf("%s behind the dump: %v", name, err)
		}
	}
}

// What a changed table of contents does cannot always be seen; it must never
// crash us or be read as a success with other contents than pg_restore sees.
func TestB2AFlippedBitInTheContentsNeverCrashesUs(t *testing.T) {
	c, _, content := sample(t)
	r, upTo := seeded(), dataBegin(t, content)
	for range 40 {
		b := bytes.Clone(content)
		b[r.IntN(upTo)] ^= 1 << r.IntN(8)
		path := written(t, b)
		contents, err := List(t.Context(), c.run, path)
		if err == nil && len(contents.Tables) == 0 {
			t.Error("a list without tables is taken for success")
		}
		_, _ = Read(t.Context(), c.run, path, nil)
	}
}

func TestG1ADumpWithoutTablesIsNoSuccess(t *testing.T) {
	c, _ := postgres(t)
	db := c.database(t, "bare")
	path := c.dump(t, db)
	if _, err := List(t.Context(), c.run, path); !errors.Is(err, ErrNothing) {
		t.Errorf("List says %v, want ErrNothing", err)
	}
	if _, err := Read(t.Context(), c.run, path, nil); !errors.Is(err, ErrNothing) {
		t.Errorf("Read says %v, want ErrNothing", err)
	}
	c.sql(t, db, "create table t (n int); insert into t values (1)")
	contents, err := List(t.Context(), c.run, c.dump(t, db, "--schema-only"))
	if !errors.Is(err, ErrSchemaOnly) || len(contents.Tables) != 1 {
		t.Errorf("List says %v of %v, want ErrSchemaOnly", err, contents.Tables)
	}
}

// silent is a pg_restore that ends with success and has not done its work.
type silent struct {
	command.Runner
	says string
}

func (s silent) Run(_ context.Context, c command.Cmd) error {
	if c.Stdin != nil {
		_, _ = c.Stdin.Read(make([]byte, 512))
	}
	_, err := c.Stdout.Write([]byte(s.says))

	return err
}

func TestB28AnExitCodeAloneIsNotBelieved(t *testing.T) {
	_, _, content := sample(t)
	path := written(t, content)
	if _, err := Read(t.Context(), silent{}, path, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a silent pg_restore: Read says %v", err)
	}
	if _, err := List(t.Context(), silent{}, path); !errors.Is(err, ErrMismatch) {
		t.Errorf("a silent pg_restore: List says %v", err)
	}
	if _, err := List(t.Context(), silent{says: ";     dbname: other\n;     TOC Entries: 1\n"}, path); !errors.Is(err, ErrMismatch) {
		t.Errorf("a pg_restore that lists something else: List says %v", err)
	}
}

func TestReadStopsWithItsContext(t *testing.T) {
	c, _, content := sample(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Read(ctx, c.run, written(t, content), func(int64) { cancel() })
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrTruncated) {
		t.Errorf("error = %v, want context.Canceled alone", err)
	}
}

func TestReadSaysThatTheProgramIsMissing(t *testing.T) {
	_, _, content := sample(t)
	_, err := Read(t.Context(), failing{&command.Error{Args: []string{"pg_restore"}, ExitCode: -1, Err: os.ErrNotExist}}, written(t, content), nil)
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrCorrupt) {
		t.Errorf("error = %v, want the program's", err)
	}
}

// failing is a runner whose programs fail.
type failing struct{ err error }

func (f failing) Run(_ context.Context, c command.Cmd) error {
	if c.Line != nil {
		var failed *command.Error
		if errors.As(f.err, &failed) {
			for line := range strings.Lines(failed.Stderr) {
				c.Line(strings.TrimSuffix(line, "\n"))
			}
		}
	}

	return f.err
}
