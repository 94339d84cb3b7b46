package cli_test

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"firmflow-recovery/ui/cli"
)

// settings are the flags with a value that each would take.
var settings = map[string]string{
	"project": "/p", "compose-file": "/p/c.yml", "project-name": "ff", "runtime": "sandbox", "vault": "/v", "backups": "/b", "database": "d",
	"user": "u", "db-service": "pg", "app-service": "web", "app-url": "http://127.0.0.1:9002", "state-dir": "/s",
	"audit-table": "Audit", "vault-column": "Document.key",
	"env-for": "age1example", "env-phrase": "/phrase", "keep-days": "7", "generations": "7,4,12,3", "keep-least": "5",
	"offsite": "/mnt/nas/firmflow", "offsite-mount": "/mnt/nas", "s3-endpoint": "https://s3.example.com", "s3-region": "eu", "s3-http": "yes", "fetch-dir": "/f",
	"drill-dir": "/d", "drill-on": "compose", "on-success": "/bin/well -v", "on-failure": "/bin/badly", "webhook": "https://example.com/hook",
}

func variable(flag string) string {
	return "FIRMFLOW_RECOVERY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// TestEverySettingCanBeSetInEveryWay: as a flag, in the environment, in the
// file; and each way gives the same.
func TestEverySettingCanBeSetInEveryWay(t *testing.T) {
	if fields := reflect.TypeFor[cli.Settings]().NumField(); fields != len(settings) {
		t.Fatalf("there are %d settings, and %d are tested", fields, len(settings))
	}
	for flag, value := range settings {
		byFlag, err1 := parse([]string{"plan", "--" + flag, value}, nil, nil)
		byEnv, err2 := parse([]string{"plan"}, map[string]string{variable(flag): value}, nil)
		byFile, err3 := parse([]string{"plan"}, nil, map[string]string{etc: "# a comment\n" + variable(flag) + "='" + value + "'\r\n"})
		byDefault, err4 := parse([]string{"plan"}, nil, nil)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
		if byFlag.Settings != byEnv.Settings || byFlag.Settings != byFile.Settings || byFlag.Settings == byDefault.Settings {
			t.Errorf("%s differs:\n%+v by flag\n%+v by environment\n%+v by file\n%+v by default", flag, byFlag.Settings, byEnv.Settings, byFile.Settings, byDefault.Settings)
		}
	}
}

func TestTheGuidesDefaults(t *testing.T) {
	in, err := parse([]string{"restore"}, nil, nil)
	want := cli.Settings{
		Project: "/opt/firmflow", Runtime: "compose", Vault: "/opt/firmflow/uploads", Backups: "/mnt/nfs/backups/firmflow",
		Database: "firmflow", User: "firmflow", DBService: "db", StateDir: "/var/lib/firmflow-recovery", DrillDir: "/var/tmp", DrillRuntime: "sandbox",
		KeepDays: "30", KeepVerified: "3", S3HTTP: "no", FetchDir: "/var/lib/firmflow-recovery/fetched",
	}
	if err != nil || in.Settings != want || in.Backup != "latest" || in.VaultFrom != "auto" {
		t.Errorf("got %+v, %v\nwant %+v", in, err, want)
	}
}

func TestTheSettingsFileCanBeElsewhere(t *testing.T) {
	files := map[string]string{etc: "FIRMFLOW_RECOVERY_USER=etc", "/a": "FIRMFLOW_RECOVERY_USER=a", "/b": "FIRMFLOW_RECOVERY_USER=b"}
	env := map[string]string{"FIRMFLOW_RECOVERY_CONFIG": "/a"}
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{[]string{"plan"}, nil, "etc"}, {[]string{"plan"}, env, "a"}, {[]string{"plan", "--config", "/b"}, env, "b"},
	} {
		if in, err := parse(c.args, c.env, files); err != nil || in.Settings.User != c.want {
			t.Errorf("%v, %v: user %q, %v, want %q", c.args, c.env, in.Settings.User, err, c.want)
		}
	}
	if _, err := parse([]string{"plan", "--config", "/none"}, nil, files); err == nil {
		t.Error("a file that was named and is not there is no mistake")
	}
}

