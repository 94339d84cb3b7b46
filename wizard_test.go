package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery/demo"
)

// window is the program in tmux, at 80 by 24: a terminal that draws, as an
// operator over SSH has it.
type window struct {
	t      *testing.T
	socket string
	dir    string
	keys   int // pressed so far
}

// tmux starts the program in a window of its own. What follows it in the window
// keeps its exit code and the terminal's modes.
func tmux(t *testing.T, args ...string) *window {
	t.Helper()

	return tmuxWith(t, nil, args...)
}

// tmuxWith is tmux with more in the environment.
func tmuxWith(t *testing.T, env []string, args ...string) *window {
	t.Helper()
	_, err := exec.LookPath("tmux")
	need(t, "docker", err == nil) // where CI has Docker it has tmux
	w := &window{t: t, dir: t.TempDir()}
	w.socket = filepath.Join(w.dir, "tmux")
	script := `stty -a >before; "$@"; echo $? >code.part; stty -a >after; mv code.part code; cat`
	command := append([]string{"-S", w.socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-c", w.dir, "sh", "-c", script, "sh", program}, args...)
	start := exec.Command("tmux", command...)
	start.Env = append(append(os.Environ(), "TERM=xterm-256color", "ACCESSIBLE=", "NO_COLOR=", "LC_ALL=C.UTF-8"), env...)
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = w.tmux("kill-server").Run() })

	return w
}

func (w *window) tmux(args ...string) *exec.Cmd {
	return exec.Command("tmux", append([]string{"-S", w.socket}, args...)...)
}

// screen is what stands in the window now.
func (w *window) screen() string {
	out, _ := w.tmux("capture-pane", "-p").Output() // without a window there is nothing in it

	return string(out)
}

// until waits for something to come true.
func (w *window) until(what string, true func() bool) {
	w.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(5 * time.Minute); !true(); <-tick.C {
		if time.Now().After(late) {
			w.t.Fatalf("%s: not so after five minutes; the screen shows\n%s", what, w.screen())
		}
	}
}

// shows waits until all texts stand on the screen at once.
func (w *window) shows(texts ...string) {
	w.t.Helper()
	w.until(fmt.Sprintf("the screen shows %q", texts), func() bool {
		now := w.screen()
		for _, text := range texts {
			if !strings.Contains(now, text) {
				return false
			}
		}

		return true
	})
}

func (w *window) press(keys ...string) {
	w.t.Helper()
	w.keys += len(keys)
	if out, err := w.tmux(append([]string{"send-keys"}, keys...)...).CombinedOutput(); err != nil {
		w.t.Fatalf("press %q: %v\n%s", keys, err, out)
	}
}

// ends waits for the program's end, and checks that the terminal is as it was.
func (w *window) ends(exit int) {
	w.t.Helper()
	code := filepath.Join(w.dir, "code")
	w.until("the program has ended", func() bool { _, err := os.Stat(code); return err == nil })
	if got := strings.TrimSpace(content(w.t, code)); got != strconv.Itoa(exit) {
		w.t.Errorf("exit code %s, want %d; the screen shows\n%s", got, exit, w.screen())
	}
	if before, after := content(w.t, filepath.Join(w.dir, "before")), content(w.t, filepath.Join(w.dir, "after")); before != after {
		w.t.Errorf("the terminal's modes are\n%s, were\n%s", after, before)
	}
}

// process is the program's, as the operating system knows it.
func (w *window) process() int {
	w.t.Helper()
	shell := strings.TrimSpace(string(output(w.t, w.tmux("list-panes", "-F", "#{pane_pid}"))))
	children := strings.Fields(content(w.t, filepath.Join("/proc", shell, "task", shell, "children")))
	if len(children) != 1 {
		w.t.Fatalf("the window has children %q, want one", children)
	}
	pid, err := strconv.Atoi(children[0])
	if err != nil {
		w.t.Fatal(err)
	}

	return pid
}

func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}

	return out
}

// guided are the settings of the demo's installation, for the command that has
// no name.
func guided(i *demo.Installation, more ...string) []string {
	return append(strip(args(i, "", i.Backups), "--plain")[1:], more...)
}

