package vault

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/durable"
)

func TestExtractDoesWhatGNUTarDoes(t *testing.T) {
	from := guideVault(t)
	a := archiveOf(t, guideArchive(t, from))
	theirs := filepath.Join(t.TempDir(), "theirs")
	must(t, os.Mkdir(theirs, 0o700))
	runTar(t, "-xzpf", a.Path, "-C", theirs)

	ours := filepath.Join(t.TempDir(), "ours")
	var moved int64
	got, err := a.Extract(context.Background(), ours, Owner{}, func(n int64) { moved = n })
	must(t, err)
	wantSame(t, "tree", described(t, ours), described(t, theirs))

	verified, err := a.Verify(context.Background(), nil)
	if err != nil || verified != got {
		t.Errorf("verify: got %+v, %v; want what extract says: %+v", verified, err, got)
	}
	info, err := os.Stat(a.Path)
	must(t, err)
	if moved != info.Size() || got.CompressedBytes != info.Size() {
		t.Errorf("moved %d, compressed %d; want %d", moved, got.CompressedBytes, info.Size())
	}
	if got.Files != 41 || got.Directories != 3 || got.Tree != naiveDigest(t, from) {
		t.Errorf("got %+v, want 41 files in 3 directories and the digest of the original", got)
	}
	if !got.Newest.Equal(time.Unix(1763625640, 0)) {
		t.Errorf("newest: got %v, want the last file's", got.Newest)
	}
}

func TestMirrorDoesWhatExtractDoes(t *testing.T) {
	from, into := guideVault(t), filepath.Join(t.TempDir(), "into")
	var moved int64
	got, err := Mirror(context.Background(), from, into, Owner{}, func(n int64) { moved = n })
	must(t, err)

	wantSame(t, "tree", described(t, into), described(t, from))
	if got.Tree != naiveDigest(t, from) || got.Bytes != moved || got.Files != 41 {
		t.Errorf("got %+v with %d bytes moved, want all of 41 files", got, moved)
	}
	tree, err := Measure(context.Background(), into)
	if err != nil || tree.Files != got.Files || tree.Directories != got.Directories ||
		tree.Bytes != got.Bytes || !tree.Newest.Equal(got.Newest) {
		t.Errorf("measure: got %+v, %v; want %+v", tree, err, got)
	}
}

func TestC6MirrorRefusesLinksAndSpecialFiles(t *testing.T) {
	cases := map[string]struct {
		make func(path string) error
		want error
	}{
		"link": {func(path string) error { return os.Symlink("x", path) }, ErrLink},
		"fifo": {func(path string) error { return syscall.Mkfifo(path, 0o600) }, ErrSpecial},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			from := filepath.Join(t.TempDir(), "from")
			fill(t, from, "f/a")
			must(t, c.make(filepath.Join(from, "f", "odd")))

			_, err := Mirror(context.Background(), from, filepath.Join(t.TempDir(), "into"), Owner{}, nil)
			wantRefused(t, "mirror", err, c.want)
		})
	}
}

func TestMirrorRefusesToCopyADirectoryIntoItself(t *testing.T) {
	from := filepath.Join(t.TempDir(), "from")
	fill(t, from, "f/a")

	_, err := Mirror(context.Background(), from, filepath.Join(from, "f", "copy"), Owner{}, nil)
	if !errors.Is(err, ErrInside) {
		t.Errorf("got %v, want ErrInside", err)
	}
}

func TestC19ExtractRefusesADirectoryThatHoldsSomething(t *testing.T) {
	a := archiveOf(t, gz(t, tarOf(t, nil, tar.Header{Name: "f/a"})))
	full := filepath.Join(t.TempDir(), "full")
	fill(t, full, "f/mine")
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(t.TempDir(), link))

	if _, err := a.Extract(context.Background(), full, Owner{}, nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("not empty: got %v, want ErrNotEmpty", err)
	}
	if _, err := a.Extract(context.Background(), link, Owner{}, nil); !errors.Is(err, ErrNotDirectory) {
		t.Errorf("a link: got %v, want ErrNotDirectory", err)
	}
	wantContent(t, "the directory", full, []string{"f/mine"})
}

