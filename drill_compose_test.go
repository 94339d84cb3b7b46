package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
)

// drills is how many drills in a row are made beside a running production.
func drills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("FIRMFLOW_RECOVERY_TEST_DRILLS"))
	if err != nil {
		return 2
	}

	return n
}

// drillArgs are those of a drill in containers.
func (i *site) drillArgs(t *testing.T, more ...string) []string {
	t.Helper()
	if err := os.MkdirAll(i.places(), 0o711); err != nil {
		t.Fatal(err)
	}

	return append([]string{"drill", "--runtime", "compose", "--project", i.dir, "--backups", i.backups, "--original-env", i.original, "--state-dir", i.state,
		"--drill-dir", i.places(), "--plain"}, more...)
}

func (i *site) places() string { return filepath.Join(filepath.Dir(i.dir), "places") }

// clientele asks production all the time, and writes into it, until it is told to
// stop.
type clientele struct {
	asked, stored, failed atomic.Int64
	last                  atomic.Value // what failed last
	stop, ended           chan struct{}
}

func (i *site) serving(t *testing.T) *clientele {
	t.Helper()
	var documents []struct{ ID string }
	_, list := get(t, i.url("/api/documents"))
	if err := json.Unmarshal(list, &documents); err != nil || len(documents) == 0 {
		t.Fatalf("%v, %s", err, list)
	}
	c := &clientele{stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		tick := time.NewTicker(20 * time.Millisecond) // all the time, and the machine has others to serve
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-c.stop:
				return
			case <-tick.C:
			}
			c.note(http.Get(i.url("/api/documents/" + documents[n%len(documents)].ID))) //nolint:noctx // an address of the test's own
			if n%20 == 0 {
				c.stored.Add(1)
				c.note(http.Post(i.url(fmt.Sprintf("/api/documents?firm=firm-1&name=during-%d.txt", n)), "text/plain", strings.NewReader("written during a drill"))) //nolint:noctx // as above
			}
		}
	}()
	t.Cleanup(func() { c.end() })

	return c
}

func (c *clientele) note(r *http.Response, err error) {
	c.asked.Add(1)
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
		err = errors.Join(err, r.Body.Close())
		if r.StatusCode >= 300 {
			err = errors.Join(err, fmt.Errorf("status %d", r.StatusCode))
		}
	}
	if err != nil {
		c.failed.Add(1)
		c.last.Store(err.Error())
	}
}

func (c *clientele) end() {
	select {
	case <-c.ended:
	default:
		close(c.stop)
		<-c.ended
	}
}

// production is what a drill must not change, as docker and the kernel tell.
func (i *site) production(t *testing.T) map[string]string {
	t.Helper()
	label := "label=com.docker.compose.project=" + i.project
	all := map[string]string{".env": must(t, "/", "stat", "-c", "%Y %i %s", filepath.Join(i.dir, ".env"))}
	for _, id := range strings.Fields(must(t, "/", "docker", "ps", "-aq", "--no-trunc", "--filter", label)) {
		all["container "+id] = must(t, "/", "docker", "inspect", "-f", "{{.Name}} {{.State.StartedAt}} {{.State.Status}} {{.RestartCount}} {{json .Mounts}} {{json .NetworkSettings.Ports}}", id)
	}
	for _, name := range strings.Fields(must(t, "/", "docker", "volume", "ls", "-q", "--filter", label)) {
		all["volume "+name] = must(t, "/", "docker", "volume", "inspect", name)
	}
	for _, id := range strings.Fields(must(t, "/", "docker", "network", "ls", "-q", "--no-trunc", "--filter", label)) {
		all["network "+id] = must(t, "/", "docker", "network", "inspect", "-f", "{{.Name}} {{.Internal}} {{json .IPAM}}", id)
	}
	for line := range strings.Lines(must(t, i.vault, "find", ".", "-type", "f", "-printf", "%p %s %T@ %i\n")) {
		name, rest, _ := strings.Cut(line, " ")
		all["document "+name] = rest
	}
	if len(all) < 45 { // 2 containers, a volume, a network, 40 documents
		t.Fatalf("only %d things are looked at", len(all))
	}

	return all
}

// untouched compares production with what it was; its clients have added documents.
func (i *site) untouched(t *testing.T, before map[string]string, added int64) {
	t.Helper()
	after := i.production(t)
	for name, was := range before {
		if after[name] != was {
			t.Errorf("%s: was %s, is %s", name, was, after[name])
		}
	}
	if more := int64(len(after) - len(before)); more != added {
		t.Errorf("production has %d things more, its clients have stored %d documents", more, added)
	}
}

