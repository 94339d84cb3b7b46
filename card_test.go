package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"firmflow-recovery/recovery/backup"
)

// TestTheBootstrapCardAloneRecovers: the host is lost, and somebody types what the
// card in the backup says, line by line, without this program.
func TestTheBootstrapCardAloneRecovers(t *testing.T) {
	_, err := exec.LookPath("age")
	need(t, "docker", err == nil)
	i := installed(t)
	recipient, key := identity(t)
	firmflow(t, nil, "backup", "--project", i.dir, "--backups", i.backups, "--state-dir", i.state, "--env-for", recipient, "--plain").want(t, 0, "BACKED UP in")
	before, documents := i.snapshot(t), i.served(t)
	i.compose(t, "down", "-v", "--timeout", "2")
	if err := os.RemoveAll(i.dir); err != nil {
		t.Fatal(err)
	}
	card := content(t, newest(t, i.backups).Card.Path)
	steps := 0
	for line := range strings.Lines(card) {
		command, is := strings.CutPrefix(line, "     ")
		switch {
		case !is:
			continue
		case strings.Contains(command, " createdb "): // the image has made an empty one
			continue
		}
		steps++
		typed := strings.ReplaceAll(command, "KEYFILE", key)
		must(t, i.backups, "bash", "-euo", "pipefail", "-c", typed)
	}
	if steps != 11 {
		t.Errorf("%d commands are on the card, want 11:\n%s", steps, card)
	}
	i.awaitApp(t)
	if after := i.snapshot(t); after != before {
		t.Error("what was recovered by the card differs from what was lost")
	}
	if n := i.served(t); n != documents {
		t.Errorf("%d documents are served, want %d", n, documents)
	}
	if text := content(t, filepath.Join(i.dir, ".env")); text != content(t, i.original) {
		t.Error(".env is not the original")
	}
}

// TestAnEnvBehindAPassphraseIsOpenedByAgeItself, typed in a terminal, as the card
// says.
func TestAnEnvBehindAPassphraseIsOpenedByAgeItself(t *testing.T) {
	age, err := exec.LookPath("age")
	need(t, "docker", err == nil)
	i := sandboxed(t)
	into, phrased := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "phrase")
	mkdir(t, into)
	write(t, phrased, phrase+"\n")
	firmflow(t, nil, backing(i, "backup", into, "--env-phrase", phrased)...).want(t, 0, "BACKED UP in")
	for part, want := range map[backup.Part]string{backup.Env: content(t, i.OriginalEnv), backup.Compose: ""} {
		sealed, opened := newest(t, into).File(part).Path, filepath.Join(t.TempDir(), "opened")
		if sealed == "" {
			continue // a sandbox has no compose file
		}
		s := terminalOf(t, exec.Command(age, "-d", "-o", opened, sealed))
		s.await("Enter passphrase")
		s.press(phrase + enter)
		s.ends(0)
		if got := content(t, opened); want != "" && got != want || got == "" {
			t.Errorf("%s opens as %d bytes, which are not what was sealed", filepath.Base(sealed), len(got))
		}
	}
}
