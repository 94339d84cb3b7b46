package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/secret"
)

// private is the mode of every file made here.
const private fs.FileMode = 0o600

// Apply makes the .env at path give these values, and changes nothing else in
// it. target is that file as it was read, or its zero value where there is none.
//
// The file is first copied to keep, whole; a file that is there with other
// content is never overwritten. The new one is written beside, read back as
// Compose reads it, given the old one's owner and mode, synced, and renamed. A
// link at path is followed, so that it stays a link. Values that the file
// gives already stay as they are written: applied twice is applied once.
func Apply(target File, path, keep string, set map[string]secret.String) error {
	if err := apply(target, path, keep, set); err != nil {
		return fmt.Errorf("change environment file %q: %w", path, plain(err))
	}

	return nil
}

func apply(target File, path, keep string, set map[string]secret.String) error {
	content, err := target.with(set)
	if err != nil {
		return err
	}
	if !target.Exists() {
		return create(path, content)
	}

	place, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	old, now, err := load(place)
	if err != nil {
		return err
	}
	if string(now) != secret.Reveal(target.Content()) {
		return ErrChanged
	}
	if string(content) == string(now) {
		return nil
	}
	if sameFile(keep, place) {
		return fmt.Errorf("keep the old file as %q: %w", keep, ErrKept) // it would be what is replaced
	}
	if err := create(keep, now); err != nil {
		return fmt.Errorf("keep the old file as %q: %w", keep, plain(err))
	}

	return replace(place, content, old)
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)

	return err == nil && os.SameFile(first, second)
}

// Copy writes the whole original file, byte for byte, to a path where there is
// none. One that is there with other content is ErrKept.
func Copy(original File, path string) error {
	if err := create(path, []byte(secret.Reveal(original.Content()))); err != nil {
		return fmt.Errorf("copy environment file to %q: %w", path, plain(err))
	}

	return nil
}

// with gives the content of the file with the keys set: the last definition is
// replaced, earlier ones become comments that hold no value, and a key that was
// not there is added at the end.
func (f File) with(set map[string]secret.String) ([]byte, error) {
	lines, err := f.lines(set)
	if err != nil {
		return nil, err
	}
	eol := "\n"
	if f.CRLF {
		eol = "\r\n"
	}

	var b strings.Builder
	text, from := secret.Reveal(f.Content()), 0
	if f.BOM {
		b.WriteString(byteOrderMark)
		text = strings.TrimPrefix(text, byteOrderMark)
	}
	added := maps.Clone(lines)
	for i, s := range f.inside().statements {
		line, ok := lines[s.key]
		if !ok {
			continue
		}
		if f.again(s.key, i+1) {
			line = "# (kept by firmflow-recovery) " + s.key + " was set here too, without effect"
		}
		delete(added, s.key)
		b.WriteString(text[from:s.start] + line)
		from = behind(text, s)
		if end, _ := lineEnd(text, from); from < end {
			b.WriteString(eol) // more follows a closing quote: a comment, or another statement
		}
	}
	b.WriteString(text[from:])
	if len(added) > 0 && text != "" && !strings.HasSuffix(b.String(), "\n") {
		b.WriteString(eol)
	}
	for _, key := range slices.Sorted(maps.Keys(added)) {
		b.WriteString(added[key] + eol)
	}

	return []byte(b.String()), f.verify(b.String(), set)
}

// lines gives the line for every key whose value is not yet the one to set.
func (f File) lines(set map[string]secret.String) (map[string]string, error) {
	lines := map[string]string{}
	for key, value := range set {
		if e, ok := f.Entry(key); ok && e.Value.Equal(value) {
			continue
		}
		line, err := Line(key, value)
		if err != nil {
			return nil, err
		}
		lines[key] = secret.Reveal(line)
	}

	return lines, nil
}

// again tells whether a statement from the given one on names the key.
func (f File) again(key string, from int) bool {
	return slices.ContainsFunc(f.inside().statements[from:], func(s statement) bool { return s.key == key })
}

// behind gives the offset where the text goes on after a statement that is
// replaced: blanks before the line's end go with it.
func behind(text string, s statement) int {
	end, _ := lineEnd(text, s.end)
	if strings.TrimLeftFunc(text[s.end:end], isBlank) == "" {
		return end
	}

	return s.end
}

// verify reads new content as Compose will: the keys have their values, and
// every other key is there and has kept its own, unless it refers to others.
func (f File) verify(content string, set map[string]secret.String) error {
	var after File
	if err := after.parse([]byte(content)); err != nil {
		return fmt.Errorf("%w: %w", ErrVerify, err)
	}
	for key, value := range set {
		if e, ok := after.Entry(key); !ok || !e.Value.Equal(value) {
			return fmt.Errorf("%w: %s", ErrVerify, key)
		}
	}
	for key, was := range f.inside().entries {
		is, ok := after.Entry(key)
		if _, meant := set[key]; !ok || !meant && !was.Dollar && !is.Value.Equal(was.Value) {
			return fmt.Errorf("%w: %s", ErrVerify, was.name())
		}
	}

	return nil
}

// create writes a new file, readable by its owner alone. One that is there with
// the same content is as good; one with any other is left alone.
func create(path string, data []byte) error {
	_, there, err := load(path)
	if err == nil && bytes.Equal(there, data) {
		return nil
	}
	if err == nil || errors.Is(err, ErrTooLarge) {
		return ErrKept
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	partial := path + ".partial"
	if err := durable.WriteFile(partial, data, private); err != nil {
		return err
	}
	if err := durable.Rename(partial, path); err != nil {
		_ = os.Remove(partial) // ours, and the error below is the one that matters
		if errors.Is(err, fs.ErrExist) {
			return ErrKept
		}

		return err
	}

	return nil
}

// replace puts content in the place of the file at path, with the owner and
// the mode that one has.
func replace(path string, content []byte, old File) error {
	beside, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer beside.Discard()

	if _, err := beside.Write(content); err != nil {
		return err
	}
	is, written, err := load(beside.Name())
	if err != nil {
		return err
	}
	if !bytes.Equal(written, content) {
		return ErrVerify
	}
	if is.UID != old.UID || is.GID != old.GID {
		if err := beside.Chown(old.UID, old.GID); err != nil {
			return fmt.Errorf("%w: %w", ErrOwner, plain(err))
		}
	}
	if err := beside.Chmod(old.Mode.Perm()); err != nil {
		return err
	}

	return beside.Commit()
}
