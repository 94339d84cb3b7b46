package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// session is the program in a terminal of 80 by 24 that answers no queries, as
// a serial console.
type session struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	mu   sync.Mutex
	said bytes.Buffer
	past string // what was said and is not waited for any more
	news chan struct{}
}

func terminal(t *testing.T, args ...string) *session {
	t.Helper()

	return terminalOf(t, exec.Command(program, args...))
}

// terminalOf starts any program in a terminal of its own.
func terminalOf(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	s := &session{t: t, cmd: cmd, news: make(chan struct{}, 1)}
	s.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "ACCESSIBLE=")
	tty, err := pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	s.tty = tty
	go s.listen()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = tty.Close()
	})

	return s
}

func (s *session) listen() {
	defer close(s.news)
	buffer := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buffer)
		s.mu.Lock()
		s.said.Write(buffer[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
		select {
		case s.news <- struct{}{}:
		default:
		}
	}
}

func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.said.String()
}

// forget begins anew: what was said so far is not waited for.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past += s.said.String()
	s.said.Reset()
}

// everything is all that was ever said.
func (s *session) everything() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.past + s.said.String()
}

// await waits until the program has written a text.
func (s *session) await(text string) {
	s.t.Helper()
	limit := time.After(5 * time.Minute)
	for !strings.Contains(s.text(), text) {
		select {
		case _, open := <-s.news:
			if !open && !strings.Contains(s.text(), text) {
				s.t.Fatalf("the program ended without saying %q:\n%q", text, s.text())
			}
		case <-limit:
			s.t.Fatalf("the program does not say %q:\n%q", text, s.text())
		}
	}
}

func (s *session) press(keys string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) ends(exit int) {
	s.t.Helper()
	_ = s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != exit {
		s.t.Errorf("exit code %d, want %d", got, exit)
	}
}

const (
	up    = "\x1b[A"
	enter = "\r"
	ctrlC = "\x03"
)

// soonerThanAQuery checks that a start does not wait for the answer to a query,
// which takes five seconds where nobody gives it. One start may be slow on a busy
// host; that all are is another matter.
func soonerThanAQuery(t *testing.T, begin func()) {
	t.Helper()
	var took time.Duration
	for range 5 {
		at := time.Now()
		begin()
		if took = time.Since(at); took < 3*time.Second {
			return
		}
	}
	t.Errorf("it took %v", took)
}

func TestASilentTerminalIsNotAskedBeforeThereIsAScreen(t *testing.T) {
	var s *session
	soonerThanAQuery(t, func() {
		s = terminal(t, "--version")
		s.await("firmflow-recovery")
		s.ends(0)
	})
	if strings.Contains(s.text(), "\x1b") {
		t.Errorf("stray bytes: %q", s.text())
	}
}

// TestASilentTerminalGetsItsScreenWithoutBeingAsked: a serial console answers no
// query, and waiting for its answer would take seconds.
func TestASilentTerminalGetsItsScreenWithoutBeingAsked(t *testing.T) {
	dir := t.TempDir()
	var s *session
	soonerThanAQuery(t, func() {
		s = terminal(t, "--backups", dir, "--state-dir", dir, "--project", dir)
		s.await("What do you want to do?")
		s.press("q")
		s.ends(4)
	})
	for _, query := range []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n", "\x1b[c", "\x1b[>"} {
		if strings.Contains(s.text(), query) {
			t.Errorf("the terminal is asked %q", query)
		}
	}
}

// TestPlainAsksTheSameQuestions walks the guide on lines, as a screen reader
// has it.
func TestPlainAsksTheSameQuestions(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	s := terminal(t, append(strip(args(i, "", i.Backups), "--plain")[1:], "--plain")...)
	s.await("What do you want to do?")
	s.press("1" + enter)
	s.await("Which backup?")
	s.press("1" + enter)
	s.await("Type the host name")
	s.press(enter)
	s.await("went back; nothing was changed")
	s.await("Which backup?")
	s.press("1" + enter)
	s.await("Type the host name")
	s.press(hostname(t) + enter)
	s.await("VERIFIED in")
	s.ends(0)
	if strings.Contains(s.text(), "\x1b") {
		t.Errorf("lines with escapes: %q", s.text())
	}
	if standing(t, i) != before {
		t.Error("the recovered installation differs")
	}
}

func TestTheWizardRecoversByKeysInASilentTerminal(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := terminal(t, strip(args(i, "restore", i.Backups), "--plain")...)
	s.await("Start the recovery")
	s.press(up + enter)
	s.await("PROVEN")
	s.press(enter)
	s.await("VERIFIED in")
	s.ends(0)
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the lost one")
	}
}

