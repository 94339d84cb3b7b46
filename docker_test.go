package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dockerSays makes a directory with a docker that answers its version, and
// otherwise does what a script says, in which $* is what was asked.
func dockerSays(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "docker"), "#!/bin/sh\ncase \"$*\" in\n"+script+`
"version "*) echo '{"Server":{"Version":"28.2.2","ApiVersion":"1.50"}}' ;;
"compose version "*) echo 2.40.3 ;;
*) exit 99 ;;
esac
`)
	if err := os.Chmod(filepath.Join(dir, "docker"), 0o700); err != nil {
		t.Fatal(err)
	}

	return dir
}

// Every one of these is found before anything of the installation is looked at,
// so a host without Docker can show them.
func TestWhatIsWrongWithDockerIsToldWithoutDocker(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		beside []string // programs that lie beside docker
		none   bool     // no docker at all
		code   string
		seen   string
	}{
		"no docker": {none: true, code: "engine.missing", seen: "docker"},
		"E1 engine down": {script: `"version "*) echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1 ;;`,
			code: "engine.unreachable", seen: "Cannot connect"},
		"E2 not in the group": {script: `"version "*) echo 'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock' >&2; exit 1 ;;`,
			code: "engine.forbidden", seen: "permission denied"},
		"E3 no plugin": {script: `"compose "*) echo "docker: 'compose' is not a docker command." >&2; exit 1 ;;`,
			code: "compose.missing", seen: "not a docker command"},
		"E3 only docker-compose, version 1": {script: `"compose "*) echo "docker: 'compose' is not a docker command." >&2; exit 1 ;;`, beside: []string{"docker-compose"},
			code: "compose.missing", seen: "Only the old docker-compose is installed"},
		"E3 a Compose that is too old": {script: `"compose version "*) echo v2.3.3 ;;`, code: "compose.old", seen: "2.3.3"},
		"E4 a client that is too old": {script: `"version "*) echo 'Error response from daemon: client version 1.43 is too old. Minimum supported API version is 1.44' >&2; exit 1 ;;`,
			code: "compose.old", seen: "1.44"},
		"E5 no compose file": {script: `*" config "*) echo 'no configuration file provided: not found' >&2; exit 14 ;;`, code: "compose.file.missing", seen: "no configuration file"},
		"D10 a compose file that cannot be read": {script: `*" config "*) echo 'yaml: line 3: mapping values are not allowed in this context' >&2; exit 15 ;;`,
			code: "compose.file.invalid", seen: "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := t.TempDir(), t.TempDir()
			if !c.none {
				path = dockerSays(t, c.script)
			}
			for _, program := range c.beside {
				write(t, filepath.Join(path, program), "#!/bin/sh\n")
				if err := os.Chmod(filepath.Join(path, program), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(dir, "backups", "db_2026-11-22.dump"), "a dump")
			write(t, filepath.Join(dir, "backups", "vault_snapshot_2026-11-22.tar.gz"), "an archive")
			write(t, filepath.Join(dir, "original.env"), "AUTH_SECRET='a$b-of-the-original'\nLICENSE_KEY=of-the-original\n")
			write(t, filepath.Join(dir, "project", ".env"), "AUTH_SECRET='a$b-of-the-original'\nLICENSE_KEY=of-the-original\n")
			before := listed(t, filepath.Join(dir, "project"))

			r := firmflow(t, []string{"PATH=" + path}, "restore", "--project", filepath.Join(dir, "project"), "--backups", filepath.Join(dir, "backups"),
				"--original-env", filepath.Join(dir, "original.env"), "--state-dir", filepath.Join(dir, "state"), "--confirm", hostname(t), "--plain")
			r.want(t, 3, "["+c.code+"]", c.seen, "NOTHING CHANGED", "seen  ", "intact  ", "do    ", "help "+c.code)
			if strings.Contains(r.out, "of-the-original") {
				t.Error("a secret is shown")
			}
			if after := listed(t, filepath.Join(dir, "project")); !slices.Equal(after, before) {
				t.Errorf("the project has %q, had %q", after, before)
			}
		})
	}
}

func listed(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}

	return names
}

// recording is a docker that writes down what it is given, and then is docker.
type recording struct{ path, log string }

func recorder(t *testing.T) recording {
	t.Helper()
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	write(t, filepath.Join(dir, "docker"), "#!/bin/sh\nprintf '%s ' \"$@\" >>"+log+"\necho >>"+log+"\nexec "+docker+" \"$@\"\n")
	if err := os.Chmod(filepath.Join(dir, "docker"), 0o700); err != nil {
		t.Fatal(err)
	}

	return recording{path: "PATH=" + dir + ":" + os.Getenv("PATH"), log: log}
}

// harmless checks that no argument held a secret (FAULTS D14), and that nothing
// was asked for that destroys (FAULTS E8).
func (r recording) harmless(t *testing.T, i *site) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(content(t, r.log)), "\n")
	if len(lines) < 20 {
		t.Errorf("only %d commands were recorded", len(lines))
	}
	var values []string
	for _, line := range strings.Split(strings.TrimSpace(content(t, i.original)), "\n") {
		_, value, _ := strings.Cut(line, "=")
		values = append(values, strings.Trim(value, "'"))
	}
	for _, line := range lines {
		for _, value := range values {
			if strings.Contains(line, value) {
				t.Errorf("a secret among the arguments of: %s", strings.ReplaceAll(line, value, "[it]"))
			}
		}
		for _, word := range strings.Fields(line) {
			if slices.Contains([]string{"down", "prune", "dropdb", "-v", "--volumes", "-t", "--tty"}, word) && !strings.Contains(line, "ON_ERROR_STOP") {
				t.Errorf("%q in: %s", word, line)
			}
		}
	}
}
