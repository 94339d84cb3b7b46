package dump

import "fmt"

// Entry is one line of the table of contents.
type Entry struct {
	ID     int
	Kind   string // "TABLE", "TABLE DATA", "FK CONSTRAINT", ...
	Schema string // empty where there is none
	Name   string // as pg_dump tags it: a constraint's is "table constraint"
	Owner  string // empty where there is none

	Tablespace string // empty: the default one

	hasData bool
	copies  string // the COPY statement before its rows; empty for INSERTs
	member  string // the file with its data, of a dump in tar or directory format

	from, until int64 // where it lies, without what it says of its data
}

// contents reads the table of contents, as ReadToc in PostgreSQL's
// pg_backup_archiver.c does. The header must have been read.
func (a *archive) contents(h Header) (Contents, error) {
	c := Contents{Header: h, at: a.offset, version: a.version, offSize: a.offSize}
	for range h.Items {
		entry, definition := a.entry()
		if a.err != nil {
			return Contents{}, a.err
		}
		c.add(entry, definition)
	}
	c.begins, c.intSize = a.offset, a.intSize
	c.sort()

	return c, nil
}

// Lengths beyond which a field is damage. A COPY statement names every column
// of a table, of which there are at most 1,600; a definition that is kept is
// one of a few short kinds.
const (
	longestTag     = 64 << 10
	longestCopy    = 1 << 20
	longestDefined = 4 << 20
)

func (a *archive) entry() (e Entry, definition string) {
	e.from = a.offset
	e.ID = int(a.int())
	if a.err == nil && e.ID <= 0 {
		a.fail(fmt.Sprintf("an entry has the number %d", e.ID), ErrCorrupt)
	}
	e.hasData = a.int() != 0
	a.pass("table's oid")
	a.pass("oid")
	e.Name = a.text("name of an entry", longestTag)
	e.Kind = a.text("kind of an entry", longestTag)
	if a.version >= withSections {
		a.int()
	}
	definition = a.definition(e.Kind)
	a.pass("drop statement")
	e.copies = a.text("copy statement", longestCopy)
	e.Schema = a.text("schema of an entry", longestTag)
	e.Tablespace = a.text("tablespace of an entry", longestTag)
	if a.version >= withTableAM {
		a.pass("access method")
	}
	if a.version >= withRelationKinds {
		a.int()
	}
	e.Owner = a.text("owner of an entry", longestTag)
	a.pass("mark of oids")
	a.list("dependencies")
	e.until = a.offset
	if a.format == formatCustom {
		a.position()
	} else {
		e.member = a.text("file name of an entry", longestTag)
	}

	return e, definition
}

// definition reads the statement of the few kinds that name roles, an encoding or
// settings, and steps over all others: a function may be long.
func (a *archive) definition(kind string) string {
	switch kind {
	case "ACL", "DEFAULT ACL", "POLICY", "ENCODING", "DATABASE", "DATABASE PROPERTIES":
		return a.text("definition", longestDefined)
	default:
		a.pass("definition")
		return ""
	}
}

// position steps over where the entry's data lie: it is unset where pg_dump
// wrote to a pipe.
func (a *archive) position() {
	if state := a.byte(); a.err == nil && (state < 1 || state > 3) {
		a.fail(fmt.Sprintf("the place of the data is of kind %d", state), ErrCorrupt)
	}
	a.skip("place of the data", int64(a.offSize))
}