func TestInTheWizardEnterAloneReplacesNothing(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	s := terminal(t, strip(args(i, "restore", i.Backups), "--plain")...)
	s.await("Type the host name")
	s.press(enter + enter + "wrong" + enter)
	s.press(ctrlC)
	s.await("Stop now")
	s.press(ctrlC)
	s.press(enter + "q")
	s.await("NOTHING CHANGED")
	s.press(enter + "q")
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	if standing(t, i) != before {
		t.Error("something changed")
	}
}

func TestF1AHangupEndsTheScreenAndNotTheWork(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	s := terminal(t, append(strip(args(i, "restore", i.Backups), "--plain"), "--confirm", hostname(t))...)
	s.await("running")
	_ = s.cmd.Process.Signal(syscall.SIGHUP)
	s.ends(0)
	if standing(t, i) != before {
		t.Error("the recovered installation differs")
	}
}

// modes are those of a terminal, as the program that used it has left them.
func modes(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	found, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}

	return *found
}

// TestF2TheTerminalIsAsItWasHoweverItEnds: quit, stopped by keys, by SIGINT, by
// SIGTERM, in the wizard and in the middle of a recovery, which goes on each time.
// That a panic of the screen leaves it so, too, is for package tui to show.
func TestF2TheTerminalIsAsItWasHoweverItEnds(t *testing.T) {
	fresh, other, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	want := modes(t, fresh)
	_, _ = fresh.Close(), other.Close()
	i := sandboxedWith(t, tiny)
	wizard := strip(args(i, "", i.Backups), "--plain")[1:]
	running := append(strip(args(i, "restore", i.Backups), "--plain"), "--confirm", hostname(t), "--settle", "5m")
	resumed := append(strip(args(i, "resume", i.Backups), "--plain"), "--settle", "5m")
	send := func(signal syscall.Signal) func(*session) {
		return func(s *session) { _ = s.cmd.Process.Signal(signal) }
	}
	for _, c := range []struct {
		how  string
		args []string
		at   string
		end  func(*session)
		exit []int
	}{
		{"quit", wizard, "What do you want to do?", func(s *session) { s.press("q") }, []int{4}},
		{"SIGTERM in the wizard", wizard, "What do you want to do?", send(syscall.SIGTERM), []int{4, 143}}, // the screen may be gone before the run knows why,
		{"SIGTERM", running, "● 5 Restart", send(syscall.SIGTERM), []int{143}},
		{"SIGINT", resumed, "● 5 Restart", func(s *session) { send(syscall.SIGINT)(s); s.await("›  ended"); s.press(enter) }, []int{130}},
		{"ctrl-c twice", resumed, "● 5 Restart", func(s *session) { s.press(ctrlC + ctrlC); s.await("›  ended"); s.press(enter) }, []int{130}},
	} {
		s := terminal(t, c.args...)
		s.await(c.at)
		c.end(s)
		_ = s.cmd.Wait()
		if got := s.cmd.ProcessState.ExitCode(); !slices.Contains(c.exit, got) {
			t.Errorf("%s: exit code %d, want one of %d", c.how, got, c.exit)
		}
		if got := modes(t, s.tty); got != want {
			t.Errorf("%s: the modes are %+v, want %+v", c.how, got, want)
		}
		out := s.text()
		if strings.LastIndex(out, "\x1b[?1049l") < strings.LastIndex(out, "\x1b[?1049h") || strings.LastIndex(out, "\x1b[?25h") < strings.LastIndex(out, "\x1b[?25l") {
			t.Errorf("%s: the normal screen or the cursor is not back:\n%q", c.how, out[max(0, len(out)-300):])
		}
	}
	firmflow(t, nil, args(i, "resume", i.Backups, "--settle", "100ms")...).want(t, 0, "VERIFIED in")
}

func strip(args []string, flag string) []string {
	var kept []string
	for _, a := range args {
		if a != flag {
			kept = append(kept, a)
		}
	}

	return kept
}