// TestTheDemoIsAWizardOfAtMostSixKeys: a newcomer takes what is offered.
func TestTheDemoIsAWizardOfAtMostSixKeys(t *testing.T) {
	w := tmux(t, "demo")
	w.shows("What do you want to do?", "> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup", "you lose")
	w.press("Enter")
	w.shows("Plan", "> Go back")
	w.press("Up", "Enter")
	w.shows("VERIFIED in", "PROVEN")
	w.press("Enter")
	w.ends(0)
	if w.keys > 6 {
		t.Errorf("%d keys, want at most 6", w.keys)
	}
	if out := w.screen(); !strings.Contains(out, "VERIFIED in") {
		t.Errorf("the verdict is not left in the scrollback:\n%s", out)
	}
}

// TestTheWizardGoesBackAndKeepsAnswers walks every question and changes nothing.
func TestTheWizardGoesBackAndKeepsAnswers(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	w := tmux(t, strings.Split(strings.Replace(strings.Join(guided(i), "\n"), "--original-env\n"+i.OriginalEnv+"\n", "", 1), "\n")...)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("Original .env")
	w.press("/none", "Enter")
	w.shows("cannot be read")
	w.press("C-u", i.OriginalEnv, "Enter")
	w.shows("Plan", "This replaces the data")
	w.press("wrong", "Enter")
	w.shows("That is not the name")
	w.press("Escape")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("This replaces the data") // the path is not asked for again
	w.press("Escape")
	w.shows("Choose a backup")
	w.press("Escape")
	w.shows("What do you want to do?")
	env := filepath.Join(i.Project, ".env")
	good := content(t, env)
	write(t, env, strings.Replace(good, "LICENSE_KEY", "NO_KEY", 1))
	w.press("Down", "Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("LICENSE_KEY", "missing here", "r check again")
	write(t, env, good)
	w.press("r")
	w.shows("Nothing is in the way")
	w.press("q")
	w.shows("Choose a backup")
	w.press("Escape")
	w.shows("What do you want to do?")
	w.press("q")
	w.ends(4)
	if standing(t, i) != before {
		t.Error("something changed")
	}
}

// TestTheWizardRetriesAfterTheFix: what is wrong is mended beside the wizard,
// and the same step goes on.
func TestTheWizardRetriesAfterTheFix(t *testing.T) {
	i := sandboxed(t)
	config := filepath.Join(i.Project, "sandbox.json")
	good := content(t, config)
	write(t, config, strings.Replace(good, "?sslmode=disable", "_none?sslmode=disable", 1))
	w := tmux(t, guided(i, "--patience", "5s")...)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("This replaces the data")
	w.press(hostname(t), "Enter")
	w.shows("Restart failed", "> Retry")
	write(t, config, good)
	w.press("Enter")
	w.shows("VERIFIED in")
	w.press("q")
	w.ends(0)
}

// TestF1ALostLineInAnyStepLosesNothing closes the window in each step. The work
// goes on without a screen, and attach shows how it ended.
func TestF1ALostLineInAnyStepLosesNothing(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	for n, step := range []string{"● 2 Vault", "● 3 Services", "● 4 Database", "● 5 Restart"} {
		w := tmux(t, guided(i, "--confirm", hostname(t))...)
		w.shows("> Recover from a backup")
		w.press("Enter")
		w.shows("Choose a backup")
		w.press("Enter")
		if n < 2 { // they can be over within a moment
			w.shows("running")
		} else {
			w.shows(step)
		}
		if out, err := w.tmux("kill-server").CombinedOutput(); err != nil {
			t.Fatalf("close the window: %v\n%s", err, out)
		}
		firmflow(t, nil, "attach", "--state-dir", i.State, "--plain").want(t, 0, "VERIFIED in", "step 5 of 5")
		if standing(t, i) != before {
			t.Errorf("the line was lost in %s: the recovered installation differs", step)
		}
	}
}

// TestAttachIsAViewThatCanBeLeft watches a run in a second window; leaving it
// stops nothing. SIGTERM then does, and resume ends it.
func TestAttachIsAViewThatCanBeLeft(t *testing.T) {
	i := sandboxed(t)
	w := tmux(t, guided(i, "--confirm", hostname(t))...)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("running")
	view := tmux(t, "attach", "--state-dir", i.State)
	view.shows("watching", "ctrl+c leave")
	second := tmux(t, guided(i)...)
	second.shows("A recovery is going on", "> Watch run", "not possible")
	second.press("q")
	second.ends(4)
	view.press("C-c")
	view.shows("Leave this view?")
	view.press("Down", "Enter")
	view.ends(130)
	if err := syscall.Kill(w.process(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.ends(143)
	last := tmux(t, guided(i)...)
	last.shows("An interrupted recovery was found", "> Resume run")
	last.press("Enter")
	last.shows("VERIFIED in")
	last.press("Enter")
	last.ends(0)
}

// TestTheScreenCanBeLeftForLines detaches in the last step, which takes long
// enough for that.
func TestTheScreenCanBeLeftForLines(t *testing.T) {
	i := sandboxed(t)
	w := tmux(t, guided(i, "--confirm", hostname(t))...)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("● 5 Restart")
	w.press("C-c")
	w.shows("Stop this run?", "Detach")
	w.press("Down", "Down", "Down", "Enter")
	w.shows("VERIFIED in")
	w.ends(0)
	all, _ := w.tmux("capture-pane", "-p", "-S", "-").Output()
	for _, want := range []string{"It is safe to disconnect", "step 5 of 5, make it live"} {
		if !strings.Contains(string(all), want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
}

// TestTheWizardOnCompose recovers the real Compose stack by keys.
func TestTheWizardOnCompose(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	before := i.snapshot(t)
	i.compose(t, "down", "-v")
	must(t, "/", "find", i.vault, "-mindepth", "1", "-delete")
	w := tmux(t, "--project", i.dir, "--project-name", i.project, "--backups", i.backups, "--original-env", i.original, "--state-dir", i.state)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("Plan", "> Go back")
	w.press("Up", "Enter")
	w.shows("VERIFIED in")
	w.press("Enter")
	w.ends(0)
	if after := i.snapshot(t); after != before {
		t.Error("the recovered installation differs from the lost one")
	}
}

// TestF1ALostLineInTheFirstStepLosesNothing: that step is over in a moment, so every
// answer of Docker is made to take a while until the line is lost.
func TestF1ALostLineInTheFirstStepLosesNothing(t *testing.T) {
	docker, err := exec.LookPath("docker")
	need(t, "docker", err == nil)
	i := installed(t)
	i.backUp(t)
	before := i.snapshot(t)
	i.compose(t, "down", "-v", "--timeout", "2")
	must(t, "/", "find", i.vault, "-mindepth", "1", "-delete")
	slow := t.TempDir()
	mark := filepath.Join(slow, "slow")
	write(t, filepath.Join(slow, "docker"), "#!/bin/sh\nif test -e "+mark+"; then sleep 0.5; fi\nexec "+docker+" \"$@\"\n")
	must(t, slow, "chmod", "0755", "docker")
	w := tmuxWith(t, []string{"PATH=" + slow + ":" + os.Getenv("PATH")}, i.args("", "--project-name", i.project, "--confirm", hostname(t))[1:]...)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("● 1 Environment")
	write(t, mark, "")
	last := func() string {
		journals, err := filepath.Glob(filepath.Join(i.state, "runs", "*", "journal.jsonl"))
		if err != nil || len(journals) != 1 {
			return ""
		}
		return content(t, journals[0])
	}
	w.until("step 1 is begun", func() bool { return strings.Contains(last(), `"step.started"`) })
	if strings.Contains(last(), `"step.finished"`) {
		t.Error("step 1 was over before the line was lost")
	}
	if out, err := w.tmux("kill-server").CombinedOutput(); err != nil {
		t.Fatalf("close the window: %v\n%s", err, out)
	}
	must(t, "/", "rm", mark)
	firmflow(t, nil, "attach", "--state-dir", i.state, "--plain").want(t, 0, "VERIFIED in", "step 1 of 5", "step 5 of 5")
	if after := i.snapshot(t); after != before {
		t.Error("the recovered installation differs from the lost one")
	}
}

// TestTheWizardVerifiesABackup before it is chosen, in full and at a glance.
func TestTheWizardVerifiesABackup(t *testing.T) {
	i := sandboxed(t)
	w := tmux(t, guided(i)...)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup", "v verify in full")
	w.press("v")
	w.shows("Every byte was read", "rows")
	w.press("Escape")
	w.shows("Choose a backup", "✓ verified")
	w.press("i")
	w.shows("Only beginnings and ends were read")
	w.press("Escape")
	w.shows("Choose a backup", "✓ verified")
	w.press("Escape")
	w.shows("> Recover from a backup")
	w.press("q")
	w.ends(4)
}

// choose moves the cursor to an option, however many stand between, and takes it.
func (w *window) choose(key, label string) {
	w.t.Helper()
	w.until("the cursor is on "+label, func() bool {
		if strings.Contains(w.screen(), "> "+label) {
			return true
		}
		w.press(key)

		return false
	})
	w.press("Enter")
}

// close closes the window, and with it the program: its command line names
// directories in which nothing is to run afterwards.
func (w *window) close() {
	w.t.Helper()
	if out, err := w.tmux("kill-server").CombinedOutput(); err != nil {
		w.t.Fatalf("close the window: %v\n%s", err, out)
	}
}

// TestTheGuidedDrill rehearses by keys, with a fault, and ends with a scorecard.
func TestTheGuidedDrill(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	places := filepath.Join(i.Dir, "places")
	mkdir(t, places)
	w := tmux(t, guided(i, "--drill-dir", places)...)
	w.shows("What do you want to do?", "> Recover from a backup", "Restore drill", "this installation is untouched")
	w.choose("Down", "Restore drill")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("Shall something go wrong", "> Nothing")
	w.choose("Down", "secret-differs")
	w.shows("DRILL", "Environment needs a decision", "AUTH_SECRET differs from the original", "> Go back")
	w.choose("Up", "Put the original's keys")
	w.shows("DRILL", "Plan", "IN EARNEST THIS WOULD BE LOST", "> Go back")
	w.press("Up", "Enter")
	w.shows("DRILL", "VERIFIED in", "PROVEN")
	w.press("Enter")
	w.shows("How drill ", " went", "TIME", "DECIDED", "VERIFIED in")
	w.press("End")
	w.shows("NOT REHEARSED", "THE FAULT", "secret-differs", "The way out")
	w.press("Escape")
	w.ends(0)
	w.close()
	if left := listed(t, places); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	noneRuns(t, places)
	if standing(t, i) != before {
		t.Error("the installation is not as it was")
	}
}

// TestF7AStormOfSizesAndAStopDoNotDisturbTheWork: a window that is dragged about,
// ctrl-z, which is nothing here, and a stop from outside, while it recovers.
func TestF7AStormOfSizesAndAStopDoNotDisturbTheWork(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	w := tmux(t, guided(i, "--confirm", hostname(t), "--settle", "20s")...)
	size := func(x, y int) {
		t.Helper()
		if out, err := w.tmux("resize-window", "-x", strconv.Itoa(x), "-y", strconv.Itoa(y)).CombinedOutput(); err != nil {
			t.Fatalf("resize the window: %v\n%s", err, out)
		}
	}
	w.shows("> Recover from a backup")
	for n := range 40 { // in the questions, too
		size(20+n*7%180, 5+n*11%60)
	}
	size(80, 24)
	w.shows("> Recover from a backup")
	w.press("Enter")
	w.shows("Choose a backup")
	w.press("Enter")
	w.shows("running")
	for n := range 120 {
		size(20+n*13%200, 3+n*7%70)
	}
	size(80, 24)
	w.press("C-z", "C-z")
	w.shows("● 5 Restart")
	pid := w.process()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.until("the program is stopped", func() bool { return strings.Contains(content(t, fmt.Sprintf("/proc/%d/stat", pid)), ") T ") })
	size(60, 20)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	size(80, 24)
	w.shows("VERIFIED in")
	for line := range strings.Lines(w.screen()) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
			t.Errorf("a line is wider than the window: %q", line)
		}
	}
	w.press("Enter")
	w.ends(0)
	if standing(t, i) != before {
		t.Error("the recovered installation differs")
	}
}

// TestItRunsAsAServiceManagerWouldRunIt: no terminal, a session of its own, hardly
// an environment, and once nowhere to write to.
func TestItRunsAsAServiceManagerWouldRunIt(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	for name, redirected := range map[string]string{"a pipe as its output": "", "no output at all": " >&- 2>&-", "no input either": " <&- >&- 2>&-"} {
		if err := i.Lose(t.Context()); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sh", append([]string{"-c", `exec "$@"` + redirected, "sh", program}, strip(args(i, "restore", i.Backups, "--confirm", hostname(t)), "--plain")...)...)
		cmd.Env, cmd.Dir = []string{"PATH=" + os.Getenv("PATH")}, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("with %s: %v\n%s", name, err, out)
		}
		if redirected == "" && (!strings.Contains(string(out), "VERIFIED in") || strings.Contains(string(out), "\x1b")) {
			t.Errorf("with %s it says\n%q", name, out)
		}
		firmflow(t, nil, "report", "--state-dir", i.State).want(t, 0, "VERIFIED")
		if standing(t, i) != before {
			t.Errorf("with %s: the recovered installation differs", name)
		}
	}
}
