package vault

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"
)

// Pack writes the documents below dir as a vault archive, a tar.gz that GNU tar
// and gzip read. Nothing may change there meanwhile: what does is ErrChanged, so
// it is the mirror that is packed and not a live vault. list, which may be nil,
// gets a line for each document, as sha256sum -c reads it. moved, which may be nil, is
// told how many bytes of content have been read.
//
// What does not compress, as encrypted documents do not, is stored: the work is
// then to read, to digest and to write.
func Pack(ctx context.Context, dir string, archive, list io.Writer, moved func(int64)) (Summary, error) {
	p := &packing{cat: newCatalogue(), moved: moved}
	if moved == nil {
		p.moved = func(int64) {}
	}
	written, err := compressed(ctx, archive, func(ctx context.Context, to *cutter) error { return p.run(ctx, dir, to) })
	if err != nil {
		return Summary{}, fmt.Errorf("pack %q: %w", dir, err)
	}
	if list != nil {
		if err := p.cat.writeList(list); err != nil {
			return Summary{}, fmt.Errorf("list what was packed of %q: %w", dir, err)
		}
	}
	s := p.cat.summary()
	s.CompressedBytes, s.SHA256 = written.bytes, hex.EncodeToString(written.sha.Sum(nil))

	return s, nil
}

// packing walks a tree and writes it as tar.
type packing struct {
	cat    *catalogue
	root   *os.Root
	tar    *tar.Writer
	to     *cutter
	buffer [256 << 10]byte
	count  int64
	moved  func(int64)
}

func (p *packing) run(ctx context.Context, dir string, to *cutter) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return bare(err)
	}
	defer root.Close()
	p.root, p.to, p.tar = root, to, tar.NewWriter(to)
	if err := p.walk(ctx); err != nil {
		return err
	}
	p.to.content(false)

	return p.tar.Close()
}

// walk writes each directory and then what is in it, files first. Tar gives a
// directory its time when it comes to an entry elsewhere: whoever wrote all
// directories first would lose their times.
func (p *packing) walk(ctx context.Context) error {
	for todo := []string{"."}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if err := p.folder(at); err != nil {
			return placed(at, err)
		}
		err := list(ctx, p.root, at, func(name string, e fs.DirEntry) error {
			switch {
			case reserved(name):
				return nil
			case e.IsDir():
				todo = append(todo, name)
				return nil
			}
			if err := p.entry(ctx, name, e); err != nil {
				return placed(name, err)
			}

			return nil
		})
		if err != nil {
			return err
		}
	}

	return nil
}

func (p *packing) entry(ctx context.Context, name string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return fmt.Errorf("look at it: %w", bare(err))
	}
	switch {
	case e.Type()&fs.ModeSymlink != 0:
		return p.link(name, info)
	case !e.Type().IsRegular():
		return ErrSpecial
	default:
		return p.file(ctx, name, info)
	}
}

// header is what the archive says of an entry. The names are as tar's are that
// was told to pack ".".
func (p *packing) header(kind byte, name string, info fs.FileInfo) *tar.Header {
	attr := attributesIn(info)

	return &tar.Header{
		Typeflag: kind, Name: "./" + name, Mode: int64(attr.mode), Uid: attr.uid, Gid: attr.gid,
		ModTime: attr.mtime.Truncate(time.Second), // as GNU tar does; archive/tar would round, into the future
	}
}

func (p *packing) folder(name string) error {
	info, err := p.root.Lstat(name)
	if err != nil {
		return fmt.Errorf("look at it: %w", bare(err))
	}
	if err := p.cat.addFolder(name, attributesIn(info)); err != nil {
		return err
	}
	h := p.header(tar.TypeDir, name+"/", info)
	if name == "." {
		h.Name = "./"
	}
	p.to.content(false)

	return p.tar.WriteHeader(h)
}

func (p *packing) link(name string, info fs.FileInfo) error {
	to, err := p.root.Readlink(name)
	if err != nil {
		return fmt.Errorf("read link: %w", bare(err))
	}
	if err := safeLink(name, to); err != nil {
		return err
	}
	if err := p.cat.addLink(name, to, attributesIn(info)); err != nil {
		return err
	}
	h := p.header(tar.TypeSymlink, name, info)
	h.Linkname = to
	p.to.content(false)

	return p.tar.WriteHeader(h)
}

func (p *packing) file(ctx context.Context, name string, info fs.FileInfo) error {
	it, err := p.cat.addFile(name, info.Size(), info.ModTime())
	if err != nil {
		return err
	}
	f, err := copyJob{from: p.root, name: name}.open()
	if err != nil {
		return err
	}
	defer f.Close()
	h := p.header(tar.TypeReg, name, info)
	h.Size = info.Size()
	p.to.content(false)
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	p.to.content(true)
	sha := sha256.New()
	if err := p.pour(ctx, f, sha, info.Size()); err != nil {
		return err
	}
	sha.Sum(it.sum[:0])

	return nil
}

// pour reads a file that must be as long as it was when it was looked at.
func (p *packing) pour(ctx context.Context, f io.Reader, sha hash.Hash, size int64) error {
	for left := size; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(p.buffer[:])
		if left -= int64(n); left < 0 {
			return ErrChanged
		}
		sha.Write(p.buffer[:n])
		if _, failed := p.tar.Write(p.buffer[:n]); failed != nil {
			return failed
		}
		p.count += int64(n)
		p.moved(p.count)
		switch {
		case errors.Is(err, io.EOF) && left > 0:
			return ErrChanged
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read: %w", bare(err))
		}
	}
}
