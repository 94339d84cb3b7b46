package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// parts are what a sealed document consists of.
type parts struct{ salt, nonce, tag, text []byte }

// layout is an order in which they lie in a file.
type layout struct {
	name  string
	split func(sealed []byte) (parts, bool)
}

const tagSize = 16 // of AES-GCM, as Node.js makes it

// layouts are those in use among Node.js applications: createCipheriv wants a
// nonce of 12 or 16 bytes, getAuthTag gives 16 bytes, and the application writes
// them before or after the ciphertext; as bytes, or as texts with colons between.
func layouts() []layout {
	var all []layout
	for _, salt := range []int{0, 16, 32, 64} {
		for _, nonce := range []int{12, 16} {
			name := fmt.Sprintf("%d bytes of nonce", nonce)
			if salt > 0 {
				name = fmt.Sprintf("%d bytes of salt, ", salt) + name
			}
			all = append(all,
				layout{name + ", ciphertext, tag", func(b []byte) (parts, bool) { return binary(b, salt, nonce, false) }},
				layout{name + ", tag, ciphertext", func(b []byte) (parts, bool) { return binary(b, salt, nonce, true) }})
		}
	}
	for _, c := range []struct {
		name   string
		decode func(string) ([]byte, error)
	}{{"hexadecimal", hex.DecodeString}, {"base64", base64.StdEncoding.DecodeString}} {
		all = append(all,
			layout{"nonce:tag:ciphertext as " + c.name, func(b []byte) (parts, bool) { return texts(b, c.decode, 1, 2) }},
			layout{"nonce:ciphertext:tag as " + c.name, func(b []byte) (parts, bool) { return texts(b, c.decode, 2, 1) }})
	}

	return all
}

func binary(b []byte, salt, nonce int, tagFirst bool) (parts, bool) {
	if len(b) < salt+nonce+tagSize {
		return parts{}, false
	}
	p, rest := parts{salt: b[:salt], nonce: b[salt : salt+nonce]}, b[salt+nonce:]
	if tagFirst {
		p.tag, p.text = rest[:tagSize], rest[tagSize:]
	} else {
		p.text, p.tag = rest[:len(rest)-tagSize], rest[len(rest)-tagSize:]
	}

	return p, true
}

// texts reads three texts with colons between them, the nonce first.
func texts(b []byte, decode func(string) ([]byte, error), tag, text int) (parts, bool) {
	fields := bytes.Split(bytes.TrimSpace(b), []byte(":"))
	if len(fields) != 3 {
		return parts{}, false
	}
	var read [3][]byte
	for i, f := range fields {
		var err error
		if read[i], err = decode(string(f)); err != nil {
			return parts{}, false
		}
	}

	return parts{nonce: read[0], tag: read[tag], text: read[text]}, len(read[0]) >= 12 && len(read[0]) <= 16 && len(read[tag]) == tagSize
}
