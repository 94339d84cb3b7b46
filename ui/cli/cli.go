// Package cli turns arguments, environment and settings file into an
// Invocation. It is pure: it reads nothing but what it is handed, prints
// nothing and never ends the program. Texts to print come back in the
// Invocation, mistakes as a *UsageError.
package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Command is what is to be done.
type Command string

// The commands.
const (
	Wizard    Command = ""
	Restore   Command = "restore"
	Resume    Command = "resume"
	Attach    Command = "attach"
	Report    Command = "report"
	Status    Command = "status"
	Undo      Command = "undo"
	Cleanup   Command = "cleanup"
	Preflight Command = "preflight"
	Plan      Command = "plan"
	Backups   Command = "backups"
	Verify    Command = "verify"
	Repair    Command = "repair"
	Backup    Command = "backup"
	Prune     Command = "prune"
	Offsite   Command = "offsite"
	Timers    Command = "install-timers"
	Drill     Command = "drill"
	Demo      Command = "demo"
	Explain   Command = "help-code"
	Print     Command = "print" // Output is all there is to do
	SampleApp Command = "sample-app"
)

// Stall is how long nothing moves before that is said.
const Stall = 90 * time.Second

// Settle is how long an app is watched before it counts as stable: an app that
// ends again and again runs most of the time (FAULTS E14).
const Settle = 10 * time.Second

// Invocation is what the operator asked for.
type Invocation struct {
	Command     Command
	Settings    Settings
	Backup      string
	OriginalEnv string
	VaultFrom   string
	Confirm     string
	Yes         bool
	Fix         bool
	GiveUpUndo  string // consent to delete live data where old and new have no room
	Anew        bool   // begin although an earlier run is unfinished
	Retries     int
	Patience    time.Duration // how long a service may take to become ready
	Settle      time.Duration // how long the app must stay up to count as stable
	Stall       time.Duration // without progress, after which that is said
	Plain       bool
	ASCII       bool
	JSON        bool
	Verbose     bool
	Runbook     bool
	Keep        bool
	Full        bool   // of Verify: read every byte
	Rehearse    bool   // of Verify: and load the dump into a scratch database
	Into        string // of Repair: where the copy goes; empty: beside the dump
	Identity    string // the file of an age key: of the original .env, or of Repair's dump
	Passphrase  bool   // ask for one
	PhraseFile  string // the file that has one
	Env         string // of Backup: encrypted, plain or apart
	Shrunk      bool   // of Backup: the vault has shrunk on purpose
	Check       bool   // of Status: one line, and the exit codes of monitoring
	Textfile    string // of Status: metrics go there
	WarnAge     time.Duration
	CriticalAge time.Duration
	DryRun      bool          // of Prune and Timers
	There       bool          // of Prune: delete copies off-site as well
	StartNow    bool          // of Timers: write the units, start the timers
	UnitDir     string        // of Timers
	Fault       string        // of Drill: what is to go wrong; "list" explains them
	List        bool          // of Report: all of them
	Remove      bool          // of Drill: take kept surroundings away
	Target      time.Duration // of Drill: how long the recovery may take; 0: no target
	Health      bool
	StandIn     bool
	Code        string // of Explain
	Run         string // of the commands about a run; empty: the one that matters now
	Output      string // of Print

	config string // the settings file
}

// Meaning is a line of the table of exit codes.
type Meaning struct{ Codes, Text string }

// Environment is what Parse may know of the world.
type Environment struct {
	Args      []string // without the program's name
	Getenv    func(string) string
	ReadFile  func(string) ([]byte, error)
	Root      bool // whether the operator is root
	Version   string
	ExitTable []Meaning
}

// UsageError is a mistake in the arguments or settings.
type UsageError struct {
	Text string
	Hint string
}

func (e *UsageError) Error() string {
	if e.Hint == "" {
		return e.Text
	}

	return e.Text + "\n" + e.Hint
}

