package steps

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/bucket"
	"firmflow-recovery/recovery/durable"
)

// largestSmall is more than a manifest or a list of checksums has.
const largestSmall = 32 << 20

// Remote is an off-site place in a bucket. What is read of it is fetched into a
// directory of this host first.
type Remote struct {
	Bucket *bucket.Bucket
	Stage  string // below it lies what is fetched

	objects map[string]bucket.Object // as last listed
}

func (r *Remote) String() string { return r.Bucket.String() }

// Directory lists the bucket.
func (r *Remote) Directory(ctx context.Context) (backup.Directory, error) {
	all, err := r.Bucket.List(ctx)
	if err != nil {
		return backup.Directory{}, err
	}
	r.objects = map[string]bucket.Object{}
	var files []backup.File
	for _, o := range all {
		r.objects[o.Name] = o
		files = append(files, backup.File{Path: r.String() + "/" + o.Name, Size: o.Size, Modified: o.Modified})
	}

	return backup.Arrange(r.String(), files), nil
}

// Sealed reads a manifest of a set that Directory has given.
func (r *Remote) Sealed(ctx context.Context, set backup.Set) (backup.Sealed, error) {
	if !set.Manifest.Exists() {
		return backup.Sealed{}, errNoManifest
	}
	data, err := r.Bucket.Read(ctx, r.objects[filepath.Base(set.Manifest.Path)], largestSmall)
	if err != nil {
		return backup.Sealed{}, err
	}

	return set.SealedFrom(data)
}

// Copy sends a backup, its dump last: without one it is none, so that what an
// interrupted copy has sent is not taken for one.
func (r *Remote) Copy(ctx context.Context, set backup.Set, m backup.Manifest, moved func(int64)) error {
	files, err := set.Listed(ctx, m)
	if err != nil {
		return err
	}
	slices.SortStableFunc(files, func(a, b backup.ListedFile) int { return cmp.Compare(last(a), last(b)) })
	var before int64
	for _, f := range files {
		err := r.Bucket.Put(ctx, f.Name, set.At(f), f.SHA256, func(n int64) { moved(before + n) })
		if err != nil {
			return err
		}
		before += 2 * f.Size
	}

	return nil
}

func last(f backup.ListedFile) int {
	if f.Part == backup.Dump {
		return 1
	}

	return 0
}

// Remove deletes what no lock of the bucket keeps; of a bucket with versions they
// stay.
func (r *Remote) Remove(ctx context.Context, d backup.Directory, sets []backup.Set) (map[string]string, error) {
	kept := map[string]string{}
	for _, set := range sets {
		files := d.Loses(set, sets)
		for _, f := range files {
			err := r.Bucket.Locked(ctx, filepath.Base(f.Path))
			if errors.Is(err, bucket.ErrLocked) {
				kept[set.Name()] = reason(err)
				break
			}
			if err != nil {
				return kept, err
			}
		}
		if kept[set.Name()] != "" {
			continue
		}
		for _, f := range files {
			if err := r.Bucket.Delete(ctx, filepath.Base(f.Path)); err != nil {
				return kept, err
			}
		}
	}

	return kept, nil
}

// Staged is a backup that was fetched from a bucket.
type Staged struct {
	Dir        string // a backup directory with this backup alone
	Name       string
	PassedOver []string // names of newer backups that are not whole
	Fetched    bool     // something of it came now
	lock       *flock.Flock
}

// Release gives it up. Where it was fetched for this alone, and nobody else reads
// it, it is deleted.
func (s Staged) Release(keep bool) error {
	if err := s.lock.Unlock(); err != nil || keep || !s.Fetched {
		return err
	}
	alone, err := s.lock.TryLock()
	if err != nil || !alone {
		return err
	}

	return errors.Join(os.RemoveAll(s.Dir), s.lock.Unlock())
}

// errFetching is another process that fetches the same backup.
var errFetching = errors.New("another process fetches it")

// Fetch brings a backup here: whole, and held against its manifest. What an
// interrupted Fetch has left is gone on with. asItIs takes files that are not as
// the manifest says too, for whoever looks at them anyway. Its error carries a
// diagnosis.
func (r *Remote) Fetch(ctx context.Context, name string, asItIs bool, moved func(part string, done, total int64)) (Staged, error) {
	directory, err := r.Directory(ctx)
	if err != nil {
		return Staged{}, r.failed(ctx, name, err)
	}
	choose := directory.Choose
	if asItIs {
		choose = directory.Look
	}
	set, err := choose(name)
	if err != nil {
		return Staged{}, recovery.Fail(notChosen(directory, name, err), err)
	}
	staged, err := r.stage(set)
	if err != nil {
		return Staged{}, recovery.Fail(stagingFailed(r.Stage, err), err)
	}
	if name == backup.Latest {
		for _, newer := range directory.Newer(set) {
			staged.PassedOver = append(staged.PassedOver, newer.Name())
		}
	}
	staged.Fetched, err = r.fetch(ctx, set, staged.Dir, asItIs, moved)
	if err != nil {
		return Staged{}, errors.Join(r.failed(ctx, set.Name(), err), staged.lock.Unlock())
	}
	if err := errors.Join(staged.lock.Unlock(), staged.lock.RLock()); err != nil {
		return Staged{}, recovery.Fail(stagingFailed(r.Stage, err), err)
	}

	return staged, nil
}

