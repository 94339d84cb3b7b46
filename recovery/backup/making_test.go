package backup

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	"firmflow-recovery/recovery/secret"
)

func making(p place) Making {
	return Making{Dir: p.dir, Date: NameOf(time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC))}
}

// written makes a backup in the making with every part in it.
func written(p place) Making {
	p.t.Helper()
	m := making(p)
	p.must(m.Begin())
	for _, part := range Parts() {
		f, err := m.Create(m.FileName(part, Encrypted))
		p.must(err)
		_, err = f.WriteString("content")
		p.must(err)
		p.must(f.Close())
	}

	return m
}

func TestABackupIsOneOnlyOnceItIsPublished(t *testing.T) {
	p := newPlace(t)
	m := written(p)
	if got := picture(p.open()); got != nil {
		t.Errorf("in the making: %q, want none", got)
	}
	p.must(m.Publish())
	set := p.open().Sets
	if len(set) != 1 || len(set[0].Missing()) > 0 {
		t.Fatalf("published: %+v", set)
	}
	for _, part := range Parts() {
		if !set[0].File(part).Filled() {
			t.Errorf("%s is not found", part)
		}
	}
	if left, err := Remainders(p.dir); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Cut off after any number of its files have their names, a backup is none until
// it is settled, and whole then.
func TestAPublishingThatIsCutOffIsFinished(t *testing.T) {
	for named := range Parts() {
		p := newPlace(t)
		m := written(p)
		p.must(os.WriteFile(m.Path(whole), nil, 0o600))
		for _, part := range Parts()[:named] {
			name := m.FileName(part, Encrypted)
			p.must(os.Rename(m.Path(name), filepath.Join(p.dir, name)))
		}
		if got := picture(p.open()); got != nil {
			t.Errorf("with %d named: %q, want no backup", named, got)
		}
		left, err := Remainders(p.dir)
		if err != nil || len(left) != 1 || !left[0].Whole {
			t.Fatalf("with %d named: %+v, %v", named, left, err)
		}
		p.must(left[0].Settle())
		if set := p.open().Sets; len(set) != 1 || len(set[0].Missing()) > 0 || !set[0].Manifest.Exists() {
			t.Errorf("with %d named, settled: %+v", named, set)
		}
	}
}

func TestWhatAnInterruptedBackupLeavesIsClearedAway(t *testing.T) {
	p := newPlace(t).set("2026-11-27")
	written(p)
	left, err := Remainders(p.dir)
	if err != nil || len(left) != 1 || left[0].Whole {
		t.Fatalf("left: %+v, %v", left, err)
	}
	p.must(left[0].Settle())
	names, err := filepath.Glob(filepath.Join(p.dir, "*"))
	p.must(err)
	if len(names) != 2 {
		t.Errorf("left: %q", names)
	}
	if got := picture(p.open()); !slices.Equal(got, []string{"2026-11-27 da"}) {
		t.Errorf("backups: %q", got)
	}
}

func TestABackupNeverTakesTheNameOfAnother(t *testing.T) {
	p := newPlace(t)
	m := making(p)
	p.file("vault_snapshot_"+m.Date+".tar.gz", 3, time.Now())
	if err := m.Begin(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want ErrExist", err)
	}
}

func TestARemovedSetLeavesNothingButTheMirror(t *testing.T) {
	p := newPlace(t).set("2026-11-27").directory("vault_sync/f", time.Now())
	p.must(written(p).Publish())
	d := p.open()
	p.must(d.Remove(d.Sets[:1]))
	if got := picture(p.open()); !slices.Equal(got, []string{"2026-11-27 dav"}) {
		t.Errorf("backups: %q", got)
	}
	if names, _ := filepath.Glob(filepath.Join(p.dir, "*2026-11-28*")); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// Hourly dumps share the night's archive, a repaired dump all with the broken one.
func TestWhatAnotherSetNeedsIsNotRemoved(t *testing.T) {
	at := night("2026-11-22")
	p := newPlace(t).file("db_2026-11-22_0200.dump", 10, at).file("db_2026-11-22_1400.dump", 10, at).file("vault_snapshot_2026-11-22.tar.gz", 10, at)
	d := p.open()
	p.must(d.Remove(d.Sets[1:]))
	if got := picture(p.open()); !slices.Equal(got, []string{"2026-11-22_1400 da"}) {
		t.Errorf("backups: %q", got)
	}
}

func TestWhatIsEncryptedIsReadByAge(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	phrase, err := age.NewScryptIdentity("a phrase")
	if err != nil {
		t.Fatal(err)
	}
	recipients, err := ForRecipients(identity.Recipient().String() + ", " + identity.Recipient().String() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	passphrase, err := WithPassphrase(secret.New("a phrase"), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p   Protection
		key age.Identity
	}{{recipients, identity}, {passphrase, phrase}} {
		var out bytes.Buffer
		if err := c.p.Write(&out, func(w io.Writer) error { _, err := io.WriteString(w, "AUTH_SECRET=x"); return err }); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(out.Bytes(), []byte("AUTH_SECRET")) {
			t.Error("it is not encrypted")
		}
		r, err := age.Decrypt(&out, c.key)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); string(text) != "AUTH_SECRET=x" || err != nil {
			t.Errorf("read %q, %v", text, err)
		}
	}
}

// Public keys of SSH are two words, or three with their comment, which is none.
func TestRecipientsOfBothKinds(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN"
	const other = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	for text, want := range map[string]int{key: 1, key + "\n" + other: 2, other + "," + key: 2, key + " " + key: 2} {
		if p, err := ForRecipients(text); err != nil || len(p.recipients) != want {
			t.Errorf("%s: %d recipients, %v; want %d", text, len(p.recipients), err, want)
		}
	}
	for _, text := range []string{"ssh-ed25519", key + " me@host", "ssh-dss AAAA", "ssh-ed25519 AAAA"} {
		if _, err := ForRecipients(text); !errors.Is(err, ErrRecipient) {
			t.Errorf("%s: %v, want ErrRecipient", text, err)
		}
	}
}

func TestAKeyGivenAsARecipientIsNotPrinted(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	_, err = ForRecipients(identity.String())
	if !errors.Is(err, ErrRecipient) || bytes.Contains([]byte(err.Error()), []byte(identity.String())) {
		t.Errorf("got %v", err)
	}
	if _, err := ForRecipients(" \n"); !errors.Is(err, ErrNoProtection) {
		t.Errorf("none: %v", err)
	}
	if err := (Protection{}).Write(io.Discard, nil); !errors.Is(err, ErrNoProtection) {
		t.Errorf("the zero protection writes: %v", err)
	}
}