// TestStateNeverDependsOnTheWorkingDirectory: a journal that lies where the
// operator happened to stand is not found again by resume.
func TestStateNeverDependsOnTheWorkingDirectory(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"HOME": "/home/op"}, "/home/op/.local/state/firmflow-recovery"},
		{map[string]string{"HOME": "/home/op", "XDG_STATE_HOME": "/state"}, "/state/firmflow-recovery"},
		{map[string]string{"HOME": "/home/op", "XDG_STATE_HOME": "state"}, "/home/op/.local/state/firmflow-recovery"},
		{map[string]string{"FIRMFLOW_RECOVERY_STATE_DIR": "/there"}, "/there"},
		{nil, ""},
	} {
		in, err := cli.Parse(cli.Environment{
			Args: []string{"plan"}, Getenv: func(k string) string { return c.env[k] },
			ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist },
		})
		if in.Settings.StateDir != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: %q, %v, want %q", c.env, in.Settings.StateDir, err, c.want)
		}
	}
}

func TestMistakesNameWhatWasProbablyMeant(t *testing.T) {
	for _, c := range []struct {
		args []string
		file string
		want string
	}{
		{[]string{"restroe"}, "", "Did you mean restore?"},
		{[]string{"help", "prefligth"}, "", "Did you mean preflight?"},
		{[]string{"restore", "--confrim", "h"}, "", "Did you mean --confirm?"},
		{[]string{"plan", "--vaul", "/v"}, "", "Did you mean --vault?"},
		{[]string{"plan"}, "FIRMFLOW_RECOVERY_DATABSE=x", "Did you mean FIRMFLOW_RECOVERY_DATABASE?"},
		{[]string{"plan"}, "FIRMFLOW_RECOVERY_BACKUP=x", "Did you mean FIRMFLOW_RECOVERY_BACKUPS?"},
		{[]string{"xyzzy"}, "", "--help shows what there is"},
		{[]string{"plan", "--backups", ""}, "", "--backups is empty"},
		{[]string{"plan", "--config"}, "", "needs an argument"},
		{[]string{"resume", "one", "two"}, "", "one argument at most"},
		{[]string{"completion", "tcsh"}, "", "bash, zsh, fish, powershell"},
		{[]string{"demo", "--vault", "/v"}, "", "--vault"}, // it would not be heeded
	} {
		_, err := parse(c.args, nil, map[string]string{etc: c.file})
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q with %q: %v, want %q", c.args, c.file, err, c.want)
		}
	}
}

// TestNoValueOfTheFileIsShown: what does not belong there may be a secret.
func TestNoValueOfTheFileIsShown(t *testing.T) {
	for _, content := range []string{
		"AUTH_SECRET=hunter2", "FIRMFLOW_RECOVERY_PASSWORD=hunter2", "hunter2", "hunter2 hunter2", "AUTH_SECRET='hunter2",
		"FIRMFLOW_RECOVERY_APP_URL=https://op:hunter2@example.com", "FIRMFLOW_RECOVERY_WEBHOOK=gopher://hunter2", "AUTH-SECRET=hunter2", "=hunter2",
	} {
		_, err := parse([]string{"plan"}, nil, map[string]string{etc: content})
		var usage *cli.UsageError
		if !errors.As(err, &usage) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want a usage error without the value", content, err)
		}
	}
	_, err := parse([]string{"plan"}, nil, map[string]string{etc: "AUTH_SECRET=hunter2"})
	if err == nil || !strings.Contains(err.Error(), "AUTH_SECRET") || !strings.Contains(err.Error(), ".env, not here") {
		t.Errorf("%v, want the name and where it belongs", err)
	}
}

func TestTheDemoReadsNoSettings(t *testing.T) {
	in, err := parse([]string{"demo"}, nil, map[string]string{etc: "not a setting"})
	if err != nil || in.Settings != (cli.Settings{}) {
		t.Errorf("%+v, %v; the demo is an installation of its own", in.Settings, err)
	}
}

