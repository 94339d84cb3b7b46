package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/durable"
)

// Timers writes the units that take a backup each night and rehearse a recovery
// each week. All fields are required.
type Timers struct {
	Dir   string            // where systemd finds units
	Units map[string]string // their texts by their names
	Run   command.Runner    // runs systemctl
	Now   func() time.Time
}

// UnitFor puts what only the host knows into the text of a unit. A percent sign
// and blanks mean something to systemd.
func UnitFor(text, program, project string) (string, error) {
	for _, path := range []string{program, project} {
		if !filepath.IsAbs(path) || strings.ContainsAny(path, "%\"'\\ \t\n$") {
			return "", fmt.Errorf("%q cannot stand in a unit: it must be absolute, without blanks, quotes, percent or dollar signs", path)
		}
	}

	return strings.NewReplacer("@PROGRAM@", program, "@PROJECT@", project).Replace(text), nil
}

// Plan says what Install would do to each unit.
func (t Timers) Plan() ([]recovery.TimerUnit, error) {
	var units []recovery.TimerUnit
	for _, name := range slices.Sorted(maps.Keys(t.Units)) {
		u := recovery.TimerUnit{Path: filepath.Join(t.Dir, name), Text: t.Units[name]}
		was, err := os.ReadFile(u.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			u.Fate = recovery.UnitWritten
		case err != nil:
			return nil, recovery.Fail(timersFailed(t.Dir, err), err)
		case string(was) == u.Text:
			u.Fate = recovery.UnitSame
		default:
			u.Fate, u.Aside = recovery.UnitReplaced, u.Path+".before-"+t.Now().UTC().Format("20060102-150405")
		}
		units = append(units, u)
	}

	return units, nil
}

// Install writes the units and starts the timers. A unit that somebody has changed
// is set aside and not lost.
func (t Timers) Install(ctx context.Context) ([]recovery.TimerUnit, error) {
	units, err := t.Plan()
	if err != nil {
		return nil, err
	}
	args := []string{"systemctl", "enable", "--now"}
	for _, u := range units {
		if strings.HasSuffix(u.Path, ".timer") {
			args = append(args, filepath.Base(u.Path))
		}
		if err := put(u); err != nil {
			return units, recovery.Fail(timersFailed(t.Dir, err), err)
		}
	}
	for _, args := range [][]string{{"systemctl", "daemon-reload"}, args} {
		if err := t.Run.Run(ctx, command.Cmd{Args: args}); err != nil {
			return units, recovery.Fail(timersFailed(t.Dir, err), err)
		}
	}

	return units, nil
}

func put(u recovery.TimerUnit) error {
	if u.Fate == recovery.UnitSame {
		return nil
	}
	if u.Aside != "" {
		if err := durable.Rename(u.Path, u.Aside); err != nil {
			return err
		}
	}

	return durable.WriteFile(u.Path, []byte(u.Text), 0o644)
}

func timersFailed(dir string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeTimersFailed, Summary: "The timers could not be set up", Seen: reason(err), Intact: "Units that were there and differed are kept, as NAME.before-DATE.",
		Remedies: do("Be root on a host with systemd", "sudo firmflow-recovery install-timers --now", "On one without, use the cron lines", "firmflow-recovery install-timers --dry-run",
			"See what lies there", typed("ls", "-la", dir)),
	}
}
