package sample

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// vendorKey signs the sample's licences. It is public on purpose: it opens nothing but the sample.
const vendorKey = "firmflow sample vendor key, worth nothing"

// ErrLicense is why the app does not start with a licence key that the vendor never signed.
var ErrLicense = errors.New("LICENSE_KEY is refused: its signature is not the vendor's")

// NewLicense returns a licence key that the app accepts: FF-<id>-<hex HMAC>. Unlike the real one it is not bound to
// hardware.
func NewLicense(id string) string {
	mac := hmac.New(sha256.New, []byte(vendorKey))
	mac.Write([]byte(id))

	return "FF-" + id + "-" + hex.EncodeToString(mac.Sum(nil))
}

func checkLicense(key string) error {
	// The id may hold hyphens itself, so the signature starts at the last one.
	end := strings.LastIndexByte(key, '-')
	if !strings.HasPrefix(key, "FF-") || end <= len("FF-") {
		return ErrLicense
	}

	if !hmac.Equal([]byte(key), []byte(NewLicense(key[len("FF-"):end]))) {
		return ErrLicense
	}
	return nil
}
