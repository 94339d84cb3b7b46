package steps

import (
	"context"
	"fmt"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
)

// ListBackups tells what lies in a backup directory, as of now.
func ListBackups(ctx context.Context, dir string, now time.Time) (recovery.Listing, error) {
	directory, err := openDirectory(ctx, dir)
	if err != nil {
		return recovery.Listing{}, err
	}

	return listing(directory, now, func(set backup.Set) error { _, err := soundByManifest(set); return err })
}

// listing describes a directory; sound looks at a manifest.
func listing(directory backup.Directory, now time.Time, sound func(backup.Set) error) (recovery.Listing, error) {
	if len(directory.Sets) == 0 {
		return recovery.Listing{}, recovery.Fail(notChosen(directory, backup.Latest, backup.ErrNone), backup.ErrNone)
	}
	l := recovery.Listing{Directory: directory.Path, Foreign: len(directory.Foreign)}
	for _, set := range directory.Sets {
		l.Backups = append(l.Backups, listed(directory, set, now, sound))
	}
	for _, u := range directory.Unusable {
		l.Unusable = append(l.Unusable, fmt.Sprintf("%q: %v", u.Name, u.Why))
	}

	return l, nil
}

func listed(d backup.Directory, set backup.Set, now time.Time, sound func(backup.Set) error) recovery.ListedBackup {
	f := d.Facts(set, now)
	one := recovery.ListedBackup{
		Name: set.Name(), Taken: f.Taken, Age: f.Age, DumpBytes: set.Dump.Size, VaultBytes: set.Archive.Size,
		Mirror: set.Mirror != nil && !set.Mirror.Empty, Env: set.Env.Exists(), Recoverable: len(f.Missing) == 0,
	}
	if set.Manifest.Exists() {
		one.Manifest = true
		remark := "has a manifest"
		if sound(set) != nil {
			remark = "not as its manifest says: verify it"
		}
		one.Remarks = append(one.Remarks, remark)
	}
	if len(f.Missing) > 0 {
		one.Remarks = append(one.Remarks, parts(f.Missing)+" missing")
	}
	if len(f.Shrunk) > 0 {
		one.Remarks = append(one.Remarks, parts(f.Shrunk)+" less than half of the one before")
	}
	if f.ApartKnown && f.Apart.Abs() > far {
		one.Remarks = append(one.Remarks, "dump and archive "+recovery.Span(f.Apart.Abs())+" apart")
	}
	if f.FromName {
		one.Remarks = append(one.Remarks, "copied later; time from its name")
	}

	return one
}
