package evidence

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"testing"
	"testing/fstest"

	"firmflow-recovery/recovery/secret"
)

// seal is what an application would write, in each layout.
func seal(t *testing.T, key, salt, nonce []byte, tagFirst bool) (whole []byte, text, tag []byte) {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		t.Fatal(err)
	}
	sealed := gcm.Seal(nil, nonce, []byte("a document of a client"), nil)
	text, tag = sealed[:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	whole = append(append(whole, salt...), nonce...)
	if tagFirst {
		return append(append(whole, tag...), text...), text, tag
	}

	return append(append(whole, text...), tag...), text, tag
}

func opens(t *testing.T, sealed []byte, value string) bool {
	t.Helper()
	d, err := Decrypt(context.Background(), fstest.MapFS{"a": {Data: sealed}}, []string{"a"}, map[string]secret.String{"AUTH_SECRET": secret.New(value)})

	return err == nil && d.Opened == 1
}

// TestEveryWayIsTried seals with every key and layout that is known, and wants
// it opened; and with a key of another secret, and wants it closed.
func TestEveryWayIsTried(t *testing.T) {
	const value = "0123456789abcdef0123456789abcdef"
	salt := bytes.Repeat([]byte{7}, 64)
	all := keys(map[string]secret.String{"AUTH_SECRET": secret.New(value)})
	for i, k := range all {
		for _, size := range []int{12, 16} {
			nonce := bytes.Repeat([]byte{byte(i)}, size)
			lead := []byte(nil)
			if k.own {
				lead = salt[:32]
			}
			made := k.make(lead)
			for _, first := range []bool{false, true} {
				if i%31 != 0 && (size == 16 || first) {
					continue // each key in one layout, some in all
				}
				if sealed, _, _ := seal(t, made, lead, nonce, first); search(t.Context(), sealed, all) == nil {
					t.Errorf("%s, %d bytes of nonce, tag first %t: not opened", k.name, size, first)
				}
			}
		}
	}
}

func TestTextsWithColonsAreOpened(t *testing.T) {
	const value = "0123456789abcdef0123456789abcdef"
	nonce := bytes.Repeat([]byte{9}, 12)
	_, text, tag := seal(t, []byte(value), nil, nonce, false)
	for _, encode := range []func([]byte) string{hex.EncodeToString, base64.StdEncoding.EncodeToString} {
		for _, sealed := range []string{
			encode(nonce) + ":" + encode(tag) + ":" + encode(text) + "\n", encode(nonce) + ":" + encode(text) + ":" + encode(tag),
		} {
			if !opens(t, []byte(sealed), value) {
				t.Errorf("%s is not opened", sealed)
			}
		}
	}
	other := hex.EncodeToString(nonce) + ":" + hex.EncodeToString(tag) + ":" + hex.EncodeToString(text)
	if opens(t, []byte(other), "1123456789abcdef0123456789abcdef") { // once: every slow derivation is tried
		t.Errorf("%s is opened with another secret", other)
	}
}

func FuzzLayouts(f *testing.F) {
	f.Add([]byte("00:11:22"))
	f.Add(bytes.Repeat([]byte{0}, 100))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		for _, l := range layouts() {
			if p, fits := l.split(sealed); fits && len(p.tag) != tagSize {
				t.Errorf("%s: a tag of %d bytes", l.name, len(p.tag))
			}
		}
	})
}
