package compose

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/stack"
)

func TestE9APortThatIsTaken(t *testing.T) {
	for _, said := range []string{
		" Container firmflow-app-1  Starting\nError response from daemon: driver failed programming external connectivity on endpoint firmflow-app-1 (77d5): Bind for 127.0.0.1:49002 failed: port is already allocated",
		" Container firmflow-app-1  Starting\nError response from daemon: driver failed programming external connectivity on endpoint firmflow-app-1 (e332): Error starting userland proxy: listen tcp4 127.0.0.1:49002: bind: address already in use",
		" Container firmflow-app-1  Starting\nError response from daemon: failed to set up container networking: driver failed programming external connectivity on endpoint firmflow-app-1 (1f): failed to bind host port for 0.0.0.0:49002:172.18.0.2:9002/tcp: address already in use",
	} {
		r, _ := scripted(t, reply{when: " up ", code: 1, stderr: said})
		err := r.Start(t.Context(), "db", "app")
		var taken *stack.PortError
		if !errors.As(err, &taken) {
			t.Errorf("Start = %v, want a *PortError", err)
			continue
		}
		if taken.Service != "app" || !strings.HasPrefix(taken.Text, "Error response") {
			t.Errorf("service %q, text %q", taken.Service, taken.Text)
		}
	}
}

func TestE10AnImageThatIsNotThere(t *testing.T) {
	said := " Container firmflow-web-proxy-1  Creating\n Container firmflow-web-proxy-1  Error response from daemon: No such image: firmflow-web-proxy\nError response from daemon: No such image: firmflow-web-proxy"
	r, _ := scripted(t, reply{when: " up ", code: 1, stderr: said})
	want := stack.ImageError{Service: "web-proxy", Image: "firmflow-web-proxy"}
	for method, err := range map[string]error{
		"Start":  r.Start(t.Context(), "db", "web-proxy"),
		"Create": r.Create(t.Context(), "web-proxy"),
	} {
		var missing *stack.ImageError
		if !errors.As(err, &missing) || *missing != want {
			t.Errorf("%s = %v, want %v", method, err, &want)
		}
	}
}

func TestE22AStartThatFailsOtherwiseSaysWhy(t *testing.T) {
	said := "time=\"2026-11-23T09:39:36Z\" level=warning msg=\"The \\\"piece\\\" variable is not set.\"\n Container firmflow-app-1  Creating\n" +
		"Error response from daemon: Conflict. The container name \"/firmflow-app-1\" is already in use, AUTH " + madeUpSecret
	r, _ := scripted(t, reply{when: " up ", code: 1, stderr: said})
	err := r.Start(t.Context(), "app")
	var failed *stack.StartError
	if !errors.As(err, &failed) {
		t.Fatalf("Start = %v, want a *StartError", err)
	}
	if want := "Error response from daemon: Conflict. The container name \"/firmflow-app-1\" is already in use, AUTH [redacted]"; failed.Text != want {
		t.Errorf("text %q, want %q", failed.Text, want)
	}
}

func TestD10AConfigurationThatBroke(t *testing.T) {
	const said = `failed to read /opt/firmflow/.env: line 3: unterminated quoted value "pieceOfASecret`
	broken := func(when string) reply { return reply{when: when, code: 1, stderr: said} }
	r, _ := scripted(t, broken(" up "), broken("stop"), broken("logs"))
	_, logs := r.Logs(t.Context(), "db", 1)
	for method, err := range map[string]error{
		"Start": r.Start(t.Context(), "db"), "Stop": r.Stop(t.Context(), "db"), "Create": r.Create(t.Context(), "app"),
		"Logs": logs,
	} {
		var refused *stack.ConfigurationError
		if !errors.As(err, &refused) {
			t.Errorf("%s = %v, want a *ConfigurationError", method, err)
			continue
		}
		holdsNo(t, err.Error(), "pieceOfASecret")
	}
}

func TestE1AnEngineThatEndsMeanwhile(t *testing.T) {
	gone := reply{when: " up ", code: 1, stderr: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"}
	r, _ := scripted(t, gone)
	if err := r.Start(t.Context(), "db"); !errors.Is(err, stack.ErrEngineUnreachable) {
		t.Errorf("Start = %v, want %v", err, stack.ErrEngineUnreachable)
	}
}

func TestNoServicesAreNotAllServices(t *testing.T) {
	r, s := scripted(t)
	if err := errors.Join(r.Start(t.Context()), r.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	holdsNo(t, strings.Join(s.lines(), "\n"), " up", " stop")
}

func TestTypedIsWhatAnOperatorTypes(t *testing.T) {
	_, s := scripted(t)
	r := New(Options{Dir: "/opt/fire flow", Files: []string{"prod.yaml"}, Run: s})
	if got, want := r.Typed(stack.Start, "db"), "cd '/opt/fire flow' && docker compose -f '/opt/fire flow/prod.yaml' up --detach --no-deps db"; got != want {
		t.Errorf("before the project is known: %s\nwant %s", got, want)
	}

	if _, err := r.Services(t.Context()); err != nil {
		t.Fatal(err)
	}
	const start = "cd '/opt/fire flow' && docker compose -p firmflow -f '/opt/fire flow/prod.yaml' "
	for got, want := range map[string]string{
		r.Typed(stack.Create, "app"):                    start + "up --no-start --no-deps --force-recreate app",
		r.Typed(stack.Start, "db", "app"):               start + "up --detach --no-deps db app",
		r.Typed(stack.Stop, "app"):                      start + "stop app",
		r.TypedIn("db", "psql", "-c", "select 'x' < 1"): start + `exec -T db psql -c 'select '\''x'\'' < 1'`,
	} {
		if got != want {
			t.Errorf("typed: %s\nwant   %s", got, want)
		}
	}
}

func TestE8NothingIsEverRemovedOrGivenATerminal(t *testing.T) {
	r, s := scripted(t, noVolume, reply{when: "volume ls", out: "other\n"}, reply{when: "volume inspect other", out: "[]"},
		reply{when: " up "}, reply{when: "logs"}, reply{when: "exec"}, reply{when: "docker run"})
	ctx := t.Context()
	cmd := command.Cmd{Args: []string{"pg_restore", "--list"}}
	_, probe := r.Probe(ctx)
	_, project := r.Project(ctx)
	_, services := r.Services(ctx)
	_, holds := r.Holds(ctx, "app")
	_, logs := r.Logs(ctx, "db", 10)
	_, resolved := r.Resolved(ctx, nil, "app")
	if err := errors.Join(probe, project, services, holds, logs, resolved,
		r.Create(ctx, "app"), r.Start(ctx, "db", "app"), r.Stop(ctx, "app"),
		r.In("db").Run(ctx, cmd), r.Tool("db").Run(ctx, cmd)); err != nil {
		t.Fatal(err)
	}

	never := []string{"down", "prune", "rm", "kill", "-v", "--volumes", "-t", "-it", "--tty", "--no-tty=false", "-V",
		"--renew-anon-volumes", "--remove-orphans", "pull", "build", "--yes", "-y", "--build"}
	for _, c := range s.calls {
		for _, arg := range c.Args {
			if slices.Contains(never, arg) {
				t.Errorf("%q in: %s", arg, c)
			}
		}
		if c.Stdin != nil {
			t.Errorf("an input nobody gave is handed on: %s", c)
		}
	}
	for _, action := range []stack.Action{stack.Create, stack.Start, stack.Stop} {
		for word := range strings.FieldsSeq(r.Typed(action, "db")) {
			if slices.Contains(never, word) {
				t.Errorf("%q is typed for %s", word, action)
			}
		}
	}
}
