package cli_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"firmflow-recovery/ui/cli"
)

func parse(args []string, env map[string]string, files map[string]string) (cli.Invocation, error) {
	return cli.Parse(cli.Environment{
		Args: args, Getenv: func(k string) string { return env[k] }, Root: true, Version: "1.0.0",
		ReadFile: func(path string) ([]byte, error) {
			text, there := files[path]
			if !there {
				return nil, fs.ErrNotExist
			}

			return []byte(text), nil
		},
		ExitTable: []cli.Meaning{{Codes: "0", Text: "done"}},
	})
}

const etc = "/etc/firmflow-recovery.env"

func TestSettingsComeFromFlagThenEnvironmentThenFileThenTheGuide(t *testing.T) {
	file := map[string]string{etc: "FIRMFLOW_RECOVERY_DATABASE=from-file\n"}
	env := map[string]string{"FIRMFLOW_RECOVERY_DATABASE": "from-env"}
	for _, c := range []struct {
		args       []string
		env, files map[string]string
		want       string
	}{
		{[]string{"restore"}, nil, nil, "firmflow"},
		{[]string{"restore"}, nil, file, "from-file"},
		{[]string{"restore"}, env, file, "from-env"},
		{[]string{"restore", "--database", "from-flag"}, env, file, "from-flag"},
	} {
		in, err := parse(c.args, c.env, c.files)
		if err != nil || in.Settings.Database != c.want {
			t.Errorf("%v: database %q, %v; want %q", c.args, in.Settings.Database, err, c.want)
		}
	}
}

func TestTheVaultFollowsTheProject(t *testing.T) {
	in, err := parse([]string{"preflight", "--project", "/srv/ff"}, nil, nil)
	if err != nil || in.Settings.Vault != "/srv/ff/uploads" || in.Settings.StateDir != "/var/lib/firmflow-recovery" {
		t.Errorf("settings %+v, %v", in.Settings, err)
	}
}

func TestMistakesAreUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args  []string
		env   map[string]string
		files map[string]string
		text  string
	}{
		{[]string{"restor"}, nil, nil, "Did you mean restore"},
		{[]string{"restore", "--nonsense"}, nil, nil, "--nonsense"},
		{[]string{"restore", "--json", "--plain"}, nil, nil, "exclude each other"},
		{[]string{"restore", "--vault-from", "tape"}, nil, nil, "tape"},
		{[]string{"restore", "--runtime", "podman"}, nil, nil, "podman"},
		{[]string{"restore", "--retries", "-1"}, nil, nil, "--retries"},
		{[]string{"restore", "extra"}, nil, nil, "extra"},
		{[]string{"verify", "a", "b"}, nil, nil, "one argument"},
		{[]string{"repair", "--identity", "x", "--passphrase"}, nil, nil, "exclude each other"},
		{[]string{"restore"}, nil, map[string]string{etc: "FIRMFLOW_RECOVERY_DATABSE=x\n"}, "FIRMFLOW_RECOVERY_DATABSE"},
		{[]string{"restore"}, nil, map[string]string{etc: "not a setting\n"}, "cannot be read"},
		{[]string{"restore"}, map[string]string{"FIRMFLOW_RECOVERY_CONFIG": "/none"}, nil, "settings file"},
	} {
		_, err := parse(c.args, c.env, c.files)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(usage.Error(), c.text) {
			t.Errorf("%v: %v, want a usage error with %q", c.args, err, c.text)
		}
	}
}

func TestCommandsAndTheirFlags(t *testing.T) {
	in, err := parse([]string{"restore", "--backup", "2026-11-22", "--confirm", "ffhost-01", "--fix", "--retries", "2", "--anew", "--json"}, nil, nil)
	if err != nil || in.Command != cli.Restore || in.Backup != "2026-11-22" || in.Confirm != "ffhost-01" || !in.Fix || in.Retries != 2 || !in.Anew || !in.JSON {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = parse([]string{"resume", "20261123-030107"}, nil, nil); err != nil || in.Command != cli.Resume || in.Run != "20261123-030107" {
		t.Errorf("%+v, %v", in, err)
	}
	for name, want := range map[string]cli.Command{"undo": cli.Undo, "cleanup": cli.Cleanup} {
		in, err = parse([]string{name, "20261123-030107", "--confirm", "ffhost-01", "--plain", "--retries", "1"}, nil, nil)
		if err != nil || in.Command != want || in.Run != "20261123-030107" || in.Confirm != "ffhost-01" || !in.Plain || in.Retries != 1 {
			t.Errorf("%+v, %v", in, err)
		}
		if in, err = parse([]string{name, "--json"}, nil, nil); err != nil || in.Run != "" || !in.JSON || in.Settings.Database != "firmflow" {
			t.Errorf("%+v, %v", in, err)
		}
		for _, wrong := range [][]string{{name, "one", "two"}, {name, "--yes"}, {name, "--backup", "latest"}} {
			if _, err := parse(wrong, nil, nil); err == nil {
				t.Errorf("%v is taken", wrong)
			}
		}
	}
	if in, err = parse([]string{"verify"}, nil, nil); err != nil || in.Command != cli.Verify || in.Backup != "latest" || in.Full {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = parse([]string{"verify", "2026-11-22", "--full", "--json"}, nil, nil); err != nil || in.Backup != "2026-11-22" || !in.Full || !in.JSON {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = parse([]string{"repair", "2026-11-22", "--into", "/d", "--identity", "/k"}, nil, nil); err != nil || in.Command != cli.Repair || in.Into != "/d" || in.Identity != "/k" || in.Backup != "2026-11-22" {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = parse([]string{"help", "dump.terminal"}, nil, nil); err != nil || in.Command != cli.Explain || in.Code != "dump.terminal" {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = parse(nil, nil, nil); err != nil || in.Command != cli.Wizard {
		t.Errorf("%+v, %v", in, err)
	}
}

func TestTextsArePrintedByMainAlone(t *testing.T) {
	for _, c := range []struct {
		args []string
		text string
	}{
		{[]string{"--version"}, "firmflow-recovery 1.0.0 ("}, {[]string{"version"}, "firmflow-recovery 1.0.0 ("},
		{[]string{"--help"}, "Exit codes:"}, {[]string{"help"}, "/opt/firmflow"}, {[]string{"help", "restore"}, "--confirm"},
		{[]string{"completion", "bash"}, "firmflow-recovery"}, {[]string{"completion", "zsh"}, "firmflow-recovery"},
	} {
		in, err := parse(c.args, nil, nil)
		if err != nil || in.Command != cli.Print || !strings.Contains(in.Output, c.text) {
			t.Errorf("%v: %s %v, want %q in\n%.200s", c.args, in.Command, err, c.text, in.Output)
		}
	}
	for _, line := range strings.Split(must(parse([]string{"--help"}, nil, nil)).Output, "\n") {
		if len(line) > 80 {
			t.Errorf("a line of the help is %d wide: %s", len(line), line)
		}
	}
}

func must(in cli.Invocation, err error) cli.Invocation {
	if err != nil {
		return cli.Invocation{Output: err.Error()}
	}

	return in
}

func FuzzParse(f *testing.F) {
	f.Add("restore --confirm x")
	f.Add("help\x00-v")
	f.Fuzz(func(t *testing.T, line string) {
		_, err := parse(strings.Split(line, " "), nil, nil)
		var usage *cli.UsageError
		if err != nil && !errors.As(err, &usage) {
			t.Errorf("%q: %T", line, err)
		}
	})
}
