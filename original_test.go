package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
)

const phrase = "s3cr3t horse battery"

// sealed encrypts the original .env of an installation into its backups, as
// env_DATE.age, and takes the plain one away. It gives a key file where it was
// encrypted to a key, else it opens with the phrase.
func sealed(t *testing.T, i *demo.Installation, to age.Recipient) (path string) {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content(t, i.OriginalEnv)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(i.Backups, "env_"+time.Now().Format("2006-01-02")+".age")
	write(t, path, b.String())
	remove(t, i.OriginalEnv)

	return path
}

// cheap is a recipient by passphrase that takes no time.
func cheap(t *testing.T) age.Recipient {
	t.Helper()
	to, err := age.NewScryptRecipient(phrase)
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(2)

	return to
}

// without takes a flag and its value out of arguments.
func without(all []string, flag string) []string {
	var kept []string
	for i := 0; i < len(all); i++ {
		if all[i] == flag {
			i++
			continue
		}
		kept = append(kept, all[i])
	}

	return kept
}

func TestAnEncryptedOriginalBesideTheBackupIsOpenedInMemory(t *testing.T) {
	i := sandboxed(t)
	before, secrets := standing(t, i), content(t, i.OriginalEnv)
	path := sealed(t, i, cheap(t))
	plainly := without(args(i, "restore", i.Backups, "--confirm", hostname(t), "--verbose"), "--original-env")
	right, wrong := filepath.Join(i.Dir, "phrase"), filepath.Join(i.Dir, "wrong")
	write(t, right, phrase+"\n")
	write(t, wrong, "s3cr3t other\n")

	firmflow(t, nil, plainly...).want(t, 6, "secrets.original.locked", "--phrase-file", "Nothing was changed")
	firmflow(t, nil, append(plainly, "--phrase-file", wrong)...).want(t, 6, "secrets.original.passphrase", "Nothing was changed")
	firmflow(t, nil, append(plainly, "--identity", wrong)...).want(t, 6, "secrets.original.locked")
	if standing(t, i) != before {
		t.Error("a key that does not fit changed something")
	}
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := firmflow(t, nil, append(plainly, "--phrase-file", right)...)
	r.want(t, 0, "VERIFIED in")
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the lost one")
	}
	unwritten(t, i, r.out, secrets, path)
	firmflow(t, nil, "verify", "--backups", i.Backups, "--phrase-file", right).want(t, 0, "it holds AUTH_SECRET, LICENSE_KEY, FIELD_ENCRYPTION_KEY")
	firmflow(t, nil, "verify", "--backups", i.Backups, "--phrase-file", wrong).want(t, 9, "secrets.original.passphrase")
	firmflow(t, nil, "verify", "--backups", i.Backups).want(t, 0, "it is encrypted", "its key was not given")
}

// unwritten sees that neither the phrase nor the secrets are in anything that a
// run wrote, but for the .env itself.
func unwritten(t *testing.T, i *demo.Installation, out, secrets string, but ...string) {
	t.Helper()
	values := []string{phrase}
	for line := range strings.Lines(secrets) {
		if _, value, both := strings.Cut(strings.TrimSpace(line), "="); both && len(strings.Trim(value, `'"`)) >= 8 {
			values = append(values, strings.Trim(value, `'"`))
		}
	}
	texts := map[string]string{"the output": out}
	err := filepath.WalkDir(i.State, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			texts[path] = content(t, path)
		}
		return err
	})
	if err != nil || len(texts) < 3 || len(values) < 4 {
		t.Fatalf("%d texts and %d values to look for: %v", len(texts), len(values), err)
	}
	for name, text := range texts {
		for _, value := range values {
			if strings.Contains(text, value) {
				t.Errorf("%s holds a secret", name)
			}
		}
	}
}

func TestAnEncryptedOriginalIsOpenedByItsKeyAndByTyping(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file, other := filepath.Join(i.Dir, "key.txt"), filepath.Join(i.Dir, "other.txt")
	write(t, file, "# created by a test\n"+key.String()+"\n")
	none, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	write(t, other, none.String()+"\n")
	secrets := content(t, i.OriginalEnv)
	path := sealed(t, i, key.Recipient())
	plainly := without(args(i, "preflight", i.Backups), "--original-env")
	firmflow(t, nil, append(plainly, "--original-env", path, "--identity", file)...).want(t, 0, "READY")
	firmflow(t, nil, append(plainly, "--identity", other)...).want(t, 6, "secrets.original.identity")
	firmflow(t, nil, plainly...).want(t, 6, "secrets.original.locked", "--identity FILE")

	write(t, i.OriginalEnv, secrets)
	sealed(t, i, cheap(t))
	s := terminal(t, append(plainly, "--passphrase")...)
	s.await("Passphrase: ")
	s.press("s3cr3t guess\r")
	s.await("secrets.original.passphrase")
	s.ends(6)
	s = terminal(t, plainly...) // nobody said that there is a passphrase: it is asked for
	s.await("Passphrase: ")
	s.press(phrase + "\r")
	s.await("READY")
	s.ends(0)
	if strings.Contains(s.text(), "s3cr3t") {
		t.Error("what was typed is shown")
	}
	if standing(t, i) != before {
		t.Error("something changed")
	}
}

