package steps

import (
	"errors"
	"io/fs"
	"syscall"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
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
	case errors.Is(err, backup.ErrOther), errors.Is(err, backup.ErrDigest), errors.Is(err, backup.ErrSize), errors.Is(err, backup.ErrMissing), errors.Is(err, backup.ErrChanged), errors.Is(err, backup.ErrNotManifest):
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