func (r *Remote) failed(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	return recovery.Fail(offsiteFailed(r, name, err), err)
}

// stage makes the directory of a backup, and keeps others out of it.
func (r *Remote) stage(set backup.Set) (Staged, error) {
	s := Staged{Name: set.Name(), Dir: filepath.Join(r.Stage, r.Bucket.Key(), filepath.Base(set.Name()))}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return s, err
	}
	s.lock = flock.New(s.Dir+".lock", flock.SetPermissions(0o600))
	alone, err := s.lock.TryLock()
	if err == nil && !alone {
		err = errFetching
	}
	if err != nil {
		return s, err
	}
	free, err := durable.Free(s.Dir)
	if err != nil {
		return s, errors.Join(err, s.lock.Unlock())
	}
	var missing uint64
	for _, f := range set.Files() {
		if info, err := os.Stat(filepath.Join(s.Dir, filepath.Base(f.Path))); err != nil || info.Size() != f.Size {
			missing += uint64(f.Size)
		}
	}
	if free.Bytes < missing {
		short := fmt.Errorf("%s are to be fetched, and %s are free", recovery.Size(int64(missing)), recovery.Size(int64(free.Bytes)))
		return s, errors.Join(short, s.lock.Unlock())
	}

	return s, nil
}

// fetch brings the files of a set, the small ones first that say what the others
// should be.
func (r *Remote) fetch(ctx context.Context, set backup.Set, dir string, asItIs bool, moved func(part string, done, total int64)) (fetched bool, err error) {
	sums, err := r.sums(ctx, set)
	if err != nil {
		return false, err
	}
	for _, f := range set.Files() {
		name := filepath.Base(f.Path)
		tell := func(done int64) {
			if moved != nil {
				moved("fetch "+name, done, f.Size)
			}
		}
		got, err := r.Bucket.Fetch(ctx, r.objects[name], filepath.Join(dir, name), sums[name], tell)
		if asItIs && errors.Is(err, bucket.ErrDigest) {
			got, err = r.Bucket.Fetch(ctx, r.objects[name], filepath.Join(dir, name), "", tell)
		}
		fetched = fetched || got
		if err != nil {
			return fetched, err
		}
	}

	return fetched, nil
}

// sums are the digests that the files of a set should have, by their names: from
// its manifest, and for the manifest from the list of checksums. Where neither can
// be read there are none, and whoever looks at the backup tells.
func (r *Remote) sums(ctx context.Context, set backup.Set) (map[string]string, error) {
	own := map[string]string{}
	read := func(f backup.File) ([]byte, error) {
		if !f.Exists() {
			return nil, nil
		}
		name := filepath.Base(f.Path)
		data, err := r.Bucket.Read(ctx, r.objects[name], largestSmall)
		sum := sha256.Sum256(data)
		own[name] = hex.EncodeToString(sum[:])

		return data, err
	}
	list, err := read(set.Sums)
	if err != nil {
		return nil, err
	}
	data, err := read(set.Manifest)
	if err != nil {
		return nil, err
	}
	sums, err := backup.ParseSums(list)
	if err != nil {
		sums = map[string]string{}
	}
	for name, sum := range own {
		sums[name] = cmp.Or(sums[name], sum)
	}
	if m, err := backup.DecodeManifest(data); err == nil {
		for _, f := range m.Files {
			sums[f.Name] = f.SHA256 // the manifest is the one that is sealed
		}
	}

	return sums, nil
}

// ListOffsite tells what lies in an off-site place. Its error carries a diagnosis.
func ListOffsite(ctx context.Context, o Offsite, now time.Time) (recovery.Listing, error) {
	directory, err := o.Directory(ctx)
	if err != nil {
		return recovery.Listing{}, recovery.Fail(offsiteFailed(o, backup.Latest, err), err)
	}
	sealed := map[string]error{}
	for i, set := range directory.Sets {
		m, err := o.Sealed(ctx, set)
		if ctx.Err() != nil {
			return recovery.Listing{}, context.Cause(ctx)
		}
		sealed[set.Name()] = err
		if err == nil { // when it was sent says nothing of when it was taken
			directory.Sets[i].Dump.Modified, directory.Sets[i].Archive.Modified = m.Began, m.Ended
		}
	}

	return listing(directory, now, func(set backup.Set) error { return sealed[set.Name()] })
}
