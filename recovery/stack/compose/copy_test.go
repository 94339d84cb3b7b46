package compose

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hostile is a project that reaches out in every way there is. DIR is where it
// lies.
const hostile = `{"name":"firmflow","services":{
"db":{"image":"postgres:15","container_name":"firmflow-db","restart":"always","privileged":true,"environment":{"POSTGRES_PASSWORD":"${POSTGRES_PASSWORD}"},
 "networks":{"default":{"aliases":["postgres"]}},"labels":{"traefik.enable":"true"},"logging":{"driver":"syslog"},
 "volumes":[{"type":"bind","source":"DIR/pgdata","target":"/var/lib/postgresql/data"},{"type":"bind","source":"DIR/init.sql","target":"/docker-entrypoint-initdb.d/init.sql","read_only":true}]},
"web":{"image":"firmflow:${TAG}","ports":[{"mode":"ingress","target":9002,"published":"9002","protocol":"tcp"}],"network_mode":"host","pid":"host","ipc":"host",
 "devices":["/dev/sda"],"cap_add":["SYS_ADMIN"],"security_opt":["apparmor:unconfined"],"extra_hosts":["mail=10.0.0.7"],"volumes_from":["container:x"],
 "links":["db:database"],"cgroup_parent":"m","userns_mode":"host","uts":"host","x-ours":1,"depends_on":{"db":{"condition":"service_healthy"},"gone":{"condition":"service_started"}},
 "env_file":[{"path":"DIR/.env","required":true},{"path":"DIR/more.env","required":true}],"environment":["DATABASE_URL=postgres://db/firmflow","AUTH_SECRET"],
 "secrets":[{"source":"pw","target":"/run/secrets/pw"},{"source":"swarm"}],
 "volumes":[{"type":"bind","source":"DIR/uploads","target":"/app/uploads"},{"type":"bind","source":"/var/run/docker.sock","target":"/var/run/docker.sock"},
  {"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"same","target":"/again"},{"type":"bind","source":"DIR/large","target":"/large"},
  {"type":"bind","source":"/proc","target":"/host/proc"},{"type":"bind","source":"DIR/conf","target":"/conf"}]}},
"networks":{"default":{"name":"firmflow_default"},"proxy":{"name":"proxy","external":true}},
"volumes":{"cache":{"name":"shared-cache","external":true},"same":{"name":"firmflow_same","driver_opts":{"type":"none","o":"bind","device":"DIR/uploads"}}},
"secrets":{"pw":{"name":"firmflow_pw","file":"DIR/pw"},"swarm":{"name":"swarm","external":true}}}`

