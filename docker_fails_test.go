package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"firmflow-recovery/recovery/vault"
)

// failing makes a docker that is the real one, until it is asked to load into a
// database beside the live one: then it does what a script says. In that, "$@" is
// what was asked, and $docker the real one.
func failing(t *testing.T, db, script string) (env []string) {
	t.Helper()
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script = strings.NewReplacer("DB", db, "GONE", filepath.Join(dir, "gone")).Replace(script)
	write(t, filepath.Join(dir, "docker"), `#!/bin/sh
docker=`+docker+`
no() {
	echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2
	exit 1
}
[ ! -e `+filepath.Join(dir, "gone")+` ] || no
case "$*" in
*pg_restore*_restoring_*)
`+script+`
;;
esac
exec $docker "$@"
`)
	if err := os.Chmod(filepath.Join(dir, "docker"), 0o700); err != nil {
		t.Fatal(err)
	}

	return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
}

// TestE15E9B33WhatDockerDoesMidWayIsToldAndGoneOnWith: one recovery, under which the
// database is killed, frozen and started again while the dump goes in, the engine
// ends, and somebody takes the app's port. Each has its diagnosis and leaves what
// was live as it was; the run goes on when it is mended.
func TestE15E9B33WhatDockerDoesMidWayIsToldAndGoneOnWith(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	backedUp := i.snapshot(t)
	i.fill(t, 3)
	db := i.container(t, "db")
	before, err := vault.TreeDigest(t.Context(), i.vault)
	if err != nil {
		t.Fatal(err)
	}
	dumps, err := filepath.Glob(filepath.Join(i.backups, "db_*.dump"))
	if err != nil || len(dumps) != 1 {
		t.Fatalf("%q, %v", dumps, err)
	}
	// Midway is when all but the end of the dump went in, and the load is at work.
	midWay := fmt.Sprintf(`at_work() {
	$docker exec DB psql -U firmflow -d postgres -Atc "select 'at work' from pg_stat_activity where datname like '%%\_restoring\_%%' and pid <> pg_backend_pid()" | grep -q 'at work'
}
( head -c %d; n=0; until at_work || [ $((n += 1)) -gt 300 ]; do sleep 0.1; done; MEANWHILE >/dev/null; cat ) | $docker "$@"
exit $?`, len(content(t, dumps[0]))-400)
	command, more := "restore", []string{"--confirm", hostname(t)}
	for _, c := range []struct {
		what, script, code string
		mend               func()
	}{
		{"B33 the database is killed", strings.Replace(midWay, "MEANWHILE", "$docker kill DB", 1), "service.ended", func() {}},
		{"B33 it is started again", strings.Replace(midWay, "MEANWHILE", "$docker restart -t 0 DB", 1), "database.went-away", func() {}},
		{"E15 it is frozen", "$docker pause DB >/dev/null", "service.paused", func() { i.compose(t, "unpause", "db") }},
		{"E1 the engine ends", "touch GONE; head -c 2000 >/dev/null; no", "engine.unreachable", func() {}},
	} {
		args := i.args(command, append(more, "--plain", "--settle", "500ms")...)
		firmflow(t, failing(t, db, c.script), args...).want(t, 14, "["+c.code+"]", "FAILED, PREVIOUS DATA LIVE", "intact  ", "do    ", "firmflow-recovery resume")
		if now, err := vault.TreeDigest(t.Context(), i.vault); err != nil || now != before {
			t.Errorf("%s: the live vault changed (%v)", c.what, err)
		}
		c.mend()
		command, more = "resume", nil
		if t.Failed() {
			t.Fatalf("that was: %s", c.what)
		}
	}

	taken, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(i.port)))
	if err != nil {
		t.Fatal(err)
	}
	i.run(t, "resume", "--plain", "--settle", "500ms").want(t, 8, "[stack.port.taken]", "RESTORED, NOT VERIFIED", "intact  ", "do    ")
	_ = taken.Close()
	i.run(t, "resume", "--plain").want(t, 0, "VERIFIED in")
	if now := i.snapshot(t); now != backedUp {
		t.Errorf("recovered %+v, want %+v", now, backedUp)
	}
}
