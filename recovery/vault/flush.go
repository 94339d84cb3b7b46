package vault

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// flushEvery is after how many bytes the kernel is told to write. Left alone it
// begins after half a minute, or a tenth of the memory, so that a restore would
// first fill the memory while the disk has nothing to do, and then wait for the
// disk.
const flushEvery = 32 << 20

// flush has written to the disk what was staged, while more is staged. It makes
// nothing durable that the sync at the end would not.
type flush struct {
	root *os.Root

	mu      sync.Mutex
	pending int64         // bytes since the last one
	running chan struct{} // closed when it is done; nil: none was begun
	failed  error         // of any of them: the kernel tells it once
}

// wrote is told what was written.
func (f *flush) wrote(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending += int64(n); f.pending < flushEvery || f.busy() {
		return
	}
	dir, err := f.root.Open(".")
	if err != nil {
		return // the sync at the end will tell
	}
	f.pending, f.running = 0, make(chan struct{})
	go func(done chan<- struct{}) {
		defer close(done)
		err := unix.Syncfs(int(dir.Fd()))
		_ = dir.Close() // only a handle
		if err != nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.failed = err
		}
	}(f.running)
}

func (f *flush) busy() bool {
	if f.running == nil {
		return false
	}
	select {
	case <-f.running:
		return false
	default:
		return true
	}
}

// end waits for what was begun, and tells what failed. Who gives up does not wait.
func (f *flush) end() error {
	f.mu.Lock()
	running := f.running
	f.mu.Unlock()
	if running != nil {
		<-running
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return fmt.Errorf("write to the disk: %w", f.failed)
	}

	return nil
}
