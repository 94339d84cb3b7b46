package backup

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"

	"firmflow-recovery/recovery/secret"
)

// sealedBy names the key that a manifest is sealed with: whoever restores needs
// it in any case, and nobody else has it.
const sealedBy = "AUTH_SECRET"

// Both lines stand at the end of a manifest. The HMAC-SHA256 is of all bytes
// before its line, the SHA-256 of all before its own; so the second can be
// checked without any secret, and covers the first.
const (
	macLine = `  "hmac": "`
	sumLine = `  "sha256": "`
)

// ending is what a manifest ends with: the two lines and a brace.
var ending = regexp.MustCompile(`^(  "hmac": "([0-9a-f]{64})",\n)  "sha256": "([0-9a-f]{64})"\n\}\n$`)

const endingSize = len(macLine) + len(sumLine) + 2*2*sha256.Size + len("\",\n\"\n}\n")

// seal puts the two lines at the end of an indented JSON object.
func seal(object, key []byte) []byte {
	body := append(bytes.TrimSuffix(bytes.TrimSpace(object), []byte("\n}")), ",\n"...)
	mac := authenticate(body, key)
	all := fmt.Appendf(bytes.Clone(body), "%s%x\",\n", macLine, mac)
	sum := sha256.Sum256(all)

	return fmt.Appendf(all, "%s%x\"\n}\n", sumLine, sum)
}

func authenticate(body, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)

	return mac.Sum(nil)
}

// unseal takes the two lines off, and checks the one that needs no secret.
func unseal(data []byte) (body, mac []byte, err error) {
	at := max(len(data)-endingSize, 0)
	found := ending.FindSubmatch(data[at:])
	if found == nil {
		return nil, nil, ErrNotManifest
	}
	want := sha256.Sum256(data[:at+len(found[1])])
	if hex.EncodeToString(want[:]) != string(found[3]) {
		return nil, nil, ErrChanged
	}
	mac, err = hex.DecodeString(string(found[2]))

	return data[:at], mac, err
}

// Verify tells whether the owner of this AUTH_SECRET wrote the manifest, as it
// is. It returns ErrOtherSecret, ErrChanged, or ErrCostly where the manifest
// asks for more work than one of ours would. It takes as long as taking the
// fingerprint took.
func (s Sealed) Verify(auth secret.String) error {
	print, taken := s.Keys[sealedBy]
	if !taken {
		return fmt.Errorf("verify the seal: %w", ErrNotManifest)
	}
	sum, key, err := print.stretch(auth)
	if err != nil {
		return fmt.Errorf("verify the seal: %w", err)
	}
	if !hmac.Equal(sum, print.Sum) {
		return fmt.Errorf("verify the seal: %w", ErrOtherSecret)
	}
	if !hmac.Equal(authenticate(s.body, key), s.mac) {
		return fmt.Errorf("verify the seal: %w", ErrChanged)
	}

	return nil
}

// readUpTo reads a file that should be small.
func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%w: it is longer than %d bytes", ErrNotManifest, most)
	}

	return data, err
}
