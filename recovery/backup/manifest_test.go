package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery/secret"
)

// quick is a cost for tests.
func quick() Cost { return Cost{N: 2, R: 1, P: 1} }

func keys(auth string) map[string]secret.String {
	return map[string]secret.String{"AUTH_SECRET": secret.New(auth), "LICENSE_KEY": secret.New("license"), "FIELD_ENCRYPTION_KEY": secret.New("")}
}

func example() Manifest {
	at := time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)

	return Manifest{
		Program: "firmflow-recovery test", Backup: "2026-11-28_020000", Began: at, Ended: at.Add(time.Minute), Host: Host{Name: "ffhost-01"},
		Files:    []ListedFile{{Name: "db_2026-11-28_020000.dump", Part: Dump, Size: 7, SHA256: strings.Repeat("ab", 32)}},
		Vault:    VaultRecord{Files: 3, Bytes: 900, Tree: "tree", Source: "/opt/firmflow/uploads"},
		Database: DatabaseRecord{Name: "firmflow", Server: "15.18", Rows: []TableRecord{{"public", "AuditLog", 1200}, {"public", "User", 3}}},
		Chain:    &ChainRecord{Table: `public."AuditLog"`, Length: 1200, Head: "head"},
	}
}

func encoded(t *testing.T, auth string) []byte {
	t.Helper()
	data, err := example().Encode(keys(auth), quick())
	if err != nil {
		t.Fatal(err)
	}

	return data
}

func TestAManifestSaysWhatWasPutIntoIt(t *testing.T) {
	got, err := DecodeManifest(encoded(t, "the secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Verify(secret.New("the secret")); err != nil {
		t.Errorf("verify: %v", err)
	}
	want := example()
	want.Format, want.Keys = 1, got.Keys
	if diff := cmp.Diff(want, got.Manifest); diff != "" {
		t.Error(diff)
	}
	if total := got.Database.Total(); total != 1203 {
		t.Errorf("rows = %d, want 1203", total)
	}
}

func TestASealTellsAnotherSecretFromAChangedManifest(t *testing.T) {
	data := encoded(t, "the secret")
	m, err := DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(secret.New("another")); !errors.Is(err, ErrOtherSecret) {
		t.Errorf("another secret: %v, want ErrOtherSecret", err)
	}

	// Whoever changes it can put the checksum right, and not the seal.
	changed := bytes.Replace(data, []byte(`"rows": 1200`), []byte(`"rows": 1199`), 1)
	at := bytes.LastIndex(changed, []byte(sumLine))
	sum := sha256.Sum256(changed[:at])
	changed = append(changed[:at:at], sumLine+hex.EncodeToString(sum[:])+"\"\n}\n"...)
	m, err = DecodeManifest(changed)
	if err != nil {
		t.Fatalf("with its checksum put right: %v", err)
	}
	if err := m.Verify(secret.New("the secret")); !errors.Is(err, ErrChanged) {
		t.Errorf("changed: %v, want ErrChanged", err)
	}
}

func TestEveryFlippedBitOfAManifestIsSeenWithoutASecret(t *testing.T) {
	data := encoded(t, "the secret")
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 1 << (i % 8)
		if _, err := DecodeManifest(damaged); !errors.Is(err, ErrChanged) && !errors.Is(err, ErrNotManifest) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := DecodeManifest(data[:i]); err == nil {
			t.Fatalf("cut at byte %d: read as whole", i)
		}
	}
}

