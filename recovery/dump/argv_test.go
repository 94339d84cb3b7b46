package dump

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
)

// firstAsked is a database service that answers what a load asks first, and notes
// what loads.
func firstAsked(load *command.Cmd) command.Runner {
	return acting(func(_ context.Context, c command.Cmd) error {
		if c.Stdout == nil { // nobody wants its answer
			*load = c
			_, err := io.Copy(io.Discard, c.Stdin)
			return err
		}
		answer := "0,\n" // relations in the new database
		if sql, err := io.ReadAll(c.Stdin); err != nil || strings.Contains(string(sql), "is_superuser") {
			answer = "on,1\n"
		}
		_, err := io.WriteString(c.Stdout, answer)

		return err
	})
}

// Each of these has cost somebody their data, or made a failure look like
// success: the wrong program, a restore over what is there, errors that are
// counted and passed over, a stream with several jobs.
func TestB3B4B16B17B27B28HowADumpIsLoaded(t *testing.T) {
	script := begun + aTable + ended
	for name, c := range map[string]struct {
		content      []byte
		program, has string
	}{
		"custom": {customOf(t, written(t, madeTar("7.dat", "1\n\\.\n"))), "pg_restore", "--exit-on-error"},
		"tar":    {madeTar("7.dat", "1\n\\.\n"), "pg_restore", "--exit-on-error"},
		"plain":  {[]byte(script), "psql", "--set=ON_ERROR_STOP=1"},
	} {
		path := written(t, c.content)
		looked, err := Look(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var load command.Cmd
		s := Server{Run: firstAsked(&load), User: "firmflow"}
		if err := s.Load(t.Context(), path, RestoringName("firmflow", "r"), looked, LoadOptions{}, LoadProgress{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if load.Args[0] != c.program || !slices.Contains(load.Args, c.has) || !slices.Contains(load.Args, "--no-password") {
			t.Errorf("%s is loaded by %q, want %s with %s", name, load.Args, c.program, c.has)
		}
		for _, never := range []string{"--clean", "--create", "--if-exists", "--single-transaction", "-1", "-c", "-C"} {
			if slices.Contains(load.Args, never) || slices.ContainsFunc(load.Args, func(a string) bool { return strings.HasPrefix(a, "--jobs") }) {
				t.Errorf("%s is loaded by %q, with %s", name, load.Args, never)
			}
		}
	}
}

// customOf is a dump of another format as a custom-format archive: what
// pg_restore gets of it.
func customOf(t *testing.T, path string) []byte {
	t.Helper()
	s, err := opened(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c, err := s.contents()
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.stream(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.close() }()
	content, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}

	return content
}
