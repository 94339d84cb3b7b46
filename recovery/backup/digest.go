package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// sumEnd is what sha256sum's list of one file is called beside it.
const sumEnd = ".sha256"

// longestSum is more than such a list has.
const longestSum = 64 << 10

// DumpDigest gives the SHA-256 that was taken of the dump when it was made, in
// hex, and the file that says so: the set's manifest, or the list that sha256sum
// wrote beside the dump. Where there is neither, both are empty. A list that is
// there and cannot be used is ErrChanged, or the system's error.
func (s Set) DumpDigest() (sum, from string, err error) {
	if s.Manifest.Exists() && !s.RepairedDump {
		sealed, err := s.ReadManifest()
		if err != nil {
			return "", "", err
		}
		if f := sealed.File(Dump); f.Name == filepath.Base(s.Dump.Path) && f.SHA256 != "" {
			return f.SHA256, s.Manifest.Path, nil
		}
	}
	path := s.Dump.Path + sumEnd
	data, err := readUpTo(path, longestSum)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read %q: %w", path, plain(err))
	}
	sum, ok := sumIn(string(data), filepath.Base(s.Dump.Path))
	if !ok {
		return "", "", fmt.Errorf("read %q: %w", path, ErrChanged)
	}

	return sum, path, nil
}

// sumIn finds a file's line in what sha256sum writes: "SUM  NAME", or "SUM *NAME"
// for one that was read as binary. The name may have a directory before it.
func sumIn(text, name string) (string, bool) {
	for line := range strings.Lines(text) {
		sum, listed, ok := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if !ok || len(listed) < 2 || filepath.Base(listed[1:]) != name {
			continue
		}
		if f := (ListedFile{Name: name, SHA256: strings.ToLower(sum)}); f.check() == nil {
			return f.SHA256, true
		}
	}

	return "", false
}
