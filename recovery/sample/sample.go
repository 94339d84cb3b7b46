// Package sample is a stand-in for FirmFlow: the app that demo, drill and tests start in the place of Next.js. It keeps
// documents and their hash chain the way FirmFlow's guides describe, so that a recovery of it is a recovery of the real
// thing as far as those guides tell. Where they say nothing (key derivation, byte layout, column names), the choices
// here are its own and prove nothing about a real installation.
//
// It promises:
//   - A start does what the real one would. On an empty database it creates the tables and then moves every blob that
//     no row names to .orphaned, which is the harm of starting too early.
//   - On a database that is already migrated, starting and reading write nothing, so counts taken before and after
//     stay comparable.
//   - A wrong AUTH_SECRET, LICENSE_KEY or FIELD_ENCRYPTION_KEY shows: nothing falls back to another key.
//   - No secret reaches its output, its errors or its answers.
//
// It asks nobody to sign in, so it must hold invented documents only.
package sample

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
)

// Version is the FirmFlow whose guides the app follows.
const Version = "1.2.0"

// Config is what the app reads from its environment. It has no printable form that shows a secret, but fmt cannot see
// that from inside another struct's unexported field: pass it on, do not keep it.
type Config struct {
	DatabaseURL string // postgres://..., with Prisma's ?schema= if need be
	AuthSecret  string // the documents' key is derived from it
	LicenseKey  string // as NewLicense makes it
	FieldKey    string // encrypts "User"."mfaSecret"; empty: users have none
	Uploads     string // the vault
	Listen      string // host:port
}

// FromEnv reads the configuration from env, which is os.Getenv or a map's lookup. Values are taken byte for byte.
//
// The host comes from LISTEN_HOST and never from HOSTNAME, which Docker sets to the container's id: an app that obeyed
// it would not answer its own health check on 127.0.0.1.
func FromEnv(env func(string) string) (Config, error) {
	c := Config{
		DatabaseURL: env("DATABASE_URL"),
		AuthSecret:  env("AUTH_SECRET"),
		LicenseKey:  env("LICENSE_KEY"),
		FieldKey:    env("FIELD_ENCRYPTION_KEY"),
		Uploads:     or(env("UPLOADS_DIR"), "/app/uploads"),
	}

	port := or(env("PORT"), "9002")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return Config{}, fmt.Errorf("read PORT: %q is not a port number", port)
	}
	c.Listen = net.JoinHostPort(or(env("LISTEN_HOST"), "0.0.0.0"), port)

	return c, c.check()
}

// HealthURL is where CheckHealth finds the app from inside its own container.
func (c Config) HealthURL() string {
	host, port, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err != nil || host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}

	return "http://" + net.JoinHostPort(host, or(port, "9002")) + "/api/health"
}

// check names every setting that is missing, so that the operator corrects them in one go.
func (c Config) check() error {
	var missing []error
	for _, setting := range []struct{ name, value string }{
		{"DATABASE_URL", c.DatabaseURL}, {"AUTH_SECRET", c.AuthSecret}, {"LICENSE_KEY", c.LicenseKey},
	} {
		if setting.value == "" {
			missing = append(missing, fmt.Errorf("read %s: it is not set", setting.name))
		}
	}

	if !filepath.IsAbs(c.Uploads) {
		missing = append(missing, fmt.Errorf("read UPLOADS_DIR: %q is not an absolute path", c.Uploads))
	}
	return errors.Join(missing...)
}

// String shows where the app is and none of what it knows.
func (c Config) String() string {
	return fmt.Sprintf("sample app on %s, uploads in %s, secrets [redacted]", c.Listen, c.Uploads)
}

// Format answers every verb with String: %#v and %x would otherwise read the fields.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue answers slog with String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText answers encoding/json and its kin with String.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
