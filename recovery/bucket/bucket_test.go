package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"firmflow-recovery/recovery/bucket"
	"firmflow-recovery/recovery/bucket/buckettest"
)

const address = "s3://backups/host/one"

func open(t *testing.T, server string, more ...func(*bucket.Options)) *bucket.Bucket {
	t.Helper()
	o := bucket.Options{Address: address, Endpoint: "http://" + server, Pause: time.Millisecond, Part: 5 << 20}
	for _, change := range more {
		change(&o)
	}
	b, err := bucket.Open(o)
	if err != nil {
		t.Fatal(err)
	}

	return b
}

// serve starts a server, and puts its credentials where they are looked for.
func serve(t *testing.T, args ...string) string {
	t.Helper()
	env, address := buckettest.Serve(t, args...)
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}

	return address
}

func look(t *testing.T, b *bucket.Bucket, name string) bucket.Object {
	t.Helper()
	o, err := b.Look(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}

	return o
}

func TestWhatIsSentComesBack(t *testing.T) {
	b := open(t, serve(t))
	at := time.Date(2026, 11, 22, 2, 0, 0, 123, time.UTC)
	for name, size := range map[string]int64{"empty": 0, "small": 100, "a part": 5 << 20, "parts and a rest": 17<<20 + 11} {
		path, sum := random(t, size)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		for range 2 { // twice equals once
			var told int64
			if err := b.Put(t.Context(), name, path, sum, func(n int64) { told = n }); err != nil || told != 2*size {
				t.Errorf("%s: sent and read back %d bytes, %v", name, told, err)
			}
		}
		to := filepath.Join(t.TempDir(), "back")
		for again, want := range []bool{true, false} {
			fetched, err := b.Fetch(t.Context(), look(t, b, name), to, sum, nil)
			if err != nil || fetched != want {
				t.Errorf("%s, time %d: fetched is %v, %v, want %v", name, again+1, fetched, err, want)
			}
		}
		info, err := os.Stat(to)
		if err != nil || sha(t, to) != sum || !info.ModTime().Equal(at) {
			t.Errorf("%s: what came back is not what was sent, or of another time: %v, %v", name, info, err)
		}
	}
	all, err := b.List(t.Context())
	if err != nil || len(all) != 4 {
		t.Errorf("there is %v, %v", all, err)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	b := open(t, serve(t))
	path, sum := random(t, 6<<20)
	if err := b.Put(t.Context(), "dump", path, sum, nil); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{6 << 20, 7 << 20} {
		other, otherSum := random(t, size)
		if err := b.Put(t.Context(), "dump", other, otherSum, nil); !errors.Is(err, bucket.ErrThere) {
			t.Errorf("of %d bytes: %v, want ErrThere", size, err)
		}
	}
	if found, err := b.Digest(t.Context(), look(t, b, "dump"), nil); err != nil || found != sum {
		t.Errorf("it is another one now: %v", err)
	}
}

// TestACutLineIsTakenUpWhereItWasCut: each connection carries three megabytes and
// is cut.
func TestACutLineIsTakenUpWhereItWasCut(t *testing.T) {
	server := serve(t)
	w := buckettest.Between(t, server)
	good, bad := open(t, server), open(t, w.Address)
	path, sum := random(t, 20<<20)
	w.Cut.Store(7 << 20) // a part of five passes, two do not
	if err := bad.Put(t.Context(), "dump", path, sum, nil); err != nil || w.Cuts.Load() == 0 {
		t.Errorf("sent over a line that was cut %d times: %v", w.Cuts.Load(), err)
	}
	w.Cut.Store(3 << 20)
	w.Cuts.Store(0)
	to := filepath.Join(t.TempDir(), "back")
	if fetched, err := bad.Fetch(t.Context(), look(t, good, "dump"), to, sum, nil); err != nil || !fetched || sha(t, to) != sum {
		t.Errorf("fetched %v: %v", fetched, err)
	}
	if n := w.Cuts.Load(); n < 6 || n > 9 {
		t.Errorf("the line was cut %d times for 20 MiB, so more or less came over it than was missing", n)
	}
}

func TestALineOnWhichNothingMovesIsGivenUpAndTakenUpAgain(t *testing.T) {
	server := serve(t)
	w := buckettest.Between(t, server)
	b := open(t, w.Address, func(o *bucket.Options) { o.Idle = 300 * time.Millisecond })
	path, sum := random(t, 12<<20)
	if err := b.Put(t.Context(), "dump", path, sum, nil); err != nil {
		t.Fatal(err)
	}
	o := look(t, b, "dump")
	w.Slow.Store(int64(2 * time.Millisecond))
	to := filepath.Join(t.TempDir(), "back")
	stood := false
	_, err := b.Fetch(t.Context(), o, to, sum, func(n int64) {
		if n > 4<<20 && !stood {
			stood = true
			w.Still.Store(true)
			time.AfterFunc(time.Second, func() { w.Still.Store(false) })
		}
	})
	if err != nil || !stood || sha(t, to) != sum {
		t.Errorf("stood still %v: %v", stood, err)
	}
	w.Still.Store(true)
	if _, err := b.Look(t.Context(), "dump"); !errors.Is(err, bucket.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
}

// TestAFetchGoesOnInAnotherProcess, unless the object is another one by then.
func TestAFetchGoesOnInAnotherProcess(t *testing.T) {
	server := serve(t)
	b := open(t, server)
	path, sum := random(t, 12<<20)
	if err := b.Put(t.Context(), "dump", path, sum, nil); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "back")
	interrupted := func(o bucket.Object) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		if _, err := b.Fetch(ctx, o, to, sum, func(n int64) {
			if n > 5<<20 {
				stop()
			}
		}); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, want that it was stopped", err)
		}
		if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("something unfinished has the name: %v", err)
		}
	}
	o := look(t, b, "dump")
	interrupted(o)
	var first int64
	if _, err := b.Fetch(t.Context(), o, to, sum, func(n int64) {
		if first == 0 {
			first = n
		}
	}); err != nil || first < 5<<20 || sha(t, to) != sum {
		t.Errorf("it went on at %d bytes: %v", first, err)
	}

	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	interrupted(o)
	if err := b.Delete(t.Context(), "dump"); err != nil {
		t.Fatal(err)
	}
	other, otherSum := random(t, 12<<20)
	if err := b.Put(t.Context(), "dump", other, otherSum, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Fetch(t.Context(), o, to, sum, nil); !errors.Is(err, bucket.ErrChanged) {
		t.Errorf("%v, want ErrChanged", err)
	}
	if _, err := b.Fetch(t.Context(), look(t, b, "dump"), to, otherSum, nil); err != nil || sha(t, to) != otherSum {
		t.Errorf("the new one: %v", err)
	}
}

