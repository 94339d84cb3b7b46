package dump

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// stream is a dump as pg_restore takes it from its standard input: a file as it
// is, or what a bundle makes of a tar or a directory. Beside that, the bytes of
// the files are counted and digested.
type stream struct {
	from   io.Reader
	digest hash.Hash
	total  int64 // given out
	ended  bool  // and that was all
	err    error // what stopped it before its end
	close  func() error
}

// stream opens the dump for one way through it. moved is told of the bytes of
// its files.
func (s *source) stream(ctx context.Context, c Contents, moved func(int64)) (*stream, error) {
	out := &stream{digest: sha256.New(), close: func() error { return nil }}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the dump: %w", err)
	}
	whole := &meter{from: io.TeeReader(s.file, out.digest), moved: moved}
	switch s.shape {
	case Tar:
		out.made(ctx, newBundle(c, s.head, nil), func(ctx context.Context, show func(member) error) error {
			return walkTar(ctx, whole, show)
		})
	case Directory:
		root, err := os.OpenRoot(s.path)
		if err != nil {
			return nil, fmt.Errorf("open the dump: %w", err)
		}
		f := &files{root: root, moved: moved, sums: out.digest}
		out.made(ctx, newBundle(c, s.head, nil), func(ctx context.Context, show func(member) error) error {
			return errors.Join(f.all(ctx, s.file, c, show), root.Close())
		})
	default:
		out.from = whole
	}

	return out, nil
}

// made lets a goroutine write what is read here. It ends when it has, or when
// close is called.
func (s *stream) made(ctx context.Context, b *bundle, walk func(context.Context, func(member) error) error) {
	from, to := io.Pipe()
	b.to.Reset(to)
	done := make(chan struct{})
	go func() {
		defer close(done)
		to.CloseWithError(b.write(ctx, walk))
	}()
	s.from = from
	s.close = func() error {
		err := from.Close()
		<-done

		return err
	}
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.total += int64(n)
	s.ended = s.ended || errors.Is(err, io.EOF)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}

	return n, err
}

// left reads what the program left, and tells how much that was.
func (s *stream) left(ctx context.Context) (int64, error) {
	before := s.total
	buffer := make([]byte, 256<<10)
	for !s.ended {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("read the dump: %w", err)
		}
		if _, err := s.Read(buffer); err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read the dump: %w", err)
		}
	}

	return s.total - before, nil
}

func (s *stream) sum() string { return hex.EncodeToString(s.digest.Sum(nil)) }
