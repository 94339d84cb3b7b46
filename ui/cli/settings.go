package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/joho/godotenv"
)

// Settings say where an installation is. Each is a flag, an environment
// variable FIRMFLOW_RECOVERY_NAME, a line of the settings file, or the guide's
// default, in this order.
type Settings struct {
	Project     string
	ComposeFile string
	ProjectName string
	Runtime     string
	Vault       string
	Backups     string
	Database    string
	User        string
	DBService   string
	AppService  string
	AppURL      string
	AuditTable  string
	VaultColumn string
	StateDir    string

	EnvRecipients     string
	EnvPassphraseFile string
	KeepDays          string
	KeepGenerations   string
	KeepVerified      string
	OnSuccess         string // a command after a run or drill that ended well
	OnFailure         string // after any other
	Webhook           string // where reports are posted
	DrillDir          string
	Offsite           string // where a copy of each backup goes; empty: nowhere
	OffsiteMount      string // what must be a mount point for that
	S3Endpoint        string
	S3Region          string
	S3HTTP            string // yes: without TLS, though the endpoint is not of this host
	FetchDir          string // where backups of a bucket are fetched to
	DrillRuntime      string // where drills take place, whatever the installation runs on
}

// The file that settings are read from where none is named, and the prefix of
// their environment variables.
const (
	settingsFile = "/etc/firmflow-recovery.env"
	prefix       = "FIRMFLOW_RECOVERY_"
)

// setting is one of them: its flag, default and explanation. The name in the
// environment follows from the flag.
type setting struct {
	flag, def, help string
	value           func(*Settings) *string
}

func (s setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.flag, "-", "_"))
}

// list gives all settings. The vault's default follows from the project's.
func list() []setting {
	return []setting{
		{"project", "/opt/firmflow", "directory of compose file and .env", func(s *Settings) *string { return &s.Project }},
		{"compose-file", "", "compose file, where it has no usual name", func(s *Settings) *string { return &s.ComposeFile }},
		{"project-name", "", "Compose project, where not the directory's name", func(s *Settings) *string { return &s.ProjectName }},
		{"runtime", "compose", "where services run: compose or sandbox", func(s *Settings) *string { return &s.Runtime }},
		{"vault", "", "vault directory (default: PROJECT/uploads)", func(s *Settings) *string { return &s.Vault }},
		{"backups", "/mnt/nfs/backups/firmflow", "directory of the backups", func(s *Settings) *string { return &s.Backups }},
		{"database", "firmflow", "name of the database", func(s *Settings) *string { return &s.Database }},
		{"user", "firmflow", "its superuser", func(s *Settings) *string { return &s.User }},
		{"db-service", "db", "service of the database", func(s *Settings) *string { return &s.DBService }},
		{"app-service", "", "service of the app (default: found)", func(s *Settings) *string { return &s.AppService }},
		{"app-url", "", "address of the app (default: its published port)", func(s *Settings) *string { return &s.AppURL }},
		{"audit-table", "", "table of the audit log (default: found)", func(s *Settings) *string { return &s.AuditTable }},
		{"vault-column", "", "TABLE.COLUMN of the documents (default: found)", func(s *Settings) *string { return &s.VaultColumn }},
		{"state-dir", "", "directory of journals and reports", func(s *Settings) *string { return &s.StateDir }},
		{"env-for", "", "who may read the .env in a backup: age1, ssh-...", func(s *Settings) *string { return &s.EnvRecipients }},
		{"env-phrase", "", "or the file of a passphrase for it", func(s *Settings) *string { return &s.EnvPassphraseFile }},
		{"keep-days", "30", "days for which backups are kept", func(s *Settings) *string { return &s.KeepDays }},
		{"generations", "", "also DAYS,WEEKS,MONTHS,YEARS, one of each", func(s *Settings) *string { return &s.KeepGenerations }},
		{"keep-least", "3", "verified backups that always stay", func(s *Settings) *string { return &s.KeepVerified }},
		{"on-success", "", "command that gets the report of what ended well", func(s *Settings) *string { return &s.OnSuccess }},
		{"on-failure", "", "the same for all else", func(s *Settings) *string { return &s.OnFailure }},
		{"webhook", "", "where reports are posted; better in the file", func(s *Settings) *string { return &s.Webhook }},
		{"offsite", "", "where copies go: a directory, s3://BUCKET/PREFIX", func(s *Settings) *string { return &s.Offsite }},
		{"offsite-mount", "", "what must be mounted for that", func(s *Settings) *string { return &s.OffsiteMount }},
		{"s3-endpoint", "", "server of the bucket (default: AWS)", func(s *Settings) *string { return &s.S3Endpoint }},
		{"s3-region", "", "its region (default: asked for)", func(s *Settings) *string { return &s.S3Region }},
		{"s3-http", "no", "yes lets secrets and data go without TLS", func(s *Settings) *string { return &s.S3HTTP }},
		{"fetch-dir", "", "where a bucket's backups are fetched to", func(s *Settings) *string { return &s.FetchDir }},
		{"drill-dir", "/var/tmp", "where drills take place; needs room", func(s *Settings) *string { return &s.DrillDir }},
		{"drill-on", "sandbox", "what drills run on: sandbox or compose", func(s *Settings) *string { return &s.DrillRuntime }},
	}
}

