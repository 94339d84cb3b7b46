package vault

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
)

const (
	// small is the size up to which a file is handed to a writer in one piece, and
	// the size of the pieces of a larger one.
	small = 1 << 20

	// sheafFiles is how many small files are handed over at once, if they fit into one
	// buffer: to hand over one by one costs more than to write them.
	sheafFiles = 64
)

// intake takes the entries of an archive in, one after the other: the rule is
// applied here, the content goes to the crew.
type intake struct {
	src     *source
	tar     *tar.Reader
	cat     *catalogue
	to      target
	buffers buffers
	now     sheaf
}

// sheaf is some files on their way to a writer: small ones, with the buffer that
// their contents lie in, or one large one.
type sheaf struct {
	files  []job
	buffer []byte
	used   int
}

// job is one file, to be written whole or piece by piece.
type job struct {
	name   string
	item   *item
	attr   attributes
	whole  []byte
	pieces chan []byte // nil when whole
}

func newIntake(src *source, to target) *intake {
	return &intake{src: src, tar: tar.NewReader(src), cat: newCatalogue(), to: to, buffers: newBuffers()}
}

// run reads entry by entry while the crew hashes and writes. It returns when
// every writer has, so nothing is written after an error has been reported.
func (in *intake) run(ctx context.Context) error {
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	crew := muster(work, stop, in.write)

	if err := in.entries(work, crew); err != nil {
		stop(err)
	}
	crew.wait()

	if err := ctx.Err(); err != nil {
		return err
	}

	return context.Cause(work)
}

func (in *intake) entries(ctx context.Context, crew *crew[sheaf]) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := in.tar.Next()
		if errors.Is(err, io.EOF) {
			if err := in.hand(ctx, crew); err != nil {
				return err
			}

			return in.end(ctx)
		}
		if err != nil {
			return in.blame(ctx, err)
		}

		in.src.entry = header.Name
		if err := in.entry(ctx, header, crew); err != nil {
			return err
		}
	}
}

// end is reached when tar says that it is done. Tar ends before gzip does, and
// says so as well when its two zero blocks are missing because a file was cut
// between two members. Read on, or a bad checksum goes unseen.
func (in *intake) end(ctx context.Context) error {
	if in.src.ended {
		return in.src.damage(ErrNoEnd)
	}

	return in.drain(ctx, in.src, func(content []byte) error {
		if !zeros(content) {
			return in.src.damage(ErrTrailing)
		}

		return nil
	})
}

// blame finds out why a header could not be read. A flipped bit shows up as a
// strange header long before gzip's checksum is reached, and the checksum is the
// better explanation: so read on.
func (in *intake) blame(ctx context.Context, err error) error {
	if errors.Is(err, tar.ErrHeader) {
		if err := in.drain(ctx, in.src, unseen); err != nil {
			return err
		}
	}

	return in.src.explain(err)
}

// drain reads r to its end, showing the content piece by piece.
func (in *intake) drain(ctx context.Context, r io.Reader, show func([]byte) error) error {
	buffer, err := in.buffers.take(ctx)
	if err != nil {
		return err
	}
	defer in.buffers.back(buffer)

	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buffer)
		if refused := show(buffer[:n]); refused != nil {
			return refused
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return in.src.explain(err)
		}
	}
}

func unseen([]byte) error { return nil }

// entry applies the rule to one header and sees to its content.
func (in *intake) entry(ctx context.Context, header *tar.Header, crew *crew[sheaf]) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := localName(header)
	if err != nil {
		return &EntryError{header.Name, err}
	}
	attr := attributesOf(header)

	switch header.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeDir, tar.TypeSymlink, tar.TypeLink:
	default:
		return &EntryError{header.Name, ErrSpecial}
	}
	name, left, err := in.src.archive.raised(name, header.Typeflag)
	if err != nil {
		return &EntryError{header.Name, err}
	}
	if !left {
		return nil
	}
	if reserved(name) {
		in.cat.leftOut++
		return in.drain(ctx, in.tar, unseen)
	}

	switch header.Typeflag {
	case tar.TypeDir:
		return in.folder(name, attr)
	case tar.TypeSymlink:
		return in.link(name, header.Linkname, attr)
	case tar.TypeLink:
		return in.sameFile(name, header.Linkname)
	}

	return in.file(ctx, name, header.Size, attr, crew)
}

