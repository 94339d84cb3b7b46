package secret

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

func keyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

// sshKey gives a private key as ssh-keygen writes it, and its recipient.
func sshKey(t *testing.T, key crypto.Signer, phrase string) (string, age.Recipient) {
	t.Helper()
	marshal := func() (*pem.Block, error) { return ssh.MarshalPrivateKey(key, "") }
	if phrase != "" {
		marshal = func() (*pem.Block, error) { return ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(phrase)) }
	}
	block, err := marshal()
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	to, err := agessh.ParseRecipient(string(ssh.MarshalAuthorizedKey(public)))
	if err != nil {
		t.Fatal(err)
	}

	return string(pem.EncodeToMemory(block)), to
}

func TestReadIdentitiesOpensWhatAgeEncrypted(t *testing.T) {
	ours, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	_, curve, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ofCurve, toCurve := sshKey(t, curve, "")
	ofRSA, toRSA := sshKey(t, old, "")
	for name, c := range map[string]struct {
		file string
		to   age.Recipient
	}{
		"age-keygen":  {"# created: today\n# public key: " + ours.Recipient().String() + "\n" + ours.String() + "\n", ours.Recipient()},
		"SSH ed25519": {ofCurve, toCurve},
		"SSH RSA":     {"\n" + ofRSA, toRSA},
	} {
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, name); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		keys, err := ReadIdentities(keyFile(t, c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r, err := age.Decrypt(&sealed, keys...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != name {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestReadIdentitiesQuotesNothing(t *testing.T) {
	_, curve, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	locked, _ := sshKey(t, curve, "a phrase")
	for text, want := range map[string]error{
		"":                          ErrKeyFile,
		"age1notakey":               ErrKeyFile,
		"AGE-SECRET-KEY-1GARBLED":   ErrKeyFile,
		"-----BEGIN GARBLED":        ErrKeyFile,
		locked:                      ErrKeyLocked,
		strings.ToUpper(locked[1:]): ErrKeyFile,
	} {
		if _, err := ReadIdentities(keyFile(t, text)); !errors.Is(err, want) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("a key file with %q: %v, want %v", text, err, want)
		}
	}
	if _, err := ReadIdentities(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrKeyFile) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}
