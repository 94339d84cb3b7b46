package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"firmflow-recovery/recovery/vault"
)

// benchSize is how much a benchmark works on.
type benchSize struct {
	rounds   int
	files    int   // of the vault of small files
	bytes    int64 // of each vault
	rows     int   // of the database
	sizeName string
}

// benchSizes are asked for by BENCH: quick for every day, full for figures to quote.
func benchSizes() map[string]benchSize {
	return map[string]benchSize{
		"quick": {rounds: 5, files: 20_000, bytes: 256 << 20, rows: 1_600_000, sizeName: "quick"},
		"full":  {rounds: 5, files: 200_000, bytes: 2 << 30, rows: 4_000_000, sizeName: "full"},
		"trial": {rounds: 1, files: 300, bytes: 4 << 20, rows: 10_000, sizeName: "trial"}, // that the benchmark itself works
	}
}

// TestBench pairs our commands with the guide's, on the same data in turn, and
// writes bench.md and bench.json. It judges the goals and never fails for being
// slow; work that was not done, or done differently, fails it.
func TestBench(t *testing.T) {
	asked := os.Getenv("BENCH")
	if asked == "" {
		asked = "trial"
	}
	size, known := benchSizes()[asked]
	if !known {
		t.Fatalf("BENCH is %q; it can be quick or full", asked)
	}
	dir := os.Getenv("BENCH_DIR") // on the disk that is to be measured
	if dir == "" {
		dir = t.TempDir()
	}
	into := "."
	if asked == "trial" {
		into = t.TempDir()
	}
	b := bench{t: t, dir: dir, size: size, self: ownPath(t)}
	only := strings.FieldsFunc(os.Getenv("BENCH_ONLY"), func(r rune) bool { return r == ',' || r == ' ' })
	for _, part := range b.parts() {
		if i := slices.Index(only, part.name); i >= 0 {
			only = slices.Delete(only, i, i+1)
		} else if os.Getenv("BENCH_ONLY") != "" {
			continue
		}
		part.measure()
		b.write(into) // a run that is broken off leaves what it has found
	}
	if len(only) > 0 {
		t.Errorf("BENCH_ONLY names %q, and no such part is there", only)
	}
	for _, text := range b.remarks {
		t.Log(text)
	}
}

// part is a part of the benchmark that can be asked for by itself.
type part struct {
	name    string
	measure func()
}

func (b *bench) parts() []part {
	return []part{
		{"vault", b.vaultRows}, {"text", b.textRow}, {"database", b.databaseRow}, {"whole", b.wholeRow},
		{"growth", b.growth}, {"moments", b.moments}, {"screen", b.screenShare},
	}
}

func ownPath(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	return path
}

