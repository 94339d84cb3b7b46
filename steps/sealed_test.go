package steps

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/evidence"
	"firmflow-recovery/recovery/secret"
)

// sealedBackup is an installation with a backup of two small files, whose
// manifest a test may change before it is sealed.
func sealedBackup(t *testing.T, change func(*backup.Manifest)) *Stack {
	t.Helper()
	s := stopped(t)
	m := backup.Making{Dir: s.ProjectDir, Date: "2026-11-28_020000"}
	if err := m.Begin(); err != nil {
		t.Fatal(err)
	}
	manifest := backup.Manifest{Backup: m.Date, Program: "test"}
	for _, part := range []backup.Part{backup.Dump, backup.Archive} {
		name := m.FileName(part, backup.Plain)
		file(t, m.Path(name), "content")
		manifest.Files = append(manifest.Files, backup.ListedFile{Name: name, Part: part, Size: 7, SHA256: strings.Repeat("ab", 32)})
	}
	change(&manifest)
	data, err := manifest.Encode(map[string]secret.String{envfile.AuthSecret: secret.New("the secret")}, backup.Cost{N: 2, R: 1, P: 1})
	if err != nil {
		t.Fatal(err)
	}
	file(t, m.Path(m.FileName(backup.Proof, backup.Plain)), string(data))
	if err := m.Publish(); err != nil {
		t.Fatal(err)
	}
	if s.Backup, _, err = OpenBackup(t.Context(), s.ProjectDir, m.Date); err != nil {
		t.Fatal(err)
	}
	s.OriginalEnv = filepath.Join(s.ProjectDir, "original.env")
	file(t, s.OriginalEnv, "AUTH_SECRET='the secret'\n")
	if _, err := s.original(); err != nil {
		t.Fatal(err)
	}

	return s
}

func file(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func same(*backup.Manifest) {}

// found gives the codes of findings, or their status where they have none.
func found(findings []recovery.Finding) string {
	var all []string
	for _, f := range findings {
		text := string(f.Status)
		if f.Diagnosis != nil {
			text += " " + string(f.Diagnosis.Code)
		}
		all = append(all, text)
	}

	return strings.Join(all, ", ")
}

func TestABackupIsHeldAgainstItsManifest(t *testing.T) {
	s := sealedBackup(t, same)
	if got := found(s.sealFindings()); got != "ok" {
		t.Errorf("as it was: %s", got)
	}
	if again := found(s.sealFindings()); again != "ok" {
		t.Errorf("looked at again: %s", again)
	}

	s = sealedBackup(t, same)
	file(t, s.Backup.Archive.Path, "content and more")
	if got := found(s.sealFindings()); got != "failed backup.file.differs" {
		t.Errorf("another archive: %s", got)
	}
	s.VaultFrom = Mirror
	if got := found(s.sealFindings()); got != "warning backup.file.differs" {
		t.Errorf("another archive, which is not needed: %s", got)
	}

	s = sealedBackup(t, same)
	file(t, s.OriginalEnv, "AUTH_SECRET='another secret'\n")
	if _, err := s.original(); err != nil {
		t.Fatal(err)
	}
	if got := found(s.sealFindings()); got != "" {
		t.Errorf("another secret, which is told with the secrets: %s", got)
	}
}

func TestAManifestThatSomebodyElseChangedBlocks(t *testing.T) {
	s := sealedBackup(t, same)
	forged, err := backup.Manifest{Backup: s.Backup.Date, Program: "forger"}.Encode(map[string]secret.String{envfile.AuthSecret: secret.New("forger's")}, backup.Cost{N: 2, R: 1, P: 1})
	if err != nil {
		t.Fatal(err)
	}
	was, err := os.ReadFile(s.Backup.Manifest.Path)
	if err != nil {
		t.Fatal(err)
	}
	// The forger keeps the fingerprint, so that the secret is right, and cannot make the seal.
	file(t, s.Backup.Manifest.Path, string(resealed(t, was, forged)))
	if got := found(s.sealFindings()); got != "failed backup.manifest.forged" {
		t.Errorf("got %s", got)
	}
}

func TestTheVaultIsHeldAgainstTheManifest(t *testing.T) {
	s := sealedBackup(t, func(m *backup.Manifest) { m.Vault.Tree = "tree" })
	v := &vaultStep{Stack: s}
	sum := strings.Repeat("ab", 32)
	for _, c := range []struct {
		sum, tree, want string
		fails           bool
	}{
		{sum, "tree", "every byte as in the manifest", false},
		{sum, "without what is left out", "", false},
		{strings.Repeat("cd", 32), "other", "", true},
	} {
		got, err := v.asInManifest(c.sum, c.tree)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%.4s, %s: %q, %v; want %q", c.sum, c.tree, got, err, c.want)
		}
	}
	s.VaultFrom = Mirror
	if got, err := v.asInManifest("", "of today"); got != "" || err != nil {
		t.Errorf("from the mirror: %q, %v", got, err)
	}
	none := stopped(t)
	if got, err := (&vaultStep{Stack: none}).asInManifest("x", "y"); got != "" || err != nil {
		t.Errorf("without a manifest: %q, %v", got, err)
	}
}

// holding is a database that has an entry with this hash, or none.
type holding string

func (h holding) Rows(_ context.Context, sql string, row func([]string) error) error {
	n := "0"
	if h != "" && strings.Contains(sql, "'"+string(h)+"'") {
		n = "1"
	}

	return row([]string{n})
}

func TestTheAuditChainIsHeldAgainstTheManifest(t *testing.T) {
	s := sealedBackup(t, func(m *backup.Manifest) { m.Chain = &backup.ChainRecord{Table: "audit", Length: 12, Head: "head"} })
	for name, c := range map[string]struct {
		chain evidence.Chain
		db    holding
		want  string
		other bool
	}{
		"the same":            {evidence.Chain{Table: "audit", Length: 12, Heads: []string{"head"}}, "", "length and head as in the manifest", false},
		"written on since":    {evidence.Chain{Table: "audit", Length: 14, Heads: []string{"newer"}}, "head", "the manifest's head is in it, and 2 new ones since", false},
		"G2 its end is cut":   {evidence.Chain{Table: "audit", Length: 11, Heads: []string{"eleventh"}}, "", "", true},
		"another of a length": {evidence.Chain{Table: "audit", Length: 12, Heads: []string{"other"}}, "", "", true},
		"of another table":    {evidence.Chain{Table: "log", Length: 3, Heads: []string{"x"}}, "", "", false},
	} {
		got, other, err := s.chainInManifest(t.Context(), c.db, c.chain)
		if err != nil || got != c.want || (other != nil) != c.other {
			t.Errorf("%s: %q, %v, %v; want %q, %v", name, got, other, err, c.want, c.other)
		}
	}
}

// resealed puts what one manifest says into another's place, with the first one's
// fingerprints and a checksum that is right.
func resealed(t *testing.T, was, forged []byte) []byte {
	t.Helper()
	keys := func(data []byte) string {
		_, rest, _ := strings.Cut(string(data), `"secrets": {`)
		inside, _, _ := strings.Cut(rest, "\n  },\n")

		return inside
	}
	body := strings.Replace(string(forged), keys(forged), keys(was), 1)
	at := strings.LastIndex(body, `  "sha256": "`)

	return fmt.Appendf([]byte(body[:at]), "  \"sha256\": \"%x\"\n}\n", sha256.Sum256([]byte(body[:at])))
}
