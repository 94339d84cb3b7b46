package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"firmflow-recovery/recovery/secret"
)

const sealedText = "AUTH_SECRET='s3cr3t$of-the-test'\nLICENSE_KEY=FF-1\n"

// sealed encrypts a text to recipients, and puts armour around it where that is
// wanted.
func sealed(t *testing.T, text string, wrap func(io.Writer) io.WriteCloser, to ...age.Recipient) string {
	t.Helper()
	var b bytes.Buffer
	var out io.Writer = &b
	end := func() error { return nil }
	if wrap != nil {
		w := wrap(&b)
		out, end = w, w.Close
	}
	w, err := age.Encrypt(out, to...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	mustDo(t, w.Close())
	mustDo(t, end())

	return b.String()
}

// byPassphrase is a recipient that costs next to nothing.
func byPassphrase(t *testing.T, phrase string) age.Recipient {
	t.Helper()
	r, err := age.NewScryptRecipient(phrase)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(2)

	return r
}

// identity makes a key and its file, as age-keygen does.
func identity(t *testing.T) (age.Recipient, string) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.txt")
	mustDo(t, os.WriteFile(path, []byte("# created: today\n"+key.String()+"\n"), 0o600))

	return key.Recipient(), path
}

func TestALockedFileIsOpenedInMemory(t *testing.T) {
	to, key := identity(t)
	for name, c := range map[string]struct {
		content string
		key     Key
	}{
		"passphrase":           {sealed(t, sealedText, nil, byPassphrase(t, "correct horse")), Key{Passphrase: secret.New("correct horse")}},
		"passphrase, armoured": {sealed(t, sealedText, armor.NewWriter, byPassphrase(t, "correct horse")), Key{Passphrase: secret.New("correct horse")}},
		"identity":             {sealed(t, sealedText, nil, to), Key{Identity: key}},
		"identity, armoured":   {sealed(t, sealedText, armor.NewWriter, to), Key{Identity: key}},
		"not locked at all":    {sealedText, Key{}},
		"a key for nothing":    {sealedText, Key{Passphrase: secret.New("correct horse")}},
	} {
		path := write(t, c.content)
		file, err := ReadWith(path, c.key)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := secret.Reveal(file.Value(AuthSecret)); got != "s3cr3t$of-the-test" {
			t.Errorf("%s: AUTH_SECRET is %q", name, got)
		}
		if got := secret.Reveal(file.Content()); got != sealedText {
			t.Errorf("%s: the content is %q", name, got)
		}
		if beside := listDir(t, filepath.Dir(path)); len(beside) != 1 {
			t.Errorf("%s: something was written: %v", name, beside)
		}
	}
}

func TestAWrongKeyIsToldApartFromADamagedFile(t *testing.T) {
	to, key := identity(t)
	_, other := identity(t)
	phrased, keyed := sealed(t, sealedText, nil, byPassphrase(t, "correct horse")), sealed(t, sealedText, nil, to)
	none := write(t, "no key\n")
	for name, c := range map[string]struct {
		content string
		key     Key
		want    error
	}{
		"no key given":                   {phrased, Key{}, ErrEncrypted},
		"wrong passphrase":               {phrased, Key{Passphrase: secret.New("s3cr3t guess")}, ErrPassphrase},
		"wrong identity":                 {keyed, Key{Identity: other}, ErrIdentity},
		"identity for a passphrase":      {phrased, Key{Identity: key}, ErrEncrypted},
		"passphrase for an identity":     {keyed, Key{Passphrase: secret.New("s3cr3t guess")}, ErrEncrypted},
		"no identity in the file":        {keyed, Key{Identity: none}, ErrKeyFile},
		"no identity file":               {keyed, Key{Identity: filepath.Join(t.TempDir(), "none")}, fs.ErrNotExist},
		"content cut":                    {phrased[:len(phrased)-3], Key{Passphrase: secret.New("correct horse")}, ErrDamaged},
		"content changed":                {keyed[:len(keyed)-9] + "x" + keyed[len(keyed)-8:], Key{Identity: key}, ErrDamaged},
		"header cut":                     {keyed[:60], Key{Identity: key}, ErrDamaged},
		"header cut, passphrase":         {phrased[:60], Key{Passphrase: secret.New("correct horse")}, ErrDamaged},
		"armour cut":                     {sealed(t, sealedText, armor.NewWriter, to)[:90], Key{Identity: key}, ErrDamaged},
		"PGP":                            {"-----BEGIN PGP MESSAGE-----\n\nx\n", Key{Passphrase: secret.New("s3cr3t guess")}, ErrEncrypted},
		"openssl":                        {"Salted__xxxxxxxxxxxxxxxx", Key{Identity: key}, ErrEncrypted},
		"a hostile work factor":          {strings.Replace(phrased, " 2\n", " 62\n", 1), Key{Passphrase: secret.New("correct horse")}, ErrWorkFactor},
		"a work factor just too large":   {strings.Replace(phrased, " 2\n", " 21\n", 1), Key{Passphrase: secret.New("correct horse")}, ErrWorkFactor},
		"what is inside is too large":    {sealed(t, strings.Repeat("#", largest+1), nil, to)[:largest], Key{Identity: key}, ErrDamaged},
		"what is inside is locked again": {sealed(t, keyed, nil, to), Key{Identity: key}, ErrEncrypted},
	} {
		path := write(t, c.content)
		_, err := ReadWith(path, c.key)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error holds a secret: %v", name, err)
		}
	}
}

func TestALockedFileSaysWhatOpensIt(t *testing.T) {
	to, _ := identity(t)
	for content, want := range map[string]Lock{
		sealed(t, sealedText, nil, byPassphrase(t, "x")): ByPassphrase, sealed(t, sealedText, armor.NewWriter, to): ByIdentity, "Salted__x": Foreign,
	} {
		_, err := ReadWith(write(t, content), Key{})
		locked, is := errors.AsType[*LockedError](err)
		if !is || locked.Needs != want {
			t.Errorf("%v: want one that needs %s", err, want)
		}
	}
}

func TestAKeyHasNoTextualForm(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, Key{Passphrase: secret.New("s3cr3t")}); strings.Contains(got, "s3cr3t") {
			t.Errorf("%s shows %s", verb, got)
		}
	}
}

func listDir(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}

	return names
}

func TestKeysThatWereTypedMakeAFile(t *testing.T) {
	values := map[string]secret.String{AuthSecret: secret.New(`a$b'c"d\`), LicenseKey: secret.New("FF-1")}
	file, err := Of("typed", values)
	if err != nil || file.Path != "typed" || file.Loose() {
		t.Fatalf("%+v, %v", file, err)
	}
	for key, want := range values {
		if !file.Value(key).Equal(want) {
			t.Errorf("%s is another", key)
		}
	}
	if _, err := Of("typed", map[string]secret.String{AuthSecret: secret.New("s3cr3t\x00")}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a value that nothing can hold: %v", err)
	}
}
