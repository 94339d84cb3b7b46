package compose

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

func TestInRunsInTheService(t *testing.T) {
	r, s := scripted(t, reply{when: "exec", out: "out", stderr: "time=\"x\" level=warning msg=\"of Compose\"\npg_dump: reading"})
	var out strings.Builder
	var lines []string
	input := strings.NewReader("in")
	err := r.In("db").Run(t.Context(), command.Cmd{
		Args: []string{"pg_dump", "-Fc"}, Env: []string{"PGTZ=UTC"}, Dir: "/tmp", Stdin: input, Stdout: &out,
		Line: func(l string) { lines = append(lines, l) },
	})
	if err != nil {
		t.Fatal(err)
	}
	call := s.last()
	want := strings.Fields("docker exec --interactive --env LC_ALL=C.UTF-8 --env PGTZ=UTC --workdir /tmp " + dbID + " pg_dump -Fc")
	if !slices.Equal(call.Args, want) || call.Stdin != input {
		t.Errorf("run: %s", call)
	}
	if out.String() != "out" || !slices.Equal(lines, []string{"pg_dump: reading"}) {
		t.Errorf("output %q, lines %q", out.String(), lines)
	}
}

// dbID is the container of the database in testdata.
const dbID = "d826d4da855c2ab81439dc952c90a2b0129f3dd758bef48f81f681b0b34534a6"

// unseekable is an input that can be read once.
type unseekable struct{ io.Reader }

// A container is looked up once. When it is made anew behind our back, that costs
// another look and nothing else: whatever has begun is never begun again.
func TestAContainerMadeAnewIsFound(t *testing.T) {
	const newer = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, c := range map[string]struct {
		said      string
		code      int
		input     func() io.Reader
		want      []string // the containers in which a program was to run
		unstarted bool     // it is said that the service does not run
	}{
		"gone":                  {"Error: No such container: " + dbID, 1, func() io.Reader { return strings.NewReader("in") }, []string{dbID, newer}, false},
		"gone, newer words":     {"Error response from daemon: No such container: " + dbID, 1, func() io.Reader { return nil }, []string{dbID, newer}, false},
		"stopped":               {"Error response from daemon: container " + dbID + " is not running", 1, func() io.Reader { return strings.NewReader("in") }, []string{dbID, newer}, false},
		"the program fails":     {"psql: error: No such container: " + dbID + " is not running", 1, func() io.Reader { return strings.NewReader("in") }, []string{dbID}, false},
		"input that is read":    {"", 0, func() io.Reader { return unseekable{strings.NewReader("in")} }, []string{newer}, false},
		"there is none by then": {"Error: No such container: " + dbID, 1, func() io.Reader { return nil }, []string{dbID}, true},
	} {
		r, s := scripted(t)
		if _, err := r.Services(t.Context()); err != nil {
			t.Fatal(err)
		}
		inspected := strings.ReplaceAll(found(t, "containers.json"), dbID, newer)
		if c.unstarted {
			inspected = "[]"
		}
		s.replies = append([]reply{
			{when: "exec --interactive --env LC_ALL=C.UTF-8 " + dbID, code: c.code, stderr: c.said},
			{when: "exec --interactive --env LC_ALL=C.UTF-8 " + newer}, {when: "container inspect", out: inspected},
		}, s.replies...)
		err := r.In("db").Run(t.Context(), command.Cmd{Args: []string{"psql"}, Stdin: c.input()})
		if errors.Is(err, stack.ErrNotRunning) != c.unstarted || !c.unstarted && (err != nil) != (len(c.want) == 1 && c.code != 0) {
			t.Errorf("%s: In = %v", name, err)
		}
		var in []string
		for _, call := range s.calls {
			if call.Args[1] == "exec" {
				in = append(in, call.Args[len(call.Args)-2])
			}
		}
		if !slices.Equal(in, c.want) {
			t.Errorf("%s: run in %q, want %q", name, in, c.want)
		}
	}
}

func TestToolRunsBesideTheService(t *testing.T) {
	r, s := scripted(t, reply{when: "docker run"})
	if err := r.Tool("db").Run(t.Context(), command.Cmd{Args: []string{"pg_restore", "--list"}}); err != nil {
		t.Fatal(err)
	}
	want := "docker run --rm --init --interactive --network none --log-driver none --pull never --env LC_ALL=C.UTF-8" +
		" --entrypoint pg_restore firmflow-recovery-test/postgres:15 --list"
	if got := s.last().String(); got != want {
		t.Errorf("run: %s\nwant %s", got, want)
	}
}