// settings fills in what no flag has given.
func (p *parser) settings() (Settings, error) {
	file, err := p.file()
	if err != nil {
		return Settings{}, err
	}
	s := p.invocation.Settings
	for _, one := range list() {
		value := one.value(&s)
		if !p.changed(one.flag) {
			*value = first(p.environment.Getenv(one.variable()), file[one.variable()], one.def)
		} else if *value == "" {
			return s, &UsageError{Text: "--" + one.flag + " is empty", Hint: "Leave it out to have the default."}
		}
	}
	s.Vault = first(s.Vault, filepath.Join(s.Project, "uploads"))
	if s.StateDir == "" {
		if s.StateDir, err = p.stateDir(); err != nil {
			return s, err
		}
	}

	s.FetchDir = first(s.FetchDir, filepath.Join(s.StateDir, "fetched"))

	return s, s.check()
}

// check refuses values that nothing could be done with.
func (s Settings) check() error {
	for _, runtime := range []string{s.Runtime, s.DrillRuntime} {
		if runtime != "compose" && runtime != "sandbox" {
			return &UsageError{Text: fmt.Sprintf("runtime %q is unknown", runtime), Hint: "It is compose or sandbox."}
		}
	}
	if s.Runtime == "sandbox" && s.DrillRuntime == "compose" {
		return &UsageError{Text: "a drill on Compose copies an installation on Compose, and this one is a sandbox", Hint: "Leave --runtime compose out."}
	}
	if s.VaultColumn != "" && !strings.Contains(s.VaultColumn, ".") {
		return &UsageError{Text: fmt.Sprintf("vault column %q names no table", s.VaultColumn), Hint: "It is TABLE.COLUMN, such as Document.storageKey."}
	}
	if _, err := s.Keep(); err != nil {
		return err
	}
	if s.EnvRecipients != "" && s.EnvPassphraseFile != "" {
		return &UsageError{Text: "env-for and env-phrase exclude each other", Hint: "age encrypts for recipients or with a passphrase."}
	}
	if s.S3HTTP != "yes" && s.S3HTTP != "no" {
		return &UsageError{Text: "s3-http is yes or no"}
	}
	if s.OffsiteMount != "" && !filepath.IsAbs(s.OffsiteMount) {
		return &UsageError{Text: "offsite-mount is no absolute path", Hint: "It is what must be mounted for offsite, such as /mnt/nas."}
	}
	if s.Webhook != "" && !ofTheWeb(s.Webhook) {
		return &UsageError{Text: "the webhook's address is not one of the web", Hint: "It looks like https://example.com/hooks/TOKEN."}
	}
	if s.AppURL == "" {
		return nil
	}
	// The address itself stays out of the message: it may hold a password.
	u, err := url.Parse(s.AppURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return &UsageError{Text: "the app's address is not one of the web", Hint: "It looks like http://127.0.0.1:9002, without a user."}
	}

	return nil
}

// ofTheWeb tells whether a text is an address that can be posted to.
func ofTheWeb(text string) bool {
	u, err := url.Parse(text)

	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// stateDir is where journals lie: for root the system's place, for others their
// own. It never depends on the directory that the program was started in: the
// journal would not be found again.
func (p *parser) stateDir() (string, error) {
	if p.environment.Root {
		return "/var/lib/firmflow-recovery", nil
	}
	home := p.environment.Getenv("HOME")
	for _, dir := range []string{p.environment.Getenv("XDG_STATE_HOME"), filepath.Join(home, ".local/state")} {
		if filepath.IsAbs(dir) {
			return filepath.Join(dir, "firmflow-recovery"), nil
		}
	}

	return "", &UsageError{Text: "there is no place for the journal: HOME is not set", Hint: "Say where: --state-dir DIR"}
}

// file reads the settings file. One that is named must be there. What it holds
// is in no message: it may hold what it should not.
func (p *parser) file() (map[string]string, error) {
	named := first(p.invocation.config, p.environment.Getenv(prefix+"CONFIG"))
	path := first(named, settingsFile)
	content, err := p.environment.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		return nil, nil
	}
	if err != nil {
		return nil, &UsageError{Text: fmt.Sprintf("read the settings file: %v", err)}
	}
	values, err := godotenv.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, &UsageError{Text: fmt.Sprintf("settings file %s cannot be read: a line is not NAME=value", path)}
	}

	return values, known(path, values)
}

// known refuses names that are no settings: a misspelt one would be a default
// taken in silence.
func known(path string, values map[string]string) error {
	var all []string
	for _, one := range list() {
		all = append(all, one.variable())
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case slices.Contains(all, name):
		case name == "":
			return &UsageError{Text: fmt.Sprintf("settings file %s cannot be read: a line is not NAME=value", path)}
		case !strings.HasPrefix(name, prefix):
			return &UsageError{
				Text: fmt.Sprintf("settings file %s holds %s, which is no setting", path, visible(name)),
				Hint: "Secrets in particular belong into FirmFlow's .env, not here.",
			}
		default:
			return &UsageError{
				Text: fmt.Sprintf("settings file %s has an unknown setting %s", path, visible(name)), Hint: didYouMean(name, "", all),
			}
		}
	}

	return nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}

	return ""
}
