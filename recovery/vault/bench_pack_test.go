package vault

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// pairs reports how many times faster ours is than theirs: the median of pairs,
// run in changing order.
func pairs(b *testing.B, name string, theirs, ours func(i int) error) {
	var ratios []float64
	for i := range b.N {
		var a, o time.Duration
		pair := []func(){
			func() { a = timed(b, func() error { return theirs(i) }) },
			func() { o = timed(b, func() error { return ours(i) }) },
		}
		if i%2 == 1 {
			slices.Reverse(pair)
		}
		for _, run := range pair {
			run()
		}
		ratios = append(ratios, a.Seconds()/o.Seconds())
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-"+name)
	b.ReportMetric(ratios[0], "x-"+name+"-min")
	b.ReportMetric(ratios[len(ratios)-1], "x-"+name+"-max")
}

// vaultOf makes a vault of random documents of up to so many bytes.
func vaultOf(b *testing.B, files, most int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "vault_sync")
	random := rand.NewChaCha8([32]byte{3})
	text := make([]byte, most)
	for i := range files {
		_, _ = random.Read(text)
		path := filepath.Join(dir, fmt.Sprintf("firm%02d", i%20), fmt.Sprintf("17636256%06d-%08x.pdf", i, i*7919))
		must(b, os.MkdirAll(filepath.Dir(path), 0o750))
		must(b, os.WriteFile(path, text[:int(binary.LittleEndian.Uint32(text))%most], 0o640))
	}
	b.ResetTimer()

	return dir
}

// BenchmarkPack packs 3,000 files of 512 MiB in all by the guide's tar -czf and by
// Pack, digests included, both to a synced file, and reports both ratios.
func BenchmarkPack(b *testing.B) {
	dir, into := vaultOf(b, 3000, 360_000), b.TempDir()
	theirs, ours := filepath.Join(into, "t.tar.gz"), filepath.Join(into, "o.tar.gz")
	pairs(b, "tar", func(int) error {
		return exec.Command("sh", "-c", "tar -czf "+theirs+" -C "+dir+" . && sync "+theirs).Run()
	}, func(int) error {
		f, err := os.Create(ours)
		if err != nil {
			return err
		}
		defer f.Close()
		w := bufio.NewWriterSize(f, 1<<20)
		if _, err := Pack(context.Background(), dir, w, nil, nil); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}

		return f.Sync()
	})
	b.ReportMetric(100*(float64(size(b, ours))/float64(size(b, theirs))-1), "%-larger")
	got, err := Archive{Path: ours}.Verify(context.Background(), nil)
	if want, digest := TreeDigest(context.Background(), dir); err != nil || digest != nil || got.Tree != want {
		b.Fatalf("got %s, %v; want %s, %v", got.Tree, err, want, digest)
	}
}

func size(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	must(b, err)

	return info.Size()
}

// BenchmarkSync brings an unchanged mirror of 20,000 files up to date, by rsync -a
// --delete and by Sync.
func BenchmarkSync(b *testing.B) {
	if _, err := exec.LookPath("rsync"); err != nil {
		need(b, err)
	}
	dir, into := vaultOf(b, 20_000, 2_000), filepath.Join(b.TempDir(), "mirror")
	ours := func(int) error {
		s, err := PlanSync(context.Background(), dir, into)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Refusal(); err != nil {
			return err
		}
		if _, err := s.Copy(context.Background(), nil); err != nil {
			return err
		}

		return s.Delete(context.Background())
	}
	must(b, ours(0))
	pairs(b, "rsync", func(int) error {
		return exec.Command("rsync", "-a", "--delete", dir+"/", into+"/").Run()
	}, ours)
	n := 0
	must(b, filepath.WalkDir(into, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}

		return err
	}))
	if n != 20_000 {
		b.Fatalf("%d files in the mirror", n)
	}
}
