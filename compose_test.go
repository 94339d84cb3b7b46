package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/vault"
)

// image is the database image that .ci/setup builds.
const image = "firmflow-recovery-test/postgres:15"

// guideScript is the guide's nightly script, word for word but for the two
// directories, which in a test are not the host's.
const guideScript = `DATE=$(date +%Y-%m-%d)   BACKUP_DIR=/mnt/nfs/backups/firmflow
docker compose exec -t db pg_dump -U firmflow -Fc firmflow > $BACKUP_DIR/db_$DATE.dump
rsync -aP --delete /opt/firmflow/uploads/ $BACKUP_DIR/vault_sync/
tar -czf $BACKUP_DIR/vault_snapshot_$DATE.tar.gz -C $BACKUP_DIR/vault_sync .
find $BACKUP_DIR -name "db_*.dump" -type f -mtime +30 -delete            # the same for vault_snapshot_*.tar.gz
`

const composeFile = `services:
  db:
    image: ` + image + `
    restart: unless-stopped
    environment:
      POSTGRES_USER: firmflow
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}
      POSTGRES_DB: firmflow
    volumes:
      - DATA:/var/lib/postgresql/data
  web:
    image: IMAGE
    command: ["sample-app"]
    restart: unless-stopped
    depends_on: [db]
    environment:
      DATABASE_URL: postgres://firmflow:${POSTGRES_PASSWORD}@db:5432/firmflow?sslmode=disable
      AUTH_SECRET: ${AUTH_SECRET}
      LICENSE_KEY: ${LICENSE_KEY}
      FIELD_ENCRYPTION_KEY: ${FIELD_ENCRYPTION_KEY}
    ports:
      - "127.0.0.1:PORT:9002"
    volumes:
      - ./uploads:/app/uploads
    healthcheck:
      test: ["CMD", "/firmflow-recovery", "sample-app", "--health"]
      interval: 1s
volumes:
  DATA:
`

// site is a FirmFlow on the real Compose.
type site struct {
	dir, vault, backups, original, state, project string
	port                                          int
}

// installed makes one, seeds it through the app's own code, and removes it at
// the end.
func installed(t *testing.T) *site {
	t.Helper()
	t.Parallel() // each is a project of its own

	return install(t)
}

// withCompose tells whether there is a Docker with what the tests need.
func withCompose() bool {
	return exec.Command("docker", "compose", "version").Run() == nil && exec.Command("docker", "image", "inspect", image).Run() == nil
}