// TestTheWizardAsksForThePassphrase asks in screens and on lines, and lets a
// mistyped one be typed again.
func TestTheWizardAsksForThePassphrase(t *testing.T) {
	i := sandboxed(t)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	sealed(t, i, cheap(t))
	w := tmux(t, without(guided(i), "--original-env")...)
	w.shows("What do you want to do?")
	w.press("Down", "Enter") // a look, not a recovery
	w.shows("enter use this")
	w.press("Enter")
	w.shows("is encrypted. What is its passphrase?", "nothing typed yet")
	w.press("s3cr3t", "guess", "Enter")
	w.shows("That does not open it")
	w.press(phrase)
	w.shows("typed; not shown")
	w.press("Enter")
	w.shows("Nothing is in the way")
	if strings.Contains(w.screen(), "s3cr3t") {
		t.Error("what was typed is on the screen")
	}
	w.press("Escape")
	w.shows("enter use this")
	w.press("Escape")
	w.shows("What do you want to do?")
	w.press("q")
	w.ends(4)

	s := terminal(t, append(without(guided(i), "--original-env"), "--plain")...)
	s.await("What do you want to do?")
	s.press("2" + enter)
	s.await("Which backup?")
	s.press("1" + enter)
	s.await("type the passphrase (it is not shown)")
	s.press(phrase + enter)
	s.await("Nothing is in the way")
	s.press("4" + enter)
	s.ends(0)
	if strings.Contains(s.text(), "s3cr3t") {
		t.Error("what was typed is shown")
	}
}

// TestALostOriginalIsTypedAndConfirmedByTheManifest: there is no original .env
// any more, and somebody remembers its keys.
func TestALostOriginalIsTypedAndConfirmedByTheManifest(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	original, err := envfile.Read(i.OriginalEnv)
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]secret.String)
	for _, key := range envfile.Keys() {
		keys[key] = original.Value(key)
	}
	date := time.Now().Format("2006-01-02")
	manifest, err := backup.Manifest{Program: "test", Backup: date, Host: backup.HostNamed(hostname(t))}.Encode(keys, backup.Cost{N: 2, R: 1, P: 1})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(i.Backups, "manifest_"+date+".json"), string(manifest))
	secrets := content(t, i.OriginalEnv)
	remove(t, i.OriginalEnv)

	s := terminal(t, append(without(guided(i), "--original-env"), "--plain", "--verbose")...)
	types := func(auth string) {
		s.await("If it is lost, type  lost")
		s.press("lost" + enter)
		s.await("type the AUTH_SECRET (it is not shown)")
		s.press(auth + enter)
		s.await("type the LICENSE_KEY (it is not shown)")
		s.press(secret.Reveal(keys[envfile.LicenseKey]) + enter)
		s.await("type the FIELD_ENCRYPTION_KEY (it is not shown)")
		s.press(secret.Reveal(keys[envfile.FieldEncryptionKey]) + enter)
	}
	s.await("What do you want to do?")
	s.press("2" + enter)
	s.await("Which backup?")
	s.press("1" + enter)
	types(secret.Reveal(keys[envfile.AuthSecret]) + "x")
	s.await("AUTH_SECRET is not the one that this backup was taken with")
	s.await("Compare with another original .env")
	s.forget()
	s.press("3" + enter)
	types(secret.Reveal(keys[envfile.AuthSecret]))
	s.await("of the original are those of this backup, by its manifest")
	s.await("Nothing is in the way")
	s.press("4" + enter)
	s.ends(0)
	for line := range strings.Lines(secrets) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if value = strings.Trim(value, `'"`); len(value) >= 8 && strings.Contains(s.everything(), value) {
			t.Error("a secret is shown")
		}
	}
	if standing(t, i) != before {
		t.Error("something changed")
	}
}
