package entry

import (
	"context"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/bucket"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
	"firmflow-recovery/ui/plain"
)

// offsite is where copies are kept; nil: nowhere.
func offsite(s cli.Settings) (steps.Offsite, error) {
	switch {
	case s.Offsite == "":
		return nil, nil //nolint:nilnil // nowhere is a place to keep them, too
	case inBucket(s.Offsite):
		return remote(s, s.Offsite)
	default:
		return steps.SecondDirectory{Dir: s.Offsite, Mount: s.OffsiteMount}, nil
	}
}

func inBucket(place string) bool { return strings.HasPrefix(place, bucket.Scheme) }

// remote is a place in a bucket.
func remote(s cli.Settings, address string) (*steps.Remote, error) {
	b, err := bucket.Open(bucket.Options{Address: address, Endpoint: s.S3Endpoint, Region: s.S3Region, HTTP: s.S3HTTP == "yes"})
	if err != nil {
		return nil, &cli.UsageError{Text: err.Error(), Hint: "See the settings offsite, s3-endpoint and s3-http in --help."}
	}

	return &steps.Remote{Bucket: b, Stage: s.FetchDir}, nil
}

// fromBucket fetches the backup that a command is about, where the backups are in
// a bucket, and lets the command read it as from a directory. release gives it up:
// what only looks leaves nothing of it, and what recovers needs it until its end.
func (prog Program) fromBucket(ctx context.Context, in *cli.Invocation) (release func(), err error) {
	nothing := func() {}
	if !inBucket(in.Settings.Backups) {
		return nothing, nil
	}
	looks := false
	switch in.Command {
	case cli.Backup, cli.Prune, cli.Offsite, cli.Repair, cli.Status:
		return nil, &cli.UsageError{
			Text: string(in.Command) + " takes a directory as --backups, not a bucket", Hint: "A bucket belongs to --offsite; backups, verify, restore and drill read from one.",
		}
	case cli.Drill:
		if in.Remove || in.Fault == "list" {
			return nothing, nil
		}
		looks = true
	case cli.Verify:
		looks = true
	case cli.Resume:
		state, err := steps.Earlier(journal.Home{Dir: in.Settings.StateDir}, recovery.RunID(in.Run))
		if err != nil {
			return nothing, nil //nolint:nilerr // the command says that itself
		}
		if in.Backup == backup.Latest {
			in.Backup = state.Backup
		}
	case cli.Restore, cli.Preflight, cli.Plan, cli.Wizard:
	default:
		return nothing, nil
	}
	r, err := remote(in.Settings, in.Settings.Backups)
	if err != nil {
		return nil, err
	}
	staged, err := r.Fetch(ctx, in.Backup, in.Command == cli.Verify, plain.Tenths(prog.Err, prog.Now))
	if err != nil {
		return nil, because(ctx, err)
	}
	for _, name := range staged.PassedOver {
		prog.warn("A newer backup, %s, is not whole in %s, and was passed over.\n", name, r)
	}
	in.Settings.Backups, in.Backup = staged.Dir, staged.Name

	return func() {
		if err := staged.Release(!looks); err != nil {
			prog.warn("%v\n", err)
		}
		if !looks {
			prog.warn("The backup was fetched to %s; delete it once no recovery needs it.\n", staged.Dir)
		}
	}, nil
}