func install(t *testing.T) *site {
	t.Helper()
	need(t, "docker", withCompose())
	dir := t.TempDir()
	i := &site{
		dir: filepath.Join(dir, "firmflow"), vault: filepath.Join(dir, "firmflow", "uploads"), backups: filepath.Join(dir, "backups"),
		original: filepath.Join(dir, "safe", "original.env"), state: filepath.Join(dir, "state"),
		project: fmt.Sprintf("ffrtest%d", time.Now().UnixNano()), port: freePort(t),
	}
	app := i.project + "-app"
	t.Cleanup(func() {
		_ = i.command("down", "-v", "--timeout", "2").Run()
		_ = exec.Command("docker", "image", "rm", "-f", app).Run()
	})
	buildApp(t, app)
	env := "POSTGRES_PASSWORD=passw0rd-of-the-test\nAUTH_SECRET='a$b-0123456789abcdef0123456789abcdef'\nLICENSE_KEY=" + sample.NewLicense("test") + "\nFIELD_ENCRYPTION_KEY=fedcba9876543210fedcba98\n"
	write(t, filepath.Join(i.dir, "compose.yaml"), strings.NewReplacer("IMAGE", app, "PORT", fmt.Sprint(i.port), "DATA:", i.project+"data:").Replace("name: "+i.project+"\n"+composeFile))
	write(t, filepath.Join(i.dir, ".env"), env)
	write(t, i.original, env)
	for _, made := range []string{i.vault, i.backups} {
		if err := os.MkdirAll(made, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	i.compose(t, "up", "-d", "--pull", "never")
	i.awaitApp(t)
	i.fill(t, 40)

	return i
}

// buildApp makes the sample app's image: FROM scratch plus our binary.
func buildApp(t *testing.T, tag string) {
	t.Helper()
	dir := t.TempDir()
	must(t, dir, "cp", program, filepath.Join(dir, "firmflow-recovery"))
	write(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\nCOPY firmflow-recovery /firmflow-recovery\nENTRYPOINT [\"/firmflow-recovery\"]\n")
	build := exec.Command("docker", "build", "-q", "-t", tag, dir)
	build.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the app's image: %v\n%s", err, out)
	}
}

func (i *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", append([]string{"compose"}, args...)...)
	cmd.Dir = i.dir

	return cmd
}

func (i *site) compose(t *testing.T, args ...string) string {
	t.Helper()

	return must(t, i.dir, "docker", append([]string{"compose"}, args...)...)
}

func (i *site) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", i.port, path)
}

// awaitApp polls the app's health page until it serves.
func (i *site) awaitApp(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); <-tick.C {
		response, err := http.Get(i.url("/api/health")) //nolint:noctx // an address of the test's own
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("the app does not serve:\n%s", i.compose(t, "logs", "--tail", "20", "web"))
}

// fill stores documents through the app, each of which also adds to the audit
// chain.
func (i *site) fill(t *testing.T, documents int) {
	t.Helper()
	i.psql(t, `insert into "Firm" (id, name, slug) select 'firm-1', 'Muster & Söhne', 'muster' where not exists (select 1 from "Firm")`)
	for n := range documents {
		body := strings.NewReader(strings.Repeat(fmt.Sprintf("document %d of %d\n", n, documents), 50+n*40))
		response, err := http.Post(i.url(fmt.Sprintf("/api/documents?firm=firm-1&name=d%d-%d.txt", documents, n)), "text/plain", body) //nolint:noctx // as above
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode >= 300 {
			t.Fatalf("store document %d: %d", n, response.StatusCode)
		}
	}
}

func (i *site) psql(t *testing.T, sql string) string {
	t.Helper()

	return i.psqlIn(t, "firmflow", sql)
}

func (i *site) psqlIn(t *testing.T, database, sql string) string {
	t.Helper()

	return strings.TrimSpace(i.compose(t, "exec", "-T", "db", "psql", "-U", "firmflow", "-d", database, "-v", "ON_ERROR_STOP=1", "-At", "-c", sql))
}

// backUp runs the guide's script.
func (i *site) backUp(t *testing.T) {
	t.Helper()
	script := strings.NewReplacer("/mnt/nfs/backups/firmflow", i.backups, "/opt/firmflow/uploads", i.vault).Replace(guideScript)
	must(t, i.dir, "bash", "-ec", script)
}

// snapshot is everything that must be the same after a recovery: every row and
// object of the database, and every byte of the vault.
type snapshot struct{ database, vault string }

func (i *site) snapshot(t *testing.T) snapshot {
	t.Helper()
	tree, err := vault.TreeDigest(t.Context(), i.vault)
	if err != nil {
		t.Fatal(err)
	}

	return snapshot{database: i.dumpOf(t, "firmflow"), vault: tree}
}

func (i *site) dumpOf(t *testing.T, database string) string {
	t.Helper()
	dump := throughBarrier(database, func(sql string) string { return i.psqlIn(t, "postgres", sql) }, func() string {
		return i.compose(t, "exec", "-T", "db", "pg_dump", "-U", "firmflow", "--inserts", database)
	})
	sum := sha256.Sum256([]byte(normalised(dump)))

	return hex.EncodeToString(sum[:])
}

// served fetches every document from the app, decrypted, and compares it with
// what the database says it is.
func (i *site) served(t *testing.T) int {
	t.Helper()
	var documents []struct{ ID, SHA256 string }
	_, list := get(t, i.url("/api/documents"))
	if err := json.Unmarshal(list, &documents); err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		status, body := get(t, i.url("/api/documents/"+d.ID))
		sum := sha256.Sum256(body)
		if status != http.StatusOK || hex.EncodeToString(sum[:]) != d.SHA256 {
			t.Errorf("document %s: status %d, digest %x, want %s", d.ID, status, sum, d.SHA256)
		}
	}
	status, chain := get(t, i.url("/api/audit/verify"))
	if status != http.StatusOK || !strings.Contains(string(chain), `"ok":true`) {
		t.Errorf("audit chain: %d %s", status, chain)
	}

	return len(documents)
}

