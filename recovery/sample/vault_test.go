package sample

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func testVault(t *testing.T, secret string) vault {
	t.Helper()
	v, err := newVault(Config{AuthSecret: secret, Uploads: filepath.Join(t.TempDir(), "uploads")})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVaultReadsBackWhatItWrote(t *testing.T) {
	v := testVault(t, "secret")
	for _, plain := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("document "), 10_000)} {
		key := storageKey("firm", time.UnixMilli(1767600000000), sha256.Sum256(plain), ".pdf")
		if err := v.write(key, plain); err != nil {
			t.Fatal(err)
		}

		got, err := v.read(key)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: got %d bytes, %v", len(plain), len(got), err)
		}

		info, err := os.Stat(filepath.Join(v.dir, key))
		if err != nil || info.Size() != int64(12+len(plain)+16) {
			t.Errorf("%d bytes: got a blob %v, %v, want nonce and tag besides", len(plain), info.Size(), err)
		}
	}

	if left, _ := filepath.Glob(filepath.Join(v.dir, "firm", ".*")); len(left) > 0 {
		t.Errorf("left beside the blobs: %v", left)
	}
}

func TestVaultRefuses(t *testing.T) {
	v := testVault(t, "secret")
	if err := v.write("firm/1-a.txt", []byte("a document")); err != nil {
		t.Fatal(err)
	}
	blob, err := os.ReadFile(filepath.Join(v.dir, "firm/1-a.txt"))
	if err != nil {
		t.Fatal(err)
	}

	changed := slices.Clone(blob)
	changed[13] ^= 1
	for name, content := range map[string][]byte{"changed": changed, "cut": blob[:20], "tiny": blob[:3], "empty": nil} {
		if err := os.WriteFile(filepath.Join(v.dir, "firm", name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	stranger, err := newVault(Config{AuthSecret: "secreT", Uploads: v.dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		vault vault
		key   string
		want  error
	}{
		{"another secret", stranger, "firm/1-a.txt", errUndecryptable},
		{"a changed byte", v, "firm/changed", errUndecryptable},
		{"a cut blob", v, "firm/cut", errUndecryptable},
		{"a blob shorter than its nonce", v, "firm/tiny", errUndecryptable},
		{"an empty blob", v, "firm/empty", errUndecryptable},
		{"a missing blob", v, "firm/2-b.txt", fs.ErrNotExist},
	} {
		if _, err := test.vault.read(test.key); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}

	if _, err := v.read("../../etc/passwd"); err == nil {
		t.Error("a path out of the vault: got no error")
	}
}

func TestStorageKey(t *testing.T) {
	got := storageKey("cfirm", time.UnixMilli(1767600000123), sha256.Sum256([]byte("abc")), ".pdf")
	if want := "cfirm/1767600000123-ba7816bf8f01cfea.pdf"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPurgeMovesWhatNoRowNames(t *testing.T) {
	v := testVault(t, "secret")
	for _, key := range []string{"a/1-kept.txt", "a/2-orphan.txt", "b/3-orphan.txt", ".orphaned/c/0-earlier.txt", "b/.receipt"} {
		if err := v.write(key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}

	moved, err := purge(t.Context(), v.dir, map[string]bool{"a/1-kept.txt": true})
	if err != nil || moved != 2 {
		t.Errorf("got %d moved, %v, want 2", moved, err)
	}
	for _, key := range []string{"a/1-kept.txt", ".orphaned/a/2-orphan.txt", ".orphaned/b/3-orphan.txt", ".orphaned/c/0-earlier.txt", "b/.receipt"} {
		if _, err := v.read(key); err != nil {
			t.Errorf("after the purge: %v", err)
		}
	}

	if moved, err := purge(t.Context(), filepath.Join(v.dir, "absent"), nil); moved != 0 || err != nil {
		t.Errorf("no vault: got %d, %v, want nothing to do", moved, err)
	}
}

func TestFieldSealer(t *testing.T) {
	seal, err := fieldSealer("one")
	if err != nil {
		t.Fatal(err)
	}
	other, err := storageSealer("one")
	if err != nil {
		t.Fatal(err)
	}

	sealed := seal.sealText("JBSWY3DP")
	if got, err := seal.openText(sealed); got != "JBSWY3DP" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if strings.Contains(sealed, "JBSWY3DP") || sealed == seal.sealText("JBSWY3DP") {
		t.Error("the sealed text shows its content, or repeats its nonce")
	}
	if _, err := other.openText(sealed); !errors.Is(err, errUndecryptable) {
		t.Errorf("the documents' key opens a field: %v", err)
	}
}