// mark is the end of the label of everything that this site's drills have docker
// make.
func (i *site) mark() string {
	p := drill.In("/", drill.Receipt{Run: "x", Home: filepath.Join(i.state, "drills")})

	return strings.TrimPrefix(p.Receipt.Project, "firmflow-drill-x")
}

// drilled lists what docker has of this site's drills.
func (i *site) drilled(t *testing.T) []string {
	t.Helper()
	var left []string
	for _, ask := range [][]string{
		{"docker", "ps", "-a", "--format", "container {{.Names}}"}, {"docker", "volume", "ls", "--format", "volume {{.Name}}"},
		{"docker", "network", "ls", "--format", "network {{.Name}}"},
	} {
		for line := range strings.Lines(must(t, "/", ask[0], ask[1:]...)) {
			if strings.Contains(line, i.mark()) {
				left = append(left, strings.TrimSpace(line))
			}
		}
	}

	return left
}

// nothingLeft looks for what drills have left of any kind.
func (i *site) nothingLeft(t *testing.T) {
	t.Helper()
	if left := append(i.drilled(t), listed(t, i.places())...); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	noneRuns(t, i.places())
}

// Where drills are killed, one after the other.
var moments = []string{
	"dump SHA-256", "step 3 of 5, start the database, hold the app: started", "live now", "step 2 of 5, restore the vault: started",
	"step 5 of 5, make it live, restart the stack: started", "app created and held", "started; from here on things change",
}

// TestDrillsOnComposeAreVerifiedWhileProductionServes drills beside a production
// that is asked all the time: whole, kept, killed half way, of damaged backups, and
// where it is refused.
func TestDrillsOnComposeAreVerifiedWhileProductionServes(t *testing.T) {
	i := installed(t)
	i.backUp(t)
	before, rows := i.production(t), i.psql(t, `select count(*) from "Document"`)
	all := i.psql(t, `select sum((xpath('/row/n/text()', query_to_xml(format('select count(*) as n from public.%I', tablename), false, true, '')))[1]::text::int) from pg_tables where schemaname = 'public'`)
	clients := i.serving(t)
	killed, took := 0, time.Duration(0)
	for n := range drills(t) {
		if n%2 == 1 {
			at := moments[killed%len(moments)]
			killed++
			signalled(t, nil, append([]string{program}, i.drillArgs(t)...), at, syscall.SIGKILL)
			if left := listed(t, i.places()); len(left) != 1 {
				t.Fatalf("killed at %q, there is %q, want what it left", at, left)
			}
		}
		clock := time.Now()
		r := i.drill(t, n == 0)
		took += time.Since(clock)
		r.want(t, 0, "FirmFlow Recovery, DRILL", "VERIFIED in", "ok       installation: untouched: ", "2 containers, 1 volume, 1 network as before",
			"http://web:9002 answers 200", "40 of 40 referenced files exist")
		if n%2 == 1 && !strings.Contains(r.out, "removed what drill ") {
			t.Errorf("what was killed is not said to be removed:\n%s", r.out)
		}
		i.figuresHold(t, r, clock, all)
		i.nothingLeft(t)
		noSecrets(t, &site{state: filepath.Join(i.state, "drills"), original: i.original}, r.out)
	}
	i.faultyDrills(t)
	i.damagedDrills(t)
	i.refusedDrills(t)
	clients.end()
	t.Logf("%d drills VERIFIED in %s, %d killed half way; production answered %d requests and stored %d documents meanwhile, %d failed",
		drills(t), took.Round(time.Second), killed, clients.asked.Load(), clients.stored.Load(), clients.failed.Load())
	if failed := clients.failed.Load(); failed > 0 || clients.asked.Load() < 100 {
		t.Errorf("of %d requests to production %d failed, the last with %v", clients.asked.Load(), failed, clients.last.Load())
	}
	i.untouched(t, before, clients.stored.Load())
	was, _ := strconv.ParseInt(rows, 10, 64)
	if now := i.psql(t, `select count(*) from "Document"`); now != strconv.FormatInt(was+clients.stored.Load(), 10) {
		t.Errorf("production has %s rows, had %s, and its clients stored %d", now, rows, clients.stored.Load())
	}
	if n := i.served(t); int64(n) != was+clients.stored.Load() {
		t.Errorf("production serves %d documents", n)
	}
}

