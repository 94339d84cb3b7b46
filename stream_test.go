package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/demo"
)

// TestTheJSONOfARunIsItsJournal checks that a reader of --json and a reader of
// the journal read the same bytes, but for progress.
func TestTheJSONOfARunIsItsJournal(t *testing.T) {
	i := sandboxed(t)
	cmd := exec.Command(program, append(strip(args(i, "restore", i.Backups), "--plain"), "--confirm", hostname(t), "--json")...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var lasting strings.Builder
	var last recovery.Event
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	progress := 0
	for lines.Scan() {
		var e recovery.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if e.Kind.Lossy() {
			progress++
			continue
		}
		last = e
		lasting.WriteString(lines.Text() + "\n")
	}
	journals, err := filepath.Glob(filepath.Join(i.State, "runs", "*", "journal*"))
	if err != nil || len(journals) != 1 {
		t.Fatalf("journals: %q, %v", journals, err)
	}
	if got := content(t, journals[0]); got != lasting.String() {
		t.Errorf("the journal holds\n%s\nand --json said\n%s", got, lasting.String())
	}
	if last.Verdict == nil || last.Verdict.Outcome != recovery.Verified || progress == 0 {
		t.Errorf("the last event is %+v, after %d of progress; want the verdict", last, progress)
	}
}

// TestD14NoSecretIsAnArgumentInTheSandbox reads the arguments of every process
// on the host, again and again while a recovery runs.
func TestD14NoSecretIsAnArgumentInTheSandbox(t *testing.T) {
	i := sandboxed(t)
	var values [][]byte
	for _, line := range strings.Split(strings.TrimSpace(content(t, i.OriginalEnv)), "\n") {
		if _, value, _ := strings.Cut(line, "="); len(value) > 20 {
			values = append(values, []byte(strings.Trim(value, "'")))
		}
	}
	if len(values) != 3 {
		t.Fatalf("%d values in the original, want 3", len(values))
	}
	done := make(chan result, 1)
	go func() { done <- recovered(i, hostname(t)) }()
	seen := make(map[string]bool)
	for {
		select {
		case r := <-done:
			r.want(t, 0, "VERIFIED in")
			for _, program := range []string{"psql", "pg_restore", "firmflow-recovery"} {
				if !seen[program] {
					t.Errorf("%s was never seen: the look was not close enough", program)
				}
			}
			return
		default:
			look(t, values, seen)
		}
	}
}

// recovered runs a recovery without a test at hand: it is for a goroutine.
func recovered(i *demo.Installation, host string) result {
	cmd := exec.Command(program, args(i, "restore", i.Backups, "--confirm", host)...)
	out, _ := cmd.CombinedOutput()

	return result{string(out), cmd.ProcessState.ExitCode()}
}

// look reads the arguments of every process once, and notes whose they were.
func look(t *testing.T, values [][]byte, seen map[string]bool) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		argv, _ := os.ReadFile(path) // it may end meanwhile
		name, _, _ := bytes.Cut(argv, []byte{0})
		seen[filepath.Base(string(name))] = true
		for _, value := range values {
			if bytes.Contains(argv, value) {
				t.Errorf("a secret is among the arguments of %s", name)
			}
		}
	}
}
