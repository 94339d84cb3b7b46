package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// grown is what one piece of work took on one size of a vault.
type grown struct {
	Work    string    `json:"work"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Walls   []float64 `json:"wall_s"`
	PerFile float64   `json:"per_file_us"` // of the median
	PerMiB  float64   `json:"per_mib_ms"`
	Peak    int64     `json:"peak_bytes"`
}

// heap is a vault of so many files and bytes.
type heap struct {
	files int
	bytes int64
}

// heaps are the sizes that are compared: more small files, and more documents.
func heaps(size string) []heap {
	const small, document = 13 << 10, 180 << 10
	of := func(each int64, counts ...int) []heap {
		var all []heap
		for _, n := range counts {
			all = append(all, heap{n, each * int64(n)})
		}

		return all
	}
	switch size {
	case "full":
		return append(of(small, 1_000, 20_000, 200_000), of(document, 1_456, 11_650, 46_600)...)
	case "quick":
		return append(of(small, 1_000, 20_000), of(document, 182, 1_456)...)
	default:
		return of(small, 10, 100)
	}
}

// growth does the same work on vaults of several sizes: what it takes for a file,
// and for a MiB, must not grow with the vault.
func (b *bench) growth() {
	b.t.Helper()
	for _, h := range heaps(b.size.sizeName) {
		b.grow(h)
	}
}

// grow measures one size, on a filesystem of its own: packed, unpacked, mirrored,
// and looked through for changes.
func (b *bench) grow(h heap) {
	b.t.Helper()
	times := 3
	if h.bytes > 1<<30 {
		times = 1
	}
	size := b.size
	b.size.files, b.size.bytes, b.size.rounds = h.files, h.bytes, 1+times
	defer func() { b.size = size }()
	end := b.breakGround()
	defer end()
	from := b.documents(h.files)
	defer func() {
		if err := os.RemoveAll(from); err != nil {
			b.t.Error(err)
		}
	}()
	archive := filepath.Join(b.ground, "a.tar.gz")
	var last string // what was restored from vault_sync is a mirror of it
	for _, work := range []struct {
		name string
		run  func(to string) [][]string
	}{
		{"pack", func(string) [][]string { return b.ourWay("pack", from)(b.ground) }},
		{"restore from the archive", b.ourWay("extract", archive)},
		{"restore from vault_sync", b.ourWay("mirror", from)},
		{"look for changes, none there", func(string) [][]string { return b.ourWay("scan", from)(last) }},
	} {
		g := grown{Work: work.name, Files: h.files, Bytes: h.bytes}
		for range times {
			to := b.fresh(row{})
			took, err := timed(work.run(to), "")
			if err != nil {
				b.t.Fatalf("%s of %d files: %v", work.name, h.files, err)
			}
			g.Walls, g.Peak = append(g.Walls, took.Wall.Seconds()), max(g.Peak, took.Peak)
			if strings.HasPrefix(work.name, "restore") {
				last = to
				if err := sameTrees(to, from); err != nil {
					b.t.Fatalf("%s of %d files: %v", work.name, h.files, err)
				}
			}
		}
		wall := median(g.Walls)
		g.PerFile, g.PerMiB = 1e6*wall/float64(h.files), 1e3*wall/(float64(h.bytes)/(1<<20))
		b.grown = append(b.grown, g)
	}
}

// growthTable is what growth found, as Markdown.
func (b *bench) growthTable() string {
	var md strings.Builder
	md.WriteString("\n## Growth\n\nThe same work on larger vaults, without another's beside it.\n\n| what | files | MiB | wall | for a file | for a MiB | peak memory |\n|---|---|---|---|---|---|---|\n")
	for _, g := range b.grown {
		fmt.Fprintf(&md, "| %s | %d | %d | %s | %.0f µs | %.2f ms | %d MiB |\n",
			g.Work, g.Files, g.Bytes>>20, time.Duration(median(g.Walls)*float64(time.Second)).Round(10*time.Millisecond), g.PerFile, g.PerMiB, g.Peak>>20)
	}

	return md.String()
}