// vaultRows measure the documents' way: packed, restored, mirrored.
func (b *bench) vaultRows() {
	shapes := []struct {
		name  string
		files int
	}{{"small files", b.size.files}, {"documents", b.size.files / 14}}
	for _, shape := range shapes {
		from, archive := b.packedDocuments(shape.files)
		what := fmt.Sprintf("%s (%d, %d MiB)", shape.name, shape.files, b.size.bytes>>20)
		b.pair(row{
			Name: "restore the vault archive, " + what, Theirs: "tar -xzf; sync", Floor: 2, Target: 3, same: sameTrees,
			ours:   b.ourWay("extract", archive),
			theirs: func(to string) [][]string { return [][]string{{"tar", "-xzf", archive, "-C", to}, {"sync", "-f", to}} },
		})
		b.verifying("restore the vault archive, "+what, b.results[len(b.results)-1])
		if tool, err := exec.LookPath("bsdtar"); err == nil {
			b.pair(row{
				Name: "restore the vault archive, " + what, Theirs: "bsdtar -xzf; sync", Floor: 0.7, Target: 1, same: sameTrees,
				ours:   b.ourWay("extract", archive),
				theirs: func(to string) [][]string { return [][]string{{tool, "-xzf", archive, "-C", to}, {"sync", "-f", to}} },
			})
		}
		if tool, err := exec.LookPath("pigz"); err == nil {
			b.pair(row{
				Name: "restore the vault archive, " + what, Theirs: "pigz -dc | tar -x; sync", Floor: 1, Target: 1.5, same: sameTrees,
				ours: b.ourWay("extract", archive),
				theirs: func(to string) [][]string {
					return [][]string{{"sh", "-c", tool + ` -dc "$1" | tar -xf - -C "$2"`, "sh", archive, to}, {"sync", "-f", to}}
				},
			})
		}
		b.pair(row{
			Name: "restore from vault_sync, " + what, Theirs: "rsync -a; sync", Floor: 1, Target: 2, same: sameTrees,
			ours:   b.ourWay("mirror", from),
			theirs: func(to string) [][]string { return [][]string{{"rsync", "-a", from + "/", to}, {"sync", "-f", to}} },
		})
		b.packRow("pack the vault archive, "+what, from, 8, 15, 0.5)
		b.pair(row{
			Name: "look for changes, none there, " + what, Theirs: "rsync -a --delete", Floor: 1.5, Target: 2, same: sameTrees,
			before: func(to string) error { return exec.Command("cp", "-a", from+"/.", to).Run() },
			ours:   b.ourWay("scan", from),
			theirs: func(to string) [][]string { return [][]string{{"rsync", "-a", "--delete", from + "/", to}} },
		})
	}
}

// packRow packs a directory; ours may be larger by so many per cent.
func (b *bench) packRow(name, from string, floor, target, larger float64) {
	b.pair(row{
		Name: name, Theirs: "tar -czf; sync", Floor: floor, Target: target, same: b.samePacked(from, larger),
		ours: b.ourWay("pack", from),
		theirs: func(to string) [][]string {
			return [][]string{{"tar", "-czf", filepath.Join(to, "a.tar.gz"), "-C", from, "."}, {"sync", "-f", to}}
		},
	})
}

// textRow packs what compresses: letters, as they are before anybody encrypts them.
func (b *bench) textRow() {
	from := b.letters(b.size.files / 14)
	b.packRow(fmt.Sprintf("pack text (%d, %d MiB)", b.size.files/14, b.size.bytes>>20), from, 4, 8, 10)
}

// letters makes a vault of text: words of a vocabulary, the frequent ones often.
func (b *bench) letters(files int) string {
	b.t.Helper()
	dir := filepath.Join(b.dir, "letters")
	source := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 4000)
	for i := range words {
		word := make([]byte, 2+source.IntN(9))
		for n := range word {
			word[n] = 'a' + byte(source.IntN(26)*source.IntN(26)/25)
		}
		words[i] = string(word)
	}
	for i := range files {
		var text strings.Builder
		for size := int(b.size.bytes / int64(files)); text.Len() < size; {
			text.WriteString(words[source.IntN(len(words))*source.IntN(len(words))/len(words)])
			text.WriteString([]string{" ", " ", " ", " ", ", ", ".\n"}[source.IntN(6)])
		}
		path := filepath.Join(dir, fmt.Sprintf("firm%03d", i%97), fmt.Sprintf("%d.txt", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(text.String()), 0o640)); err != nil {
			b.t.Fatal(err)
		}
	}
	syscall.Sync()

	return dir
}

// ourWay is a run of this very program, so that its time and its memory are
// those of a process as the other's are.
func (b *bench) ourWay(work string, args ...string) func(string) [][]string {
	return func(to string) [][]string {
		return [][]string{append(append([]string{b.self, benchWork, work}, args...), to)}
	}
}

// benchWork is the argument that makes the test binary do one thing and end.
const benchWork = "-bench-work"