func TestArgumentsAreShownBackWithoutControlCharacters(t *testing.T) {
	for _, args := range [][]string{
		{"re\x1b[2J"}, {"plan", "--x\x1b[2J"}, {"plan", "-\x1b"}, {"help", "restor\x1b"}, {"plan", "a\x1b"}, {"restore", "--retries", "\x1b"},
		{"plan", "--vault-from", "\x1b"}, {"plan", "--runtime", "\u009b"}, {"completion", "\x1b"}, {"plan", "--config", "\x1b[2J"},
	} {
		_, err := parse(args, nil, nil)
		if err == nil || strings.ContainsAny(err.Error(), "\x1b\u009b") {
			t.Errorf("%q: %q, want a mistake without control characters", args, err)
		}
	}
}

// TestEveryHelpFits: 80 columns, for every command.
func TestEveryHelpFits(t *testing.T) {
	for _, command := range []string{"", "backup", "backups", "prune", "verify", "repair", "preflight", "plan", "restore", "resume", "demo", "help", "version", "completion"} {
		text := must(parse([]string{command, "--help"}[max(0, 1-len(command)):], nil, nil)).Output
		if !strings.Contains(text, "Usage:") {
			t.Errorf("%s --help: %q", command, text)
		}
		for line := range strings.Lines(text) {
			if len(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s --help has a line of %d: %s", command, len(line)-1, line)
			}
		}
	}
}

func TestHelpNamesCommandsInTheOrderOfUseAndHidesTheSample(t *testing.T) {
	text := must(parse([]string{"--help"}, nil, nil)).Output
	at := 0
	for _, name := range []string{"backup", "backups", "verify", "repair", "prune", "preflight", "plan", "restore", "resume", "demo", "help", "version", "completion"} {
		i := strings.Index(text, "\n  "+name+" ")
		if i < at {
			t.Errorf("%s stands at %d, the one before it at %d", name, i, at)
		}
		at = i
	}
	if strings.Contains(text, "sample-app") {
		t.Error("the sample is listed")
	}
}

func TestCompletionKnowsEveryShell(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if in, err := parse([]string{"completion", shell}, nil, nil); err != nil || in.Command != cli.Print || len(in.Output) < 1000 {
			t.Errorf("%s: %d bytes, %v", shell, len(in.Output), err)
		}
	}
	if in, err := parse([]string{"__complete", "rest"}, nil, nil); err != nil || !strings.HasPrefix(in.Output, "restore\t") {
		t.Errorf("completing rest gives %q, %v", in.Output, err)
	}
}

// FuzzSettingsFile: whatever the file holds, the answer is settings or a usage
// error.
func FuzzSettingsFile(f *testing.F) {
	f.Add("export FIRMFLOW_RECOVERY_USER=\"a $HOME\\n\"\nX: y\n'")
	f.Fuzz(func(t *testing.T, content string) {
		_, err := parse([]string{"plan"}, nil, map[string]string{etc: content})
		var usage *cli.UsageError
		if err != nil && !errors.As(err, &usage) {
			t.Errorf("%q: %T", content, err)
		}
	})
}

func TestRetentionIsReadAndChecked(t *testing.T) {
	in := must(parse([]string{"prune", "--generations", "7, 4,12,3", "--keep-days", "0"}, nil, nil))
	want := cli.Keep{Verified: 3, Daily: 7, Weekly: 4, Monthly: 12, Yearly: 3}
	if got, err := in.Settings.Keep(); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, args := range [][]string{{"--keep-days", "-1"}, {"--keep-days", "x"}, {"--keep-least", "1e9"}, {"--generations", "7,4"}, {"--generations", "7,4,12,x"}} {
		var usage *cli.UsageError
		if _, err := parse(append([]string{"prune"}, args...), nil, nil); !errors.As(err, &usage) {
			t.Errorf("%q: %v, want a *UsageError", args, err)
		}
	}
}

func TestABackupIsEncryptedForRecipientsOrWithAPassphrase(t *testing.T) {
	var usage *cli.UsageError
	for _, args := range [][]string{{"--env-for", "age1x", "--env-phrase", "/p"}, {"--env", "maybe"}} {
		if _, err := parse(append([]string{"backup"}, args...), nil, nil); !errors.As(err, &usage) {
			t.Errorf("%q: %v, want a *UsageError", args, err)
		}
	}
}
