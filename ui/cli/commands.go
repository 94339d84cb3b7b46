package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const about = `Brings a lost FirmFlow installation back, and proves that it did.

Five steps: prepare the environment, restore the vault, start the database and
hold the app, load the dump, make it live and restart. What is replaced is kept,
until you free it with cleanup.

Without a command it is the guided recovery.`

const examples = `  firmflow-recovery preflight --original-env /safe/original.env
  firmflow-recovery restore --backup latest --original-env /safe/original.env \
      --confirm "$(hostname)" --plain`

const aboutVerify = `Look whether a backup is sound; change nothing.

BACKUP is latest (what a restore would take), a date as "backups" lists it, or
a dump. Without --full it reads headers, the table of contents and last bytes,
in under a second; with --full every byte, once. --rehearse also loads the dump
into a scratch PostgreSQL of this host, counts, and takes it away again; that
shows what only loading shows. It says what each cannot tell.

Exit codes: 0 nothing wrong found, 5 a part is missing, incomplete or corrupt,
9 not all could be looked at.`

const aboutDrill = `Rehearse the whole recovery in surroundings of its own, which are removed
afterwards. The installation is looked at, before and after, and never touched.

In a sandbox, which is where it takes place if nothing else is said: a
PostgreSQL of this host and a stand-in for the app, without Docker. With
--runtime compose: containers of the installation's own images and compose
file, under another project name, with their own volumes, on a network without
a way out, with no port published, each with half the processors at most.

BACKUP is latest (the newest whole one), a date as "backups" lists it, or a
dump. Without a terminal it prints one line; --plain or --json tell all of it.

Exit codes: 0 VERIFIED, 8 restored but not verified, 9 the drill failed, 3 it
was not begun, 7 a recovery or another drill is running.`

const aboutRepair = `Repair a backup where that is exact: in its dump, line ends that a terminal
changed, text before it, gzip, zstd or age around it; in its vault archive, a
directory level too many.

The repaired copies go beside the originals, as db_DATE.repaired.dump and
vault_snapshot_DATE.repaired.tar.gz, or into another directory, where links to
the rest of the backup are put beside them. Each is read to its end before it
gets its name; the originals are never changed. "restore --backup DATE-repaired"
recovers from them.

Exit codes: 0 repaired, 3 nothing to repair or no place for the copy, 5 not
repairable for sure.`

const aboutBackup = `Take a backup: the database, then the vault, in the guide's files and names.

Everything is written beside, read again to its last byte, sealed in a manifest
and named in the end; interrupted, it is no backup, and the next one clears it
away. An empty or shrunken vault is refused. Old backups are pruned after it,
and it is copied off-site, where the setting offsite says where to.

.env goes into it encrypted by age: say for whom with --env-for or
--env-phrase, best in the settings file; or --env apart leaves it out.

Exit codes: 0 backed up, 3 something is in the way, 5 not finished, 7 another
run goes on, 17 backed up here, and not off-site.`

const aboutStatus = `Say what there is on this host: runs, the newest backup.

With --check or --textfile: could this host be recovered right now? Looked at
are the newest backup that a restore would take, its age, what verify sees fast,
its manifest and seal, the last run of backup and the last drill. Only reads.

Exit codes of --check, as Nagios has them: 0 OK, 1 warning, 2 critical, 3 not
known.`

const aboutPrune = `Delete old backups, as the settings keep-days, generations and
keep-least say, and say why the rest stays.

A pair goes as a whole. Never deleted are the newest verified backup, halves of
a pair, and anything as long as fewer than keep-least are verified: those
with a manifest whose files are as it says.

Of copies off-site it says by the same rules which would go, and deletes them
only with --delete-offsite.`

const aboutOffsite = `Copy a backup to where the setting offsite says, as "backup" does at its end.

BACKUP is latest, or a date as "backups" lists it; it needs a manifest. What is
written there is read back and held against that before it gets its name. One
that is there already is read and compared, and never overwritten.

Exit codes: 0 it is there, 5 there is no such backup here, 7 a run goes on,
17 the off-site place cannot be used.`

