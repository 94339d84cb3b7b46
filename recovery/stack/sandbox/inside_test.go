package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// alone is a sandbox of one app, which is never started.
func alone(t *testing.T, env string, shell []string, environment map[string]string) *Runtime {
	t.Helper()
	dir := t.TempDir()
	err := Write(dir, Config{Project: "test", Services: map[string]Service{
		"app": {Kind: App, Command: []string{"true"}, Port: 9002, Environment: environment},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, envFile), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}

	return New(Options{Dir: dir, Environment: append(shell, "PATH=/usr/bin:/bin")})
}

func TestD1ValuesAreReadAsComposeReadsThem(t *testing.T) {
	for _, c := range []struct{ env, template, want string }{
		{"V=abc123\n", "${V}", "abc123"},
		{"V='abc$def'\n", "${V}", "abc$def"},
		{"V=abc$def\n", "${V}", "abc"},
		{"V=\"abc\\$def\"\n", "${V}", "abc$def"},
		{"V=abc$$def\n", "${V}", "abc$def"},
		{"V=abc$1def\n", "${V}", "abc$1def"},
		{"X=1\nV=a${X}b\n", "${V}", "a1b"},
		{"V=a${NOPE:-dd}b\n", "${V}", "addb"},
		{"V=a${NOPE-dd}b\n", "${V}", "addb"},
		{"V=a${NOPE+dd}b\n", "${V}", "ab"},
		{"V=abc #def\n", "${V}", "abc"},
		{"V=#abc\n", "${V}", "#abc"},
		{"\uFEFFV=abc\r\n", "${V}", "abc"},
		{"V=first\nV=second\n", "${V}", "second"},
		{"V=\"line1\nline2\"\nW=1\n", "${V}", "line1\nline2"},
		{"V='a\\'b'\n", "${V}", "a'b"},
		{"export V=abc", "${V}", "abc"},
		{"V=\n", "${V:-other}", "other"},
		{"V=\n", "${V-other}", ""},
		{"", "${V-other}", "other"},
		{"V=5", "$$V is $V and ${V}", "$V is 5 and 5"},
	} {
		r := alone(t, c.env, nil, map[string]string{"RESULT": c.template})
		if got := environmentOf(t, r)["RESULT"]; secret.Reveal(got) != c.want {
			t.Errorf("%q, %q: %q, want %q", c.env, c.template, secret.Reveal(got), c.want)
		}
	}
}

func TestD2TheOperatorsEnvironmentWins(t *testing.T) {
	r := alone(t, "V=file\nW=${V}\n", []string{"V=shell"}, map[string]string{"A": "${V}", "B": "${W}"})
	got := environmentOf(t, r)
	if secret.Reveal(got["A"]) != "shell" || secret.Reveal(got["B"]) != "shell" {
		t.Errorf("got %q and %q, want shell twice", secret.Reveal(got["A"]), secret.Reveal(got["B"]))
	}
}

func TestD1AWarningNamesTheKeyAndNoPartOfTheValue(t *testing.T) {
	r := alone(t, "A=1\nAUTH_SECRET=abc$def\n", nil, map[string]string{"S": "${AUTH_SECRET}", "N": "${NOPE}"})
	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(p.Warnings, "\n")
	if len(p.Warnings) != 2 || !strings.Contains(text, "line 2: the value of AUTH_SECRET") || !strings.Contains(text, `"NOPE"`) {
		t.Errorf("warnings are %q", p.Warnings)
	}
	if strings.Contains(text, "def\"") || strings.Contains(text, "$def") {
		t.Errorf("a part of the value is shown: %q", p.Warnings)
	}
}

func TestD10ABadLineIsNamedAndNotQuoted(t *testing.T) {
	for _, c := range []struct{ env, template, want string }{
		{"A=1\nthis is hidden\nB=2\n", "", ".env line 2"},
		{"# first\n\nV=\"hidden\nB=2\n", "", ".env line 3: a quoted value is not closed"},
		{"V=abc${hidden\n", "", ".env line 1"},
		{"\xff\xfeV\x00=\x00h\x00", "", ".env line 1"},
		{"", "${V:?must be set}", "required variable V is missing a value: must be set"},
		{"", "${V", "a value has a $"},
	} {
		r := alone(t, c.env, nil, map[string]string{"A": c.template})
		_, err := r.Project(t.Context())
		var refused *stack.ConfigurationError
		if !errors.As(err, &refused) {
			t.Errorf("%q: error is %T, want *ConfigurationError", c.env+c.template, err)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: error is %q, want %q in it and nothing of the file", c.env+c.template, err, c.want)
		}
	}
}

func environmentOf(t *testing.T, r *Runtime) map[string]secret.String {
	t.Helper()
	p, err := r.Project(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := p.Spec("app")

	return spec.Environment
}

func TestAConfigurationThatCannotBeIsRefused(t *testing.T) {
	app := `"kind":"app","port":1,"command":["true"]`
	for _, c := range []struct{ text, want string }{
		{`{"project":"p","services":{"app":{` + app + `,"colour":"red"}}}`, "colour"},
		{`{"services":{"app":{` + app + `}}}`, "no name"},
		{`{"project":"p","services":{"../app":{` + app + `}}}`, "cannot be the name"},
		{`{"project":"p","services":{"app":{"kind":"app","port":1}}}`, "command"},
		{`{"project":"p","services":{"app":{"kind":"app","command":["true"]}}}`, "not a port"},
		{`{"project":"p","services":{"db":{"kind":"postgres","port":1,"data":"/var/lib","user":"u","database":"d"}}}`, "inside"},
		{`{"project":"p","services":{"db":{"kind":"postgres","port":1,"data":".","user":"u","database":"d"}}}`, "inside"},
		{`{"project":"p","services":{"db":{"kind":"mysql","port":1}}}`, "kind"},
		{`{"project":"p","services":{}} {}`, "follows"},
		{`{"project":`, "EOF"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configFile), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := New(Options{Dir: dir}).Project(t.Context())
		var refused *stack.ConfigurationError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one that says %q", c.text, err, c.want)
		}
	}
}

func TestE5WithoutAConfigurationThereIsNone(t *testing.T) {
	r := New(Options{Dir: t.TempDir()})
	if _, err := r.Project(t.Context()); !errors.Is(err, stack.ErrNoConfiguration) {
		t.Errorf("error is %v, want %v", err, stack.ErrNoConfiguration)
	}
}

func TestWithoutPostgresTheCommandToTypeIsSaid(t *testing.T) {
	r := New(Options{Dir: t.TempDir(), Environment: []string{"PATH=" + t.TempDir()}})
	r.packages = t.TempDir()
	_, err := r.newest()
	if !errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), InstallCommand) {
		t.Errorf("error is %v, want ErrNoPostgres with %q", err, InstallCommand)
	}
}

