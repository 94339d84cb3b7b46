package dump

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"firmflow-recovery/recovery/command"
)

// Reading is what a full read of a dump found.
type Reading struct {
	Bytes        int64           // of the file
	SHA256       string          // of the file, in hex
	ScriptBytes  int64           // of what it unpacks to; a database needs about four times as much
	Rows         map[Table]int64 // of each table whose rows come by COPY
	Unknown      []Table         // tables whose rows come by INSERT, which cannot be counted for sure
	LargeObjects int64
}

// Total is the sum of the rows that could be counted.
func (r Reading) Total() int64 {
	var sum int64
	for _, n := range r.Rows {
		sum += n
	}

	return sum
}

// Read reads a dump to its last byte. pg_restore unpacks it, into nothing; the
// rows it writes are counted, the file is digested, and its blocks followed, all
// in one pass. moved is called with the bytes read since the last call; it may
// be nil.
//
// What it proves: every block is there and unpacks, and nothing follows them.
// In a dump without compression a changed byte inside a row cannot be seen;
// only a digest made at backup time shows that.
func Read(ctx context.Context, tool command.Runner, path string, moved func(int64)) (Reading, error) {
	c, err := contentsOf(path)
	if err != nil {
		return Reading{}, err
	}
	if err := c.some(); err != nil && !errors.Is(err, ErrSchemaOnly) {
		return Reading{}, fmt.Errorf("read %s: %w", path, err)
	}

	file, _, err := open(path)
	if err != nil {
		return Reading{}, err
	}
	defer func() { _ = file.Close() }()

	p := newPass(c, file, moved)
	if err := p.run(ctx, tool); err != nil {
		return Reading{}, fmt.Errorf("read %s: %w", path, err)
	}

	return p.reading(), nil
}

// pass is one way through a file.
type pass struct {
	contents Contents
	meter    *meter
	digest   hash.Hash
	walk     *walk
	script   *script
}

func newPass(c Contents, file *os.File, moved func(int64)) *pass {
	p := &pass{contents: c, digest: sha256.New(), walk: newWalk(c), script: newScript(c)}
	p.meter = &meter{from: io.TeeReader(file, io.MultiWriter(p.digest, p.walk)), moved: moved}

	return p
}

func (p *pass) run(ctx context.Context, tool command.Runner) error {
	// Only data are asked for: a function's body then cannot be mistaken for
	// them, and the definitions were read before. With --verbose each entry is
	// named by its number, which no quoting can blur.
	err := tool.Run(ctx, command.Cmd{
		Args:   []string{"pg_restore", "--data-only", "--verbose", "--file=-"},
		Env:    clientEnv(),
		Stdin:  p.meter,
		Stdout: p.script,
	})
	if ctx.Err() != nil {
		return fmt.Errorf("read the dump: %w", ctx.Err())
	}
	taken := p.meter.total
	if rest := p.meter.drain(ctx); rest != nil {
		return rest
	}

	// Our own finding comes first where both have one: it names the byte.
	if damage := p.walk.finish(); damage != nil {
		damage.Told = lastWords(err)
		return damage
	}
	if err != nil {
		return unpackFailed(err)
	}
	if taken < p.contents.Header.Size {
		return &DamageError{Offset: taken, What: "pg_restore read no further", Cause: ErrCorrupt}
	}

	return p.compare()
}

// unpackFailed says why pg_restore could not unpack a file whose blocks are all
// there. Whatever pg_restore itself then complains of is damage; that it could
// not be run, or was killed, is another matter and stays without a cause.
func unpackFailed(err error) error {
	told := explain("unpack the dump", err)
	var tool *ToolError
	if !errors.As(told, &tool) || tool.Cause != nil {
		return told
	}
	var failed *command.Error
	if errors.As(err, &failed) && strings.Contains(failed.Stderr, "pg_restore: error: ") {
		tool.Cause = ErrCorrupt
	}

	return told
}

// compare holds what pg_restore wrote against the table of contents.
func (p *pass) compare() error {
	if p.script.zero {
		return p.damaged("a row holds a zero byte, which no text can")
	}
	if p.script.copying {
		return p.damaged("pg_restore stopped within the rows of " + p.script.current.Name)
	}
	for _, e := range p.script.entries {
		return p.damaged(fmt.Sprintf("pg_restore left out the rows of %d tables, of %s.%s for one",
			len(p.script.entries), e.Schema, e.Name))
	}

	return nil
}

func (p *pass) damaged(what string) error {
	return &DamageError{Offset: p.meter.total, What: what, Cause: ErrCorrupt}
}

func (p *pass) reading() Reading {
	r := Reading{
		Bytes:        p.meter.total,
		SHA256:       hex.EncodeToString(p.digest.Sum(nil)),
		ScriptBytes:  p.script.bytes,
		Rows:         map[Table]int64{},
		LargeObjects: p.walk.objects,
	}
	for _, e := range p.contents.Entries {
		if e.Kind != "TABLE DATA" {
			continue
		}
		if rows, counted := p.script.rows[e.ID]; counted {
			r.Rows[Table{e.Schema, e.Name}] += rows
			continue
		}
		r.Unknown = append(r.Unknown, Table{e.Schema, e.Name})
	}

	return r
}

// meter counts what is read through it. It hides that the source is a file:
// handed to a program as it is, its bytes would pass us by.
type meter struct {
	from  io.Reader
	moved func(int64)
	total int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.total += int64(n)
	report(m.moved, n)

	return n, err
}

// drain reads what the program left.
func (m *meter) drain(ctx context.Context) error {
	buffer := make([]byte, 256<<10)
	for ctx.Err() == nil {
		_, err := m.Read(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the dump: %w", err)
		}
	}

	return fmt.Errorf("read the dump: %w", ctx.Err())
}