// root builds the tree of commands. Cobra neither prints nor exits.
func (p *parser) root() *cobra.Command {
	root := &cobra.Command{
		Use: "firmflow-recovery", Short: "Bring a lost FirmFlow installation back", Long: about, Example: examples,
		Version: p.environment.Version, Args: noArguments, RunE: p.chose(Wizard), SilenceUsage: true, SilenceErrors: true,
	}
	root.SetVersionTemplate(p.version() + "\n")
	root.CompletionOptions.DisableDefaultCmd = true // ours knows its shells, and fits
	root.SetFlagErrorFunc(unknownFlag)
	p.settingFlags(root)
	p.runFlags(root)
	p.showFlags(root)
	ordered := []*cobra.Command{
		p.command(Backup, "Take a backup that proves itself", p.settingFlags, p.backupFlags),
		p.command(Backups, "List the backups", p.settingFlags, p.showFlags),
		p.command(Verify, "Look whether a backup is sound; change nothing", p.settingFlags, p.verifyFlags),
		p.command(Repair, "Repair a backup where that is exact, into copies", p.settingFlags, p.repairFlags),
		p.command(Offsite, "Copy a backup off-site, and read it there", p.settingFlags, p.showFlags),
		p.command(Prune, "Delete old backups, and say why the rest stays", p.settingFlags, p.pruneFlags),
		p.command(Preflight, "Look whether a recovery could run; change nothing", p.settingFlags, p.lookFlags),
		p.command(Plan, "Show what a recovery would do; change nothing", p.settingFlags, p.planFlags),
		p.command(Restore, "Recover from a backup", p.settingFlags, p.runFlags),
		p.command(Resume, "Go on with an interrupted run", p.settingFlags, p.runFlags),
		p.command(Attach, "Watch a run that goes on, or went on", p.stateFlags, p.showFlags),
		p.command(Status, "Say what there is on this host, or whether it could be recovered", p.settingFlags, p.statusFlags),
		p.command(Report, "Print the report of a run or a drill, or list them", p.stateFlags, p.reportFlags),
		p.command(Drill, "Rehearse a recovery where nothing can be hurt", p.settingFlags, p.drillFlags),
		p.command(Undo, "Take a run back: what was live before is live again", p.settingFlags, p.backFlags),
		p.command(Cleanup, "Delete what a finished run has set aside", p.settingFlags, p.backFlags),
		p.command(Timers, "Have systemd take backups and rehearse, or show how", p.settingFlags, p.timerFlags),
		p.command(Demo, "Make a small installation, lose it, and recover it", p.demoFlags),
	}
	help := p.helpCommand(root)
	ordered = append(ordered, help, p.versionCommand(), p.completionCommand())
	root.AddCommand(ordered...) // cobra sorts the list it is given
	root.AddCommand(p.sampleCommand())
	root.SetHelpCommand(help)
	usual := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd != root {
			usual(cmd, args)
			return
		}
		_, _ = io.WriteString(cmd.OutOrStdout(), p.help(ordered))
	})

	return root
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}

	return &UsageError{Text: fmt.Sprintf("unknown command %q", args[0]), Hint: didYouMean(args[0], "", names(cmd))}
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}

	return &UsageError{Text: fmt.Sprintf("%s takes one argument at most", cmd.Name()), Hint: cmd.CommandPath() + " --help explains it."}
}

func names(cmd *cobra.Command) []string {
	var all []string
	for _, c := range cmd.Root().Commands() {
		if !c.Hidden {
			all = append(all, c.Name())
		}
	}

	return all
}

// unknownFlag names the flag that was probably meant.
func unknownFlag(cmd *cobra.Command, err error) error {
	var unknown interface{ GetSpecifiedName() string }
	text := visible(err.Error())
	if !errors.As(err, &unknown) || !strings.HasPrefix(text, "unknown flag") {
		return &UsageError{Text: text, Hint: cmd.CommandPath() + " --help shows what there is."}
	}
	flags := []string{"help"}
	for word := range strings.FieldsSeq(cmd.Flags().FlagUsages()) {
		if name, long := strings.CutPrefix(word, "--"); long {
			flags = append(flags, name)
		}
	}

	return &UsageError{Text: text, Hint: didYouMean(unknown.GetSpecifiedName(), "--", flags)}
}

func (p *parser) command(c Command, short string, flags ...func(*cobra.Command)) *cobra.Command {
	cmd := &cobra.Command{Use: string(c), Short: short, Args: cobra.NoArgs, RunE: p.chose(c)}
	switch {
	case c.takesRun():
		cmd.Use, cmd.Args = string(c)+" [RUN]", atMostOne
	case c == Verify:
		cmd.Use, cmd.Args, cmd.Long = "verify [BACKUP]", atMostOne, aboutVerify
	case c == Drill:
		cmd.Use, cmd.Args, cmd.Long = "drill [BACKUP]", atMostOne, aboutDrill
	case c == Repair:
		cmd.Use, cmd.Args, cmd.Long = "repair [BACKUP]", atMostOne, aboutRepair
	case c == Backup:
		cmd.Long = aboutBackup
	case c == Status:
		cmd.Long = aboutStatus
	case c == Prune:
		cmd.Long = aboutPrune
	case c == Offsite:
		cmd.Use, cmd.Args, cmd.Long = "offsite [BACKUP]", atMostOne, aboutOffsite
	}
	for _, add := range flags {
		add(cmd)
	}

	return cmd
}

