package demo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/recovery/stack/stacktest"
)

// TestMain makes the test binary the sample app, too, as main does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "sample-app" {
		os.Exit(serve())
	}
	goleak.VerifyTestMain(m)
}

func serve() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	config, err := sample.FromEnv(os.Getenv)
	if err == nil {
		err = sample.Serve(ctx, config, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	return 0
}

// place gives demos a directory of the test's own, and looks afterwards whether
// anything of them is left there or runs.
func place(t *testing.T) {
	t.Helper()
	_, err := sandbox.Programs(os.Environ())
	stacktest.Need(t, "postgres", err)

	dir := stacktest.Dir(t)
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		noneRun(t, dir)
	})
}

// build makes a demo, and removes it when the test ends.
func build(t *testing.T) *demo.Installation {
	t.Helper()
	place(t)
	i, err := demo.Build(t.Context(), options(func(text string) { t.Log(text) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Remove(context.Background()); err != nil {
			t.Errorf("remove: %v", err)
		}
	})

	return i
}

func options(note func(string)) demo.Options {
	return demo.Options{
		Program:     []string{os.Args[0], "sample-app"},
		Environment: []string{"PATH=" + os.Getenv("PATH")},
		Note:        note,
		Now:         func() time.Time { return time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC) },
	}
}

// noneRun checks that no process has a place in its arguments or works there.
// One that was just stopped may take a moment to be gone.
func noneRun(t *testing.T, dir string) {
	t.Helper()
	running := processesIn(t, dir)
	for end := time.Now().Add(2 * time.Minute); len(running) > 0 && time.Now().Before(end); {
		running = processesIn(t, dir)
	}
	if len(running) > 0 {
		t.Errorf("still running: %q", running)
	}
}

func processesIn(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, process := range all {
		argv, _ := os.ReadFile(filepath.Join(process, "cmdline")) // it may end meanwhile
		cwd, _ := os.Readlink(filepath.Join(process, "cwd"))
		if strings.Contains(string(argv), dir) || strings.HasPrefix(cwd, dir) {
			found = append(found, filepath.Base(process)+" "+strings.ReplaceAll(string(argv), "\x00", " "))
		}
	}

	return found
}

func fingerprint(t *testing.T, i *demo.Installation) demo.Fingerprint {
	t.Helper()
	f, err := i.Fingerprint(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return f
}

func TestADemoIsASmallFirmFlow(t *testing.T) {
	i := build(t)
	if i.Seeded.Documents < 200 || i.Seeded.AuditRows < 1000 {
		t.Errorf("%d documents and %d audit rows, want 200 and 1000 at least", i.Seeded.Documents, i.Seeded.AuditRows)
	}
	f := fingerprint(t, i)
	if len(f.Files) != i.Seeded.Documents {
		t.Errorf("the vault holds %d files, want %d", len(f.Files), i.Seeded.Documents)
	}
	want := strconv.Itoa(i.Seeded.AuditRows) + " rows, md5 "
	if got := f.Tables["AuditLog"]; !strings.HasPrefix(got, want) {
		t.Errorf("the audit log has %q, want %s", got, want)
	}
	if got := f.Tables["AuditLog_id_seq"]; !strings.HasPrefix(got, "last value ") {
		t.Errorf("the sequence has %q, want its last value", got)
	}
	if again := fingerprint(t, i); !cmp.Equal(f, again) {
		t.Errorf("taken twice, the fingerprint differs: %s", cmp.Diff(f, again))
	}
}

func TestTheEnvironmentIsQuotedAndClosed(t *testing.T) {
	i := build(t)
	env, err := os.ReadFile(filepath.Join(i.Project, ".env"))
	if err != nil || !strings.Contains(string(env), "AUTH_SECRET='d$mo-") {
		t.Errorf("the .env does not quote its dollar, or %v", err)
	}
	for _, path := range []string{filepath.Join(i.Project, ".env"), i.OriginalEnv} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", path, info.Mode())
		}
	}
}

// A backup from which the guide's own commands could not recover would prove
// nothing about ours.
func TestTheGuidesStepsByHandBringTheDemoBack(t *testing.T) {
	i := build(t)
	before := fingerprint(t, i)
	for range 2 { // a second backup of the day replaces the first
		if err := i.Backup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{i.Vault, filepath.Join(i.Project, "pgdata"), filepath.Join(i.Project, ".env")} {
		if _, err := os.Lstat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	noneRun(t, i.Dir)

	recoverByHand(t, i)
	if after := fingerprint(t, i); !cmp.Equal(before, after) {
		t.Errorf("what came back differs: %s", cmp.Diff(before, after))
	}
}

func recoverByHand(t *testing.T, i *demo.Installation) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	host := command.Local{Env: os.Environ()}
	must(host.Run(t.Context(), command.Cmd{Args: []string{"cp", "-p", i.OriginalEnv, filepath.Join(i.Project, ".env")}}))
	must(os.Mkdir(i.Vault, 0o755))
	archive := filepath.Join(i.Backups, "vault_snapshot_2026-11-20.tar.gz")
	must(host.Run(t.Context(), command.Cmd{Args: []string{"tar", "-xzf", archive, "-C", i.Vault}}))

	runtime := sandbox.New(sandbox.Options{Dir: i.Project, Environment: os.Environ()})
	must(runtime.Start(t.Context(), "db"))
	dump, err := os.Open(filepath.Join(i.Backups, "db_2026-11-20.dump"))
	must(err)
	defer func() { _ = dump.Close() }()
	must(runtime.In("db").Run(t.Context(), command.Cmd{
		Args:  []string{"pg_restore", "-U", "firmflow", "-d", "firmflow", "--exit-on-error"},
		Stdin: dump,
	}))
	must(runtime.Start(t.Context(), "app"))
}

func TestNothingIsRemovedThatBuildDidNotMake(t *testing.T) {
	i := build(t)
	stranger := t.TempDir()
	kept := filepath.Join(stranger, "kept")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := *i
	elsewhere.Vault = stranger

	for name, other := range map[string]*demo.Installation{
		"a directory without the mark":  {Dir: stranger, Project: stranger, Vault: stranger},
		"a vault outside the directory": &elsewhere,
	} {
		for method, act := range map[string]func(context.Context) error{"Lose": other.Lose, "Remove": other.Remove} {
			var refused *demo.NotOursError
			if err := act(t.Context()); !errors.As(err, &refused) {
				t.Errorf("%s, %s: error is %v, want *NotOursError", name, method, err)
			}
		}
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

func TestABuildThatFailsLeavesNothing(t *testing.T) {
	place(t)
	o := options(nil)
	o.Program = []string{"/no/such/program"}
	_, err := demo.Build(t.Context(), o)
	var missing *sandbox.ProgramError
	if !errors.As(err, &missing) {
		t.Errorf("error is %v, want *ProgramError", err)
	}
}

func TestABuildThatIsCancelledLeavesNothing(t *testing.T) {
	place(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := demo.Build(ctx, options(func(text string) {
		if strings.HasPrefix(text, "inventing") { // PostgreSQL runs by now
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
}
