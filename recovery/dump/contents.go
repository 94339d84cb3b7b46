package dump

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/command"
)

// Contents is the table of contents of a dump.
type Contents struct {
	Header  Header
	Entries []Entry

	Tables       []Table  // partitioned ones and partitions too
	TableData    []Table  // tables whose rows are in the dump
	Sequences    []Table  // as all of these, schema and name
	Indexes      []Table  // without those that belong to a constraint
	Constraints  []Entry  // keys, unique and exclusion constraints; their Name is "table constraint"
	ForeignKeys  []Entry  // the same for foreign keys
	LargeObjects int      // entries; from PostgreSQL 17 on one may stand for many
	Extensions   []string // by name
	Owners       []string // roles that own something
	Roles        []string // owners, and roles that are granted something
	Encoding     string   // of the text in it: "UTF8"
	Tablespaces  []string // other than the default one
	Locale       Locale   // of the database; empty where the dump does not say
	Settings     []DatabaseSetting
	Restricted   bool // a script that begins with \restrict, which only a recent psql knows

	at      int64 // where the entries begin in the file
	begins  int64 // where the data begin in the file
	version int   // of the archive: 114 for 1.14
	intSize int   // the width of integers in it
	offSize int   // the width of offsets
}

// List reads the table of contents, and has pg_restore read it too: the one
// that will load the dump must be able to, and must see the same entries. A
// dump without a table is ErrNothing. For one with tables and no rows at all
// the error is ErrSchemaOnly, and the contents are returned beside it.
func List(ctx context.Context, tool command.Runner, path string) (Contents, error) {
	s, err := opened(path)
	if err != nil {
		return Contents{}, err
	}
	defer func() { _ = s.Close() }()
	c, err := s.contents()
	if err != nil {
		return Contents{}, fmt.Errorf("read the table of contents of %s: %w", path, err)
	}
	list, err := runList(ctx, tool, s, c)
	if err != nil {
		return Contents{}, err
	}
	if err := c.agrees(list); err != nil {
		return Contents{}, fmt.Errorf("list %s: %w", path, err)
	}

	return c, c.some()
}

// contents reads the table of contents of an archive. What it says of where the
// data begin is said of the stream that pg_restore gets.
func (s *source) contents() (Contents, error) {
	if s.shape == Plain {
		return Contents{}, &PlainError{}
	}
	c, err := readAs(s.head, s.head.Size(), s.shape.format())
	if err != nil {
		return Contents{}, err
	}
	c.Header.Format, c.Header.Size = s.shape, s.size
	if s.shape == Custom {
		return c, nil
	}
	if c.begins != s.head.Size() {
		return Contents{}, &DamageError{Offset: c.begins, What: "something follows the table of contents", Cause: ErrCorrupt}
	}
	for _, e := range c.Entries {
		c.begins += int64(1+c.offSize) - (c.toc(e) - e.until)
	}

	return c, nil
}

// toc gives where an entry ends in a table of contents that names files.
func (c Contents) toc(e Entry) int64 { return e.until + int64(c.intSize+1+len(e.member)) }

func readContents(r io.ReaderAt, size int64) (Contents, error) {
	return readAs(r, size, formatCustom)
}

func readAs(r io.ReaderAt, size int64, format byte) (Contents, error) {
	// Inspecting first gives the better error for everything that is no archive.
	if _, err := inspectAs(r, size, format); err != nil {
		return Contents{}, err
	}
	a := newArchive(io.NewSectionReader(r, 0, size), size)
	a.format = format
	header, err := a.header()
	if err != nil {
		return Contents{}, err
	}

	return a.contents(header)
}

// some refuses a dump from which nothing would be restored.
func (c Contents) some() error {
	switch {
	case len(c.Tables) == 0:
		return ErrNothing
	case len(c.TableData) == 0:
		return ErrSchemaOnly
	default:
		return nil
	}
}

