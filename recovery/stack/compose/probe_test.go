package compose

import (
	"errors"
	"slices"
	"testing"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/stack"
)

func TestProbeTellsTheVersions(t *testing.T) {
	r, _ := scripted(t)
	got, err := r.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Engine{Version: "20.10.24+dfsg1", API: "1.41", Compose: "2.40.3"}); got != want {
		t.Errorf("Probe = %+v, want %+v", got, want)
	}
	if got.String() != "Docker 20.10.24+dfsg1, Compose 2.40.3" {
		t.Errorf("the tool is called %q", got)
	}
}

func TestE1E2E3WhatIsWrongWithTheEngine(t *testing.T) {
	const noServer = `{"Client":{"Version":"28.2.2"},"Server":null}`
	for name, c := range map[string]struct {
		reply reply
		want  error
	}{
		"E1 no docker": {
			reply{when: "docker version", err: command.ErrMissing}, stack.ErrEngineMissing},
		"E1 engine down": {
			reply{when: "docker version", code: 1, out: noServer, stderr: "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?"}, stack.ErrEngineUnreachable},
		"E1 engine down, newer words": {
			reply{when: "docker version", code: 1, out: noServer, stderr: "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running"}, stack.ErrEngineUnreachable},
		"E1 remote engine down": {
			reply{when: "docker version", code: 1, stderr: "error during connect: Get \"http://docker.example.com/v1.41/version\": command [ssh host] has exited"}, stack.ErrEngineUnreachable},
		"E2": {
			reply{when: "docker version", code: 1, out: noServer, stderr: `permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix /var/run/docker.sock: connect: permission denied`}, stack.ErrEngineForbidden},
		"E3 no plugin": {
			reply{when: "compose version", code: 125, stderr: "unknown flag: --short\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information"}, stack.ErrComposeMissing},
		"E3 no plugin, newer words": {
			reply{when: "compose version", code: 1, stderr: "docker: unknown command: docker compose\n\nRun 'docker --help' for more information"}, stack.ErrComposeMissing},
		"E21 podman-docker": {
			reply{when: "docker version", out: `{"Client":{"APIVersion":"4.3.1","Version":"4.3.1","OsArch":"linux/amd64"}}`}, ErrPodman},
	} {
		r, _ := scripted(t, c.reply)
		if _, err := r.Probe(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("%s: Probe = %v, want %v", name, err, c.want)
		}
		if _, err := r.Project(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("%s: Project = %v, want %v", name, err, c.want)
		}
	}
}

func TestE3VersionsOfCompose(t *testing.T) {
	for version, good := range map[string]bool{
		"2.20.0": true, "v2.20.0": true, "2.40.3-desktop.1": true, "2.36.2+ds1-0ubuntu1": true, "5.0.1": true, "2.20": true, "2.20-rc1": true,
		"2.19.1": false, "v2.3.3": false, "1.29.2": false, "": false, "dev": false,
	} {
		r, _ := scripted(t, reply{when: "compose version", out: version + "\n"})
		_, err := r.Probe(t.Context())
		var old *stack.OldError
		if good != (err == nil) || !good && !errors.As(err, &old) {
			t.Errorf("version %q: %v, want it to be good: %v", version, err, good)
		}
	}
}

func TestE4ApiVersionsThatDoNotMeet(t *testing.T) {
	for said, want := range map[string]stack.OldError{
		"Error response from daemon: client version 1.43 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version": {
			Tool: "the API of Docker's client", Version: "1.43", Needed: "1.44"},
		"Error response from daemon: client version 1.50 is too new. Maximum supported API version is 1.41": {
			Tool: "the API of the Docker engine", Version: "1.41", Needed: "1.50"},
	} {
		r, _ := scripted(t, reply{when: "ps --all", code: 1, stderr: said})
		_, err := r.Services(t.Context())
		var old *stack.OldError
		if !errors.As(err, &old) || *old != want {
			t.Errorf("Services = %v, want %v", err, &want)
		}
	}
}

func TestE21PodmanBehindDockersCommandIsAWarning(t *testing.T) {
	r, _ := scripted(t, reply{when: "docker version", out: `{"Server":{"Version":"4.3.1","ApiVersion":"1.41","Components":[{"Name":"Podman Engine"}]}}`})
	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Tool != "Podman 4.3.1, Compose 2.40.3" || !slices.Contains(p.Warnings, "Podman answers where Docker is expected") {
		t.Errorf("tool %q, warnings %q", p.Tool, p.Warnings)
	}
}

func TestD2D16EnvironmentKeepsWhatDockerNeedsOnly(t *testing.T) {
	got := Environment([]string{
		"PATH=/bin", "HOME=/root", "DOCKER_HOST=unix:///x", "XDG_RUNTIME_DIR=/run/user/0", "https_proxy=http://p", "NO_PROXY=*",
		"AUTH_SECRET=", "LICENSE_KEY=shell", "COMPOSE_PROJECT_NAME=other", "COMPOSE_FILE=other.yaml", "COMPOSE_PROFILES=x",
		"DOCKER_DEFAULT_PLATFORM=linux/arm64", "LC_ALL=de_CH", "LANG=de_CH", "PWD=/elsewhere", "broken",
	})
	want := []string{
		"PATH=/bin", "HOME=/root", "DOCKER_HOST=unix:///x", "XDG_RUNTIME_DIR=/run/user/0", "https_proxy=http://p", "NO_PROXY=*",
		"LC_ALL=C.UTF-8",
	}
	if !slices.Equal(got, want) {
		t.Errorf("Environment = %q, want %q", got, want)
	}
}
