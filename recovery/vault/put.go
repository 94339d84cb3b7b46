package vault

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
)

// write writes some files: the work of a writer.
func (in *intake) write(ctx context.Context, s sheaf) error {
	defer in.buffers.back(s.buffer)
	for _, j := range s.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := in.put(ctx, j); err != nil {
			return err
		}
	}

	return nil
}

// put writes one file and notes its digest.
func (in *intake) put(ctx context.Context, j job) error {
	f, err := in.to.create(j.name)
	if err != nil {
		return entryFailed(j.name, "create", err)
	}
	defer f.Close() // after finish it has nothing left to do

	sha := sha256.New()
	if err := in.fill(ctx, f, sha, j); err != nil {
		return err
	}
	sha.Sum(j.item.sum[:0])
	if err := f.finish(j.attr); err != nil {
		return entryFailed(j.name, "finish", err)
	}

	return nil
}

func (in *intake) fill(ctx context.Context, f file, sha hash.Hash, j job) error {
	if j.pieces == nil {
		return write(f, sha, j.name, j.whole)
	}

	for {
		select {
		case p, more := <-j.pieces:
			if !more {
				return nil
			}
			err := write(f, sha, j.name, p)
			in.buffers.back(p)
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func write(f io.Writer, sha hash.Hash, name string, p []byte) error {
	sha.Write(p)
	if _, err := f.Write(p); err != nil {
		return entryFailed(name, "write", err)
	}

	return nil
}