// copied makes a copy of the hostile project.
func copied(t *testing.T, app string) (dir string, made Copied, text string, r *Runtime) {
	t.Helper()
	dir = t.TempDir()
	for name, size := range map[string]int{"init.sql": 9, "more.env": 9, "pw": 9, ".env": 9, "uploads/a/1": 9, "pgdata/PG_VERSION": 3, "large/file": 17 << 20, "conf/d/x.conf": 9} {
		path := filepath.Join(dir, "firmflow", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	from, to := filepath.Join(dir, "firmflow"), filepath.Join(dir, "drill")
	if err := os.Mkdir(to, 0o711); err != nil {
		t.Fatal(err)
	}
	whole := strings.ReplaceAll(hostile, "DIR", from)
	s := &script{t: t, replies: []reply{
		{when: "--no-interpolate", out: whole},
		{when: "config --format json", out: strings.Replace(whole, `["DATABASE_URL=postgres://db/firmflow","AUTH_SECRET"]`, `{"AUTH_SECRET":"made-up"}`, 1)},
		{when: "volume inspect", stderr: "Error: No such volume", code: 1},
		{when: "info", out: `{"NCPU":2,"MemTotal":8589934592,"MemoryLimit":true,"CpuCfsQuota":true,"PidsLimit":true}`},
	}}
	r = New(Options{Dir: from, Files: []string{"compose.yaml"}, Run: s})
	made, err := r.Copy(t.Context(), Copy{Name: "firmflow-drill-1", Dir: to, Vault: filepath.Join(from, "uploads"), App: app, Mark: "m"})
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(to, CopyFile))
	if err != nil {
		t.Fatal(err)
	}

	return dir, made, string(written), r
}

func TestACopyReachesNothingOfWhatItIsACopyOf(t *testing.T) {
	dir, made, text, r := copied(t, "")
	from, to := filepath.Join(dir, "firmflow"), filepath.Join(dir, "drill")
	theirs, err := r.Reach(t.Context())
	if err != nil || len(theirs.Ways) < 15 || len(theirs.Ports) != 1 || len(theirs.Paths) < 8 {
		t.Fatalf("the project itself: %+v, %v", theirs, err)
	}
	own := New(Options{Dir: to, Files: []string{CopyFile}, Project: "firmflow-drill-1", Run: &script{t: t, replies: []reply{{when: "--no-interpolate", out: text}}}})
	ours, err := own.ReachOfCopy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Reach{
		Project: "firmflow-drill-1", Volumes: []string{"firmflow-drill-1_cache"}, Networks: []string{"firmflow-drill-1_default"},
		Paths: []string{
			filepath.Join(to, ".env"), filepath.Join(to, "binds/1/pw"), filepath.Join(to, "binds/2/pgdata"), filepath.Join(to, "binds/3/init.sql"),
			filepath.Join(to, "binds/4/more.env"), filepath.Join(to, "binds/5/large"), filepath.Join(to, "binds/6/conf"), filepath.Join(to, "uploads"),
		},
	}
	if diff := cmp.Diff(want, ours); diff != "" {
		t.Errorf("reach (-want +got):\n%s", diff)
	}
	for _, never := range []string{from, "docker.sock", "traefik", "SYS_ADMIN", "apparmor", "10.0.0.7", "9002", "syslog", "shared-cache", "proxy", "/proc", "/dev/sda"} {
		if strings.Contains(text, never) {
			t.Errorf("the copy has %q:\n%s", never, text)
		}
	}
	for _, left := range []string{"web: network_mode", "web: devices", "db: privileged", "secrets: swarm", "web: /proc at /host/proc"} {
		if !slices.Contains(made.Left, left) {
			t.Errorf("%q is not told: %q", left, made.Left)
		}
	}
	if made.Vault != filepath.Join(to, "uploads") {
		t.Errorf("the vault is %s", made.Vault)
	}
	for path, size := range map[string]int64{"binds/3/init.sql": 9, "binds/6/conf/d/x.conf": 9, "binds/2/pgdata/PG_VERSION": -1, "binds/5/large/file": -1, "uploads": -1, ".env": -1} {
		info, err := os.Stat(filepath.Join(to, path))
		if size < 0 != (err != nil) || err == nil && info.Size() != size {
			t.Errorf("%s: %v, want %d bytes", path, err, size)
		}
	}
}

func TestACopyKeepsWhatTheServicesAre(t *testing.T) {
	_, _, text, _ := copied(t, "")
	var c struct {
		Services map[string]struct {
			Image       string
			Restart     string
			Environment any
			Cpus        float64
			MemLimit    int64            `json:"mem_limit"`
			DependsOn   map[string]any   `json:"depends_on"`
			Secrets     []map[string]any `json:"secrets"`
			Networks    map[string]struct{ Aliases []string }
			Volumes     []struct{ Source, Target string }
		}
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	db, web := c.Services["db"], c.Services["web"]
	if web.Image != "firmflow:${TAG}" || web.Restart != "no" || web.Cpus != 1 || web.MemLimit != 2<<30 || len(web.DependsOn) != 1 || len(web.Secrets) != 1 || len(web.Volumes) != 5 {
		t.Errorf("web: %+v", web)
	}
	if got := db.Networks["default"].Aliases; !slices.Equal(got, []string{"database", "firmflow-db", "postgres"}) {
		t.Errorf("db is known as %q", got)
	}
	if !strings.Contains(text, `"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD}"`) || !strings.Contains(text, `"DATABASE_URL=postgres://db/firmflow"`) {
		t.Errorf("variables are not left to the copy's .env:\n%s", text)
	}
	if _, _, led, _ := copied(t, "web"); strings.Contains(led, "postgres://db/firmflow") || !strings.Contains(led, "DATABASE_URL=postgres://nobody@127.0.0.1:1/") {
		t.Errorf("the app is not led astray:\n%s", led)
	}
}

func TestTheVaultOfACopyLiesWhereItsServicesSeeIt(t *testing.T) {
	for name, c := range map[string]struct{ source, vault, want, bound string }{
		"the vault itself":      {"/srv/ff/uploads", "/srv/ff/uploads", "/d/uploads", "/d/uploads"},
		"a part of the vault":   {"/srv/ff/uploads/2026", "/srv/ff/uploads", "/d/uploads", "/d/uploads/2026"},
		"the vault is a part":   {"/srv/ff", "/srv/ff/data/uploads", "/d/binds/1/data/uploads", "/d/binds/1"},
		"nobody sees the vault": {"", "/srv/ff/uploads", "/d/uploads", ""},
	} {
		dir := t.TempDir()
		making := copying{Copy: Copy{Dir: dir, Vault: c.vault}, of: model{Services: map[string]service{"web": {}}}}
		if c.source != "" {
			making.of.Services["web"] = service{Volumes: []mount{{Type: "bind", Source: c.source, Target: "/app"}}}
		}
		vault, err := making.vault()
		if err != nil || vault != strings.Replace(c.want, "/d", dir, 1) {
			t.Errorf("%s: the vault is %s, %v", name, vault, err)
		}
		mounts, err := making.mounts("web", vault)
		bound := ""
		for _, m := range mounts {
			bound, _ = m.(map[string]any)["source"].(string)
		}
		if err != nil || bound != strings.Replace(c.bound, "/d", dir, 1) {
			t.Errorf("%s: bound is %s, %v", name, bound, err)
		}
	}
}
