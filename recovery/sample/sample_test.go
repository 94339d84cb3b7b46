package sample

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// secrets are what no output of any test may hold.
var secrets = []string{"db-password-1", "auth-secret-2", "FF-licence-3", "field-key-4"}

func secretive() Config {
	return Config{
		DatabaseURL: "postgres://firmflow:" + secrets[0] + "@db:5432/firmflow",
		AuthSecret:  secrets[1],
		LicenseKey:  secrets[2],
		FieldKey:    secrets[3],
		Uploads:     "/app/uploads",
		Listen:      "0.0.0.0:9002",
	}
}

func TestConfigShowsNoSecret(t *testing.T) {
	c := secretive()
	shown := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown[verb] = fmt.Sprintf(verb, c)
		shown["pointer "+verb] = fmt.Sprintf(verb, &c)
		shown["inside "+verb] = fmt.Sprintf(verb, struct{ Config Config }{c})
	}

	encoded, err := json.Marshal(map[string]any{"config": c, "pointer": &c})
	if err != nil {
		t.Fatal(err)
	}
	shown["json"] = string(encoded)

	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", &c)
	shown["slog"] = log.String()

	for way, text := range shown {
		if !strings.Contains(text, "[redacted]") {
			t.Errorf("%s: got %q, want it to say [redacted]", way, text)
		}
		for _, secret := range secrets {
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s: got %q, which shows %q", way, text, secret)
			}
		}
	}
}

func TestFromEnv(t *testing.T) {
	env := map[string]string{
		"DATABASE_URL": "postgres://db/firmflow", "AUTH_SECRET": " a$b'c ", "LICENSE_KEY": "FF-1-aa",
		"HOSTNAME": "3f2a9c0d1e5b",
	}
	c, err := FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}

	for _, check := range []struct{ name, got, want string }{
		{"auth secret", c.AuthSecret, " a$b'c "},
		{"uploads", c.Uploads, "/app/uploads"},
		{"listen", c.Listen, "0.0.0.0:9002"},
		{"health", c.HealthURL(), "http://127.0.0.1:9002/api/health"},
	} {
		if check.got != check.want {
			t.Errorf("%s: got %q, want %q", check.name, check.got, check.want)
		}
	}
}

func TestFromEnvNamesWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want []string
	}{
		{nil, []string{"DATABASE_URL", "AUTH_SECRET", "LICENSE_KEY"}},
		{map[string]string{"PORT": "http"}, []string{"PORT"}},
		{map[string]string{"UPLOADS_DIR": "uploads"}, []string{"UPLOADS_DIR", "absolute"}},
	} {
		_, err := FromEnv(func(name string) string { return test.env[name] })
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: got %v, want it to name %s", test.env, err, want)
			}
		}
	}
}

func TestLicense(t *testing.T) {
	good := NewLicense("demo-2026-7")
	for _, test := range []struct {
		name, key string
		want      error
	}{
		{"the vendor's", good, nil},
		{"another id", strings.Replace(good, "demo", "dema", 1), ErrLicense},
		{"a digit less", good[:len(good)-1], ErrLicense},
		{"upper case", strings.ToUpper(good), ErrLicense},
		{"a newline behind it", good + "\n", ErrLicense},
		{"no signature", "FF-demo", ErrLicense},
		{"no id", "FF-" + good[len(good)-64:], ErrLicense},
		{"empty", "", ErrLicense},
	} {
		if got := checkLicense(test.key); !errors.Is(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestWithoutPrisma(t *testing.T) {
	for _, test := range []struct{ address, want string }{
		{"postgres://u:p@db:5432/firmflow", "postgres://u:p@db:5432/firmflow"},
		{"postgresql://u:p%40@db/f?schema=public&connection_limit=5&sslmode=disable", "postgresql://u:p%40@db/f?search_path=%22public%22&sslmode=disable"},
		{"host=/run/pg dbname=firmflow", "host=/run/pg dbname=firmflow"},
	} {
		got, err := withoutPrisma(test.address)
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.address, got, err, test.want)
		}
	}
}

func TestDialHidesThePassword(t *testing.T) {
	for _, address := range []string{
		"postgres://firmflow:db-password-1/%zz@db/firmflow",
		"postgres://firmflow:db-password-1@db:port/firmflow",
		"postgres://firmflow:db-password-1@127.0.0.1:1/firmflow?sslmode=disable",
		"host=127.0.0.1 port=1 password=db-password-1 sslmode=maybe",
	} {
		_, err := dial(t.Context(), address, startInterval)
		if err == nil || strings.Contains(err.Error(), secrets[0]) {
			t.Errorf("%s: got %v, want an error without the password", address, err)
		}
	}
}
