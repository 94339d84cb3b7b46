package vault

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkExtract restores the same archive by GNU tar and by Extract, in
// turn and in changing order, both to a synced disk, and reports how many times
// faster Extract was: the median of the pairs.
func BenchmarkExtract(b *testing.B) {
	if _, err := exec.LookPath("tar"); err != nil {
		need(b, err)
	}
	a, bytes := benchArchive(b)
	b.SetBytes(bytes)
	base := b.TempDir()

	var ratios []float64
	for i := range b.N {
		theirs, ours := filepath.Join(base, fmt.Sprint("t", i)), filepath.Join(base, fmt.Sprint("o", i))
		var tar, own time.Duration
		pair := []func(){
			func() { tar = timed(b, func() error { return tarAndSync(a.Path, theirs) }) },
			func() {
				own = timed(b, func() error { return errorOf(a.Extract(context.Background(), ours, Owner{}, nil)) })
			},
		}
		if i%2 == 1 {
			slices.Reverse(pair)
		}
		for _, run := range pair {
			run()
		}
		ratios = append(ratios, tar.Seconds()/own.Seconds())

		b.StopTimer()
		digest, err := TreeDigest(context.Background(), theirs)
		must(b, err)
		if got, err := TreeDigest(context.Background(), ours); err != nil || got != digest {
			b.Fatalf("got %s, %v; want what tar restored: %s", got, err, digest)
		}
		must(b, os.RemoveAll(theirs))
		must(b, os.RemoveAll(ours))
		syscall.Sync()
		b.StartTimer()
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-tar")
	b.ReportMetric(ratios[0], "x-tar-min")
	b.ReportMetric(ratios[len(ratios)-1], "x-tar-max")
}

func BenchmarkVerify(b *testing.B) {
	a, bytes := benchArchive(b)
	b.SetBytes(bytes)
	for b.Loop() {
		must(b, errorOf(a.Verify(context.Background(), nil)))
	}
}

// benchArchive packs 3,000 files of 512 MiB in all, random as encrypted
// documents are, with the guide's command.
func benchArchive(b *testing.B) (Archive, int64) {
	b.Helper()
	from := filepath.Join(b.TempDir(), "vault_sync")
	random := rand.NewChaCha8([32]byte{2})
	text := make([]byte, 360_000)
	var total int64
	for i := range 3000 {
		_, _ = random.Read(text)
		size := int(binary.LittleEndian.Uint32(text)) % len(text)
		path := filepath.Join(from, fmt.Sprintf("firm%02d", i%20), fmt.Sprintf("%d.pdf", i))
		must(b, os.MkdirAll(filepath.Dir(path), 0o750))
		must(b, os.WriteFile(path, text[:size], 0o640))
		total += int64(size)
	}
	a := Archive{Path: filepath.Join(b.TempDir(), "a.tar.gz")}
	runTar(b, "-czf", a.Path, "-C", from, ".")
	syscall.Sync()
	b.ResetTimer()

	return a, total
}

func timed(b *testing.B, work func() error) time.Duration {
	start := time.Now()
	must(b, work())

	return time.Since(start)
}

func tarAndSync(archive, into string) error {
	if err := os.Mkdir(into, 0o700); err != nil {
		return err
	}
	if err := exec.Command("tar", "-xzf", archive, "-C", into).Run(); err != nil {
		return err
	}
	syscall.Sync()

	return nil
}