// figuresHold compares a report with this test's clock and with what it has counted
// in production itself, and looks whether the page would load anything.
func (i *site) figuresHold(t *testing.T, r result, clock time.Time, rows string) {
	t.Helper()
	base := strings.TrimSuffix(reportOf(t, r), ".md")
	var said struct {
		Began time.Time `json:"began"`
		Took  float64   `json:"took_s"`
		Steps []struct {
			ID    string `json:"id"`
			Items int64  `json:"items"`
		} `json:"steps"`
	}
	if err := json.Unmarshal([]byte(content(t, base+".json")), &said); err != nil {
		t.Fatal(err)
	}
	if took := time.Duration(said.Took * float64(time.Second)); said.Began.Before(clock) || said.Began.Add(took).After(time.Now()) || took < cli.Settle || len(said.Steps) != 5 {
		t.Errorf("the report says %s from %s on, and %d steps; by the clock it began after %s", took, said.Began, len(said.Steps), clock)
	}
	for _, step := range said.Steps {
		if step.ID == "vault" && step.Items != 40 {
			t.Errorf("the report counts %d documents", step.Items)
		}
	}
	page := content(t, base+".html")
	for _, text := range []string{"40 files", rows + " rows as in the dump", "VERIFIED"} {
		if !strings.Contains(page, text) || !strings.Contains(content(t, base+".md"), text) {
			t.Errorf("a report lacks %q", text)
		}
	}
	if loads := outside.FindString(page); loads != "" {
		t.Errorf("the page would load something: %s", loads)
	}
}

// outside is what makes a browser load something.
var outside = regexp.MustCompile(`(?i)<(script|link|img|iframe|object|embed|base|audio|video|source|use|image)\b[^>]*>|<[^>]+\s(src|href|srcset|action|poster|background|data)\s*=[^>]*>|@import|url\(`)

// Training faults that are otherwise made in a sandbox, and differ in containers:
// what is made to go wrong is the engine's or the configuration's.
func (i *site) faultyDrills(t *testing.T) {
	t.Helper()
	ways := map[string]func(drill.Place) error{
		"app-down": func(p drill.Place) error {
			path := filepath.Join(p.Work(), compose.CopyFile)
			text, err := os.ReadFile(path)
			wrong := regexp.MustCompile(`postgres://nobody@[^"]*`)
			right := wrong.ReplaceAllLiteral(text, []byte("postgres://firmflow:${POSTGRES_PASSWORD}@db:5432/firmflow?sslmode=disable"))

			return errors.Join(err, os.WriteFile(path, right, 0o600))
		},
		"database-dies": func(p drill.Place) error {
			start := exec.Command("docker", "compose", "-p", p.Receipt.Project, "up", "-d", "db")
			start.Dir = p.Work()

			return start.Run()
		},
		"full-disk": func(p drill.Place) error {
			return syscall.Mount(p.Receipt.Project, p.Work(), "tmpfs", syscall.MS_REMOUNT, "size=1g")
		},
		"secret-dollar": nil,
	}
	names := []string{"database-dies"} // each takes as long as a drill
	if drills(t) > 2 {
		names = append(names, "app-down", "full-disk", "secret-dollar")
	}
	for _, name := range names {
		fault, known := drill.Named(name)
		settings := cli.Settings{
			Project: i.dir, Vault: i.vault, Backups: i.backups, Database: "firmflow", User: "firmflow", DBService: "db", StateDir: i.state, Runtime: "compose",
		}
		rehearsal := installationOf(cli.Invocation{Settings: settings, Patience: 5 * time.Minute}, "")
		home := journal.Home{Dir: filepath.Join(i.state, "drills")}
		op := &trainee{place: func() (drill.Place, error) {
			found, err := drill.Found(i.places(), home.Dir)
			if err != nil || len(found) != 1 {
				return drill.Place{}, errors.Join(err, errors.New("the drill has no place"))
			}

			return found[0], nil
		}}
		if way := ways[name]; way != nil {
			op.way = func(p drill.Place) error { rehearsal.Patience = 5 * time.Minute; return way(p) }
		}
		if fault.Address { // it never becomes ready, until it was corrected
			rehearsal.Patience = 10 * time.Second
		}
		d := steps.Drill{
			Home: home, Live: journal.Home{Dir: i.state}, Installation: installationOf(cli.Invocation{Settings: settings, Patience: 5 * time.Minute}, ""),
			Rehearsal: rehearsal, Root: i.places(), Host: "ffhost-01", Fault: fault, OnCompose: true, Compose: drill.Compose{Environment: compose.Environment(os.Environ())},
		}
		did, err := d.Run(t.Context(), op, steps.Chosen{Backup: "latest", Original: i.original})
		if err != nil || !known {
			t.Fatalf("%s: %v", name, err)
		}
		family, _, _ := strings.Cut(fault.Shows, ".") // an app in a container may end where one in a sandbox is silent
		shown := strings.Contains(join(op.met), family+".")
		if fault.Moment == drill.DatabaseDies { // where the engine does not know of the end yet
			shown = shown || slices.Contains(op.met, steps.CodeDatabaseGone)
		}
		if did.Verdict.Outcome != recovery.Verified || !shown {
			t.Errorf("%s: %s, %v, met %v, proofs %+v", name, did.Verdict.Outcome, did.Verdict.Diagnosis, op.met, did.Verdict.Proofs)
		}
		t.Logf("%s: met %v", name, op.met)
		i.nothingLeft(t)
	}
}

