package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/creack/pty"

	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/stack/compose"
)

// moment is something that somebody waits for at a terminal.
type moment struct {
	What  string    `json:"what"`
	Goal  float64   `json:"goal_ms"`
	Walls []float64 `json:"wall_ms"`
}

// moments measures what answers at once: flags, and the wizard's first screen over a
// year of backups.
func (b *bench) moments() {
	b.t.Helper()
	backups := b.year()
	for _, m := range []struct {
		what string
		goal float64
		args []string
		at   string
	}{
		{"--version", 30, []string{"--version"}, ""},
		{"--help", 30, []string{"--help"}, ""},
		{"the first screen, 365 backups", 150, []string{"--runtime", "sandbox", "--project", b.dir, "--backups", backups, "--state-dir", b.t.TempDir()}, "What do you want to do?"},
	} {
		found := moment{What: m.what, Goal: m.goal}
		for range 4 * b.size.rounds {
			wall, err := until(m.at, m.args...)
			if err != nil {
				b.t.Fatalf("%s: %v", m.what, err)
			}
			found.Walls = append(found.Walls, 1e3*wall.Seconds())
		}
		b.moment = append(b.moment, found)
	}
}

// year makes a directory of 365 backups, as far as a listing looks.
func (b *bench) year() string {
	b.t.Helper()
	dir := filepath.Join(b.dir, "year")
	for day := range 365 {
		at := time.Now().AddDate(0, 0, -day)
		for _, name := range []string{"db_%s.dump", "vault_snapshot_%s.tar.gz"} {
			path := filepath.Join(dir, fmt.Sprintf(name, at.Format(time.DateOnly)))
			write(b.t, path, strings.Repeat("x", 4096))
			if err := os.Chtimes(path, at, at); err != nil {
				b.t.Fatal(err)
			}
		}
	}

	return dir
}

// until runs the program in a terminal that answers nothing, until it has shown a
// text, or has ended where that is empty.
func until(text string, args ...string) (time.Duration, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "ACCESSIBLE=")
	start := time.Now()
	if text == "" {
		out, err := cmd.Output()
		if err == nil && len(out) == 0 {
			err = fmt.Errorf("%v says nothing", args)
		}

		return time.Since(start), err
	}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = tty.Close()
	}()
	defer time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }).Stop() // what it shows is told then
	var said bytes.Buffer
	buffer := make([]byte, 64<<10)
	for {
		n, err := tty.Read(buffer)
		said.Write(buffer[:n])
		if strings.Contains(said.String(), text) {
			return time.Since(start), nil
		}
		if err != nil {
			return 0, fmt.Errorf("it ends without showing %q: %w\n%s", text, err, said.String())
		}
	}
}

// screenShare recovers once in lines and once on a screen, and tells what the screen
// took of a processor.
func (b *bench) screenShare() {
	b.t.Helper()
	i, err := demo.Build(b.t.Context(), demo.Options{Program: []string{program, "sample-app"}, Volume: tiny, Environment: compose.Environment(os.Environ()), Now: time.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		if err := i.Remove(context.WithoutCancel(b.t.Context())); err != nil {
			b.t.Error(err)
		}
	}()
	if err := i.Backup(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	all := append(args(i, "restore", i.Backups), "--confirm", hostname(b.t), "--settle", "10s")
	lines, err := timed([][]string{append([]string{program}, all...)}, "")
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(program, strip(all, "--plain")...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "ACCESSIBLE=")
	start := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	defer time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() }).Stop() // what it shows is told then
	var said bytes.Buffer
	buffer := make([]byte, 64<<10)
	for pressed := false; ; {
		n, err := tty.Read(buffer)
		said.Write(buffer[:n])
		if !pressed && strings.Contains(said.String(), "›  ended") {
			_, _ = tty.WriteString(enter)
			pressed = true
		}
		if err != nil {
			break
		}
	}
	wall := time.Since(start)
	if err := cmd.Wait(); err != nil {
		b.t.Fatalf("%v\n%s", err, said.String())
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.remark(fmt.Sprintf("a recovery of %.1f s took %.2f s of a processor on a screen and %.2f s in lines: the screen's share is %.1f %% (goal: below 3 %%)",
		wall.Seconds(), cpu.Seconds(), lines.CPU.Seconds(), 100*(cpu-lines.CPU).Seconds()/wall.Seconds()))
}

// momentTable is what moments found, as Markdown.
func (b *bench) momentTable() string {
	var md strings.Builder
	md.WriteString("\n## At once\n\n| what | goal | median (least-most) |\n|---|---|---|\n")
	for _, m := range b.moment {
		fmt.Fprintf(&md, "| %s | %.0f ms | %.0f ms (%.0f-%.0f) |\n", m.What, m.Goal, median(m.Walls), slices.Min(m.Walls), slices.Max(m.Walls))
	}

	return md.String()
}
