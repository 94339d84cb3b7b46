package steps

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
)

// manifested gives an installation's backup a manifest with these keys, and an
// original .env of this text.
func manifested(t *testing.T, keys map[string]string, host backup.Host, original string) *environment {
	t.Helper()
	s := stopped(t)
	s.Host, s.OriginalEnv = "ffhost-02", filepath.Join(s.ProjectDir, "original.env")
	if original == "" {
		s.OriginalEnv = TypedOriginal
	} else if err := os.WriteFile(s.OriginalEnv, []byte(original), 0o600); err != nil {
		t.Fatal(err)
	}
	if keys == nil {
		return &environment{Stack: s}
	}
	taken := make(map[string]secret.String)
	for name, value := range keys {
		taken[name] = secret.New(value)
	}
	content, err := backup.Manifest{Program: "test", Backup: s.Backup.Date, Began: time.Unix(1, 0), Ended: time.Unix(2, 0), Host: host}.Encode(taken, backup.Cost{N: 2, R: 1, P: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.Backup.Manifest = backup.File{Path: filepath.Join(s.ProjectDir, "manifest.json"), Size: int64(len(content))}
	if err := os.WriteFile(s.Backup.Manifest.Path, content, 0o600); err != nil {
		t.Fatal(err)
	}

	return &environment{Stack: s}
}

const twoKeys = "AUTH_SECRET='a$uth-secret'\nLICENSE_KEY=FF-1\n"

func TestD12TheManifestTellsWhetherTheKeysAreTheBackups(t *testing.T) {
	right := map[string]string{"AUTH_SECRET": "a$uth-secret", "LICENSE_KEY": "FF-1"}
	here := backup.HostNamed("ffhost-02")
	for name, c := range map[string]struct {
		keys     map[string]string
		host     backup.Host
		original string
		want     []recovery.Code // of what did not pass
	}{
		"the backup's":              {right, here, twoKeys, nil},
		"no manifest":               {nil, here, twoKeys, nil},
		"another AUTH_SECRET":       {map[string]string{"AUTH_SECRET": "other", "LICENSE_KEY": "FF-1"}, here, twoKeys, []recovery.Code{CodeOriginalOther}},
		"two others":                {map[string]string{"AUTH_SECRET": "other", "LICENSE_KEY": "FF-2"}, here, twoKeys, []recovery.Code{CodeOriginalOther, CodeOriginalOther}},
		"a key that is missing":     {map[string]string{"AUTH_SECRET": "a$uth-secret", "FIELD_ENCRYPTION_KEY": "f"}, here, twoKeys, []recovery.Code{CodeOriginalOther}},
		"another machine":           {right, backup.Host{Name: "ffhost-01", Machine: "another"}, twoKeys, []recovery.Code{CodeLicenceElsewhere}},
		"another machine, no id":    {right, backup.Host{Name: "ffhost-01"}, twoKeys, []recovery.Code{CodeLicenceElsewhere}},
		"typed, and confirmed":      {right, here, "", nil},
		"typed, and wrong":          {map[string]string{"AUTH_SECRET": "a$uth-secret", "LICENSE_KEY": "FF-2"}, here, "", []recovery.Code{CodeOriginalOther}},
		"typed, and no manifest":    {nil, here, "", []recovery.Code{CodeOriginalUnconfirmed}},
		"a machine that is renamed": {right, backup.Host{Name: "ffhost-01", Machine: here.Machine}, twoKeys, renamed(here)},
	} {
		t.Run(name, func(t *testing.T) {
			e := manifested(t, c.keys, c.host, c.original)
			e.OriginalTyped = map[string]secret.String{envfile.AuthSecret: secret.New("a$uth-secret"), envfile.LicenseKey: secret.New("FF-1")}
			original, err := e.original()
			if err != nil {
				t.Fatal(err)
			}
			var got []recovery.Code
			for _, f := range e.byManifest(original) {
				if f.Diagnosis != nil {
					got = append(got, f.Diagnosis.Code)
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

// renamed is what is said where a machine has no id and another name.
func renamed(here backup.Host) []recovery.Code {
	if here.Machine == "" {
		return []recovery.Code{CodeLicenceElsewhere}
	}

	return nil
}

func TestAManifestThatCannotBeUsedConfirmsNothing(t *testing.T) {
	for original, want := range map[string]recovery.Code{twoKeys: CodeManifestUnread, "": CodeOriginalUnconfirmed} {
		e := manifested(t, map[string]string{"AUTH_SECRET": "a$uth-secret"}, backup.Host{}, original)
		e.OriginalTyped = map[string]secret.String{envfile.AuthSecret: secret.New("a$uth-secret")}
		if err := os.WriteFile(e.Backup.Manifest.Path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := e.original()
		if err != nil {
			t.Fatal(err)
		}
		found := e.byManifest(file)
		if len(found) != 1 || found[0].Diagnosis == nil || found[0].Diagnosis.Code != want {
			t.Errorf("%+v, want %s", found, want)
		}
	}
}