// drill rehearses; the first time its surroundings are kept, and looked into.
func (i *site) drill(t *testing.T, first bool) result {
	t.Helper()
	if !first {
		return firmflow(t, nil, i.drillArgs(t)...)
	}
	r := firmflow(t, nil, i.drillArgs(t, "--keep")...)
	i.lookInto(t, r)

	return r
}

// lookInto looks into the kept surroundings of a drill, from inside and from
// outside, and has them removed.
func (i *site) lookInto(t *testing.T, r result) {
	t.Helper()
	r.want(t, 0, "VERIFIED in", "kept in ", "remove it:  firmflow-recovery drill --remove ")
	_, url, _ := strings.Cut(r.out, "its app answers at ")
	url, _, _ = strings.Cut(url, "\n")
	if status, _ := get(t, url+"/api/health"); status != http.StatusOK {
		t.Errorf("the kept app answers %d", status)
	}
	_, enter, _ := strings.Cut(r.out, "its database:  ")
	enter, _, _ = strings.Cut(enter, "\n")
	if rows := strings.TrimSpace(must(t, "/", "sh", "-c", enter+` -Atc 'select count(*) from "Document"'`)); rows != "40" {
		t.Errorf("the kept database has %s documents", rows)
	}
	containers := strings.Fields(must(t, "/", "docker", "ps", "-q", "--filter", "label=firmflow-recovery.drill", "--filter", "name="+i.mark()))
	if len(containers) != 2 {
		t.Fatalf("containers %q, want two", containers)
	}
	for _, id := range containers {
		is := must(t, "/", "docker", "inspect", "-f", "ports {{json .HostConfig.PortBindings}} restart {{.HostConfig.RestartPolicy.Name}} privileged {{.HostConfig.Privileged}}", id)
		if want := "ports {} restart no privileged false"; strings.TrimSpace(is) != want {
			t.Errorf("%s is %s, want %s", id, is, want)
		}
		if limits := must(t, "/", "docker", "inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}", id); strings.HasPrefix(limits, "0 ") || strings.Contains(limits, " 0") {
			t.Errorf("%s has no limits: %s", id, limits)
		}
		for _, source := range strings.Fields(must(t, "/", "docker", "inspect", "-f", "{{range .Mounts}}{{.Source}}\n{{end}}", id)) {
			if strings.HasPrefix(source, i.dir) || !strings.Contains(source, i.mark()) {
				t.Errorf("%s sees %s", id, source)
			}
		}
	}
	if is := must(t, "/", "docker", "network", "ls", "--filter", "name="+i.mark(), "--format", "{{.Internal}}"); strings.TrimSpace(is) != "true" {
		t.Errorf("internal networks: %q", is)
	}
	_, place, _ := strings.Cut(enter, "cd ")
	place, _, _ = strings.Cut(place, " &&")
	project := filepath.Base(filepath.Dir(place))
	inside := func(script string) (string, error) {
		out, err := exec.Command("docker", "compose", "-p", project, "exec", "-T", "db", "bash", "-c", script).CombinedOutput()
		return string(out), err
	}
	if out, err := inside("exec 3<>/dev/tcp/web/9002 && echo there"); err != nil || !strings.Contains(out, "there") {
		t.Errorf("the drill's own services do not reach each other: %v %s", err, out)
	}
	db := strings.TrimSpace(must(t, "/", "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", i.container(t, "db")))
	for what, script := range map[string]string{
		"production's database": "timeout 5 bash -c 'exec 3<>/dev/tcp/" + db + "/5432'", "a host outside": "timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.1/25'",
		"names outside": "getent hosts mail.example.com",
	} {
		if out, err := inside(script); err == nil {
			t.Errorf("the drill reaches %s: %s", what, out)
		}
	}
	firmflow(t, nil, i.drillArgs(t, "--remove")...).want(t, 0, "removed what was kept of drill ")
	i.nothingLeft(t)
}

