package dump

import (
	"bytes"
	"strings"
)

// magic begins every archive of pg_dump but the tar format.
var magic = []byte("PGDMP")

func isArchive(start []byte) bool { return bytes.HasPrefix(start, magic) }

// wrappers are the first bytes of what people put around a dump, or get in its
// place.
var wrappers = []struct{ begins, kind string }{
	{"\x1f\x8b", "gzip"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"\xfd7zXZ\x00", "xz"},
	{"BZh", "bzip2"},
	{"PK\x03\x04", "zip"},
	{"age-encryption.org/", "age"},
	{"-----BEGIN AGE ENCRYPTED FILE-----", "age"},
	{"Salted__", "openssl"},
	{"-----BEGIN PGP MESSAGE-----", "gpg"},
	{"<?xml", "xml"},
	{"<Error>", "xml"},
	{"<!DOCTYPE", "html"},
	{"<html", "html"},
}

// recognise says what a file is that does not begin as an archive does.
func recognise(start []byte) error {
	if bytes.HasPrefix(magic, start) {
		return &DamageError{Offset: int64(len(start)), What: "within the first word", Cause: ErrTruncated}
	}
	if bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) {
		return ErrUTF16
	}
	for _, w := range wrappers {
		if bytes.HasPrefix(start, []byte(w.begins)) {
			return &WrappedError{w.kind}
		}
	}
	if isTar(start) {
		if isDumpTar(start) {
			return ErrTar
		}

		return &WrappedError{"tar"}
	}

	// Text before the magic comes before plain SQL: a warning may look like
	// either, and only one of them has an archive behind it.
	if at := archiveAfter(start); at > 0 {
		return &PrefixError{Offset: int64(at), Text: firstLine(start[:at])}
	}
	if script, restricted := isScript(start); script {
		return &PlainError{Restricted: restricted}
	}

	return ErrNotDump
}

func isTar(start []byte) bool {
	const at = 257

	return len(start) >= at+5 && string(start[at:at+5]) == "ustar"
}

// archiveAfter finds the magic with a version behind it, so that a text which
// only speaks of PGDMP is not taken for one.
func archiveAfter(start []byte) int {
	for from := 0; ; {
		at := bytes.Index(start[from:], magic)
		if at < 0 {
			return -1
		}
		at += from
		if rest := start[at+len(magic):]; len(rest) > 1 && rest[0] == 1 && rest[1] <= 99 {
			return at
		}
		from = at + 1
	}
}

// isScript tells a plain SQL dump by its first line that says anything. The
// words are pg_dump's and pg_dumpall's own.
func isScript(start []byte) (script, restricted bool) {
	start = bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))
	line := firstLine(bytes.TrimLeft(start, " \t\r\n"))
	for _, word := range []string{"--", "SET ", "\\connect", "BEGIN;", "CREATE ", "DROP ", "ALTER "} {
		if strings.HasPrefix(line, word) {
			return true, bytes.Contains(start[:min(len(start), 4096)], []byte("\n\\restrict "))
		}
	}
	if strings.HasPrefix(line, "\\restrict ") {
		return true, true
	}

	return false, false
}

// firstLine gives the first line as text, bounded.
func firstLine(p []byte) string {
	if end := bytes.IndexAny(p, "\r\n"); end >= 0 {
		p = p[:end]
	}
	p = p[:min(len(p), 200)]

	return strings.ToValidUTF8(string(p), "\uFFFD")
}