// Parse reads an invocation.
func Parse(e Environment) (Invocation, error) {
	p := &parser{environment: e}
	root := p.root()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(e.Args)
	if e.Args == nil {
		root.SetArgs([]string{}) // cobra takes nil for "read os.Args"
	}
	if err := root.Execute(); err != nil {
		var usage *UsageError
		if errors.As(err, &usage) {
			return Invocation{}, usage
		}

		return Invocation{}, &UsageError{Text: visible(err.Error()), Hint: "firmflow-recovery --help shows what there is."}
	}
	if !p.ran {
		return Invocation{Command: Print, Output: out.String()}, nil
	}
	if err := p.settle(); err != nil {
		return Invocation{}, err
	}

	return p.invocation, nil
}

// parser fills an Invocation while cobra walks the arguments.
type parser struct {
	environment Environment
	invocation  Invocation
	ran         bool
	changed     func(flag string) bool // whether a flag was given
}

// chose notes the command that was chosen.
func (p *parser) chose(c Command) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		p.ran = true
		p.invocation.Command = c
		p.changed = func(flag string) bool {
			f := cmd.Flag(flag)
			return f != nil && f.Changed
		}
		if c.takesRun() && len(args) == 1 {
			p.invocation.Run = args[0]
		}
		if c == Verify || c == Repair || c == Drill || c == Offsite {
			p.invocation.Backup = append(args, "latest")[0]
		}
		if p.changed("runtime") && c == Drill { // the drill's, not the installation's
			p.invocation.Settings.DrillRuntime = p.invocation.Settings.Runtime
			p.changed = func(flag string) bool {
				f := cmd.Flag(flag)
				return flag == "drill-on" || flag != "runtime" && f != nil && f.Changed
			}
		}
		if c == Drill && p.invocation.Remove {
			p.invocation.Run = append(args, "")[0]
		}

		return p.check()
	}
}

// takesRun tells whether a command may be given the name of a run.
func (c Command) takesRun() bool {
	return c == Resume || c == Undo || c == Cleanup || c == Attach || c == Report
}

// check refuses flags that contradict each other.
func (p *parser) check() error {
	i := p.invocation
	switch {
	case i.JSON && i.Plain:
		return &UsageError{Text: "--json and --plain exclude each other"}
	case i.Identity != "" && i.Passphrase:
		return &UsageError{Text: "--identity and --passphrase exclude each other"}
	case i.PhraseFile != "" && (i.Identity != "" || i.Passphrase):
		return &UsageError{Text: "--phrase-file excludes --identity and --passphrase"}
	case i.Command == Timers && i.DryRun == i.StartNow:
		return &UsageError{Text: "install-timers takes --dry-run or --now", Hint: "The first shows what the second does."}
	case i.Env != "encrypted" && i.Env != "plain" && i.Env != "apart" && i.Env != "":
		return &UsageError{Text: fmt.Sprintf("--env %q is unknown", i.Env), Hint: "It is encrypted, plain or apart."}
	case i.There && i.DryRun:
		return &UsageError{Text: "--delete-offsite and --dry-run exclude each other", Hint: "A dry run says what would go off-site, too."}
	case i.Target < 0:
		return &UsageError{Text: "--target takes a time, such as 30m"}
	case i.List && i.Run != "":
		return &UsageError{Text: "report --list takes no run"}
	case i.Remove && i.Keep:
		return &UsageError{Text: "--remove and --keep exclude each other"}
	case i.Retries < 0:
		return &UsageError{Text: "--retries takes a number from 0 on"}
	case i.VaultFrom != "auto" && i.VaultFrom != "archive" && i.VaultFrom != "mirror" && i.VaultFrom != "":
		return &UsageError{Text: fmt.Sprintf("--vault-from %q is unknown", i.VaultFrom), Hint: "It is auto, archive or mirror."}
	}

	return nil
}

// settle merges flags, environment, file and defaults into the settings.
func (p *parser) settle() error {
	switch p.invocation.Command {
	case Print, Explain, SampleApp, Demo: // the demo is an installation of its own
		return nil
	default:
	}
	settings, err := p.settings()
	p.invocation.Settings = settings

	return err
}
