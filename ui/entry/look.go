package entry

import (
	"context"
	"encoding/json"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/console"
	"firmflow-recovery/ui/plain"
)

// report prints what is known of a run.
func (prog Program) report(in cli.Invocation) recovery.ExitCode {
	from := steps.Reports{Live: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in)}
	var text string
	var err error
	switch run := recovery.RunID(in.Run); {
	case in.List:
		var all []recovery.Account
		if all, err = from.List(); err == nil {
			err = prog.show(in, all, func() error { return plain.Accounts(prog.Out, all) })
		}
	case in.JSON:
		var object []byte
		object, err = from.JSON(run)
		text = string(object)
	default:
		text, err = from.Markdown(run)
	}
	if err != nil {
		return prog.tell(err)
	}
	prog.print(text)

	return recovery.ExitOK
}

// status prints what there is on this host.
func (prog Program) status(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	if in.Check || in.Textfile != "" {
		return prog.monitor(ctx, in)
	}
	found := prog.guideOf(in).Start(ctx)
	found.Remarks = found.Remarks[len(console.Whereabouts(prog.Getenv)):] // of a screen, not of a host
	var err error
	if in.JSON {
		err = json.NewEncoder(prog.Out).Encode(found)
	} else {
		err = plain.Start(prog.Out, found)
	}
	if err != nil {
		return prog.tell(err)
	}

	return recovery.ExitOK
}

// monitor says whether this host could be recovered right now, with the exit codes
// that monitoring knows.
func (prog Program) monitor(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	away, err := offsite(in.Settings)
	if err != nil {
		return prog.tell(err)
	}
	seen := steps.Monitor{
		Dir: in.Settings.Backups, Env: filepath.Join(in.Settings.Project, ".env"), Database: in.Settings.Database,
		Home: journal.Home{Dir: in.Settings.StateDir}, Drills: drills(in), Now: prog.Now, Warn: in.WarnAge, Critical: in.CriticalAge, Offsite: away,
	}.Look(ctx)
	if in.Textfile != "" {
		if err := durable.WriteFile(in.Textfile, plain.Metrics(seen), 0o644); err != nil {
			prog.warn("%v\n", err)
			return recovery.ExitCode(recovery.LevelUnknown)
		}
	}
	if err := prog.show(in, seen, func() error { return plain.Monitor(prog.Out, seen) }); err != nil {
		prog.warn("%v\n", err)
		return recovery.ExitCode(recovery.LevelUnknown)
	}

	return recovery.ExitCode(seen.Level)
}

// listBackups prints what lies in the backup directory.
func (prog Program) listBackups(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	var listing recovery.Listing
	var err error
	if inBucket(in.Settings.Backups) {
		var r *steps.Remote
		if r, err = remote(in.Settings, in.Settings.Backups); err == nil {
			listing, err = steps.ListOffsite(ctx, r, prog.Now())
		}
	} else {
		listing, err = steps.ListBackups(ctx, in.Settings.Backups, prog.Now())
	}
	if err != nil {
		return prog.tell(because(ctx, err))
	}
	if err := prog.show(in, listing, func() error { return plain.Backups(prog.Out, listing) }); err != nil {
		return prog.tell(err)
	}

	return recovery.ExitOK
}

// verify looks at a backup and prints what it saw.
func (prog Program) verify(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	key, err := prog.keyOf(in)
	if err != nil {
		return prog.misused(err)
	}
	found, err := steps.Verify{
		Dir: in.Settings.Backups, Name: in.Backup, Full: in.Full, Rehearse: in.Rehearse, Key: key, Database: in.Settings.Database,
		Tool: prog.hostTool(), Scratch: prog.scratch,
		Now: prog.Now, Moved: plain.Tenths(prog.Err, prog.Now),
	}.Run(ctx)
	if err != nil {
		return prog.tell(err)
	}
	if err := prog.show(in, found, func() error { return plain.Verification(prog.Out, found) }); err != nil {
		return prog.tell(err)
	}

	return found.Exit
}

// repair makes a repaired copy of a dump and says where it is.
func (prog Program) repair(ctx context.Context, in cli.Invocation) recovery.ExitCode {
	key, err := prog.keyOf(in)
	if err != nil {
		return prog.misused(err)
	}
	made, err := steps.Repair{
		Dir: in.Settings.Backups, Name: in.Backup, Into: in.Into, Identity: key.Identity, Passphrase: key.Passphrase, Database: in.Settings.Database,
		Tool: prog.hostTool(), Now: prog.Now, Moved: plain.Tenths(prog.Err, prog.Now),
	}.Run(ctx)
	if err == nil {
		err = prog.show(in, made, func() error { return plain.Repaired(prog.Out, made) })
	}
	if err != nil {
		return prog.tell(err)
	}

	return recovery.ExitOK
}

// hostTool runs this host's pg_restore; nil where there is none.
func (prog Program) hostTool() command.Runner {
	tool, err := sandbox.Host(compose.Environment(prog.Environ), &secret.Scrubber{})
	if err != nil {
		return nil // what is then not looked at is said where it matters
	}

	return tool
}

// scratch makes a database server to rehearse on.
func (prog Program) scratch(ctx context.Context) (steps.Scratch, error) {
	return sandbox.NewScratch(ctx, compose.Environment(prog.Environ), &secret.Scrubber{})
}
