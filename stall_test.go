package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestB19WorkThatWaitsForAnotherSessionSaysSo: a lock on the server's list of
// databases stops the barrier. Nothing is ended for it, and it goes on when the
// other one does.
func TestB19WorkThatWaitsForAnotherSessionSaysSo(t *testing.T) {
	i := sandboxed(t)
	end := connected(t, i, "postgres", "pgAdmin 4", "begin; lock table pg_database in share mode")
	defer end()

	run := exec.Command(program, args(i, "restore", i.Backups, "--confirm", hostname(t), "--stall", "200ms", "--settle", "100ms")...)
	told := &watcher{text: "waits for pgAdmin 4 of user firmflow", seen: make(chan struct{})}
	run.Stdout, run.Stderr = told, told
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	select {
	case <-told.seen:
	case err := <-ended:
		t.Fatalf("it ended, and did not wait: %v\n%s", err, told.all.String())
	}
	end()
	if err := <-ended; err != nil {
		t.Errorf("it did not go on: %v\n%s", err, told.all.String())
	}
	for _, want := range []string{"no progress for", "the last thing seen", "pg_terminate_backend(", "it goes on, after", "VERIFIED in"} {
		if !strings.Contains(told.all.String(), want) {
			t.Errorf("it never says %q:\n%s", want, told.all.String())
		}
	}
}
