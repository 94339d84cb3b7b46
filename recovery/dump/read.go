package dump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"firmflow-recovery/recovery/command"
)

// Reading is what a full read of a dump found.
type Reading struct {
	Bytes        int64           // of the file, or of all files of a directory
	SHA256       string          // of the file, in hex; of a directory: of the lines that sha256sum writes for its files
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

// Examine reads a dump of any shape to its last byte, once, and gives what it
// holds: List and Read for an archive, Scan for a script. It returns the errors
// of those.
func Examine(ctx context.Context, tool command.Runner, path string, moved func(int64)) (Contents, Reading, error) {
	h, err := Inspect(path)
	if err != nil {
		return Contents{}, Reading{}, err
	}
	if h.Format == Plain {
		return Scan(ctx, path, moved)
	}
	return listAndRead(ctx, tool, path, moved)
}

// listAndRead does both at once: in a container a program takes as long to begin as
// to list a dump. What is wrong with the list comes first, and ends the reading.
func listAndRead(ctx context.Context, tool command.Runner, path string, moved func(int64)) (Contents, Reading, error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	type listed struct {
		contents Contents
		err      error
	}
	list := make(chan listed, 1)
	go func() {
		c, err := List(ctx, tool, path)
		if err != nil {
			stop()
		}
		list <- listed{c, err}
	}()
	r, err := Read(reading, tool, path, moved)
	l := <-list
	if l.err != nil {
		return l.contents, Reading{}, l.err
	}

	return l.contents, r, err
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
	return oneWay(ctx, path, moved, func(p *pass) error {
		if err := p.contents.some(); err != nil && !errors.Is(err, ErrSchemaOnly) {
			return err
		}

		return p.run(ctx, tool)
	})
}

// oneWay opens a dump for one way through it.
func oneWay(ctx context.Context, path string, moved func(int64), work func(*pass) error) (Reading, error) {
	s, err := opened(path)
	if err != nil {
		return Reading{}, err
	}
	defer func() { _ = s.Close() }()
	c, err := s.contents()
	if err != nil {
		return Reading{}, fmt.Errorf("read %s: %w", path, err)
	}
	in, err := s.stream(ctx, c, moved)
	if err != nil {
		return Reading{}, fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = in.close() }()
	p := newPass(c, in)
	if err := work(p); err != nil {
		return Reading{}, fmt.Errorf("read %s: %w", path, err)
	}

	return p.reading(s.size), nil
}

// pass is one way through a dump.
type pass struct {
	contents Contents
	stream   *stream
	walk     *walk
	script   *script
	patience time.Duration // how long pg_restore may be silent
}

func newPass(c Contents, in *stream) *pass {
	p := &pass{contents: c, stream: in, walk: newWalk(c), script: newScript(c), patience: mostSilence}
	in.from = io.TeeReader(in.from, p.walk)

	return p
}

func (p *pass) run(ctx context.Context, tool command.Runner) error {
	// Only data are asked for: a function's body then cannot be mistaken for
	// them, and the definitions were read before. With --verbose each entry is
	// named by its number, which no quoting can blur.
	var alive pulse
	err := alive.within(ctx, p.patience, func(ctx context.Context) error {
		return tool.Run(ctx, command.Cmd{
			Args:   []string{"pg_restore", "--data-only", "--verbose", "--file=-"},
			Env:    clientEnv(),
			Stdin:  heard{pulse: &alive, from: p.stream},
			Stdout: heard{pulse: &alive, to: p.script},
		})
	})
	if ctx.Err() != nil {
		return fmt.Errorf("read the dump: %w", ctx.Err())
	}
	taken := p.stream.total
	rest, broken := p.stream.left(ctx)
	if broken != nil {
		return broken
	}

	// Our own finding comes first where both have one: it names the byte.
	if damage := p.walk.finish(); damage != nil {
		damage.Told = lastWords(err)
		return damage
	}
	if err != nil {
		return unpackFailed(err)
	}
	if rest > 0 {
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
	return &DamageError{Offset: p.stream.total, What: what, Cause: ErrCorrupt}
}

func (p *pass) reading(size int64) Reading {
	r := Reading{
		Bytes:        size,
		SHA256:       p.stream.sum(),
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

// meter counts what is read through it.
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