func TestTheNewestProgramsAreTaken(t *testing.T) {
	r := New(Options{Dir: t.TempDir()})
	r.packages = t.TempDir()
	for _, version := range []string{"9", "15", "17", "16"} {
		program := filepath.Join(r.packages, version, "bin", "postgres")
		if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(program, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	db := configured{"db", Service{Kind: Postgres, Data: "pgdata"}}
	if bin, err := r.bin(db); err != nil || bin != filepath.Join(r.packages, "17", "bin") {
		t.Errorf("programs are in %s, %v; want those of 17", bin, err)
	}

	if err := os.MkdirAll(r.dataDir(db), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dataDir(db), "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if bin, err := r.bin(db); err != nil || bin != filepath.Join(r.packages, "15", "bin") {
		t.Errorf("programs are in %s, %v; want those of 15, which made the data", bin, err)
	}
}

func TestARecycledProcessIDIsNotOurs(t *testing.T) {
	r := alone(t, "", nil, nil)
	us, ok := find(os.Getpid())
	if !ok || !us.alive() {
		t.Fatal("this process is not found")
	}
	if err := r.write("app", record{ID: "x", PID: us.pid, Ticks: us.ticks - 1, Started: true}); err != nil {
		t.Fatal(err)
	}
	services, err := r.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := services[0]; got.State != stack.Exited || got.ExitCode != -1 {
		t.Errorf("state %s, exit code %d; want exited, unknown (-1)", got.State, got.ExitCode)
	}
	if err := r.Stop(t.Context(), "app"); err != nil {
		t.Errorf("stop: %v", err)
	}
	if !us.alive() {
		t.Error("somebody else's process was ended") // and nobody would read this
	}
}

func TestAProcessBeganWhenTheKernelSays(t *testing.T) {
	us, _ := find(os.Getpid())
	began, err := us.began()
	if age := time.Since(began); err != nil || age < -2*time.Second || age > time.Hour {
		t.Errorf("this process began %v ago, %v", age, err)
	}
}

func TestLogsGiveTheLastLinesOnly(t *testing.T) {
	r := alone(t, "", nil, nil)
	long := strings.Repeat("x", 99) + "\n"
	text := strings.Repeat(long, 2*lastPart/len(long)) + "second\xff\nlast\n\n"
	if err := os.WriteFile(r.logFile("app"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, err := r.Logs(t.Context(), "app", 2)
	if want := []string{"second\uFFFD", "last"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("lines are %q, %v; want %q", lines, err, want)
	}
}

func TestAMissingProgramIsNamed(t *testing.T) {
	r := alone(t, "", nil, nil)
	r.shell["PATH"] = t.TempDir()
	err := r.Create(t.Context(), "app")
	var missing *ProgramError
	if !errors.As(err, &missing) || missing.Program != "true" {
		t.Errorf("error is %v, want *ProgramError for true", err)
	}
}

func TestALongPathGetsAShortSocket(t *testing.T) {
	r := New(Options{Dir: "/" + strings.Repeat("long/", 30)})
	db := configured{"db", Service{Kind: Postgres, Data: "pgdata"}}
	if dir := r.socketDir(db); len(dir)+len("/.s.PGSQL.65535") > longestSocket {
		t.Errorf("the socket's directory is %s", dir)
	}
	r.dir = "/short"
	if dir := r.socketDir(db); dir != "/short/run/db" {
		t.Errorf("the socket's directory is %s, want one inside the sandbox", dir)
	}
}