func TestWhatIsNotWhatItShouldBeGetsNoName(t *testing.T) {
	server := serve(t)
	b := open(t, server)
	path, sum := random(t, 6<<20)
	if err := b.Put(t.Context(), "dump", path, sum, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := b.Fetch(t.Context(), look(t, b, "dump"), filepath.Join(dir, "back"), strings.Repeat("0", 64), nil); !errors.Is(err, bucket.ErrDigest) {
		t.Errorf("%v, want ErrDigest", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left is %v, %v", left, err)
	}
	if _, err := b.Read(t.Context(), look(t, b, "dump"), 1<<20); !errors.Is(err, bucket.ErrLarge) {
		t.Errorf("%v, want ErrLarge", err)
	}
}

// TestAnObjectThatIsLockedStays, and is no hindrance for what is sent.
func TestAnObjectThatIsLockedStays(t *testing.T) {
	server := serve(t, "posix", "--versioning-dir", t.TempDir())
	admin, err := minio.New(server, &minio.Options{Creds: credentials.NewStaticV4(buckettest.Key, buckettest.Secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.MakeBucket(t.Context(), "locked", minio.MakeBucketOptions{ObjectLocking: true}); err != nil {
		t.Fatal(err)
	}
	mode, days, unit := minio.Compliance, uint(1), minio.Days
	if err := admin.SetBucketObjectLockConfig(t.Context(), "locked", &mode, &days, &unit); err != nil {
		t.Fatal(err)
	}
	b := open(t, server, func(o *bucket.Options) { o.Address = "s3://locked" })
	for name, size := range map[string]int64{"small": 100, "in parts": 12 << 20} {
		path, sum := random(t, size)
		for range 2 {
			if err := b.Put(t.Context(), name, path, sum, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		want := "until 20"
		if name == "small" {
			on := minio.LegalHoldEnabled
			err, want = admin.PutObjectLegalHold(t.Context(), "locked", name, minio.PutObjectLegalHoldOptions{Status: &on}), "by a legal hold"
		} else {
			until := time.Now().Add(24 * time.Hour)
			err = admin.PutObjectRetention(t.Context(), "locked", name, minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until})
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), name); !errors.Is(err, bucket.ErrLocked) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ErrLocked, %s", name, err, want)
		}
		if _, err := b.Look(t.Context(), name); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

func TestWhatTheServerRefusesIsTold(t *testing.T) {
	server := serve(t)
	b := open(t, server)
	if _, err := b.Look(t.Context(), "nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want fs.ErrNotExist", err)
	}
	if _, err := open(t, server, func(o *bucket.Options) { o.Address = "s3://nowhere" }).List(t.Context()); !errors.Is(err, bucket.ErrNoBucket) {
		t.Errorf("%v, want ErrNoBucket", err)
	}
	if _, err := open(t, "127.0.0.1:1").List(t.Context()); !errors.Is(err, bucket.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", buckettest.Secret+"-or-another")
	if _, err := open(t, server).List(t.Context()); !errors.Is(err, bucket.ErrDenied) || strings.Contains(err.Error(), buckettest.Secret) {
		t.Errorf("%v, want ErrDenied, and no secret", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/none") // not the machine that the test runs on
	if _, err := open(t, server).List(t.Context()); !errors.Is(err, bucket.ErrNoCredentials) {
		t.Errorf("%v, want ErrNoCredentials", err)
	}
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[nightly]\naws_access_key_id = the-key\naws_secret_access_key = "+buckettest.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_PROFILE", "nightly")
	if _, err := open(t, server).List(t.Context()); err != nil {
		t.Errorf("with a shared credentials file: %v", err)
	}
}

func TestAddressesAreTakenApartAndNotRepeated(t *testing.T) {
	for _, c := range []struct {
		address, endpoint string
		http              bool
		want              error
	}{
		{"s3://b", "", false, nil},
		{"s3://b/a/b/", "https://s3.example.com:9000", false, nil},
		{"s3://b", "http://127.0.0.1:9000", false, nil},
		{"s3://b", "http://[::1]:9000", false, nil},
		{"s3://b", "http://localhost", false, nil},
		{"s3://b", "http://s3.example.com", false, bucket.ErrInsecure},
		{"s3://b", "http://127.0.0.1.example.com", false, bucket.ErrInsecure},
		{"s3://b", "http://s3.example.com", true, nil},
		{"s3://key:hunter2@b/p", "", false, bucket.ErrAddress},
		{"s3://b/../c", "", false, bucket.ErrAddress},
		{"s3://b?hunter2", "", false, bucket.ErrAddress},
		{"s3://", "", false, bucket.ErrAddress},
		{"/mnt/nas", "", false, bucket.ErrAddress},
		{"s3://b", "https://key:hunter2@s3.example.com", false, bucket.ErrEndpoint},
		{"s3://b", "s3.example.com", false, bucket.ErrEndpoint},
		{"s3://b", "https://s3.example.com/path", false, bucket.ErrEndpoint},
	} {
		_, err := bucket.Open(bucket.Options{Address: c.address, Endpoint: c.endpoint, HTTP: c.http})
		if !errors.Is(err, c.want) || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s at %s: %v, want %v", c.address, c.endpoint, err, c.want)
		}
	}
}

// random gives a file that no two tests have alike.
func random(t *testing.T, size int64) (path, sum string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	source, err := os.Open("/dev/urandom")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if _, err := io.CopyN(f, source, size); err != nil {
		t.Fatal(err)
	}

	return path, sha(t, path)
}

func sha(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("sha256sum", path).Output()
	if err != nil {
		t.Fatal(fmt.Errorf("sha256sum: %w", err))
	}
	sum, _, _ := strings.Cut(string(out), " ")

	return sum
}
