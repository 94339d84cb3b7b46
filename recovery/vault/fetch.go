package vault

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"firmflow-recovery/recovery/durable"
)

// syncJob is one file on its way into the mirror.
type syncJob struct{ name, beside string }

// batch copies files beside, makes all of them durable, and names them.
func (s *Sync) batch(ctx context.Context, jobs []syncJob) (int, error) {
	if len(jobs) == 0 {
		return 0, nil
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.staged = newStage(s.into, Owner{})
	defer s.staged.doors.close()
	crew := muster(work, stop, s.fetch)
	for _, j := range jobs {
		if err := crew.give(work, j); err != nil {
			break // the reason is the context's
		}
	}
	crew.wait()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := context.Cause(work); err != nil {
		return 0, err
	}
	if err := durable.SyncFS(s.path); err != nil {
		return 0, err
	}
	named := 0
	for _, j := range jobs {
		if _, err := s.into.Lstat(j.beside); errors.Is(err, fs.ErrNotExist) {
			continue // vanished, or not settled
		}
		if err := s.clear(j.name, 0); err != nil {
			return named, err
		}
		if err := s.into.Rename(j.beside, j.name); err != nil {
			return named, entryFailed(j.name, "name", err)
		}
		named++
	}

	return named, nil
}

// fetch copies one file beside. One that changes while it is copied is tried
// again, and left out if it goes on: it is still being written, and no dump that
// was taken before can name it.
func (s *Sync) fetch(ctx context.Context, j syncJob) error {
	const tries = 3
	for range tries {
		settled, err := s.fetchOnce(ctx, j)
		if errors.Is(err, fs.ErrNotExist) {
			s.vanished.Add(1)
			return nil
		}
		if err != nil || settled {
			return err
		}
		if err := s.into.Remove(j.beside); err != nil {
			return entryFailed(j.name, "give up the copy", err)
		}
	}
	s.unsettled.Add(1)

	return nil
}

func (s *Sync) fetchOnce(ctx context.Context, j syncJob) (settled bool, err error) {
	in, err := copyJob{from: s.from, name: j.name}.open()
	if err != nil {
		return false, err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return false, entryFailed(j.name, "look", err)
	}
	staged, err := s.staged.begin(j.beside)
	if err != nil {
		return false, entryFailed(j.name, "create", err)
	}
	defer func() { _ = staged.Close() }() // after finish it has nothing left to do
	if err := s.pour(ctx, staged.File, in, j.name); err != nil {
		return false, err
	}
	after, err := in.Stat()
	if err != nil {
		return false, entryFailed(j.name, "look", err)
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return false, nil
	}
	if err := staged.finish(attributesIn(before)); err != nil {
		return false, entryFailed(j.name, "finish", err)
	}

	return true, nil
}

// pour lets the kernel copy, a stretch at a time.
func (s *Sync) pour(ctx context.Context, out, in *os.File, name string) error {
	const stretch = 16 << 20
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(out, in, stretch)
		s.moved(s.done.Add(n))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return entryFailed(name, "copy", err)
		}
	}
}
