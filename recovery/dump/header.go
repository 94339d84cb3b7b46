package dump

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// Formats of the archive, of which each says what a field means.
const (
	oldest            = 110 // 1.10: PostgreSQL 8
	withSections      = 111
	withTableAM       = 114 // PostgreSQL 12
	withAlgorithm     = 115 // PostgreSQL 16
	withRelationKinds = 116 // PostgreSQL 17
	newest            = 116
)

// mostItems is more entries than any table of contents has.
const mostItems = 10_000_000

// header reads an archive's head, as ReadHead in PostgreSQL's
// pg_backup_archiver.c does.
func (a *archive) header() (Header, error) {
	h := Header{Format: Custom, Size: a.size}
	for range magic {
		a.byte()
	}
	major, minor, revision := a.byte(), a.byte(), a.byte()
	a.version = int(major)*100 + int(minor)
	h.Version = fmt.Sprintf("%d.%d-%d", major, minor, revision)
	a.intSize, a.offSize = int(a.byte()), int(a.byte())
	format := a.byte()
	if err := a.readable(format); err != nil {
		return Header{}, err
	}

	h.Compression = a.compression()
	created := a.date()
	if err := created.plausible(); a.err == nil && err != nil {
		return Header{}, err // before what lies behind it is read wrongly
	}
	h.Database = a.text("database's name", 1<<10)
	h.Server = a.text("server's version", 1<<10)
	h.Client = a.text("version of pg_dump", 1<<10)
	items := a.int()
	if a.err != nil {
		return Header{}, a.err
	}
	if items <= 0 || items >= mostItems {
		return Header{}, &ImplausibleError{"the number of entries", strconv.FormatInt(items, 10)}
	}
	h.Items, h.Created = int(items), created.time()
	h.ServerMajor, h.ClientMajor = majorOf(h.Server), majorOf(h.Client)

	return h, nil
}

// readable tells whether the archive's format is one we know.
func (a *archive) readable(format byte) error {
	switch {
	case a.err != nil:
		return a.err
	case a.version > newest:
		return &UnsupportedError{fmt.Sprintf("%d.%d", a.version/100, a.version%100)}
	case a.version < oldest:
		return &ImplausibleError{"the format's version", fmt.Sprintf("%d.%d", a.version/100, a.version%100)}
	case a.intSize < 1 || a.intSize > maxIntSize:
		return &ImplausibleError{"the size of integers", strconv.Itoa(a.intSize)}
	case a.offSize < 1 || a.offSize > maxIntSize:
		return &ImplausibleError{"the size of offsets", strconv.Itoa(a.offSize)}
	case format != a.format:
		// The toc.dat of a directory or a tar file begins alike.
		return &ImplausibleError{"the kind of archive", strconv.Itoa(int(format))}
	}

	return nil
}

func (a *archive) compression() string {
	if a.version < withAlgorithm {
		if a.int() == 0 {
			return "none"
		}

		return "gzip"
	}
	algorithms := []string{"none", "gzip", "lz4", "zstd"}
	if b := int(a.byte()); b < len(algorithms) {
		return algorithms[b]
	}

	return ""
}

// date is a struct tm as C has it.
type date struct{ second, minute, hour, day, month, year int64 }

func (a *archive) date() date {
	d := date{a.int(), a.int(), a.int(), a.int(), a.int(), a.int()}
	a.int() // whether summer time was in force

	return d
}

// plausible looks at every field: where a terminal inserted a byte, those
// behind it are shifted, and one of them falls out of its range.
func (d date) plausible() error {
	for _, f := range []struct {
		name      string
		v, lo, hi int64
	}{
		{"the second", d.second, 0, 60},
		{"the minute", d.minute, 0, 59},
		{"the hour", d.hour, 0, 23},
		{"the day", d.day, 1, 31},
		{"the month", d.month, 0, 11},
		{"the year", d.year, 96, 300}, // since 1900
	} {
		if f.v < f.lo || f.v > f.hi {
			return &ImplausibleError{f.name + " of its date", strconv.FormatInt(f.v, 10)}
		}
	}

	return nil
}

func (d date) time() time.Time {
	return time.Date(int(d.year)+1900, time.Month(d.month+1), int(d.day), int(d.hour), int(d.minute), int(d.second), 0, time.UTC)
}

func (h Header) plausible() error {
	if !isName(h.Database) {
		return &ImplausibleError{"the database's name", strconv.Quote(h.Database)}
	}
	if h.ServerMajor == 0 {
		return &ImplausibleError{"the server's version", strconv.Quote(h.Server)}
	}
	if h.ClientMajor == 0 {
		return &ImplausibleError{"the version of pg_dump", strconv.Quote(h.Client)}
	}
	if h.Compression == "" {
		return &ImplausibleError{"the compression", "none that is known"}
	}

	return nil
}

func isName(name string) bool {
	if name == "" || len(name) > longestName || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return false
		}
	}

	return true
}

// version matches "15.18", "9.6.24", "17beta1", "15.18 (Debian 15.18-1)".
var version = regexp.MustCompile(`^(\d{1,3})(\.\d|devel|alpha|beta|rc)[ -~]*$`)

// majorOf gives 15 for "15.18 (Debian ...)", and 0 for what is no version.
func majorOf(text string) int {
	m := version.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	major, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}

	return major
}
