package backup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"firmflow-recovery/recovery/secret"
)

// sealedSet publishes a backup whose manifest tells the truth about it.
func sealedSet(p place, at time.Time) Set {
	p.t.Helper()
	m := Making{Dir: p.dir, Date: NameOf(at)}
	p.must(m.Begin())
	manifest := Manifest{Program: "test", Backup: m.Date}
	write := func(part Part, data []byte) ListedFile {
		name := m.FileName(part, Encrypted)
		p.must(os.WriteFile(m.Path(name), data, 0o600))

		return ListedFile{Name: name, Part: part, Size: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
	}
	for _, part := range []Part{Dump, Archive, Env, List, Compose, Card} {
		manifest.Files = append(manifest.Files, write(part, []byte(string(part)+" of "+m.Date)))
	}
	data, err := manifest.Encode(map[string]secret.String{"AUTH_SECRET": secret.New("s")}, quick())
	p.must(err)
	write(Sums, SumsFile(append(manifest.Files, write(Proof, data))))
	p.must(m.Publish())
	set, err := p.open().Choose(m.Date)
	p.must(err)

	return set
}

func TestEveryChangedFileOfABackupIsNamed(t *testing.T) {
	at := time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)
	for _, part := range []Part{Dump, Archive, Env, List, Compose, Card, Sums} {
		for name, c := range map[string]struct {
			change func(path string) error
			want   error
		}{
			"a flipped bit": {func(path string) error {
				data, err := os.ReadFile(path)
				data[len(data)/2] ^= 4

				return errors.Join(err, os.WriteFile(path, data, 0o600))
			}, ErrDigest},
			"a byte more": {func(path string) error {
				f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				_, wrote := f.WriteString("\n")

				return errors.Join(err, wrote, f.Close())
			}, ErrSize},
			"gone": {os.Remove, ErrMissing},
		} {
			p := newPlace(t)
			set := sealedSet(p, at)
			m, err := set.ReadManifest()
			p.must(err)
			p.must(c.change(set.File(part).Path))
			wrong, err := set.Digests(t.Context(), m.Manifest, nil, nil)
			if part == Sums && !errors.Is(c.want, ErrMissing) {
				c.want = ErrChanged
			}
			if err != nil || len(wrong) != 1 || wrong[0].Part != part || !errors.Is(wrong[0].Err, c.want) {
				t.Errorf("%s of the %s: %v, %v; want %v", name, part, wrong, err, c.want)
			}
		}
	}
}

func TestAWholeBackupIsAsItsManifestSays(t *testing.T) {
	p := newPlace(t)
	set := sealedSet(p, time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC))
	m, err := set.ReadManifest()
	p.must(err)
	if wrong, err := set.Digests(t.Context(), m.Manifest, nil, nil); len(wrong) > 0 || err != nil {
		t.Errorf("%v, %v", wrong, err)
	}
	if wrong := set.Sizes(m.Manifest); len(wrong) > 0 {
		t.Errorf("sizes: %v", wrong)
	}
}

func TestAFileOfAnotherDayUnderThisOnesNameIsNamed(t *testing.T) {
	p := newPlace(t)
	first := sealedSet(p, time.Date(2026, 11, 27, 2, 0, 0, 0, time.UTC))
	second := sealedSet(p, time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC))
	other, err := os.ReadFile(first.Archive.Path)
	p.must(err)
	p.must(os.WriteFile(second.Archive.Path, other, 0o600))
	m, err := second.ReadManifest()
	p.must(err)
	wrong, err := second.Digests(t.Context(), m.Manifest, nil, nil)
	if err != nil || len(wrong) != 1 || wrong[0].Name != filepath.Base(second.Archive.Path) {
		t.Errorf("%v, %v; want the archive", wrong, err)
	}
}