// benchWorks does what a row measures on our side.
func benchWorks(args []string) error {
	ctx := context.Background()
	what, from, to := args[0], args[1], args[len(args)-1]
	var err error
	switch what {
	case "extract":
		_, err = vault.Archive{Path: from}.Extract(ctx, to, vault.Owner{}, nil)
	case "mirror":
		_, err = vault.Mirror(ctx, from, to, vault.Owner{}, nil)
	case "pack":
		err = packedAs(ctx, from, filepath.Join(to, "a.tar.gz"))
	case "scan":
		err = scanned(ctx, from, to)
	case "load":
		err = loaded(ctx, args[1:])
	default:
		err = fmt.Errorf("nothing is called %q", what)
	}

	return err
}

func packedAs(ctx context.Context, from, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = vault.Pack(ctx, from, file, nil, nil)

	return errors.Join(err, file.Sync(), file.Close())
}

func scanned(ctx context.Context, from, mirror string) error {
	s, err := vault.PlanSync(ctx, from, mirror)
	if err != nil {
		return err
	}
	defer s.Close()
	copied, err := s.Copy(ctx, nil)
	if err == nil && copied.Files > 0 {
		err = fmt.Errorf("%d files were copied, though nothing had changed", copied.Files)
	}

	return err
}

// packedDocuments is such a vault, and the archive that the guide's script takes of it.
func (b *bench) packedDocuments(files int) (dir, archive string) {
	b.t.Helper()
	dir, archive = filepath.Join(b.dir, fmt.Sprintf("vault-%d", files)), filepath.Join(b.dir, fmt.Sprintf("guide-%d.tar.gz", files))
	if _, err := os.Stat(archive); err != nil {
		b.documents(files)
		must(b.t, "/", "tar", "-czf", archive, "-C", dir, ".")
	}

	return dir, archive
}

// documents makes a vault of random bytes, as encrypted documents are.
func (b *bench) documents(files int) string {
	b.t.Helper()
	dir := filepath.Join(b.dir, fmt.Sprintf("vault-%d", files))
	each := int(b.size.bytes / int64(files))
	content := make([]byte, 2*each)
	source := rand.NewChaCha8([32]byte{1})
	for i := range files {
		_, _ = source.Read(content)
		size := int(binary.LittleEndian.Uint32(content)) % (2 * each) // of any size, with the mean asked for
		path := filepath.Join(dir, fmt.Sprintf("firm%03d", i%97), fmt.Sprintf("%d-%08x.pdf", 1_700_000_000+i, i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, content[:size], 0o640)); err != nil {
			b.t.Fatal(err)
		}
	}
	syscall.Sync()

	return dir
}

func sameTrees(ours, theirs string) error {
	want, err := vault.TreeDigest(context.Background(), theirs)
	if err != nil {
		return err
	}
	got, err := vault.TreeDigest(context.Background(), ours)
	if err == nil && got != want {
		err = errors.New("the trees differ")
	}

	return err
}

// samePacked unpacks both archives, and holds the size of ours against theirs.
func (b *bench) samePacked(from string, larger float64) func(string, string) error {
	return func(ours, theirs string) error {
		var sizes [2]int64
		for i, dir := range []string{ours, theirs} {
			archive := filepath.Join(dir, "a.tar.gz")
			info, err := os.Stat(archive)
			if err != nil {
				return err
			}
			sizes[i] = info.Size()
			got, err := vault.Archive{Path: archive}.Verify(context.Background(), nil)
			if err != nil {
				return err
			}
			want, err := vault.TreeDigest(context.Background(), from)
			if err != nil || got.Tree != want {
				return errors.Join(err, fmt.Errorf("%s does not hold what was packed", archive))
			}
		}
		share, verdict := 100*float64(sizes[0]-sizes[1])/float64(sizes[1]), "reached"
		if share > larger {
			verdict = "LARGER THAN THAT"
		}
		b.remark(fmt.Sprintf("archive of %s: %+.2f %% of tar's size (goal: at most +%g %%: %s)", filepath.Base(from), share, larger, verdict))

		return nil
	}
}
