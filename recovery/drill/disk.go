package drill

import (
	"fmt"
	"syscall"

	"firmflow-recovery/recovery/durable"
)

// A training fault makes the drill's place a disk of its own, in memory, that is
// too small. It bears the name of the place, so that it is known for ours.

// least is the smallest disk that the drill's own files fit on.
const least = 256 << 10

// Mount makes the place's work a disk of so many bytes. It takes root.
func (p Place) Mount(bytes int64) error {
	options := fmt.Sprintf("size=%d,mode=711", max(bytes, least))
	if err := syscall.Mount(p.Receipt.Project, p.Work(), "tmpfs", 0, options); err != nil {
		return fmt.Errorf("mount a small disk on %s: %w: %w", p.Work(), err, ErrImpossible)
	}

	return nil
}

// unmount takes our own disk away, if it is there.
func (p Place) unmount() error {
	mounts, err := p.mounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if p.isOwnDisk(m) {
			if err := syscall.Unmount(m.At, 0); err != nil {
				return fmt.Errorf("unmount %s: %w", m.At, err)
			}
		}
	}

	return nil
}

func (p Place) isOwnDisk(m durable.Mount) bool {
	work, err := resolved(p.Work())

	return err == nil && m.At == work && m.Kind == "tmpfs" && m.Source == p.Receipt.Project
}
