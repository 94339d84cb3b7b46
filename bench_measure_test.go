package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	t       *testing.T
	dir     string
	size    benchSize
	self    string
	results []outcome
	remarks []string
	made    int // directories
	ground  string
	grown   []grown
	moment  []moment
}

// row pairs our way of doing something with another one.
type row struct {
	Name          string
	Theirs        string
	Floor, Target float64 // how many times faster ours should be

	before       func(to string) error // made ready, and not timed; may be nil
	ours, theirs func(to string) [][]string
	stdin        string // of theirs: a file; may be empty
	same         func(ours, theirs string) error
}

// spent is what one run took.
type spent struct {
	Wall time.Duration `json:"wall_ns"`
	CPU  time.Duration `json:"cpu_ns"`
	Peak int64         `json:"peak_bytes"`
}

// outcome is what a row came to.
type outcome struct {
	Name    string    `json:"name"`
	Against string    `json:"against"`
	Floor   float64   `json:"floor"`
	Target  float64   `json:"target"`
	Ours    []spent   `json:"ours"`
	Theirs  []spent   `json:"theirs"`
	Ratios  []float64 `json:"ratios"` // theirs over ours, in wall time, pair by pair
	Disk    []float64 `json:"disk_mib_per_s"`
}

// pair runs a row: A B, B A, A B ..., each into a directory of its own on a fresh
// filesystem, with a look at the raw disk before each pair. Nothing is removed before
// the row ends: ext4 avoids inodes that were freed in the last minutes, and whoever
// creates files then looks for others.
func (b *bench) pair(r row) {
	b.t.Helper()
	o := b.paired(r)
	b.results = append(b.results, o)
	b.t.Log(o.line())
}

func (b *bench) paired(r row) outcome {
	b.t.Helper()
	defer b.breakGround()()
	o := outcome{Name: r.Name, Against: r.Theirs, Floor: r.Floor, Target: r.Target}
	for round := range b.size.rounds {
		disk, err := rawWrite(b.ground)
		if err != nil {
			b.t.Fatal(err)
		}
		dirs := [2]string{b.fresh(r), b.fresh(r)}
		var took [2]spent
		turns := []int{0, 1}
		if round%2 == 1 {
			slices.Reverse(turns)
		}
		for _, who := range turns {
			commands, stdin := r.ours(dirs[0]), ""
			if who == 1 {
				commands, stdin = r.theirs(dirs[1]), r.stdin
			}
			if took[who], err = timed(commands, stdin); err != nil {
				b.t.Fatalf("%s: %v", r.Name, err)
			}
		}
		if err := r.same(dirs[0], dirs[1]); err != nil {
			b.t.Fatalf("%s: %v", r.Name, err)
		}
		o.add(took[0], took[1], disk)
	}

	return o
}

func (o *outcome) add(ours, theirs spent, disk float64) {
	o.Ours, o.Theirs, o.Disk = append(o.Ours, ours), append(o.Theirs, theirs), append(o.Disk, disk)
	o.Ratios = append(o.Ratios, theirs.Wall.Seconds()/ours.Wall.Seconds())
}

// breakGround makes the filesystem of a row, where this process may mount one, and
// a directory elsewhere. What it gives removes it.
func (b *bench) breakGround() func() {
	b.t.Helper()
	b.ground = filepath.Join(b.dir, "ground")
	if err := os.Mkdir(b.ground, 0o700); err != nil {
		b.t.Fatal(err)
	}
	end := func() {
		if err := os.RemoveAll(b.ground); err != nil {
			b.t.Error(err)
		}
		syscall.Sync() // what was removed must not slow the next row down
	}
	image, runs := b.ground+".img", int64(2*b.size.rounds)
	made, err := os.Create(image)
	if err != nil {
		b.t.Fatal(err)
	}
	err = errors.Join(made.Truncate(2<<30+runs*(b.size.bytes+b.size.bytes/2)), made.Close())
	if err == nil {
		err = exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", "-N", fmt.Sprint(10_000+runs*int64(b.size.files)), "-E", "lazy_itable_init=0,lazy_journal_init=0", image).Run()
	}
	if err == nil {
		err = exec.Command("mount", "-o", "loop", image, b.ground).Run()
	}
	if err != nil {
		b.remark("this process may not mount a filesystem of its own for each row (" + err.Error() + "): what was removed before a row may slow it down")

		return func() { end(); _ = os.Remove(image) }
	}
	syscall.Sync()

	return func() {
		if err := errors.Join(syscall.Unmount(b.ground, 0), os.Remove(image)); err != nil {
			b.t.Error(err)
		}
		end()
	}
}

// fresh makes an empty directory, and what the row wants in it.
func (b *bench) fresh(r row) string {
	b.t.Helper()
	b.made++
	dir := filepath.Join(b.ground, fmt.Sprintf("run-%d", b.made))
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	if r.before != nil {
		if err := r.before(dir); err != nil {
			b.t.Fatalf("%s: make ready: %v", r.Name, err)
		}
		syscall.Sync()
	}

	return dir
}

// timed runs commands one after the other, the first with a file as its input
// where one is given. Their children count where they wait
// for them.
func timed(commands [][]string, stdin string) (spent, error) {
	var sum spent
	for i, args := range commands {
		cmd := exec.Command(args[0], args[1:]...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if stdin != "" && i == 0 {
			file, err := os.Open(stdin)
			if err != nil {
				return sum, err
			}
			defer func() { _ = file.Close() }()
			cmd.Stdin = file
		}
		start := time.Now()
		err := cmd.Run()
		sum.Wall += time.Since(start)
		if err != nil {
			return sum, fmt.Errorf("%v: %w\n%s", args, err, out.String())
		}
		sum.CPU += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			sum.Peak = max(sum.Peak, usage.Maxrss<<10)
		}
	}

	return sum, nil
}

// verifying tells what proving the content takes of a restore, at most: the digests
// of as many bytes, by as many processors, with nothing else to wait for.
func (b *bench) verifying(name string, restore outcome) {
	b.t.Helper()
	var walls []float64
	for range b.size.rounds {
		start := time.Now()
		var all sync.WaitGroup
		workers := runtime.GOMAXPROCS(0)
		for range workers {
			all.Go(func() {
				content, digest, sum := make([]byte, 1<<20), sha256.New(), crc32.NewIEEE()
				for left := b.size.bytes / int64(workers); left > 0; left -= int64(len(content)) {
					_, _ = digest.Write(content)
					_, _ = sum.Write(content)
				}
			})
		}
		all.Wait()
		walls = append(walls, time.Since(start).Seconds())
	}
	whole := median(wallTimes(restore.Ours))
	b.remark(fmt.Sprintf("%s: SHA-256 and CRC-32 of so many bytes take %.2f s of %.2f s, so verifying adds at most %.0f %% (goal: below 35 %%)",
		name, median(walls), whole, 100*median(walls)/(whole-median(walls))))
}

// rawWrite tells how fast the disk takes 64 MiB, in MiB a second: a pair that
// falls out of line is explained by it, or is not.
func rawWrite(dir string) (float64, error) {
	const size = 64
	path := filepath.Join(dir, "probe")
	defer func() { _ = os.Remove(path) }()
	start := time.Now()
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	block := bytes.Repeat([]byte("firmflow"), 128<<10)
	for range size {
		if _, err := file.Write(block); err != nil {
			return 0, err
		}
	}
	if err := file.Sync(); err != nil {
		return 0, err
	}

	return size / time.Since(start).Seconds(), nil
}