func (i *site) args(command string, args ...string) []string {
	return append([]string{command, "--project", i.dir, "--backups", i.backups, "--original-env", i.original, "--state-dir", i.state}, args...)
}

func (i *site) run(t *testing.T, command string, args ...string) result {
	t.Helper()

	return firmflow(t, nil, i.args(command, args...)...)
}

func TestEverythingLostComesBackOnCompose(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	before := i.snapshot(t)
	i.compose(t, "down", "-v", "--timeout", "2")
	for _, lost := range []string{i.vault, filepath.Join(i.dir, ".env")} {
		if err := os.RemoveAll(lost); err != nil {
			t.Fatal(err)
		}
	}

	record := recorder(t)
	r := firmflow(t, []string{record.path}, i.args("restore", "--confirm", hostname(t), "--plain")...)
	r.want(t, 0, "VERIFIED in", "the running web holds the original's AUTH_SECRET")
	record.harmless(t, i)
	if after := i.snapshot(t); after != before {
		t.Errorf("the recovered site differs: %+v, want %+v", after, before)
	}
	if n := i.served(t); n != 40 {
		t.Errorf("%d documents served, want 40", n)
	}
	noSecrets(t, i, r.out)
}

func TestC22NewerDataIsKeptWholeOnCompose(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	backedUp := i.snapshot(t)
	i.fill(t, 7)
	newer := i.snapshot(t)
	if newer == backedUp {
		t.Fatal("the newer data is not newer")
	}

	i.run(t, "restore", "--yes", "--plain").want(t, 4, "confirmation.missing", "NOTHING CHANGED")
	if now := i.snapshot(t); now != newer {
		t.Errorf("a refused recovery changed something: %+v, want %+v", now, newer)
	}
	i.run(t, "restore", "--confirm", hostname(t), "--plain").want(t, 0, "VERIFIED in", "kept: the vault of before")
	if now := i.snapshot(t); now != backedUp {
		t.Errorf("recovered %+v, want %+v", now, backedUp)
	}
	aside := i.psql(t, "select datname from pg_database where datname like 'firmflow_before_%'")
	if got := i.dumpOf(t, aside); got != newer.database {
		t.Errorf("the database of before is not whole: %s, want %s", got, newer.database)
	}
	kept := directories(t, i.vault+".before-*")
	if len(kept) != 1 {
		t.Fatalf("vaults set aside: %v; want one", kept)
	}
	if tree, err := vault.TreeDigest(t.Context(), kept[0]); err != nil || tree != newer.vault {
		t.Errorf("the vault of before is not whole: %s, want %s (%v)", tree, newer.vault, err)
	}

	i.runbookOverLiveData(t, backedUp)
	i.crashLoop(t)
}

// runbookOverLiveData recovers once more, by hand, over newer data.
func (i *site) runbookOverLiveData(t *testing.T, backedUp snapshot) {
	t.Helper()
	i.fill(t, 3)
	newer := i.snapshot(t)
	r := i.run(t, "plan", "--runbook")
	r.want(t, 0, "#!/bin/sh")
	script := filepath.Join(t.TempDir(), "runbook.sh")
	write(t, script, r.out)
	must(t, "/", "sh", script)
	if now := i.snapshot(t); now != backedUp {
		t.Errorf("recovered by hand %+v, want %+v", now, backedUp)
	}
	i.served(t)
	kept := directories(t, i.vault+".before-*")
	if len(kept) != 2 {
		t.Fatalf("vaults set aside: %v; want two", kept)
	}
	if tree, err := vault.TreeDigest(t.Context(), kept[1]); err != nil || tree != newer.vault {
		t.Errorf("the vault set aside by hand is not whole: %s, want %s (%v)", tree, newer.vault, err)
	}
}

// crashLoop recovers an app that ends again and again (FAULTS E14): Compose
// would call it healthy whenever it happens to run.
func (i *site) crashLoop(t *testing.T) {
	t.Helper()
	file := filepath.Join(i.dir, "compose.yaml")
	good := content(t, file)
	write(t, file, strings.Replace(good, "/firmflow?sslmode", "/none?sslmode", 1))
	i.run(t, "restore", "--confirm", hostname(t), "--plain", "--patience", "5s").
		want(t, 8, "RESTORED, NOT VERIFIED", "[app.", "intact", "The restored vault and database are live", "Its last lines")
	write(t, file, good)
	i.run(t, "resume", "--plain").want(t, 0, "VERIFIED in")
	i.served(t)
}