func (p *parser) settingFlags(cmd *cobra.Command) {
	for _, s := range list() {
		cmd.Flags().StringVar(s.value(&p.invocation.Settings), s.flag, "", s.help)
	}
	cmd.Flags().StringVar(&p.invocation.config, "config", "", "settings file, instead of the usual one")
}

// stateFlags are the settings that say where runs are kept.
func (p *parser) stateFlags(cmd *cobra.Command) {
	for _, s := range list() {
		if s.flag == "state-dir" {
			cmd.Flags().StringVar(s.value(&p.invocation.Settings), s.flag, "", s.help)
		}
	}
	cmd.Flags().StringVar(&p.invocation.config, "config", "", "settings file, instead of the usual one")
}

func (p *parser) showFlags(cmd *cobra.Command) {
	if cmd.Flags().Lookup("json") != nil {
		return
	}
	f, i := cmd.Flags(), &p.invocation
	f.BoolVar(&i.JSON, "json", false, "print JSON, one object a line")
	f.BoolVar(&i.Plain, "plain", false, "one line per fact, without a screen")
	f.BoolVar(&i.ASCII, "ascii", false, "no character beyond ASCII on the screen")
	f.BoolVarP(&i.Verbose, "verbose", "v", false, "also what other programs say")
}

func (p *parser) lookFlags(cmd *cobra.Command) {
	f, i := cmd.Flags(), &p.invocation
	f.StringVar(&i.Backup, "backup", "latest", "latest, a date, or a dump")
	f.StringVar(&i.OriginalEnv, "original-env", "", "the lost installation's .env")
	f.StringVar(&i.VaultFrom, "vault-from", "auto", "archive, mirror or auto")
	p.keyFlags(cmd, "that .env")
	p.showFlags(cmd)
}

// keyFlags say what opens something that age has encrypted.
func (p *parser) keyFlags(cmd *cobra.Command, what string) {
	f, i := cmd.Flags(), &p.invocation
	f.StringVar(&i.Identity, "identity", "", "age or SSH key file, if "+what+" is encrypted")
	f.BoolVar(&i.Passphrase, "passphrase", false, "or ask for its passphrase")
	f.StringVar(&i.PhraseFile, "phrase-file", "", "file with its passphrase, or /dev/fd/3")
}

func (p *parser) planFlags(cmd *cobra.Command) {
	p.lookFlags(cmd)
	cmd.Flags().BoolVar(&p.invocation.Runbook, "runbook", false, "as shell commands, to be run without this program")
}

func (p *parser) backupFlags(cmd *cobra.Command) {
	p.showFlags(cmd)
	f, i := cmd.Flags(), &p.invocation
	f.StringVar(&i.Env, "env", "encrypted", "encrypted, plain or apart")
	f.BoolVar(&i.Shrunk, "shrunk", false, "the vault has shrunk or moved on purpose")
	f.DurationVar(&i.Patience, "patience", 2*time.Minute, "how long a service may take")
	f.IntVar(&i.Retries, "retries", 0, "how often a failed step is tried again")
}

func (p *parser) statusFlags(cmd *cobra.Command) {
	p.showFlags(cmd)
	f, i := cmd.Flags(), &p.invocation
	f.BoolVar(&i.Check, "check", false, "one line, and an exit code for monitoring")
	f.StringVar(&i.Textfile, "textfile", "", "also write metrics for Prometheus into a file")
	f.DurationVar(&i.WarnAge, "warn-age", 26*time.Hour, "age of the backup to warn of")
	f.DurationVar(&i.CriticalAge, "critical-age", 50*time.Hour, "age that is an emergency")
}

func (p *parser) timerFlags(cmd *cobra.Command) {
	f, i := cmd.Flags(), &p.invocation
	f.BoolVar(&i.DryRun, "dry-run", false, "print the units, and the lines for cron")
	f.BoolVar(&i.StartNow, "now", false, "write the units, start the timers")
	f.StringVar(&i.UnitDir, "units", "/etc/systemd/system", "where the units go")
}

func (p *parser) pruneFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.invocation.DryRun, "dry-run", false, "say what would be deleted, and delete nothing")
	cmd.Flags().BoolVar(&p.invocation.There, "delete-offsite", false, "delete old copies off-site as well")
	p.showFlags(cmd)
}