func TestC7OwnersAreNumbersNeverNames(t *testing.T) {
	if os.Geteuid() != 0 {
		need(t, errors.New("only root gives files away"))
	}
	a := archiveOf(t, gz(t, tarOf(t, nil,
		tar.Header{Name: "d/", Typeflag: tar.TypeDir, Uid: 4711, Gid: 4712, Uname: "root", Gname: "root"},
		tar.Header{Name: "d/f", Uid: 4711, Gid: 4712, Uname: "daemon", Gname: "daemon"},
		tar.Header{Name: "implied/f", Uid: 4711, Gid: 4712})))

	cases := []struct {
		owner      Owner
		want       [2]int
		wantParent int // of a directory without an entry
	}{
		{Owner{}, [2]int{4711, 4712}, 0},
		{OwnedBy(1001, 1002), [2]int{1001, 1002}, 1001},
	}
	for _, c := range cases {
		into := filepath.Join(t.TempDir(), "into")
		must(t, errorOf(a.Extract(context.Background(), into, c.owner, nil)))
		for _, name := range []string{"d", "d/f"} {
			info, err := os.Stat(filepath.Join(into, name))
			must(t, err)
			if attr := attributesIn(info); attr.uid != c.want[0] || attr.gid != c.want[1] {
				t.Errorf("%s: got %d:%d, want %v", name, attr.uid, attr.gid, c.want)
			}
		}
		info, err := os.Stat(filepath.Join(into, "implied"))
		must(t, err)
		if attr := attributesIn(info); attr.uid != c.wantParent || attr.mode != 0o755 {
			t.Errorf("implied: got %d and %v, want %d and 0755", attr.uid, attr.mode, c.wantParent)
		}
	}
}

