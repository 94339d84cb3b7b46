package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dying is how long a database that was killed may take to be gone.
const dying = time.Minute

// KillDatabase ends the place's own database as a crash would, and waits until
// it is gone. It ends no process that does not work in the place.
func (p Place) KillDatabase() error {
	data := filepath.Join(p.Work(), "pgdata")
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("kill the drill's database: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return fmt.Errorf("kill the drill's database: %w", err)
	}
	for _, one := range processesIn(data) {
		if one.pid != pid {
			continue
		}
		if err := one.signal(syscall.SIGQUIT); err != nil {
			return err
		}
		gone, err := await(context.Background(), dying, func() bool {
			now, alive := read(pid)
			return !alive || now.began != one.began
		})
		if err == nil && !gone {
			err = fmt.Errorf("%s does not end", one)
		}

		return err
	}

	return errors.New("kill the drill's database: it does not run")
}