func (p *parser) verifyFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.invocation.Full, "full", false, "read every byte, not beginnings and ends only")
	p.keyFlags(cmd, "its .env")
	cmd.Flags().BoolVar(&p.invocation.Rehearse, "rehearse", false, "and load the dump into a scratch database")
	p.showFlags(cmd)
}

func (p *parser) repairFlags(cmd *cobra.Command) {
	f, i := cmd.Flags(), &p.invocation
	f.StringVar(&i.Into, "into", "", "directory of the copies (default: the backups')")
	p.keyFlags(cmd, "the dump")
	p.showFlags(cmd)
}

func (p *parser) runFlags(cmd *cobra.Command) {
	p.lookFlags(cmd)
	f, i := cmd.Flags(), &p.invocation
	f.BoolVarP(&i.Yes, "yes", "y", false, "start; enough where nothing would be replaced")
	f.StringVar(&i.Confirm, "confirm", "", "start, replacing the data on this host: its name")
	f.BoolVar(&i.Fix, "fix", false, "mend .env, a vault too deep, a barrier left")
	f.StringVar(&i.GiveUpUndo, "give-up-undo", "", "delete live data where room is short: see README")
	f.BoolVar(&i.Anew, "anew", false, "begin anew, leaving an unfinished run")
	f.DurationVar(&i.Patience, "patience", 2*time.Minute, "how long a service may take")
	f.DurationVar(&i.Settle, "settle", Settle, "how long the app is watched")
	f.DurationVar(&i.Stall, "stall", Stall, "say so where nothing moves")
	f.IntVar(&i.Retries, "retries", 0, "how often a failed step is tried again")
}

// backFlags are those of the commands about an earlier run.
func (p *parser) backFlags(cmd *cobra.Command) {
	p.showFlags(cmd)
	f, i := cmd.Flags(), &p.invocation
	f.StringVar(&i.Confirm, "confirm", "", "start: the name of this host, or what the question asks for")
	f.DurationVar(&i.Patience, "patience", 2*time.Minute, "how long a service may take")
	f.DurationVar(&i.Settle, "settle", Settle, "how long the app is watched")
	f.DurationVar(&i.Stall, "stall", Stall, "say so where nothing moves")
	f.IntVar(&i.Retries, "retries", 0, "how often a failed step is tried again")
}

func (p *parser) reportFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.invocation.List, "list", false, "list all of this host, the newest first")
	cmd.Flags().BoolVar(&p.invocation.JSON, "json", false, "print JSON")
}

func (p *parser) drillFlags(cmd *cobra.Command) {
	p.showFlags(cmd)
	f, i := cmd.Flags(), &p.invocation
	f.StringVar(&i.OriginalEnv, "original-env", "", "the lost installation's .env")
	f.StringVar(&i.VaultFrom, "vault-from", "auto", "archive, mirror or auto")
	p.keyFlags(cmd, "that .env")
	f.Lookup("runtime").Usage = "what the drill runs on: sandbox or compose"
	f.Lookup("drill-on").Hidden = true // the same
	f.StringVar(&i.Fault, "fault", "", "let something go wrong; list explains what can")
	f.DurationVar(&i.Target, "target", 0, "how long the recovery may take, such as 30m")
	f.BoolVar(&i.Keep, "keep", false, "keep the surroundings, and say how to enter them")
	f.BoolVar(&i.Remove, "remove", false, "remove what was kept; of one drill: its name")
	f.BoolVar(&i.Fix, "fix", false, "put the original's keys into .env")
	f.DurationVar(&i.Patience, "patience", 2*time.Minute, "how long a service may take")
	f.IntVar(&i.Retries, "retries", 0, "how often a failed step is tried again")
}

func (p *parser) demoFlags(cmd *cobra.Command) {
	p.showFlags(cmd)
	cmd.Flags().BoolVar(&p.invocation.Keep, "keep", false, "keep the installation, and say where it is")
}

func (p *parser) version() string {
	return fmt.Sprintf("firmflow-recovery %s (%s, %s/%s)", p.environment.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (p *parser) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		_, err := io.WriteString(cmd.OutOrStdout(), p.version()+"\n")
		return err
	}}
}

func (p *parser) sampleCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "sample-app", Hidden: true, Args: cobra.NoArgs, RunE: p.chose(SampleApp)}
	cmd.Flags().BoolVar(&p.invocation.Health, "health", false, "ask the running app whether it serves")
	cmd.Flags().BoolVar(&p.invocation.StandIn, "stand-in", false, "answer in the app's place, and change nothing")

	return cmd
}