func (in *intake) folder(name string, attr attributes) error {
	if err := in.cat.addFolder(name, attr); err != nil {
		return &EntryError{name, err}
	}

	return in.makeFolders()
}

func (in *intake) link(name, to string, attr attributes) error {
	if err := safeLink(name, to); err != nil {
		return &EntryError{name, err}
	}
	if err := in.cat.addLink(name, to, attr); err != nil {
		return &EntryError{name, err}
	}

	return in.makeFolders()
}

// sameFile is a hard link: a second name of a file that came before it.
func (in *intake) sameFile(name, of string) error {
	first, err := cleanName(of)
	if err != nil {
		return &EntryError{name, ErrLinkEscapes}
	}
	if first, _, err = in.src.archive.raised(first, tar.TypeLink); err != nil {
		return &EntryError{name, ErrLinkEscapes}
	}
	if err := in.cat.addSame(name, first); err != nil {
		return &EntryError{name, err}
	}

	return in.makeFolders()
}

// makeFolders creates the directories that the catalogue has learnt of. The
// reader does it, so that they exist before a writer needs them.
func (in *intake) makeFolders() error {
	return in.cat.newFolders(func(f *folder) error { return in.to.folder(f.path) })
}

func (in *intake) file(ctx context.Context, name string, size int64, attr attributes, crew *crew[sheaf]) error {
	it, err := in.cat.addFile(name, size, attr.mtime)
	if err != nil {
		return &EntryError{name, err}
	}
	if err := in.makeFolders(); err != nil {
		return err
	}
	j := job{name: name, item: it, attr: attr}

	if size > small {
		j.pieces = make(chan []byte, piecesAhead)
		if err := crew.give(ctx, sheaf{files: []job{j}}); err != nil {
			return err
		}

		return in.stream(ctx, size, j.pieces)
	}

	return in.bind(ctx, j, int(size), crew)
}

// bind reads a small file into the sheaf, and hands that over when it is full.
func (in *intake) bind(ctx context.Context, j job, size int, crew *crew[sheaf]) error {
	if len(in.now.files) == sheafFiles || size > small-in.now.used {
		if err := in.hand(ctx, crew); err != nil {
			return err
		}
	}
	if in.now.buffer == nil {
		buffer, err := in.buffers.take(ctx)
		if err != nil {
			return err
		}
		in.now.buffer = buffer
	}
	j.whole = in.now.buffer[in.now.used : in.now.used+size]
	if err := in.fillUp(j.whole); err != nil {
		return err
	}
	in.now.files, in.now.used = append(in.now.files, j), in.now.used+size

	return nil
}

// hand gives the sheaf to a writer, who gives its buffer back.
func (in *intake) hand(ctx context.Context, crew *crew[sheaf]) error {
	if len(in.now.files) == 0 {
		return nil
	}
	s := in.now
	in.now = sheaf{files: make([]job, 0, sheafFiles)}

	return crew.give(ctx, s)
}

// stream feeds a large file to the writer that has taken it.
func (in *intake) stream(ctx context.Context, size int64, pieces chan<- []byte) error {
	for size > 0 {
		p, err := in.piece(ctx, size)
		if err != nil {
			return err
		}
		size -= int64(len(p))

		select {
		case pieces <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}

	// Closed only when complete: a writer that saw the channel close after an
	// error would take the file for whole.
	close(pieces)

	return nil
}

// piece reads the next bytes of the current file: what is left, or a bufferful.
func (in *intake) piece(ctx context.Context, left int64) ([]byte, error) {
	buffer, err := in.buffers.take(ctx)
	if err != nil {
		return nil, err
	}
	p := buffer[:min(left, small)]

	return p, in.fillUp(p)
}

func (in *intake) fillUp(p []byte) error {
	_, err := io.ReadFull(in.tar, p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return in.src.explain(err)
	}

	return nil
}

// attributesOf takes what a restored file keeps of its header. Setuid, setgid
// and sticky bits are not among it.
func attributesOf(h *tar.Header) attributes {
	return attributes{mode: fs.FileMode(h.Mode) & fs.ModePerm, mtime: h.ModTime, uid: h.Uid, gid: h.Gid}
}