func hostname(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}

	return name
}

// noSecrets looks for the original's values in everything the run wrote.
func noSecrets(t *testing.T, i *site, out string) {
	t.Helper()
	texts := map[string]string{"output": out}
	err := filepath.Walk(i.state, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			texts[path] = content(t, path)
		}

		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 3 {
		t.Errorf("only %d texts to look through: journal and report are missing", len(texts))
	}
	for where, text := range texts {
		for _, line := range strings.Split(strings.TrimSpace(content(t, i.original)), "\n") {
			_, value, _ := strings.Cut(line, "=")
			if value = strings.Trim(value, "'"); value != "" && strings.Contains(text, value) {
				t.Errorf("%s shows the value of a line of .env", where)
			}
		}
	}
}

func TestWhatIsWrongWithDockerIsToldAndNothingChanges(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	before := i.snapshot(t)
	empty := t.TempDir()
	other := filepath.Join(t.TempDir(), "renamed")
	must(t, "/", "cp", "-a", i.dir, other)
	composeOf := filepath.Join(other, "compose.yaml")
	write(t, composeOf, strings.Replace(content(t, composeOf), "name: "+i.project, "name: "+i.project+"other", 1))
	missing := filepath.Join(t.TempDir(), "missing")
	must(t, "/", "cp", "-a", i.dir, missing)
	composeOf = filepath.Join(missing, "compose.yaml")
	write(t, composeOf, strings.Replace(content(t, composeOf), i.project+"-app", "firmflow-recovery-test/absent:1", 1))

	for name, c := range map[string]struct {
		env  []string
		args []string
		exit int
		code string
	}{
		"no docker":                        {[]string{"PATH=" + empty}, nil, 3, "engine.missing"},
		"E1 no engine":                     {[]string{"DOCKER_HOST=tcp://127.0.0.1:1"}, nil, 3, "engine.unreachable"},
		"E3 no Compose plugin":             {[]string{"HOME=" + empty, "DOCKER_CONFIG=" + empty}, nil, 3, "compose.missing"},
		"E5 no compose file":               {nil, []string{"--project", empty}, 3, "compose.file.missing"},
		"E6 another project, empty volume": {nil, []string{"--project", other, "--vault", i.vault}, 3, "compose.project.other"},
		"E10 image missing":                {nil, []string{"--project", missing, "--vault", i.vault}, 3, "stack.image.missing"},
		"D2 shell overrides":               {[]string{"AUTH_SECRET=from-the-shell"}, nil, 6, "secrets.overridden-by-shell"},
		"D2 empty override":                {[]string{"AUTH_SECRET="}, nil, 6, "secrets.overridden-by-shell"},
		"no such service":                  {nil, []string{"--app-service", "next"}, 3, "stack.app.unrecognised"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"restore", "--project", i.dir, "--backups", i.backups, "--original-env", i.original, "--state-dir", t.TempDir(),
				"--confirm", hostname(t), "--plain"}, c.args...)
			firmflow(t, c.env, args...).want(t, c.exit, c.code, "NOTHING CHANGED", "intact", "do  ")
			if now := i.snapshot(t); now != before {
				t.Errorf("something changed: %+v, want %+v", now, before)
			}
		})
	}
}

func TestTheRunbookAloneRecovers(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	before := i.snapshot(t)
	i.compose(t, "down", "-v", "--timeout", "2")
	for _, lost := range []string{i.vault, filepath.Join(i.dir, ".env")} {
		if err := os.RemoveAll(lost); err != nil {
			t.Fatal(err)
		}
	}
	r := i.run(t, "plan", "--runbook")
	r.want(t, 0, "#!/bin/sh")
	script := filepath.Join(t.TempDir(), "runbook.sh")
	write(t, script, r.out)
	must(t, "/", "sh", script)
	if after := i.snapshot(t); after != before {
		t.Errorf("recovered by hand %+v, want %+v", after, before)
	}
	if n := i.served(t); n != 40 {
		t.Errorf("%d documents served, want 40", n)
	}
}