func (c *Contents) add(e Entry, definition string) {
	c.Entries = append(c.Entries, e)
	named := Table{e.Schema, e.Name}
	switch e.Kind {
	case "TABLE":
		c.Tables = append(c.Tables, named)
	case "TABLE DATA":
		c.TableData = append(c.TableData, named)
	case "SEQUENCE":
		c.Sequences = append(c.Sequences, named)
	case "INDEX":
		c.Indexes = append(c.Indexes, named)
	case "CONSTRAINT":
		c.Constraints = append(c.Constraints, e)
	case "FK CONSTRAINT":
		c.ForeignKeys = append(c.ForeignKeys, e)
	case "BLOB", "BLOB METADATA":
		c.LargeObjects++
	case "EXTENSION":
		c.Extensions = append(c.Extensions, e.Name)
	case "ENCODING":
		c.Encoding = quotedIn(definition)
	case "DATABASE":
		c.Locale = localeIn(definition)
	case "DATABASE PROPERTIES":
		c.Settings = append(c.Settings, settingsIn(definition)...)
	}
	if e.Tablespace != "" {
		c.Tablespaces = append(c.Tablespaces, e.Tablespace)
	}
	if e.Owner != "" {
		c.Owners = append(c.Owners, e.Owner)
	}
	c.Roles = append(c.Roles, rolesIn(e.Kind, definition)...)
}

// sort puts the lists of names in order, each once.
func (c *Contents) sort() {
	c.Roles = append(c.Roles, c.Owners...)
	for _, names := range []*[]string{&c.Extensions, &c.Owners, &c.Roles, &c.Tablespaces} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
}

// quotedIn gives UTF8 for "SET client_encoding = 'UTF8';".
func quotedIn(definition string) string {
	_, rest, _ := strings.Cut(definition, "'")
	value, _, _ := strings.Cut(rest, "'")

	return value
}

// listing is what pg_restore --list says, as far as it can be read without
// doubt: names may hold blanks there, numbers and kinds do not.
type listing struct {
	items    int
	database string
	kinds    map[int]string // what stands behind each entry's number
}

// runList has pg_restore list the dump. It stops reading once it knows enough;
// that it does not take the whole file is no failure here.
func runList(ctx context.Context, tool command.Runner, s *source, c Contents) (listing, error) {
	in, err := s.listed(c)
	if err != nil {
		return listing{}, err
	}
	out := &bounded{limit: mostOutput}
	var alive pulse
	err = alive.within(ctx, mostSilence, func(ctx context.Context) error {
		return tool.Run(ctx, command.Cmd{
			Args:   []string{"pg_restore", "--list"},
			Env:    clientEnv(),
			Stdin:  in,
			Stdout: heard{pulse: &alive, to: out},
		})
	})
	if err != nil {
		return listing{}, explain("list the dump", err)
	}

	return parseList(out.text.String()), nil
}

// listed is as much of a dump as its table of contents takes.
func (s *source) listed(c Contents) (io.Reader, error) {
	if s.shape == Custom {
		return s.file, nil
	}
	var toc bytes.Buffer
	err := newBundle(c, s.head, &toc).contentsAs()

	return &toc, err
}

var listedEntry = regexp.MustCompile(`^(\d+); \d+ \d+ (.*)$`)

func parseList(text string) listing {
	list := listing{kinds: map[int]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if value, ok := strings.CutPrefix(line, ";     dbname: "); ok {
			list.database = value
		}
		if value, ok := strings.CutPrefix(line, ";     TOC Entries: "); ok {
			list.items, _ = strconv.Atoi(value) // zero will not agree
		}
		if m := listedEntry.FindStringSubmatch(line); m != nil {
			if id, err := strconv.Atoi(m[1]); err == nil {
				list.kinds[id] = m[2]
			}
		}
	}

	return list
}

// agrees compares our reading with pg_restore's. It leaves out entries that
// only set the session up, so what it lists is a part of what we read.
func (c Contents) agrees(list listing) error {
	if list.items != c.Header.Items || list.database != c.Header.Database {
		return fmt.Errorf("%w: %d entries of %q, we read %d of %q",
			ErrMismatch, list.items, list.database, c.Header.Items, c.Header.Database)
	}
	missing := maps.Clone(list.kinds)
	for _, e := range c.Entries {
		listed, ok := list.kinds[e.ID]
		if ok && !strings.HasPrefix(listed, e.Kind+" ") {
			return fmt.Errorf("%w: entry %d is %q, we read %q", ErrMismatch, e.ID, listed, e.Kind)
		}
		if !ok && e.Kind == "TABLE DATA" {
			return fmt.Errorf("%w: it leaves out the rows of %s.%s", ErrMismatch, e.Schema, e.Name)
		}
		delete(missing, e.ID)
	}
	for id := range missing {
		return fmt.Errorf("%w: entry %d is unknown to us", ErrMismatch, id)
	}

	return nil
}

// Begins is where the rows begin in the file, in bytes: what lies before is the
// table of contents, in which a changed byte may go unseen.
func (c Contents) Begins() int64 { return c.begins }
