package tui

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/creack/pty"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/recoverytest"
)

const soon = 2 * time.Minute

// terminal is a terminal whose other end the test holds.
type terminal struct {
	t      *testing.T
	tty    *os.File
	master *os.File
	before unix.Termios
	done   chan struct{}

	mu     sync.Mutex
	seen   strings.Builder
	change chan struct{}
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, tty: tty, master: master, done: make(chan struct{}), change: make(chan struct{}, 1)}
	term.before = term.modes()
	go term.read()
	t.Cleanup(func() {
		_ = tty.Close()
		<-term.done
		_ = master.Close()
	})

	return term
}

func (t *terminal) read() {
	defer close(t.done)
	buffer := make([]byte, 4096)
	for {
		n, err := t.master.Read(buffer)
		t.mu.Lock()
		t.seen.Write(buffer[:n])
		t.mu.Unlock()
		select {
		case t.change <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (t *terminal) modes() unix.Termios {
	t.t.Helper()
	modes, err := unix.IoctlGetTermios(int(t.tty.Fd()), unix.TCGETS)
	if err != nil {
		t.t.Fatal(err)
	}

	return *modes
}

func (t *terminal) output() string {
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.seen.String()
}

func (t *terminal) await(text string) {
	t.t.Helper()
	late := time.After(soon)
	for !strings.Contains(t.output(), text) {
		select {
		case <-t.change:
		case <-late:
			t.t.Fatalf("%q does not appear in %q", text, t.output())
		}
	}
}

func (t *terminal) press(keys string) {
	t.t.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		t.t.Fatal(err)
	}
}

// restored checks the modes, and that the normal screen and the cursor are back.
func (t *terminal) restored() {
	t.t.Helper()
	if got := t.modes(); got != t.before {
		t.t.Errorf("modes are %+v, were %+v", got, t.before)
	}
	t.await("\x1b[?1049l")
	t.await("\x1b[?25h")
}

func (t *terminal) options() Options {
	return Options{In: t.tty, Out: t.tty, NoColour: true, Host: host}
}

func start(t *testing.T, op *Operator) {
	t.Helper()
	if err := op.Start(); err != nil {
		t.Fatal(err)
	}
}

// within runs what must not hang.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(soon):
		t.Fatalf("%s hangs", what)
	}
}

func closeSoon(t *testing.T, op *Operator) error {
	t.Helper()
	var err error
	within(t, "Close", func() { err = op.Close() })

	return err
}

func shortRun(op recovery.Operator) recovery.Runner {
	changes := recovery.Assessment{Changes: []string{"put the vault back"}, Replaces: []string{"vault /v"}}
	done := recovery.Assessment{Standing: recovery.Done, Summary: "all there", Findings: []recovery.Finding{recovery.OK("vault", "12 of 12 files")}}
	step := &recoverytest.Step{Name: "vault", Checks: []recovery.Assessment{changes, changes, done},
		Do: func(_ context.Context, p recovery.Progress) error {
			p.Phase("copy", recovery.Bytes)
			p.Advance(12, 12)
			p.Log("copied \x1b[31mred")
			return nil
		}}

	return recovery.Runner{Steps: []recovery.Step{step}, Operator: op, Now: time.Now, Run: "r", Host: host, Backup: "b", Target: "t"}
}

func TestARunFromTheFirstKeyToTheLast(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("run", func(t *testing.T) {
		term := newTerminal(t)
		op := New(term.options())
		start(t, op)
		verdict := make(chan recovery.Verdict, 1)
		go func() { verdict <- shortRun(op).Recover(context.Background()) }()
		term.await("Type the host name")
		term.press("\r")
		term.await("That is not the name")
		term.press(host + "\r")
		term.await("VERIFIED")
		if v := <-verdict; v.Outcome != recovery.Verified {
			t.Errorf("outcome %s", v.Outcome)
		}
		term.press("q")
		if err := closeSoon(t, op); err != nil {
			t.Error(err)
		}
		term.restored()
	})
}

