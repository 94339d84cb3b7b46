package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// mirrorName is where the script keeps its mirror of the vault.
const mirrorName = "vault_sync"

// Open reads a backup directory. Reading happens in a goroutine: a share that
// hangs blocks it for as long as the kernel likes, and us until ctx ends. The
// error then is ErrStalled.
func Open(ctx context.Context, dir string) (Directory, error) {
	d, err := Within(ctx, func() (Directory, error) { return read(ctx, dir) })
	if err != nil {
		return Directory{}, fmt.Errorf("read backup directory %q: %w", dir, plain(err))
	}

	return d, nil
}

// Within runs a function that may never return, until ctx ends. ErrStalled means
// that its time was over.
func Within[T any](ctx context.Context, run func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1) // so that a late result finds its place and the goroutine its end
	go func() {
		value, err := run()
		done <- result{value, err}
	}()

	var none T
	select {
	case r := <-done:
		if r.err == nil || ctx.Err() == nil {
			return r.value, r.err
		}
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return none, fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	}

	return none, ctx.Err()
}

// candidate is a file that is a part of a set by its name.
type candidate struct {
	name  string
	part  Part
	stamp stamp
	rank  int
	file  File
}

func read(ctx context.Context, dir string) (Directory, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return Directory{}, err
	}
	entries, err := os.ReadDir(path)
	if errors.Is(err, syscall.ENOTDIR) {
		return Directory{}, ErrNotDirectory
	}
	if err != nil {
		return Directory{}, err
	}

	d := Directory{Path: path}
	making := unfinished(entries)
	var parts []candidate
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return Directory{}, err
		}
		c, ok, err := d.sort(ctx, entry.Name())
		if err != nil {
			return Directory{}, err
		}
		switch {
		case ok && making[c.stamp] && !c.repaired():
			d.pass(c.name, ErrPartial)
		case ok:
			parts = append(parts, c)
		}
	}
	d.pair(parts)

	return d, nil
}

// sort puts a name where it belongs. What is a part of a set is returned.
func (d *Directory) sort(ctx context.Context, name string) (candidate, bool, error) {
	if _, making := remainderOf(name); making {
		d.pass(name, ErrPartial)

		return candidate{}, false, nil
	}
	part, st, rank, ours := classify(strings.TrimSuffix(name, ".partial"))
	undated := name == ".env" || name == "env"
	if strings.HasPrefix(name, ".") && !undated {
		return candidate{}, false, nil
	}
	if ours && strings.HasSuffix(name, ".partial") {
		d.pass(name, ErrPartial)

		return candidate{}, false, nil
	}

	path := filepath.Join(d.Path, name)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrPermission) {
		return candidate{}, false, err // the directory may be listed and not entered
	}
	info, err := os.Stat(path)
	switch {
	case name == mirrorName && err == nil && info.IsDir():
		return candidate{}, false, d.mirror(ctx, path)
	case !ours && !undated:
		d.Foreign = append(d.Foreign, name)
		if f, usable := found(path, info, err); usable == nil {
			d.foreign = append(d.foreign, f)
		}
	case errors.Is(err, fs.ErrNotExist):
		d.pass(name, ErrNowhere)
	case err != nil:
		d.pass(name, plain(err))
	case ours && part == Dump:
		f, why := found(path, info, nil)
		if why != nil {
			d.pass(name, why)

			return candidate{}, false, nil
		}

		return candidate{name, part, st, rank, f}, true, nil
	case !info.Mode().IsRegular():
		d.pass(name, ErrNotRegular)
	case ours:
		return candidate{name, part, st, rank, file(path, info)}, true, nil
	case !d.Env.Exists() || name == ".env":
		d.Env = file(path, info)
	}

	return candidate{}, false, nil
}

// mirror looks at the mirror. One that may not be read is no reason to know
// nothing of the other backups.
func (d *Directory) mirror(ctx context.Context, path string) error {
	m, err := look(ctx, path)
	if errors.Is(err, fs.ErrPermission) {
		d.pass(mirrorName, plain(err))

		return nil
	}
	d.Mirror = m

	return err
}

func (d *Directory) pass(name string, why error) {
	d.Unusable = append(d.Unusable, Unusable{Name: name, Why: why})
}

func file(path string, info fs.FileInfo) File {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}

	return File{Path: path, Size: info.Size(), Modified: info.ModTime()}
}

// found gives what may be a dump: a file, or a directory as pg_dump -Fd makes it.
// Its table of contents is what it writes last, so a directory without it was
// not finished, if it is a dump at all.
func found(path string, info fs.FileInfo, err error) (File, error) {
	switch {
	case err != nil:
		return File{}, plain(err)
	case info.Mode().IsRegular():
		return file(path, info), nil
	case !info.IsDir():
		return File{}, ErrNotRegular
	}
	toc, err := os.Stat(filepath.Join(path, "toc.dat"))
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, ErrNoContents
	}
	if err != nil {
		return File{}, plain(err)
	}
	whole := file(path, toc)
	entries, err := os.ReadDir(path)
	if err != nil {
		return File{}, plain(err)
	}
	whole.Size = 0
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			whole.Size += info.Size()
		}
	}

	return whole, nil
}

// pair makes sets of the files: those with the same date and time. A dump
// without an archive of its own gets the archive of its day, if that is the
// only one; hourly dumps and a nightly archive are like that.
func (d *Directory) pair(found []candidate) {
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(b.stamp.compare(a.stamp), cmp.Compare(a.rank, b.rank), strings.Compare(a.name, b.name))
	})

	archives := map[string][]candidate{}
	var copies []candidate
	for _, c := range found {
		if c.repaired() {
			copies = append(copies, c)

			continue
		}
		if n := len(d.Sets); n == 0 || d.Sets[n-1].Date != c.stamp.String() {
			d.Sets = append(d.Sets, Set{Date: c.stamp.String(), Mirror: d.Mirror})
		}
		place := d.Sets[len(d.Sets)-1].file(c.part)
		if place.Exists() {
			d.pass(c.name, ErrRepeated)

			continue
		}
		*place = c.file
		if c.part == Archive {
			archives[c.stamp.day] = append(archives[c.stamp.day], c)
		}
	}
	d.addRepaired(copies)
	d.lend(archives)
}

// lend gives each day's only archive to the dumps of that day that have none.
func (d *Directory) lend(archives map[string][]candidate) {
	lent := map[string]bool{}
	for i := range d.Sets {
		s := &d.Sets[i]
		day, _, _ := strings.Cut(s.Date, "_")
		if only := archives[day]; s.Dump.Exists() && !s.Archive.Exists() && len(only) == 1 {
			s.Archive = only[0].file
			lent[only[0].stamp.String()] = true
		}
	}
	d.Sets = slices.DeleteFunc(d.Sets, func(s Set) bool {
		return lent[s.Date] && !s.Dump.Exists() && !s.Manifest.Exists() && !s.Env.Exists() // what else has the date is no backup
	})
}
