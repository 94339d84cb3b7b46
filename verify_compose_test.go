package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestA1ADumpOfARealDockerExecT takes the dump as many scripts do, through the
// terminal that Docker allocates, and recovers from it on the real Compose.
func TestA1ADumpOfARealDockerExecT(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	before := i.snapshot(t)
	date := time.Now().Format(time.DateOnly)
	dump := filepath.Join(i.backups, "db_"+date+".dump")
	container := strings.TrimSpace(i.compose(t, "ps", "-q", "db"))
	through := func(options ...string) string {
		return must(t, i.dir, "docker", append(append([]string{"exec", "-t", container, "pg_dump", "-U", "firmflow", "-Fc"}, options...), "firmflow")...)
	}

	write(t, dump, through("-v")) // A4: its messages are in the middle
	looking(t, "verify", i.backups).want(t, 5, "dump.")
	looking(t, "repair", i.backups).want(t, 5, "no copy was left")

	write(t, dump, through())
	looking(t, "verify", i.backups).want(t, 5, "dump.terminal")
	i.compose(t, "down", "-v", "--timeout", "2")
	for _, lost := range []string{i.vault, filepath.Join(i.dir, ".env")} {
		if err := os.RemoveAll(lost); err != nil {
			t.Fatal(err)
		}
	}
	looking(t, "repair", i.backups).want(t, 0, "REPAIRED, as backup "+date+"-repaired")
	i.run(t, "restore", "--backup", date+"-repaired", "--confirm", hostname(t), "--plain").want(t, 0, "VERIFIED in")
	if after := i.snapshot(t); after != before {
		t.Errorf("the recovered site differs: %+v, want %+v", after, before)
	}
	if n := i.served(t); n != 40 {
		t.Errorf("%d documents served, want 40", n)
	}
}