func TestFingerprintsConfirmAndShowNothing(t *testing.T) {
	first, err := DecodeManifest(encoded(t, "the secret"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := DecodeManifest(encoded(t, "the secret"))
	if err != nil {
		t.Fatal(err)
	}
	for name, candidates := range map[string]map[string]bool{
		"AUTH_SECRET": {"the secret": true, "the secret ": false, "": false}, "LICENSE_KEY": {"license": true, "the secret": false},
	} {
		for candidate, want := range candidates {
			if got, err := first.Keys[name].Confirms(secret.New(candidate)); got != want || err != nil {
				t.Errorf("%s, %q: %v, %v, want %v", name, candidate, got, err, want)
			}
		}
		if bytes.Equal(first.Keys[name].Sum, second.Keys[name].Sum) {
			t.Errorf("%s: two backups show that they have the same secret", name)
		}
	}
	if _, taken := first.Keys["FIELD_ENCRYPTION_KEY"]; taken {
		t.Error("a fingerprint was taken of a key that is not set")
	}
	if bytes.Contains(first.body, []byte("the secret")) {
		t.Error("the manifest holds the secret")
	}
}

func TestAManifestCannotAskForHoursOfWork(t *testing.T) {
	for _, c := range []Cost{
		{}, {N: 1, R: 8, P: 1}, {N: 3, R: 8, P: 1}, {N: 1 << 40, R: 8, P: 1}, {N: 1 << 15, R: 1 << 40, P: 1},
		{N: 1 << 15, R: 8, P: 1 << 30}, {N: 1 << 15, R: 8, P: -1}, {N: -2, R: 8, P: 1}, {N: 1 << 62, R: 1 << 62, P: 1 << 62},
	} {
		p := Print{KDF: kdf, Cost: c, Salt: make([]byte, saltSize), Sum: make([]byte, sumSize)}
		if _, err := p.Confirms(secret.New("x")); !errors.Is(err, ErrCostly) {
			t.Errorf("%+v: %v, want ErrCostly", c, err)
		}
	}
	if err := Slow().allowed(); err != nil {
		t.Errorf("ours: %v", err)
	}
	if _, err := (Print{KDF: "argon2id", Cost: quick()}).Confirms(secret.New("x")); !errors.Is(err, ErrNewer) {
		t.Errorf("another function: %v, want ErrNewer", err)
	}
}

func TestAManifestThatLeadsOutIsRefused(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../db.dump", "/etc/passwd", "a/b", `a/../b`} {
		m := example()
		m.Files[0].Name = name
		data, err := m.Encode(keys("the secret"), quick())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeManifest(data); !errors.Is(err, ErrNotManifest) {
			t.Errorf("%q: %v, want ErrNotManifest", name, err)
		}
	}
}

func TestAManifestNeedsASecret(t *testing.T) {
	if _, err := example().Encode(keys(""), quick()); !errors.Is(err, ErrNoSecret) {
		t.Errorf("got %v, want ErrNoSecret", err)
	}
}

func TestAManifestOfAnotherBackupIsSeen(t *testing.T) {
	p := newPlace(t).set("2026-11-28_020000").set("2026-11-27_020000")
	for _, date := range []string{"2026-11-28_020000", "2026-11-27_020000"} {
		p.must(os.WriteFile(filepath.Join(p.dir, "manifest_"+date+".json"), encoded(t, "the secret"), 0o600))
	}
	d := p.open()
	if _, err := d.Sets[0].ReadManifest(); err != nil {
		t.Errorf("its own: %v", err)
	}
	if _, err := d.Sets[1].ReadManifest(); !errors.Is(err, ErrForeign) {
		t.Errorf("another's: %v, want ErrForeign", err)
	}
}

func TestChecksumsAreReadAsTheyAreWritten(t *testing.T) {
	files := []ListedFile{{Name: "b", SHA256: strings.Repeat("01", 32)}, {Name: "a", SHA256: strings.Repeat("ff", 32)}}
	data := SumsFile(files)
	got, err := ParseSums(data)
	if diff := cmp.Diff(map[string]string{"a": strings.Repeat("ff", 32), "b": strings.Repeat("01", 32)}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, bad := range []string{"x\n", "abc  name\n", strings.Repeat("01", 32) + "  ../a\n", string(data) + string(data)} {
		if _, err := ParseSums([]byte(bad)); !errors.Is(err, ErrChanged) {
			t.Errorf("%q: %v, want ErrChanged", bad, err)
		}
	}
}
