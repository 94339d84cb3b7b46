package backup

import (
	"fmt"
	"path"
)

// Arrange makes a directory of files that are not on this host: those of a bucket.
// A file's Path is its address, whose last part is its name.
func Arrange(place string, files []File) Directory {
	d := Directory{Path: place}
	var parts []candidate
	for _, f := range files {
		name := path.Base(f.Path)
		if part, st, rank, ours := classify(name); ours {
			parts = append(parts, candidate{name, part, st, rank, f})
		} else {
			d.Foreign = append(d.Foreign, name)
		}
	}
	d.pair(parts)

	return d
}

// Files lists the files of a set; the mirror is none.
func (s Set) Files() []File {
	var all []File
	for _, part := range Parts() {
		if f := s.File(part); f.Exists() {
			all = append(all, f)
		}
	}

	return all
}

// SealedFrom reads the manifest of a set whose files are not on this host, and
// holds their sizes against it: ErrMissing or ErrSize. Its other errors are those
// of ReadManifest.
func (s Set) SealedFrom(data []byte) (Sealed, error) {
	m, err := DecodeManifest(data)
	if err == nil && m.Backup != s.Date {
		err = ErrForeign
	}
	if err != nil {
		return Sealed{}, err
	}
	sizes := map[string]int64{}
	for _, f := range s.Files() {
		sizes[path.Base(f.Path)] = f.Size
	}
	for _, f := range m.Files {
		size, there := sizes[f.Name]
		if !there {
			return m, fmt.Errorf("%s: %w", f.Name, ErrMissing)
		}
		if size != f.Size {
			return m, fmt.Errorf("%s: %w", f.Name, ErrSize)
		}
	}

	return m, nil
}
