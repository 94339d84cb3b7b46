// Package steps is what a recovery consists of: the guide's five steps, one
// file each, over the mechanisms in recovery/....
//
// The steps share one rule. Steps 1 to 4 put everything beside what is live:
// the vault is staged, the dump is loaded into a database of its own, the app is
// created and held. Only step 5 makes it live, vault and database back to back,
// and what was live is set aside. So a failure before that leaves the
// installation wholly as it was, and what restores nothing loses nothing.
package steps

import (
	"context"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// The steps, in the guide's order.
const (
	EnvironmentID recovery.StepID = "environment"
	VaultID       recovery.StepID = "vault"
	ServicesID    recovery.StepID = "services"
	DatabaseID    recovery.StepID = "database"
	RestartID     recovery.StepID = "restart"
)

// VaultSource says what the vault is restored from.
type VaultSource string

// The sources of a vault. Auto takes the archive, and the mirror where there is
// no archive.
const (
	Auto    VaultSource = ""
	Archive VaultSource = "archive"
	Mirror  VaultSource = "mirror"
)

// Stack is what the steps touch: one installation and one backup.
type Stack struct {
	Runtime     stack.Runtime
	ProjectDir  string
	Vault       string // the live vault, on this host
	Database    string
	User        string // the database's superuser
	DBService   string // empty: find it
	AppService  string // empty: find it
	AppURL      string // empty: from the app's published port
	Backup      backup.Set
	PassedOver  []backup.Set // newer than the backup, and not whole
	BackupDir   string
	VaultFrom   VaultSource
	OriginalEnv string      // the .env of the installation that was backed up
	OriginalKey envfile.Key // opens it, where it is encrypted
	// OriginalTyped are the keys of an original that is no file any more; see
	// TypedOriginal.
	OriginalTyped map[string]secret.String
	WithoutUndo   bool     // the operator asks to give up undo where room is short, or may be
	Shell         []string // the operator's environment, to see what it would override
	PinProject    bool     // the operator named the project; a rival does not block
	PinFile       bool     // the operator named the compose file
	RunID         recovery.RunID
	Host          string // this host's name, for whoever finds the barrier
	// Unfinished tells whether a run in the journals here can be gone on with.
	Unfinished  func(recovery.RunID) (bool, error)
	Scrub       *secret.Scrubber
	Now         func() time.Time
	Settle      time.Duration // how long the app must stay up to count as stable
	Pause       time.Duration // between two questions whether a service is ready; 0: half a second
	Patience    time.Duration // how long a service may take to become ready
	Probe       Prober
	AuditTable  string   // empty: find it
	VaultColumn string   // where the database names the documents, as table.column; empty: find it
	Next        []string // of a drill: what the operator does after it
	// Keep writes a document beside the run's journal, and gives its path.
	Keep func(run recovery.RunID, name string, content []byte) (path string, err error)

	sealed  *sealedManifest  // the backup's manifest, as last read
	project *stack.Project   // as last seen by step 1
	opened  *openedFile      // the original .env, as last read
	weighed *weighed         // what a manifest says of it
	agreed  spending         // what may be deleted before its replacement is there
	spends  spending         // what of it will be, as the room is now
	spent   [2]string        // what of it is: vault and database; empty: not
	engaged *dump.Engagement // what makes this run the one that works on the database

	questions *dump.Questions // while it does
}

// Prober asks the app whether it answers: an HTTP status and how long it took.
type Prober func(ctx context.Context, url string) (status int, took time.Duration, err error)

// Restore lists the steps of a recovery.
func Restore(s *Stack) []recovery.Step {
	return []recovery.Step{
		&environment{Stack: s},
		&vaultStep{Stack: s},
		&services{Stack: s},
		&database{Stack: s},
		&restart{Stack: s},
	}
}

// originalEnvInput names the input that a resumed run takes over.
const originalEnvInput = "original .env"

// Inputs are what makes a run this run: resuming it with others is refused.
// Files are told by size and time of change, the original .env by its time
// alone, since even a length says something of a secret.
func (s *Stack) Inputs() []recovery.Input {
	return []recovery.Input{
		{Name: "project directory", Value: s.ProjectDir},
		{Name: "vault", Value: s.Vault},
		{Name: "database", Value: s.Database},
		{Name: "database user", Value: s.User},
		{Name: "backup", Value: s.Backup.Date},
		{Name: "dump", Value: identity(s.Backup.Dump)},
		{Name: "vault source", Value: s.vaultSource()},
		{Name: originalEnvInput, Value: s.OriginalEnv},
	}
}

func identity(f backup.File) string {
	return f.Path + ", " + recovery.Count(f.Size) + " bytes of " + f.Modified.UTC().Format(time.RFC3339Nano)
}

func (s *Stack) vaultSource() string {
	switch {
	case !s.fromMirror():
		return identity(s.Backup.Archive)
	case s.Backup.Mirror == nil:
		return "vault_sync"
	default:
		return s.Backup.Mirror.Path
	}
}

// fromMirror tells whether the vault comes from vault_sync.
func (s *Stack) fromMirror() bool {
	switch s.VaultFrom {
	case Archive:
		return false
	case Mirror:
		return true
	default:
		return !s.Backup.Archive.Filled() && s.Backup.Mirror != nil
	}
}

// Target names what is recovered, for the plan.
func (s *Stack) Target() string { return "FirmFlow in " + s.ProjectDir }

func (s *Stack) envPath() string { return filepath.Join(s.ProjectDir, ".env") }

// keptEnv is where step 1 keeps the .env that it replaces.
func (s *Stack) keptEnv() string { return s.envPath() + ".before-" + string(s.RunID) }

func (s *Stack) restoring() string { return dump.RestoringName(s.Database, string(s.RunID)) }

func (s *Stack) aside() string { return dump.AsideName(s.Database, string(s.RunID)) }

// server is the database's side, inside the running db service.
func (s *Stack) server() dump.Server {
	return dump.Server{Run: s.Runtime.In(s.DBService), User: s.User, Live: s.Database, Questions: s.questions}
}

// held are the services that must not run before the data is in place: the app,
// and whatever else reads the database, the documents or the keys.
func (s *Stack) held() []string {
	names := []string{s.AppService}
	if s.project == nil {
		return names
	}
	for _, spec := range s.project.Specs {
		if spec.Name != s.AppService && spec.Name != s.DBService && s.touchesData(spec) {
			names = append(names, spec.Name)
		}
	}

	return names
}

func (s *Stack) touchesData(spec stack.Spec) bool {
	for _, key := range []string{"AUTH_SECRET", "DATABASE_URL"} {
		if _, given := spec.Environment[key]; given {
			return true
		}
	}
	for _, m := range spec.Mounts {
		if m.Kind == "bind" && m.Source == s.Vault {
			return true
		}
	}

	return false
}
