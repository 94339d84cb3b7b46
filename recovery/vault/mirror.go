package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"firmflow-recovery/recovery/durable"
)

// Mirror copies a directory tree, vault_sync above all, into a directory, which
// must be missing or empty. Only directories and regular files are accepted.
// moved, which may be nil, is told how many bytes of content have been copied.
func Mirror(ctx context.Context, from, into string, o Owner, moved func(int64)) (Summary, error) {
	if err := apart(from, into); err != nil {
		return Summary{}, fmt.Errorf("copy vault %q: %w", from, err)
	}
	s, err := openStage(into, o)
	if err != nil {
		return Summary{}, fmt.Errorf("copy vault %q: %w", from, err)
	}
	defer s.close()

	c := newCopying(s, moved)
	if err := c.run(ctx, from); err != nil {
		return Summary{}, fmt.Errorf("copy vault %q: %w", from, err)
	}
	if err := s.finish(ctx, c.cat); err != nil {
		return Summary{}, fmt.Errorf("copy vault %q: %w", from, err)
	}
	if err := durable.SyncFS(into); err != nil {
		return Summary{}, err
	}

	return c.cat.summary(), nil
}

// TreeDigest reads every file of a vault, several at a time, and gives what
// Summary.Tree says of the archive with the same content.
func TreeDigest(ctx context.Context, dir string) (string, error) {
	c := newCopying(nowhere{}, nil)
	c.links = true
	if err := c.run(ctx, dir); err != nil {
		return "", fmt.Errorf("digest %q: %w", dir, err)
	}

	return c.cat.digest(), nil
}

// apart refuses to copy a directory into itself, which would never end.
func apart(from, into string) error {
	real, err := filepath.EvalSymlinks(from)
	if err != nil {
		return bare(err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(into))
	if err != nil {
		return bare(err)
	}
	if strings.HasPrefix(filepath.Join(parent, filepath.Base(into))+"/", real+"/") {
		return fmt.Errorf("into %q: %w", into, ErrInside)
	}

	return nil
}

// copying reads a tree and writes it to a target, or nowhere.
type copying struct {
	cat     *catalogue
	to      target
	buffers buffers
	links   bool // noted, not refused

	mu    sync.Mutex
	count int64
	moved func(int64)
}

// copyJob is one file to copy.
type copyJob struct {
	from *os.Root
	name string
	size int64
	item *item
	attr attributes
}

func newCopying(to target, moved func(int64)) *copying {
	if moved == nil {
		moved = func(int64) {}
	}

	return &copying{cat: newCatalogue(), to: to, buffers: newBuffers(), moved: moved}
}

// run walks the tree while the crew reads, hashes and writes.
func (c *copying) run(ctx context.Context, from string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return bare(err)
	}
	defer root.Close()
	info, err := root.Stat(".")
	if err != nil {
		return bare(err)
	}
	if err := c.cat.addFolder(".", attributesIn(info)); err != nil {
		return err
	}

	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	crew := muster(work, stop, c.copy)
	err = walk(work, root, func(name string, e fs.DirEntry) error {
		return c.entry(work, copyJob{from: root, name: name}, e, crew)
	})
	if err != nil {
		stop(err)
	}
	crew.wait()

	if err := ctx.Err(); err != nil {
		return err
	}

	return context.Cause(work)
}

// entry applies the rule to one entry of the tree.
func (c *copying) entry(ctx context.Context, j copyJob, e fs.DirEntry, crew *crew[copyJob]) error {
	info, err := e.Info()
	if err != nil {
		return fmt.Errorf("look at it: %w", bare(err))
	}
	j.attr = attributesIn(info)

	switch {
	case e.IsDir():
		if err := c.cat.addFolder(j.name, j.attr); err != nil {
			return err
		}
		return c.cat.newFolders(func(f *folder) error { return c.to.folder(f.path) })
	case e.Type()&fs.ModeSymlink != 0:
		return c.link(j)
	case !e.Type().IsRegular():
		return ErrSpecial
	}

	j.size = info.Size()
	if j.item, err = c.cat.addFile(j.name, j.size, info.ModTime()); err != nil {
		return err
	}

	return crew.give(ctx, j)
}

func (c *copying) link(j copyJob) error {
	if !c.links {
		return ErrLink
	}
	to, err := j.from.Readlink(j.name)
	if err != nil {
		return fmt.Errorf("read link: %w", bare(err))
	}

	return c.cat.addLink(j.name, to, j.attr)
}

// copy is the work of a writer: one file, from one end to the other.
func (c *copying) copy(ctx context.Context, j copyJob) error {
	in, err := j.open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.to.create(j.name)
	if err != nil {
		return entryFailed(j.name, "create", err)
	}
	defer out.Close() // after finish it has nothing left to do

	sha := sha256.New()
	count, err := c.pour(ctx, in, out, sha, j.name)
	if err != nil {
		return err
	}
	if count != j.size {
		return &EntryError{j.name, ErrChanged}
	}
	sha.Sum(j.item.sum[:0])
	if err := out.finish(j.attr); err != nil {
		return entryFailed(j.name, "finish", err)
	}

	return nil
}

// open opens the file, and nothing that has taken its place since the walk:
// a link is not followed, and a fifo does not make us wait for its writer.
func (j copyJob) open() (*os.File, error) {
	f, err := j.from.OpenFile(j.name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, entryFailed(j.name, "open", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, entryFailed(j.name, "look", err)
	}
	if !info.Mode().IsRegular() {
		f.Close()
		return nil, &EntryError{j.name, ErrChanged}
	}

	return f, nil
}

func (c *copying) pour(ctx context.Context, in io.Reader, out io.Writer, sha hash.Hash, name string) (int64, error) {
	buffer, err := c.buffers.take(ctx)
	if err != nil {
		return 0, err
	}
	defer c.buffers.back(buffer)

	for count := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return count, err
		}
		n, err := in.Read(buffer)
		if n > 0 {
			count += int64(n)
			if err := write(out, sha, name, buffer[:n]); err != nil {
				return count, err
			}
			c.advance(n)
		}
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, entryFailed(name, "read", err)
		}
	}
}

func (c *copying) advance(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count += int64(n)
	c.moved(c.count)
}

func attributesIn(info fs.FileInfo) attributes {
	attr := attributes{mode: info.Mode().Perm(), mtime: info.ModTime()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		attr.uid, attr.gid = int(s.Uid), int(s.Gid)
	}

	return attr
}
