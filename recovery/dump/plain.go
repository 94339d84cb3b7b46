package dump

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/command"
)

// scriptHeader is what a script says of itself in its first bytes. The line that
// names the program is all that tells pg_dump's from any other.
func scriptHeader(start []byte, size int64) (Header, error) {
	s := newScriptParts()
	_, _ = s.lexer.Write(start)
	if s.unsafe != nil {
		return Header{}, s.unsafe
	}
	if !s.begins {
		if int64(len(start)) == size && s.lexer.within() != "" {
			return Header{}, &DamageError{Offset: size, What: "the script ends within " + s.lexer.within(), Cause: ErrTruncated}
		}

		return Header{}, ErrNotDump
	}
	if s.header.ServerMajor == 0 && int64(len(start)) == size && !completes(start) {
		return Header{}, cutScript(size)
	}
	if s.header.ServerMajor == 0 {
		return Header{}, &ImplausibleError{"the server's version", fmt.Sprintf("%q", s.header.Server)}
	}
	s.header.Size = size

	return s.header, nil
}

// scriptTail is more than stands behind the rows of the last table at the end of
// a script: its last line is a comment.
const scriptTail = 4 << 10

// lookAtScript reads a script's first and last bytes. What it holds, only all of
// it tells.
func (s *source) lookAtScript() (Contents, error) {
	h, err := scriptHeader(s.start, s.size)
	if err != nil {
		return Contents{}, fmt.Errorf("look at %s: %w", s.path, err)
	}
	c := Contents{Header: h}
	end := make([]byte, min(s.size, scriptTail))
	if n, err := s.file.ReadAt(end, s.size-int64(len(end))); n < len(end) {
		return c, fmt.Errorf("read the last bytes: %w", err)
	}
	if !completes(end) {
		return c, fmt.Errorf("look at the end of %s: %w", s.path, cutScript(s.size))
	}

	return c, nil
}

func cutScript(size int64) error {
	return &DamageError{Offset: size, What: "the line that says that the dump is complete is missing at the end", Cause: ErrTruncated}
}

// completes tells whether a script's last lines are those of a complete one:
// behind the comment that says so there are comments, blank lines and
// \unrestrict, and the last line has its end.
func completes(end []byte) bool {
	if len(end) == 0 {
		return false
	}
	at := bytes.LastIndex(end, []byte("\n-- PostgreSQL database dump complete\n"))
	if at < 0 || end[len(end)-1] != '\n' {
		return false
	}
	for line := range strings.Lines(string(end[at+1:])) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "--") && !restricts.MatchString(line) {
			return false
		}
	}

	return true
}

// Scan reads a script to its last byte, and gives what it holds and how many
// rows. It refuses one that would do more than fill the database it is loaded
// into, with a *ScriptError, and one that is not complete.
//
// What it cannot tell: whether the bytes within are what they were. A script has
// no checksum.
func Scan(ctx context.Context, path string, moved func(int64)) (Contents, Reading, error) {
	s, err := opened(path)
	if err != nil {
		return Contents{}, Reading{}, err
	}
	defer func() { _ = s.Close() }()
	c, r, err := s.scan(ctx, moved)
	if err != nil {
		return c, r, fmt.Errorf("read %s: %w", path, err)
	}

	return c, r, nil
}

func (s *source) scan(ctx context.Context, moved func(int64)) (Contents, Reading, error) {
	if _, err := s.lookAtScript(); err != nil {
		return Contents{}, Reading{}, err
	}
	found, digest := newScriptParts(), sha256.New()
	in := &stream{from: &meter{from: io.TeeReader(s.file, io.MultiWriter(digest, found.lexer)), moved: moved}}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return Contents{}, Reading{}, fmt.Errorf("read the dump: %w", err)
	}
	if _, err := in.left(ctx); err != nil {
		return Contents{}, Reading{}, err
	}
	if found.unsafe != nil {
		return Contents{}, Reading{}, found.unsafe
	}
	if within := found.lexer.within(); within != "" {
		return Contents{}, Reading{}, &DamageError{Offset: s.size, What: "the script ends within " + within, Cause: ErrTruncated}
	}
	if !found.complete {
		return Contents{}, Reading{}, cutScript(s.size)
	}
	c := found.contents(s.size)
	r := Reading{Bytes: in.total, SHA256: hex.EncodeToString(digest.Sum(nil)), ScriptBytes: in.total, Rows: map[Table]int64{}, LargeObjects: found.objects}
	for i, e := range found.entries {
		table := Table{e.Schema, e.Name}
		if rows, counted := found.rows[i]; counted {
			r.Rows[table] += rows
		} else if e.Kind == "TABLE DATA" {
			r.Unknown = append(r.Unknown, table)
		}
	}

	return c, r, c.some()
}

// loadScript has psql run a script in an empty database, and stops at the first
// error. It is not wrapped in a transaction: a script with large objects has its
// own, and what an error leaves behind is in that database alone.
func (s Server) loadScript(ctx context.Context, in io.Reader, into, options string, p LoadProgress) error {
	return s.Run.Run(ctx, command.Cmd{
		Args: []string{
			"psql", "--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1",
			"--username=" + s.User, "--dbname=" + connection(into),
		},
		Env:   append(clientEnv(), "PGAPPNAME="+session(loads, s.Live), "PGOPTIONS="+options),
		Stdin: in,
		Line:  p.Line,
	})
}

var toolVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.(\d+))?`)

// KnowsRestrict tells by what psql --version says whether it knows \restrict,
// which came with the minor releases of August 2025. pg_dump has written it since.
func KnowsRestrict(said string) bool {
	m := toolVersion.FindStringSubmatch(said)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	first, old := map[int]int{13: 22, 14: 19, 15: 14, 16: 10, 17: 6}[major]

	return major >= 18 || old && minor >= first
}
