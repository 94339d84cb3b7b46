package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"firmflow-recovery/recovery/durable"
)

// What can be wrong with a file that a manifest lists.
var (
	ErrMissing = errors.New("it is missing")
	ErrSize    = errors.New("its size is not the one in the manifest")
	ErrDigest  = errors.New("its SHA-256 is not the one in the manifest")
)

// Mismatch is a file of a backup that is not as the manifest says.
type Mismatch struct {
	Name string
	Part Part
	Err  error // ErrMissing, ErrSize, ErrDigest, or what the system says
}

// Sizes compares the files of the set with the manifest, without reading them.
func (s Set) Sizes(m Manifest) []Mismatch {
	var wrong []Mismatch
	for _, f := range m.Files {
		info, err := os.Stat(s.At(f))
		switch {
		case errors.Is(err, os.ErrNotExist):
			err = ErrMissing
		case err == nil && info.Size() != f.Size:
			err = fmt.Errorf("%w: %d bytes, not %d", ErrSize, info.Size(), f.Size)
		}
		if err != nil {
			wrong = append(wrong, Mismatch{f.Name, f.Part, plain(err)})
		}
	}

	return wrong
}

// At is where a listed file is. A repaired dump has another name, and is as long
// and the same as the one that was listed; a repaired archive is another file.
func (s Set) At(f ListedFile) string {
	if f.Part == Dump && s.RepairedDump {
		return s.Dump.Path
	}

	return filepath.Join(filepath.Dir(s.Manifest.Path), f.Name)
}

// Digests reads every file that the manifest lists, but for those whose digest is
// known already, by part. moved, which may be nil, is told how many bytes were
// read. The list of checksums is compared as well, line by line.
func (s Set) Digests(ctx context.Context, m Manifest, known map[Part]string, moved func(int64)) ([]Mismatch, error) {
	wrong := s.Sizes(m)
	bad := map[string]bool{}
	for _, w := range wrong {
		bad[w.Name] = true
	}
	var done int64
	for _, f := range m.Files {
		if bad[f.Name] {
			continue
		}
		sum, have := known[f.Part]
		if !have {
			var err error
			sum, err = durable.Digest(ctx, s.At(f), func(n int) {
				if done += int64(n); moved != nil {
					moved(done)
				}
			})
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				wrong = append(wrong, Mismatch{f.Name, f.Part, plain(err)})
				continue
			}
		}
		if sum != f.SHA256 {
			wrong = append(wrong, Mismatch{f.Name, f.Part, ErrDigest})
		}
	}

	return append(wrong, s.sums(ctx, m)...), nil
}

// sums compares the list of checksums, which says nothing that the manifest does
// not say, and is there for sha256sum.
func (s Set) sums(ctx context.Context, m Manifest) []Mismatch {
	name := Making{Date: m.Backup}.FileName(Sums, Plain)
	wrong := func(err error) []Mismatch { return []Mismatch{{name, Sums, err}} }
	data, err := readUpTo(filepath.Join(filepath.Dir(s.Manifest.Path), name), 1<<20)
	if errors.Is(err, os.ErrNotExist) {
		return wrong(ErrMissing)
	}
	if err != nil {
		return wrong(plain(err))
	}
	listed, err := ParseSums(data)
	if err != nil {
		return wrong(err)
	}
	manifest, err := durable.Digest(ctx, s.Manifest.Path, nil)
	if err != nil {
		return wrong(plain(err))
	}
	want := map[string]string{filepath.Base(s.Manifest.Path): manifest}
	for _, f := range m.Files {
		want[f.Name] = f.SHA256
	}
	for file, sum := range want {
		if listed[file] != sum {
			return wrong(fmt.Errorf("%w: its line for %s differs", ErrChanged, file))
		}
	}
	if len(listed) != len(want) {
		return wrong(fmt.Errorf("%w: it lists other files", ErrChanged))
	}

	return nil
}
