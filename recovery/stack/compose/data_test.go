package compose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"firmflow-recovery/recovery/stack"
)

var noVolume = reply{when: "volume inspect firmflow_pgdata", code: 1, out: "[]", stderr: "Error response from daemon: get firmflow_pgdata: no such volume"}

func TestE6RivalsAreToldOfWhenOurVolumeDoesNotExist(t *testing.T) {
	r, _ := scripted(t, noVolume,
		reply{when: "volume ls --quiet --filter label=com.docker.compose.volume=pgdata", out: "old_pgdata\nfirmflow_x\nstray\n"},
		reply{when: "volume inspect old_pgdata firmflow_x stray", out: `[
			{"Name": "old_pgdata", "Labels": {"com.docker.compose.project": "old"}},
			{"Name": "firmflow_x", "Labels": {"com.docker.compose.project": "firmflow"}},
			{"Name": "stray", "Labels": null}]`})
	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := []stack.Rival{{Project: "old", Volume: "old_pgdata"}}; !slices.Equal(p.Rivals, want) {
		t.Errorf("rivals %v, want %v", p.Rivals, want)
	}
	if p.HasData || p.DataDir != "/var/lib/docker" {
		t.Errorf("data %v in %q, want none in Docker's directory", p.HasData, p.DataDir)
	}

	again, s := scripted(t)
	if _, err := again.Project(t.Context()); err != nil {
		t.Fatal(err)
	}
	holdsNo(t, strings.Join(s.lines(), "\n"), "volume ls")
}

func TestWhereTheDatabasesFilesAre(t *testing.T) {
	full, empty := t.TempDir(), t.TempDir()
	write(t, full, "PG_VERSION", "15\n")
	const volume = `"type": "volume",
          "source": "pgdata",`
	bind := func(dir string) string { return `"type": "bind", "source": "` + dir + `",` }
	disk := `"name": "firmflow_pgdata", "driver_opts": {"type": "none", "o": "rw,bind", "device": "/srv/pg"}`

	for name, c := range map[string]struct {
		old, new string
		replies  []reply
		dir      string
		present  bool
	}{
		"bind":                  {volume, bind(full), nil, full, true},
		"bind, empty":           {volume, bind(empty), nil, empty, false},
		"bind, missing":         {volume, bind(empty + "/missing"), nil, empty + "/missing", false},
		"another place":         {"/var/lib/postgresql/data", "/data", nil, "", false},
		"PostgreSQL 18":         {"/var/lib/postgresql/data", "/var/lib/postgresql", nil, "/var/lib/docker/volumes/firmflow_pgdata/_data", true},
		"a name that begins so": {"/var/lib/postgresql/data", "/var/lib/postgresql-old", nil, "", false},
		"volume for a directory": {`"name": "firmflow_pgdata"`, disk,
			[]reply{{when: "volume inspect", out: `[{"Mountpoint": "/var/lib/docker/volumes/x", "Options": {"type": "none", "o": "bind", "device": "/srv/pg"}}]`}}, "/srv/pg", true},
		"volume for a directory, not made": {`"name": "firmflow_pgdata"`, disk, []reply{noVolume, {when: "volume ls"}}, "/srv/pg", false},
		"volume without a name":            {volume, `"type": "volume",`, nil, "/var/lib/docker", false},
	} {
		config := strings.Replace(found(t, "config.json"), c.old, c.new, 1)
		r, _ := scripted(t, append(c.replies, reply{when: "config", out: config})...)
		p, err := r.Project(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.DataDir != c.dir || p.HasData != c.present {
			t.Errorf("%s: data %v in %q, want %v in %q", name, p.HasData, p.DataDir, c.present, c.dir)
		}
	}
}

func TestADirectoryThatIsClosedCountsAsHoldingFiles(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is closed to root")
	}
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0); err != nil {
		t.Fatal(err)
	}
	if !holdsFiles(dir) {
		t.Error("a closed directory counts as empty")
	}
}
