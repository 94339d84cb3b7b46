package drill

import (
	"fmt"
	"syscall"
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
	mounts, err := mountsIn(p.Dir)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if p.isOwnDisk(m) {
			if err := syscall.Unmount(m.at, 0); err != nil {
				return fmt.Errorf("unmount %s: %w", m.at, err)
			}
		}
	}

	return nil
}

func (p Place) isOwnDisk(m mounted) bool {
	work, err := resolved(p.Work())

	return err == nil && m.at == work && m.kind == "tmpfs" && m.source == p.Receipt.Project
}
