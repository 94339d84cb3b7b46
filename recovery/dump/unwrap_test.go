package dump

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"firmflow-recovery/recovery/secret"
)

func gzipped(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	return b.Bytes()
}

func zstded(t testing.TB, p []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()

	return w.EncodeAll(p, nil)
}

func aged(t testing.TB, p []byte, to age.Recipient, armored bool) []byte {
	t.Helper()
	var b bytes.Buffer
	var into io.Writer = &b
	var text io.WriteCloser
	if armored {
		text = armor.NewWriter(&b)
		into = text
	}
	w, err := age.Encrypt(into, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if text != nil {
		if err := text.Close(); err != nil {
			t.Fatal(err)
		}
	}

	return b.Bytes()
}

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}

	return key
}

func TestB5WrappersAreTakenOff(t *testing.T) {
	c, _, content := sample(t)
	key := identity(t)
	for name, one := range map[string]struct {
		content []byte
		want    []Change
	}{
		"gzip":                           {gzipped(t, content), []Change{{Kind: Gzip}}},
		"gzip of many members":           {append(gzipped(t, content[:500]), gzipped(t, content[500:])...), []Change{{Kind: Gzip}}},
		"gzip twice":                     {gzipped(t, gzipped(t, content)), []Change{{Kind: Gzip}, {Kind: Gzip}}},
		"gzip of a terminal's dump":      {gzipped(t, mangled(content, 1)), []Change{{Kind: Gzip}, {Terminal, 1}}},
		"gzip through a terminal":        {mangled(gzipped(t, content), 1), []Change{{Terminal, 1}, {Kind: Gzip}}},
		"zstd":                           {zstded(t, content), []Change{{Kind: Zstd}}},
		"age":                            {aged(t, content, key.Recipient(), false), []Change{{Kind: Age}}},
		"age as text":                    {aged(t, content, key.Recipient(), true), []Change{{Kind: Age}}},
		"age of zstd of two terminals'":  {aged(t, zstded(t, mangled(content, 2)), key.Recipient(), false), []Change{{Kind: Age}, {Kind: Zstd}, {Terminal, 2}}},
		"age as text, by a Windows tool": {mangled(aged(t, content, key.Recipient(), true), 1), []Change{{Terminal, 1}, {Kind: Age}}},
	} {
		got, r, err := repaired(t, one.content, Repair{Tool: c.run, Keys: []age.Identity{key}})
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %v; the same: %v", name, err, bytes.Equal(got, content))
			continue
		}
		wantKinds(t, r, one.want...)
	}
}

func TestB5WhatCannotBeTakenOffIsSaid(t *testing.T) {
	_, _, content := sample(t)
	key := identity(t)
	flip := func(p []byte) []byte {
		p = bytes.Clone(p)
		p[len(p)/2] ^= 1

		return p
	}
	for name, one := range map[string]struct {
		content []byte
		keys    []age.Identity
		want    error
	}{
		"age without a key":     {aged(t, content, key.Recipient(), false), nil, ErrLocked},
		"age and another's key": {aged(t, content, key.Recipient(), false), []age.Identity{identity(t)}, ErrOtherKey},
		"age, damaged":          {flip(aged(t, content, key.Recipient(), false)), []age.Identity{key}, ErrCorrupt},
		"age, cut":              {aged(t, content, key.Recipient(), false)[:5000], []age.Identity{key}, ErrCorrupt},
		"gzip, cut":             {gzipped(t, content)[:5000], nil, ErrTruncated},
		"gzip, its end missing": {gzipped(t, content)[:len(gzipped(t, content))-3], nil, ErrTruncated},
		"gzip, damaged":         {flip(gzipped(t, content)), nil, ErrCorrupt},
		"zstd, cut":             {zstded(t, content)[:5000], nil, ErrTruncated},
		"zstd, damaged":         {flip(zstded(t, content)), nil, ErrCorrupt},
		"gzip of something":     {gzipped(t, []byte("something else, and no dump\n")), nil, ErrNotDump},
		"gzip of an XML page":   {gzipped(t, []byte("<?xml version=\"1.0\"?><Error/>")), nil, ErrWrapped},
		"xz":                    {append([]byte("\xfd7zXZ\x00"), content...), nil, ErrWrapped},
		"gzip of nothing":       {gzipped(t, nil), nil, ErrEmpty},
		"nothing":               {nil, nil, ErrEmpty},
	} {
		if _, _, err := repaired(t, one.content, Repair{Keys: one.keys}); !errors.Is(err, one.want) {
			t.Errorf("%s: %v, want %v", name, err, one.want)
		}
	}
}

func TestKeysComeFromAFileOrAPassphrase(t *testing.T) {
	_, _, content := sample(t)
	key := identity(t)
	keys, err := secret.ReadIdentities(written(t, []byte("# public key: "+key.Recipient().String()+"\n"+key.String()+"\n")))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := repaired(t, aged(t, content, key.Recipient(), false), Repair{Keys: keys}); err != nil || !bytes.Equal(got, content) {
		t.Errorf("with the key of a file: %v", err)
	}
	recipient, err := age.NewScryptRecipient("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(10)
	locked := aged(t, content, recipient, true)
	for phrase, want := range map[string]error{"open sesame": nil, "something else": ErrOtherKey} {
		keys, err := Passphrase(secret.New(phrase))
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := repaired(t, locked, Repair{Keys: keys}); !errors.Is(err, want) || want == nil && !bytes.Equal(got, content) {
			t.Errorf("%q: %v, want %v", phrase, err, want)
		}
	}
}