func TestC9FullDiskIsAnErrorThatSaysSo(t *testing.T) {
	a := archiveOf(t, guideArchive(t, guideVault(t)))
	disk := t.TempDir()
	mountTmpfs(t, disk, "size=3m")

	_, err := a.Extract(context.Background(), filepath.Join(disk, "into"), Owner{}, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	if space, err := durable.Free(disk); err != nil || space.Bytes > 1<<20 {
		t.Errorf("free: got %+v, %v; want next to nothing", space, err)
	}
}

func TestC10NoInodesLeftIsAnErrorThatSaysSo(t *testing.T) {
	a := archiveOf(t, guideArchive(t, guideVault(t)))
	disk := t.TempDir()
	mountTmpfs(t, disk, "size=64m,nr_inodes=30")

	_, err := a.Extract(context.Background(), filepath.Join(disk, "into"), Owner{}, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	if space, err := durable.Free(disk); err != nil || space.Inodes != 0 || space.Bytes == 0 {
		t.Errorf("free: got %+v, %v; want bytes and no inodes", space, err)
	}
}

// A clock that was ahead when documents were stored changes nothing: their times
// are kept.
func TestC20TimesInTheFutureAreKept(t *testing.T) {
	from, ahead := guideVault(t), time.Date(2099, 12, 28, 0, 0, 0, 0, time.UTC)
	must(t, os.Chtimes(from, ahead, ahead))
	must(t, os.Chtimes(filepath.Join(from, "firm0", "1763625600003-00005ccd.pdf"), ahead, ahead))
	into := filepath.Join(t.TempDir(), "into")
	got, err := archiveOf(t, guideArchive(t, from)).Extract(context.Background(), into, Owner{}, nil)
	must(t, err)
	wantSame(t, "tree", described(t, into), described(t, from))
	if !got.Newest.Equal(ahead) {
		t.Errorf("newest: got %v, want %v", got.Newest, ahead)
	}
}

func TestC25AReadOnlyDiskIsAnErrorThatSaysSo(t *testing.T) {
	disk := t.TempDir()
	mountTmpfs(t, disk, "size=8m")
	path := filepath.Join(disk, "uploads")
	fill(t, path, oldContent...)
	before := described(t, disk)
	must(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	p := located(t, path)
	if _, err := p.Stage(run); !errors.Is(err, syscall.EROFS) {
		t.Errorf("got %v, want EROFS", err)
	}
	wantSame(t, "the vault", described(t, disk), before)
}

func TestC16SparseFilesAreExpanded(t *testing.T) {
	from := t.TempDir()
	path := filepath.Join(from, "f.enc")
	must(t, os.WriteFile(path, []byte("start"), 0o644))
	must(t, os.Truncate(path, 3<<20))
	for _, format := range []string{"gnu", "pax"} {
		archive := filepath.Join(t.TempDir(), "a.tar.gz")
		runTar(t, "-czSf", archive, "--format="+format, "-C", from, ".")

		got, err := Archive{Path: archive}.Verify(context.Background(), nil)
		if err != nil || got.Bytes != 3<<20 || got.Tree != naiveDigest(t, from) {
			t.Errorf("%s: got %+v, %v; want 3 MiB and the digest of the original", format, got, err)
		}
	}
}

func TestCancelledWorkStopsAtOnceAndLeavesNoGoroutine(t *testing.T) {
	from := guideVault(t)
	a := archiveOf(t, guideArchive(t, from))
	verbs := map[string]func(context.Context, func(int64)) error{
		"verify": func(ctx context.Context, moved func(int64)) error { return errorOf(a.Verify(ctx, moved)) },
		"extract": func(ctx context.Context, moved func(int64)) error {
			return errorOf(a.Extract(ctx, filepath.Join(t.TempDir(), "into"), Owner{}, moved))
		},
		"mirror": func(ctx context.Context, moved func(int64)) error {
			return errorOf(Mirror(ctx, from, filepath.Join(t.TempDir(), "into"), Owner{}, moved))
		},
	}
	for name, verb := range verbs {
		t.Run(name, func(t *testing.T) {
			fastest := time.Hour
			for range 10 { // on a busy host one may be late; that all are is another matter
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				var at time.Time
				err := verb(ctx, func(n int64) {
					if n > 1<<20 && at.IsZero() {
						at = time.Now()
						cancel()
					}
				})
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("got %v, want context.Canceled", err)
				}
				if fastest = min(fastest, time.Since(at)); fastest < 100*time.Millisecond {
					return
				}
			}
			t.Errorf("the fastest took %v, want less than 100 ms", fastest)
		})
	}
}

// An archive of a few hundred kilobytes with a file of 256 MiB, and ten
// thousand small ones: what is held at a time must not follow the sizes.
func TestMemoryIsBoundedWhateverTheSizes(t *testing.T) {
	a := Archive{Path: filepath.Join(t.TempDir(), "zeros.tar.gz")}
	f, err := os.Create(a.Path)
	must(t, err)
	zip, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	must(t, err)
	w := tar.NewWriter(zip)
	const big = 256 << 20
	must(t, w.WriteHeader(&tar.Header{Name: "f/big", Typeflag: tar.TypeReg, Size: big, Mode: 0o600}))
	_, err = io.CopyN(w, endless{}, big)
	must(t, err)
	must(t, w.Close())
	must(t, zip.Close())
	must(t, f.Close())

	runtime.GC()
	var start, now runtime.MemStats
	runtime.ReadMemStats(&start)
	var peak uint64
	got, err := a.Verify(context.Background(), func(int64) {
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapAlloc)
	})
	must(t, err)
	if got.Bytes != big || peak > start.HeapAlloc+64<<20 {
		t.Errorf("read %d bytes with %d MiB more than at the start; want %d within 64 MiB", got.Bytes, (peak-start.HeapAlloc)>>20, big)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestCatalogueHoldsAboutAHundredBytesAFile(t *testing.T) {
	const files = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	c := newCatalogue()
	name := []byte("firm00/1763625600000-000000000000.pdf")
	for i := range files {
		for at, n := len(name)-5, i; n > 0; at, n = at-1, n/10 {
			name[at] = byte('0' + n%10)
		}
		name[5] = byte('0' + i%7)
		must(t, errorOf(c.addFile(string(name), 1, time.Time{})))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(c)

	if each := (after.HeapAlloc - before.HeapAlloc) / files; each > 130 {
		t.Errorf("got %d bytes a file, want about a hundred", each)
	}
}

// More directories than are held open, and the files of all of them in turn.
func TestManyDirectoriesInTurn(t *testing.T) {
	const directories, each = 3 * manyDoors, 3
	content := map[string]string{}
	var entries []tar.Header
	for n := range each {
		for d := range directories {
			name := fmt.Sprintf("firm%d/client/%d.pdf", d, n)
			content[name] = fmt.Sprintf("document %d of %d", n, d)
			entries = append(entries, tar.Header{Name: name, Mode: 0o640, ModTime: time.Unix(1700000000+int64(n), 0)})
		}
	}
	before := handles(t)
	into := filepath.Join(t.TempDir(), "into")
	s, err := archiveOf(t, gz(t, tarOf(t, content, entries...))).Extract(t.Context(), into, Owner{}, nil)
	must(t, err)
	if s.Files != directories*each || s.Directories != 2*directories {
		t.Errorf("got %+v", s)
	}
	for name, want := range content {
		path := filepath.Join(into, name)
		got, err := os.ReadFile(path)
		info, failed := os.Lstat(path)
		must(t, errors.Join(err, failed))
		if n := int64(path[len(path)-5] - '0'); string(got) != want || !info.ModTime().Equal(time.Unix(1700000000+n, 0)) || info.Mode() != 0o640 {
			t.Fatalf("%s: %q, %s, %s", name, got, info.Mode(), info.ModTime())
		}
	}
	if after := handles(t); after > before {
		t.Errorf("%d files are open, %d before", after, before)
	}
}

func handles(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	must(t, err)

	return len(open)
}