func TestD14ASecretIsNeverAnArgument(t *testing.T) {
	r, s := scripted(t)
	cmd := command.Cmd{Args: []string{"psql"}, Secrets: map[string]secret.String{"PGPASSWORD": secret.New(madeUpPassword)}}
	for place, runner := range map[string]command.Runner{"In": r.In("db"), "Tool": r.Tool("db")} {
		if err := runner.Run(t.Context(), cmd); !errors.Is(err, ErrSecret) {
			t.Errorf("%s = %v, want %v", place, err, ErrSecret)
		}
		if err := runner.Run(t.Context(), command.Cmd{}); err == nil {
			t.Errorf("%s runs nothing", place)
		}
	}
	if len(s.calls) != 0 {
		t.Errorf("docker was called: %q", s.lines())
	}
}

func TestE15E23AServiceThatDoesNotRun(t *testing.T) {
	const id = "331f698a198fc1b2588e78ed11275fe436aafb204b22b99632081b7682b15e57"
	for said, want := range map[string]bool{
		"Error: No such container: " + id:                                                                                                true,
		"Error response from daemon: Container " + id + " is not running":                                                                true,
		"Error response from daemon: Container " + id + " is restarting, wait until the container is running":                            true,
		"Error response from daemon: Container " + id + " is paused, unpause the container before exec":                                  true,
		"OCI runtime exec failed: exec failed: unable to start container process: error executing setns process: exit status 1: unknown": true,
		"pg_restore: error: could not connect":                                                                                           false,
		"":                                                                                                                               false,
	} {
		r, _ := scripted(t, reply{when: "exec", code: 1, stderr: said})
		err := r.In("db").Run(t.Context(), command.Cmd{Args: []string{"pg_restore"}})
		if err == nil || errors.Is(err, stack.ErrNotRunning) != want {
			t.Errorf("%q: In = %v, want a service that does not run: %v", said, err, want)
		}
	}
}

func TestE23AProgramsExitCodeIsItsOwn(t *testing.T) {
	for _, code := range []int{1, 3, 125, 126, 137} {
		said := reply{code: code, stderr: "time=\"x\" level=warning msg=\"of Compose\"\npg_restore: error: end of file"}
		exec, run := said, said
		exec.when, run.when = "exec", "docker run"
		r, _ := scripted(t, exec, run)
		for place, runner := range map[string]command.Runner{"In": r.In("db"), "Tool": r.Tool("db")} {
			err := runner.Run(t.Context(), command.Cmd{Args: []string{"pg_restore", "-l"}})
			var failed *command.Error
			if !errors.As(err, &failed) {
				t.Fatalf("%s = %v, want a *command.Error", place, err)
			}
			if failed.ExitCode != code || failed.Stderr != "pg_restore: error: end of file" || failed.Args[0] != "pg_restore" {
				t.Errorf("%s: exit code %d, stderr %q, of %q", place, failed.ExitCode, failed.Stderr, failed.Args)
			}
		}
	}
}

func TestE23AProgramThatIsMissingIsKnown(t *testing.T) {
	r, _ := scripted(t,
		reply{when: "exec", code: 126, out: `OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown`},
		reply{when: "docker run", code: 127, stderr: "[FATAL tini (7)] exec nope failed: No such file or directory"})
	for place, runner := range map[string]command.Runner{"In": r.In("db"), "Tool": r.Tool("db")} {
		if err := runner.Run(t.Context(), command.Cmd{Args: []string{"nope"}}); !command.IsMissing(err) {
			t.Errorf("%s = %v, want a missing program", place, err)
		}
	}
}

func TestE10AToolWithoutItsImage(t *testing.T) {
	r, _ := scripted(t, reply{when: "docker run", code: 125, stderr: "docker: Error response from daemon: No such image: firmflow-web-proxy\n\nRun 'docker run --help' for more information"})
	err := r.Tool("web-proxy").Run(t.Context(), command.Cmd{Args: []string{"true"}})
	var missing *stack.ImageError
	if !errors.As(err, &missing) || missing.Service != "web-proxy" {
		t.Errorf("Tool = %v, want an *ImageError", err)
	}
}
