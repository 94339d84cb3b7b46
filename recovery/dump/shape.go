package dump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Shape is the format in which pg_dump wrote a dump.
type Shape string

// The shapes of a dump: pg_dump's -Fc, -Ft, -Fd and -Fp.
const (
	Custom    Shape = "custom"
	Tar       Shape = "tar"
	Directory Shape = "directory"
	Plain     Shape = "plain"
)

// How a table of contents names its format. That of a directory says that it is
// a tar's.
const (
	formatCustom = 1
	formatTar    = 3
)

func (s Shape) format() byte {
	if s == Custom {
		return formatCustom
	}

	return formatTar
}

// tocName is where a dump in tar or directory format has its table of contents.
const tocName = "toc.dat"

// source is a dump of any shape, opened.
type source struct {
	path  string
	shape Shape
	file  *os.File          // a directory's is its toc.dat
	size  int64             // of all of its files
	head  *io.SectionReader // begins with the table of contents; of a script: all of it
	start []byte            // the first bytes of the file
}

func (s *source) Close() error { return s.file.Close() }

// opened opens a dump and tells its shape by its first bytes. A file that is no
// dump is opened as a custom-format one: reading it so tells best what it is.
func opened(path string) (*source, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return openedDirectory(path)
	}
	file, size, err := open(path)
	if err != nil {
		return nil, err
	}
	s := &source{path: path, shape: Custom, file: file, size: size, head: io.NewSectionReader(file, 0, size)}
	if s.start, err = beginning(file, size); err == nil {
		err = s.recognise()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look at %s: %w", path, err), file.Close())
	}

	return s, nil
}

// recognise tells a tar and a script from anything else. The marks of a terminal
// come first there too: it changes every line end, also of a text.
func (s *source) recognise() error {
	if isArchive(s.start) || len(s.start) == 0 {
		return nil
	}
	what := recognise(s.start)
	if !errors.Is(what, ErrTar) && !errors.Is(what, ErrPlain) {
		return nil
	}
	var seen Damage
	seen.scan(s.start)
	if seen.Terminal() {
		return &TerminalError{seen}
	}
	if errors.Is(what, ErrPlain) {
		s.shape = Plain
		return nil
	}
	s.shape = Tar
	var err error
	s.head, err = tarHead(s.file, s.size)

	return err
}

// openedDirectory opens a dump in directory format. Its files are counted, not
// opened.
func openedDirectory(path string) (*source, error) {
	file, toc, err := open(filepath.Join(path, tocName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look at %s: %w", path, ErrDirectory)
	}
	if err != nil {
		return nil, err
	}
	s := &source{path: path, shape: Directory, file: file, head: io.NewSectionReader(file, 0, toc)}
	s.size, err = sizeOf(path)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}

	return s, nil
}

func sizeOf(dir string) (int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("look at the dump: %w", err)
	}
	var sum int64
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return 0, fmt.Errorf("look at the dump: %w", err)
		}
		if info.Mode().IsRegular() {
			sum += info.Size()
		}
	}

	return sum, nil
}

// isDumpTar tells a tar that pg_dump wrote from any other.
func isDumpTar(start []byte) bool {
	return isTar(start) && bytes.HasPrefix(start, []byte(tocName+"\x00"))
}