func TestCtrlCTwiceStopsTheEngine(t *testing.T) {
	term := newTerminal(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	o := term.options()
	o.Stop = func(when Halt) {
		if when == Now {
			cancel(&recovery.StopRequest{By: "the operator", Exit: recovery.ExitInterrupt})
		}
	}
	op := New(o)
	start(t, op)
	verdict := make(chan recovery.Verdict, 1)
	go func() { verdict <- shortRun(op).Recover(ctx) }()
	term.await("Type the host name")
	term.press("\x03")
	term.await("Stop this run?")
	term.press("\x03")
	within(t, "the run", func() {
		if v := <-verdict; v.Exit != recovery.ExitInterrupt || v.Outcome != recovery.NothingChanged {
			t.Errorf("got %s, exit %d", v.Outcome, v.Exit)
		}
	})
	term.await("NOTHING CHANGED")
	term.press("\r")
	if err := closeSoon(t, op); err != nil {
		t.Error(err)
	}
	term.restored()
}

// faulty makes the mistakes that we would make.
type faulty struct {
	model
	inView bool
}

func (f faulty) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if k, is := msg.(tea.KeyMsg); is {
		switch k.String() {
		case "u":
			panic("in Update")
		case "v":
			f.inView = true
		case "c":
			return f, func() tea.Msg { panic("in a command") }
		}
	}

	return f, nil
}

func (f faulty) View() string {
	if f.inView {
		panic("in View")
	}

	return "here"
}

func TestAPanicRestoresTheTerminalAndHurtsNoWork(t *testing.T) {
	for _, where := range []string{"u", "v", "c"} {
		t.Run(where, func(t *testing.T) {
			term := newTerminal(t)
			op := operate(term.options(), faulty{model: newModel(term.options())})
			start(t, op)
			term.await("here")
			term.press(where)
			within(t, "Ask", func() {
				_, err := op.Ask(context.Background(), startTyped)
				var none *recovery.NoAnswerError
				if !errors.As(err, &none) {
					t.Errorf("Ask says %v", err)
				}
			})
			if err := closeSoon(t, op); err == nil || !strings.Contains(err.Error(), "mistake: in ") {
				t.Errorf("Close says %v", err)
			}
			term.restored()
		})
	}
}

func TestAHangupLeavesTheWorkAlone(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("hangup", func(t *testing.T) {
		term := newTerminal(t)
		op := New(term.options())
		start(t, op)
		verdict := make(chan recovery.Verdict, 1)
		go func() { verdict <- shortRun(op).Recover(context.Background()) }()
		term.await("Type the host name")
		op.Hangup()
		op.Hangup()
		within(t, "the run", func() {
			if v := <-verdict; v.Diagnosis == nil || v.Diagnosis.Code != recovery.CodeAnswerMissing {
				t.Errorf("got %+v", v)
			}
		})
		if err := closeSoon(t, op); err != nil {
			t.Error(err)
		}
		term.restored()
	})
}

func TestATerminalThatFailsCannotBeAsked(t *testing.T) {
	in, keys := io.Pipe()
	op := New(Options{In: in, Out: io.Discard})
	start(t, op)
	asked := make(chan error, 1)
	go func() {
		_, err := op.Ask(context.Background(), startTyped)
		asked <- err
	}()
	_ = keys.CloseWithError(unix.EIO) // what a terminal says whose other end is closed
	within(t, "Ask", func() {
		var none *recovery.NoAnswerError
		if err := <-asked; !errors.As(err, &none) {
			t.Errorf("Ask says %v", err)
		}
	})
	if err := closeSoon(t, op); !errors.Is(err, unix.EIO) {
		t.Errorf("Close says %v", err)
	}
}

// Whatever links this package questions the terminal while it is initialised,
// unless ui/quiet is linked too.
func TestTheTerminalIsNotQuestionedAtTheStart(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FIRMFLOW_TEST_QUIET=1", "TERM=xterm-256color")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	out, _ := io.ReadAll(terminal) // ends with EIO, when the program has
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if string(out) != "xterm-256color" {
		t.Errorf("the terminal saw %q", out)
	}
}
