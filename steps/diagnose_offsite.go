package steps

import (
	"errors"
	"io/fs"
	"syscall"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/bucket"
)

const offsiteIntact = "The backups of this host are whole and as they were. Nothing that is live was touched."

// copyAgainOffsite is how a copy is made up for.
func copyAgainOffsite(name string) string { return "firmflow-recovery offsite " + name }

// offsiteFailed gives an error of an off-site place its meaning.
func offsiteFailed(o Offsite, name string, err error) recovery.Diagnosis {
	var failure *recovery.Failure
	if errors.As(err, &failure) {
		return failure.Diagnosis
	}
	d := recovery.Diagnosis{
		Code: CodeOffsiteFailed, Summary: "The copy off-site failed", Seen: o.String() + ": " + reason(err), Intact: offsiteIntact,
		Remedies: do("Look at the place", listBackups+" --backups "+typed(o.String()), "Then copy it again", copyAgainOffsite(name)),
	}
	first := func(pairs ...string) { d.Remedies = append(do(pairs...), d.Remedies[1:]...) }
	switch {
	case errors.Is(err, errNotMounted):
		d.Code, d.Summary = CodeOffsiteNotMounted, "The off-site share is not mounted"
		first("Mount it", "mount -a", "See what is there", "findmnt")
	case errors.Is(err, backup.ErrStalled), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.ENOTCONN), errors.Is(err, syscall.EIO), errors.Is(err, syscall.EHOSTDOWN):
		d.Code, d.Summary = CodeOffsiteStalled, "The off-site share hangs, or has gone stale"
		first("See what is mounted; commands that look into it would hang", "findmnt -t nfs,nfs4,cifs,fuse", "Mount it anew", "umount -l MOUNT && mount MOUNT")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		d.Code, d.Summary = CodeOffsiteFull, "The off-site place is full"
		first("See what could go there; nothing is deleted by this", "firmflow-recovery prune --dry-run", "Delete it", "firmflow-recovery prune --delete-offsite")
	case errors.Is(err, bucket.ErrNoCredentials), errors.Is(err, bucket.ErrDenied):
		d.Code, d.Summary = CodeOffsiteDenied, "The bucket's server does not let us in"
		first("Give the credentials to whoever runs this: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials, or a role of the machine; they need to list, read and write", "")
	case errors.Is(err, bucket.ErrNoBucket):
		d.Code, d.Summary = CodeOffsitePlace, "There is no such bucket"
		first("Make it, best with versions and object lock, or correct the setting offsite, s3-endpoint or s3-region", "")
	case errors.Is(err, bucket.ErrClock):
		d.Code, d.Summary = CodeOffsiteClock, "The bucket's server refuses this host's clock"
		first("Set it", "timedatectl set-ntp true")
	case errors.Is(err, bucket.ErrAsleep):
		d.Code, d.Summary = CodeOffsiteAsleep, "The backup lies in an archive class, and cannot be read at once"
		first("Have the objects of the backup made readable by the provider; that takes hours", "")
	case errors.Is(err, bucket.ErrUnreachable), errors.Is(err, bucket.ErrNoRanges):
		d.Code, d.Summary = CodeOffsiteLost, "The bucket's server is not reached, or the line breaks again and again"
		first("Look at the network; what was fetched so far is gone on with", "")
	case errors.Is(err, bucket.ErrDigest), errors.Is(err, bucket.ErrThere), errors.Is(err, bucket.ErrChanged), errors.Is(err, backup.ErrOther), errors.Is(err, backup.ErrDigest), errors.Is(err, backup.ErrSize), errors.Is(err, backup.ErrMissing), errors.Is(err, backup.ErrChanged), errors.Is(err, backup.ErrNotManifest):
		d.Code, d.Summary = CodeOffsiteDiffers, "The copy off-site is not as the backup of here"
		first("Find out which of the two is whole", "firmflow-recovery verify "+name+" --full", "Look at the other", "firmflow-recovery verify "+name+" --full --backups "+typed(o.String()))
	case errors.Is(err, fs.ErrNotExist), isPermission(err), errors.Is(err, syscall.EROFS), errors.Is(err, backup.ErrNotDirectory):
		d.Code, d.Summary = CodeOffsitePlace, "The off-site place cannot be written to"
		first("See whether it is mounted, and writable", typed("findmnt", "-T", o.String()))
	}

	return d
}

func offsiteUnsealed(set backup.Set) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeOffsiteUnsealed, Summary: "Backup " + set.Name() + " has no manifest, and is not copied off-site", Seen: "nothing says what its files should be, so that no copy of them could be proven", Intact: offsiteIntact,
		Remedies: do("Take one that has", takeAgain),
	}
}

func stagingFailed(dir string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeOffsiteStaging, Summary: "A backup cannot be fetched to " + dir, Seen: reason(err), Intact: nothingTouched,
		Remedies: do("Make room, or name a directory with more of it", listBackups+" --fetch-dir DIR", "What was fetched before may be deleted, unless an unfinished recovery needs it", typed("du", "-sh", dir)),
	}
}
