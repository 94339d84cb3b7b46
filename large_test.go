package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/recovery/vault"
)

// ceiling is what the program may take at its peak, whatever the size of the data.
const ceiling = 200 << 20

// TestMemoryDoesNotGrowWithTheData recovers 2 GiB of documents and a dump of
// 1 GiB. It takes minutes and some 10 GiB of disk, so it runs on demand:
// make test-large.
func TestMemoryDoesNotGrowWithTheData(t *testing.T) {
	if os.Getenv("FIRMFLOW_RECOVERY_TEST_LARGE") == "" {
		t.Skip("FIRMFLOW_RECOVERY_TEST_LARGE is not set")
	}
	made, err := demo.Build(t.Context(), demo.Options{
		Program: []string{program, "sample-app"}, Environment: compose.Environment(os.Environ()), Now: time.Now,
		Volume: sample.Volume{Documents: 42_000, DocumentBytes: 100 << 10}, Note: func(s string) { t.Log(s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := made.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	enlarge(t, made)
	if err := made.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	dump, archive := largest(t, made.Backups, "db_*.dump"), largest(t, made.Backups, "vault_snapshot_*.tar.gz")
	if dump < 1<<30 || archive < 2<<30 {
		t.Fatalf("dump %s, archive %s: too small to prove anything", recovery.Size(dump), recovery.Size(archive))
	}
	if err := made.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(program, args(made, "restore", made.Backups, "--confirm", hostname(t))...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	usage, is := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !is {
		t.Fatal("the kernel's account of the process is of another kind")
	}
	peak := usage.Maxrss << 10
	t.Logf("dump %s, archive %s: recovered in %s, peak memory %s", recovery.Size(dump), recovery.Size(archive), recovery.Span(time.Since(start)), recovery.Size(peak))
	if peak > ceiling {
		t.Errorf("peak memory %s, want at most %s", recovery.Size(peak), recovery.Size(ceiling))
	}
}

// TestC24AMillionDocuments unpacks as many. It takes a minute or two and 4 GiB of
// disk, so it runs on demand: make test-large.
func TestC24AMillionDocuments(t *testing.T) {
	if os.Getenv("FIRMFLOW_RECOVERY_TEST_LARGE") == "" {
		t.Skip("FIRMFLOW_RECOVERY_TEST_LARGE is not set")
	}
	const firms, each = 100, 10_000
	dir := t.TempDir()
	archive, to := filepath.Join(dir, "a.tar.gz"), filepath.Join(dir, "uploads")
	if err := errors.Join(manyDocuments(archive, firms, each), os.Mkdir(to, 0o700)); err != nil {
		t.Fatal(err)
	}
	took, err := timed([][]string{{ownPath(t), benchWork, "extract", archive, to}}, "")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := vault.Measure(t.Context(), to)
	if err != nil || tree.Files != firms*each {
		t.Fatalf("%d files, %v; want %d", tree.Files, err, firms*each)
	}
	t.Logf("%d documents in %s, peak memory %s", tree.Files, recovery.Span(took.Wall), recovery.Size(took.Peak))
	if took.Peak > ceiling {
		t.Errorf("peak memory %s, want at most %s", recovery.Size(took.Peak), recovery.Size(ceiling))
	}
}

// manyDocuments writes an archive of small documents.
func manyDocuments(path string, firms, each int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(file)
	archive := tar.NewWriter(packed)
	at := time.Unix(1_700_000_000, 0)
	for firm := range firms {
		for n := range each {
			text := fmt.Sprintf("document %d of firm %d", n, firm)
			h := tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("./firm-%d/%d-%08x.pdf", firm, at.UnixMilli(), n), Mode: 0o640, Size: int64(len(text)), ModTime: at}
			if err := archive.WriteHeader(&h); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, text); err != nil {
				return err
			}
		}
	}

	return errors.Join(archive.Close(), packed.Close(), file.Close())
}

// enlarge fills the database with what does not compress.
func enlarge(t *testing.T, i *demo.Installation) {
	t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	must(t, "/", filepath.Join(bin, "psql"), "-h", "127.0.0.1", "-p", databasePort(t, i), "-U", "firmflow", "-d", "firmflow", "-q", "-c",
		`create extension if not exists pgcrypto; create table "Attachment" as select n as id, (select string_agg(gen_random_bytes(1024), '') from generate_series(1, 100) where n > 0) as data from generate_series(1, 11500) n`)
}

func largest(t *testing.T, dir, pattern string) int64 {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	info, err := os.Stat(found[0])
	if err != nil {
		t.Fatal(err)
	}

	return info.Size()
}
