package sandbox

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// TypedIn gives a command inside the service as it can be typed on this host.
func (r *Runtime) TypedIn(service string, args ...string) string {
	s, err := r.service(context.Background(), service)
	if err != nil || s.Kind != Postgres || len(args) == 0 {
		return command.Quote(args...)
	}
	args = append([]string{r.typedProgram(s, args[0])}, args[1:]...)

	return command.Quote(append(append([]string{"env"}, r.client(s)...), args...)...)
}

// Typed gives what a method does as it can be typed on this host, also where it
// is done already. A service of a sandbox is created by its start, so that to
// create it is to stop it.
func (r *Runtime) Typed(action stack.Action, services ...string) string {
	var typed []string
	for _, name := range services {
		s, err := r.service(context.Background(), name)
		switch {
		case err != nil:
		case s.Kind == Postgres && action == stack.Start:
			typed = append(typed, r.typedStartPostgres(s)...)
		case s.Kind == Postgres:
			typed = append(typed, "{ ! "+r.typedStatus(s)+" || "+command.Quote(r.typedAs(r.typedProgram(s, "pg_ctl"), "stop", "-m", "fast", "-D", r.dataDir(s))...)+"; }")
		case action == stack.Start:
			typed = append(typed, r.typedStartApp(s))
		default:
			typed = append(typed, r.typedStopApp(s))
		}
	}

	if len(typed) == 1 {
		return typed[0]
	}

	return "(set -e; " + strings.Join(typed, "; ") + ")" // a chain of && would fail unseen in a script that ends with its first failure
}

func (r *Runtime) typedStartPostgres(s configured) []string {
	directory := func(mode, dir string) string {
		args := []string{"install", "-d", "-m", mode, dir}
		if a, err := unprivileged(); err == nil && a.credential != nil {
			args = []string{"install", "-d", "-o", a.name, "-m", mode, dir}
		}
		return command.Quote(args...)
	}
	pgctl := r.typedAs(r.typedProgram(s, "pg_ctl"), "start", "-w", "-D", r.dataDir(s), "-o", command.Quote(r.flags(s)...))
	start := []string{
		directory("755", r.socketDir(s)),
		"{ " + r.typedStatus(s) + " || " + command.Quote(pgctl...) + " >>" + command.Quote(r.logFile(s.name)) + "; }",
	}

	environment, err := r.environment(s)
	if err != nil {
		return start
	}
	user, database := secret.Reveal(environment["POSTGRES_USER"]), secret.Reveal(environment["POSTGRES_DB"])
	initdb := r.typedAs(append([]string{r.typedProgram(s, "initdb"), "-D", r.dataDir(s), "-U", user}, encoding()...)...)
	first := slices.Concat(
		[]string{directory("700", r.dataDir(s)), command.Quote(initdb...)},
		start,
		[]string{r.TypedIn(s.name, "createdb", "-U", user, database)},
	)

	// Whether it has data is for the shell to see: by then it may.
	return []string{
		"if [ -e " + command.Quote(filepath.Join(r.dataDir(s), "PG_VERSION")) + " ]; then " + strings.Join(start, "; ") +
			"; else " + strings.Join(first, "; ") + "; fi",
	}
}

// typedStatus succeeds where the database runs.
func (r *Runtime) typedStatus(s configured) string {
	return command.Quote(r.typedAs(r.typedProgram(s, "pg_ctl"), "status", "-D", r.dataDir(s))...) + " >/dev/null"
}

// typedStopApp ends an app that runs, and waits until it is gone. The file may
// name what has ended long ago, or another program by now: ours works here.
func (r *Runtime) typedStopApp(s configured) string {
	return "while pid=$(cat " + command.Quote(r.pidFile(s.name)) + ` 2>/dev/null) && [ "/proc/$pid/cwd" -ef ` + command.Quote(r.dir) +
		` ] && kill "$pid" 2>/dev/null; do sleep 1; done`
}

// typedStartApp lets the shell put the values of .env in: they must not be seen
// on the screen, and assignments before a command are no arguments.
func (r *Runtime) typedStartApp(s configured) string {
	var assigned strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		value := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$$", `\$`).Replace(s.Environment[name])
		assigned.WriteString(name + `="` + value + `" `)
	}

	return "(cd " + command.Quote(r.dir) + " && set -a && . ./" + envFile + " && set +a && { " +
		assigned.String() + "nohup " + command.Quote(s.Command...) + " </dev/null >>" + command.Quote(r.logFile(s.name)) +
		" 2>&1 & echo $! >" + command.Quote(r.pidFile(s.name)) + "; })"
}

// typedAs gives a command as the account that owns the database's files.
func (r *Runtime) typedAs(args ...string) []string {
	if a, err := unprivileged(); err == nil && a.credential != nil {
		return append([]string{"runuser", "-u", a.name, "--"}, args...)
	}

	return args
}

// typedProgram is a program by its full path, if it is one of PostgreSQL's.
func (r *Runtime) typedProgram(s configured, program string) string {
	bin, err := r.bin(s)
	if err != nil {
		return program
	}
	if found, ok := r.find(program, bin); ok {
		return found
	}

	return program
}

// pidFile is for whoever types the stop of an app; we go by the record.
func (r *Runtime) pidFile(service string) string {
	return filepath.Join(r.dir, runDir, service+".pid")
}
