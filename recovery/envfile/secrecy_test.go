package envfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"firmflow-recovery/recovery/secret"
)

func TestD14NoFormOfAFileShowsAValue(t *testing.T) {
	file, err := Read(write(t, "AUTH_SECRET='s3cr3t'\nLICENSE_KEY=\"s3cr3t\"\n# s3cr3t\nOTHER=s3cr3t # s3cr3t\ns3cr3tPart=x\n"))
	if err != nil {
		t.Fatal(err)
	}
	entry, _ := file.Entry(AuthSecret)
	comparisons := Compare(file, File{}, map[string]secret.String{AuthSecret: entry.Value}, nil)
	_, _, only, _ := Others(file, File{})

	var shown []string
	for _, v := range []any{file, &file, entry, comparisons, only} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("run", "what", v)
		shown = append(shown, string(encoded), log.String())
	}
	for _, text := range shown {
		if strings.Contains(text, "s3cr3t") || strings.Contains(text, fmt.Sprintf("%x", "s3cr3t")) {
			t.Errorf("a value is shown: %s", text)
		}
	}
}

// compose-go warns: The "def" variable is not set. That name is a part of the
// secret abc$def, and the warning would land on the operator's screen.
func TestD1ReadingPrintsNothing(t *testing.T) {
	printed := streams(t)
	for _, text := range []string{
		"AUTH_SECRET=abc$def\n",
		"AUTH_SECRET=\"a${b}c\"\n",
		"AUTH_SECRET=${a:-$b}${c-${d}}${e+$f}x${g:+$h}$i\n",
		"AUTH_SECRET=${a:?$b}\n",
		"V=1\nV\nAUTH_SECRET=$V$W\n",
		"W\nAUTH_SECRET=${W-$X}\n",
	} {
		file, err := Read(write(t, text))
		if _, ok := errors.AsType[*SyntaxError](err); err != nil && !ok {
			t.Fatal(err)
		}
		Compare(file, file, nil, nil)
	}
	for _, row := range dTable {
		_, _ = Read(write(t, row.text))
	}
	if _, err := Line(AuthSecret, secret.New(`a$b\'${c}`)); err != nil {
		t.Fatal(err)
	}

	if got := printed(); got != "" {
		t.Errorf("reading printed %q, want nothing", got)
	}
}

func TestReadTakesNothingFromTheEnvironment(t *testing.T) {
	t.Setenv("FIRMFLOW_SHELL", "s3cr3t")
	file, err := Read(write(t, "AUTH_SECRET=a${FIRMFLOW_SHELL}b\nFIRMFLOW_SHELL\nB=${FIRMFLOW_SHELL-unset}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := secret.Reveal(file.Value(AuthSecret)); got != "ab" {
		t.Errorf("AUTH_SECRET = %q, want %q", got, "ab")
	}
	if got := secret.Reveal(file.Value("B")); got != "unset" {
		t.Errorf("B = %q, want %q", got, "unset")
	}
}

// streams sends whatever the process writes to its two streams into a file for
// the rest of the test, and returns what tells what that was. Loggers keep the
// stream they were made with, so the descriptors themselves are turned.
func streams(t *testing.T) (printed func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "streams")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{1, 2} {
		kept, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Dup3(int(file.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Dup3(kept, fd, 0); _ = unix.Close(kept) })
	}
	t.Cleanup(func() { _ = file.Close() })

	return func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}

		return string(text)
	}
}
