// Package buckettest starts a real S3 server for tests, and puts bad lines before
// it.
package buckettest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Serve starts a real S3 server with an empty bucket called backups, and gives its
// address and the variables that hold its credentials.
func Serve(t *testing.T, args ...string) (env []string, address string) {
	t.Helper()

	return ServeIn(t, t.TempDir(), args...)
}

// ServeIn is Serve; buckets are directories of root, and objects their files.
func ServeIn(t *testing.T, root string, args ...string) (env []string, address string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Glob(filepath.Join(cache, "firmflow-recovery", "versitygw-*"))
	if err != nil || len(programs) == 0 {
		if os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") != "" {
			t.Fatal("versitygw is required here, and is not there: .ci/setup s3 builds it")
		}
		t.Skip("versitygw is not there: .ci/setup s3 builds it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "backups"), 0o755); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(programs[len(programs)-1], append(append([]string{"--port", address}, orPosix(args)...), root)...)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+Key, "ROOT_SECRET_KEY="+Secret)
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var why error
	go func() {
		defer close(ended)
		why = server.Wait()
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
	})
	for until := time.Now().Add(time.Minute); ; {
		if response, err := http.Get("http://" + address); err == nil { //nolint:noctx // it is of this host
			_ = response.Body.Close()
			return []string{"AWS_ACCESS_KEY_ID=" + Key, "AWS_SECRET_ACCESS_KEY=" + Secret}, address
		}
		select {
		case <-ended:
			t.Fatalf("the S3 server ended: %v\n%s", why, log.String())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(until) {
			t.Fatalf("the S3 server does not answer\n%s", log.String())
		}
	}
}

// The credentials of the server. The secret may be seen nowhere.
const (
	Key    = "the-key"
	Secret = "a-secret-nobody-may-see"
)

// Wire is a line to a server that is as bad as a test wants it.
type Wire struct {
	Address string
	// Cut is after how many bytes from the server a connection is cut; 0: never.
	Cut atomic.Int64
	// Still is whether nothing passes any more.
	Still atomic.Bool
	// Slow is how long each piece of 64 KiB takes.
	Slow atomic.Int64

	Cuts atomic.Int64 // how often it was
}

// Between puts a wire before a server.
func Between(t *testing.T, server string) *Wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{Address: l.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { w.carry(ctx, c, server) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		open.Wait()
	})

	return w
}

func (w *Wire) carry(ctx context.Context, c net.Conn, server string) {
	s, err := net.Dial("tcp", server) //nolint:noctx // it is of this host
	if err != nil {
		_ = c.Close()
		return
	}
	stop := context.AfterFunc(ctx, func() { _, _ = c.Close(), s.Close() })
	defer stop()
	var both sync.WaitGroup
	for _, way := range []struct{ from, to net.Conn }{{c, s}, {s, c}} {
		both.Go(func() {
			defer func() { _, _ = c.Close(), s.Close() }()
			var sum int64
			piece := make([]byte, 64<<10)
			for {
				n, err := way.from.Read(piece)
				for w.Still.Load() && ctx.Err() == nil {
					time.Sleep(5 * time.Millisecond)
				}
				if d := w.Slow.Load(); d > 0 {
					time.Sleep(time.Duration(d))
				}
				limit := w.Cut.Load()
				if limit > 0 && sum+int64(n) > limit {
					_, _ = way.to.Write(piece[:max(limit-sum, 0)]) // more may have passed before it was to be cut
					w.Cuts.Add(1)
					return
				}
				sum += int64(n)
				if _, failed := way.to.Write(piece[:n]); err != nil || failed != nil {
					return
				}
			}
		})
	}
	both.Wait()
}

func orPosix(args []string) []string {
	if len(args) == 0 {
		return []string{"posix"}
	}

	return args
}
