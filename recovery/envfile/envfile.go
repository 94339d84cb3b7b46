// Package envfile reads and writes .env as Compose reads it, and compares the
// keys on which everything depends.
//
// A file is read twice. First with godotenv, which is what most people expect a
// .env to mean; then with compose-go's own parser, which is what FirmFlow gets.
// They differ on lines that hold a dollar, a backslash or a stray quote, and
// then Compose's reading is the value. Neither reading knows a shell variable,
// prints, logs or changes anything global: compose-go warns about an unset
// variable by name, and in AUTH_SECRET=abc$def that name is a part of the secret.
//
// Values leave as secret.String only. Errors, facts and names never hold any
// part of a value.
package envfile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"syscall"

	"firmflow-recovery/recovery/secret"
)

// The three keys that must be after a recovery, byte for byte, what they were.
const (
	AuthSecret         = "AUTH_SECRET"
	LicenseKey         = "LICENSE_KEY"
	FieldEncryptionKey = "FIELD_ENCRYPTION_KEY" // only where the original has it
)

// Keys lists the three keys in the order in which they matter.
func Keys() []string { return []string{AuthSecret, LicenseKey, FieldEncryptionKey} }

// largest is how many bytes of a .env are read. Real ones have a few thousand.
const largest = 1 << 20

// File is a .env as it was read. Its zero value is a .env that is not there.
type File struct {
	Path     string // as given to Read
	Mode     fs.FileMode
	UID, GID int

	BOM  bool // begins with a byte order mark; Compose passes over it, others do not
	CRLF bool // has lines that end in CR LF

	Locked bool // it was encrypted, and opened with a key

	// GodotenvRefuses tells that godotenv refuses the file although Compose
	// reads it.
	GodotenvRefuses bool

	hidden func() contents // nil for a .env that is not there
}

// contents is what must not be printed along with a File, so a closure holds it
// as one holds a secret: there are names that may be parts of a secret, and
// places that tell its length.
type contents struct {
	data       secret.String
	statements []statement // every definition, in order
	entries    map[string]Entry
}

func (f File) inside() contents {
	if f.hidden == nil {
		return contents{}
	}

	return f.hidden()
}

// Entry is one key of a File: its value in each reading, and what is odd about
// the line. Where a key is defined several times, the last definition counts.
type Entry struct {
	Key   string
	Lines []int // where it is defined, in order

	Value    secret.String // as Compose reads it: the value
	Godotenv secret.String // as godotenv reads it; empty where it refuses the file
	Literal  secret.String // what stands right of '=', without the line's end

	Facts
}

// Read reads a .env. A *SyntaxError means that Compose refuses it.
func Read(path string) (File, error) {
	f, data, err := load(path)
	if err != nil {
		return File{}, fmt.Errorf("read environment file %q: %w", path, plain(err))
	}
	if err := f.parse(data); err != nil {
		return File{}, fmt.Errorf("read environment file %q: %w", path, err)
	}

	return f, nil
}

// Exists tells whether there is a file at all.
func (f File) Exists() bool { return f.Path != "" }

// Entry returns what the file says about a key. A line that names the key and
// has no '=' takes the value from the shell: it says nothing.
func (f File) Entry(key string) (Entry, bool) {
	e, ok := f.inside().entries[key]

	return e, ok
}

// Value is the value of a key as Compose reads it; empty where there is none.
func (f File) Value(key string) secret.String { return f.inside().entries[key].Value }

// Content is the whole file, byte for byte.
func (f File) Content() secret.String { return f.inside().data }

// Loose tells whether anybody but the owner may read or change the file.
func (f File) Loose() bool { return f.Mode.Perm()&0o077 != 0 }

// load reads the bytes. It opens without blocking, for a named pipe would
// otherwise hold us until somebody writes to it.
func load(path string) (File, []byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return File{}, nil, err
	}
	defer file.Close()

	info, err := file.Stat()
	if err != nil {
		return File{}, nil, err
	}
	if info.IsDir() {
		return File{}, nil, ErrDirectory
	}
	if !info.Mode().IsRegular() {
		return File{}, nil, ErrNotRegular
	}

	data, err := io.ReadAll(io.LimitReader(file, largest+1))
	if err != nil {
		return File{}, nil, err
	}
	if len(data) > largest {
		return File{}, nil, ErrTooLarge
	}
	f := File{Path: path, Mode: info.Mode()}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		f.UID, f.GID = int(owner.Uid), int(owner.Gid)
	}

	return f, data, nil
}

// parse reads the bytes in both ways and notes what each key holds.
func (f *File) parse(data []byte) error {
	if err := recognise(data); err != nil {
		return err
	}
	text, bom := bytes.CutPrefix(data, []byte(byteOrderMark))

	statements, err := scan(string(text))
	values, refused := compose(string(text), statements, nil)
	if refused != nil {
		return refusal(string(text), statements, err)
	}
	if err != nil {
		return err
	}
	expected, err := simple(data)

	f.BOM, f.CRLF = bom, bytes.Contains(data, []byte("\r\n"))
	f.GodotenvRefuses = err != nil
	read := contents{
		data:       secret.New(string(data)),
		statements: statements,
		entries:    entries(string(text), statements, values, expected),
	}
	f.hidden = func() contents { return read }

	return nil
}

// recognise refuses what is no text that could be parsed.
func recognise(data []byte) error {
	for _, head := range []string{"age-encryption.org/", "-----BEGIN AGE ", "-----BEGIN PGP ", "Salted__"} {
		if bytes.HasPrefix(data, []byte(head)) {
			return ErrEncrypted
		}
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return ErrUTF16
	}

	// Without a byte order mark: two letters have a NUL beside each of them.
	if len(data) >= 4 && (data[0] == 0 && data[2] == 0 || data[1] == 0 && data[3] == 0) {
		return ErrUTF16
	}

	return nil
}

// entries puts together what is known about each key.
func entries(text string, statements []statement, values, expected map[string]string) map[string]Entry {
	all := make(map[string]Entry)
	for _, s := range statements {
		value, ok := values[s.key]
		if s.bare || !ok {
			continue
		}
		all[s.key] = Entry{
			Key:      s.key,
			Lines:    append(all[s.key].Lines, s.line),
			Value:    secret.New(value),
			Godotenv: secret.New(expected[s.key]),
			Literal:  secret.New(text[s.value:s.end]),
			Facts:    examine(text, s, value),
		}
	}

	return all
}

// usual are names as people choose them. A secret that broke over two lines
// leaves a "name" on the second, and that one must not be shown.
var usual = regexp.MustCompile(`^([A-Z_][A-Z0-9_]*|[a-z_][a-z0-9_]*)$`)

// shown gives the name of a key for a person, or its line if it may be a part
// of a secret.
func shown(key string, line int) string {
	if len(key) <= 64 && usual.MatchString(key) {
		return key
	}

	return fmt.Sprintf("(line %d)", line)
}