func (i *site) container(t *testing.T, service string) string {
	t.Helper()

	return strings.TrimSpace(i.compose(t, "ps", "-q", service))
}

// damagedDrills are drills of backups that cannot be restored.
func (i *site) damagedDrills(t *testing.T) {
	t.Helper()
	good := i.backups
	for pattern, code := range map[string]string{"db_*.dump": "dump.truncated", "vault_snapshot_*.tar.gz": "vault.archive.truncated"} {
		i.backups = good + "-" + code
		must(t, "/", "cp", "-a", good, i.backups)
		parts, err := filepath.Glob(filepath.Join(i.backups, pattern))
		if err != nil || len(parts) != 1 {
			t.Fatalf("%s: %q, %v", pattern, parts, err)
		}
		edit(t, parts[0], func(b []byte) []byte { return b[:len(b)*2/3] })
		r := firmflow(t, nil, i.drillArgs(t)...)
		r.want(t, 9, "DRILL FAILED", "["+code+"]")
		if report := content(t, reportOf(t, r)); !strings.Contains(report, "DRILL FAILED") || strings.Contains(report, "**VERIFIED**") {
			t.Errorf("the report of a failed drill says\n%s", report)
		}
		i.nothingLeft(t)
	}
	i.backups = good
}

// refusedDrills would touch the installation, or could not tell whether they do.
func (i *site) refusedDrills(t *testing.T) {
	t.Helper()
	firmflow(t, nil, i.drillArgs(t, "--drill-dir", filepath.Join(i.vault, "drills"))...).want(t, 3, "drill.touches", "No drill was begun")
	firmflow(t, nil, i.drillArgs(t, "--project", t.TempDir(), "--vault", i.vault)...).want(t, 3, "compose.file.missing")
	firmflow(t, []string{"DOCKER_HOST=tcp://127.0.0.1:1"}, i.drillArgs(t)...).want(t, 3, "engine.")
	firmflow(t, []string{"FIRMFLOW_RECOVERY_RUNTIME=sandbox"}, i.drillArgs(t)...).want(t, 2, "copies an installation on Compose")

	// A place that is gone, as from a directory that is emptied of what is old.
	lost := drill.In(i.places(), drill.Receipt{Run: "20261101-030107", Home: filepath.Join(i.state, "drills")}).Receipt.Project
	must(t, "/", "docker", "volume", "create", "--label", "com.docker.compose.project="+lost, "--label", "firmflow-recovery.drill="+lost,
		"--label", "firmflow-recovery.drill.dir="+filepath.Join(i.places(), lost, "firmflow"), lost+"_data")
	firmflow(t, nil, i.drillArgs(t, "none")...).want(t, 5, "removed the containers of "+lost, "backup.not-found")
	i.nothingLeft(t)

	// Somebody else has something under the very name that the drill would have.
	place := drill.In(i.places(), drill.Receipt{Run: "20261123-030107", Home: i.state, Compose: true})
	if err := place.Make(); err != nil {
		t.Fatal(err)
	}
	must(t, "/", "docker", "volume", "create", "--label", "com.docker.compose.project="+place.Receipt.Project, place.Receipt.Project+"_theirs")
	t.Cleanup(func() { must(t, "/", "docker", "volume", "rm", place.Receipt.Project+"_theirs") })
	environment := compose.Environment(os.Environ())
	surroundings := drill.Compose{Environment: environment, Vault: i.vault}
	_, err := surroundings.LayOut(t.Context(), place, compose.New(compose.Options{Dir: i.dir, Environment: environment}), drill.Barrier{})
	var touch *drill.TouchError
	if !errors.As(err, &touch) || !strings.Contains(touch.Error(), "_theirs") {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := place.Remove(t.Context(), func(ctx context.Context) error { return surroundings.Stop(ctx, place) }); err != nil {
		t.Error(err)
	}
	i.nothingLeft(t)
}
