package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
)

// known is what is known of a dump's bytes beside the dump.
type known struct {
	from string // the file whose SHA-256 the dump has; empty: there is none
	why  string // a file is there, and cannot be used
}

// digestOf holds the dump's digest against the one that was taken with the
// backup. Another one ends the matter, whatever else the dump looks like.
func (d *database) digestOf(r dump.Reading) (known, error) {
	want, from, err := d.Backup.DumpDigest()
	switch {
	case errors.Is(err, backup.ErrChanged), errors.Is(err, backup.ErrNotManifest), errors.Is(err, backup.ErrNewer), errors.Is(err, backup.ErrForeign),
		errors.Is(err, fs.ErrPermission):
		return known{why: err.Error()}, nil
	case err != nil:
		return known{}, err
	case want == "":
		return known{}, nil
	case want != r.SHA256:
		return known{}, recovery.Fail(digestDiffers(d.Backup.Dump.Path, r.SHA256, want, from), nil)
	default:
		return known{from: from}, nil
	}
}

// checked tells whether a dump's compression carries a checksum of what was
// written: gzip's does. lz4 and zstd are written by pg_dump without one, and
// where nothing is compressed, nothing contradicts a changed byte (FAULTS
// B-power).
func checked(h dump.Header) bool { return h.Compression == dump.Gzip }

// digestFindings say whether the rows that were loaded can be others than those
// that were dumped, with everything else right. Where the dump's own checksums
// have told, there is nothing to say.
func (d *database) digestFindings() []recovery.Finding {
	r := d.read
	switch {
	case r.known.from != "":
		return []recovery.Finding{recovery.OK("dump", "its SHA-256 is the one that was taken with the backup, in "+r.known.from)}
	case checked(r.header):
		return nil
	default:
		return []recovery.Finding{recovery.Problem("dump", recovery.Unproven, unchecked(d.RunID, d.Backup.Dump.Path, r.header, r.known.why))}
	}
}

// psqlFits refuses a script that begins with \restrict where psql is older than
// that word.
func (d *database) psqlFits(ctx context.Context, c dump.Contents) error {
	if c.Header.Format != dump.Plain || !c.Restricted {
		return nil
	}
	var out strings.Builder
	if err := d.Runtime.Tool(d.DBService).Run(ctx, command.Cmd{Args: []string{"psql", "--version"}, Stdout: &out}); err != nil {
		return fmt.Errorf("ask psql for its version: %w", err)
	}
	if said := strings.TrimSpace(out.String()); !dump.KnowsRestrict(said) {
		return recovery.Fail(psqlOld(d.Backup.Dump.Path, said), nil)
	}

	return nil
}

func psqlOld(path, said string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDumpOldPsql, Summary: "The SQL script needs a newer psql than the database image has", Seen: path + ` begins with \restrict; here is ` + said,
		Intact: nothingTouched, Remedies: do("Use a newer minor release of the same image: 13.22, 14.19, 15.14, 16.10, 17.6 or later", "", thenLookMore, again),
	}
}

func digestDiffers(path, got, want, from string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDumpDigest, Summary: "The dump is not the one that was backed up: its SHA-256 differs",
		Seen: fmt.Sprintf("%s: %.16s..., and %s says %.16s...", path, got, from, want), Intact: nothingTouched,
		Remedies: do(copyAgain, typed("sha256sum", path), otherBackup, listBackups),
	}
}

func unchecked(run recovery.RunID, path string, h dump.Header, why string) recovery.Diagnosis {
	seen := path + " is in " + string(h.Format) + " format, without compression"
	if h.Compression != "none" {
		seen = path + " is compressed with " + h.Compression + ", without a checksum"
	}
	if why != "" {
		seen += "; what was taken with the backup cannot be used: " + why
	} else {
		seen += "; no manifest and no .sha256 file was made with the backup"
	}

	return recovery.Diagnosis{
		Code: CodeDumpUnchecked, Summary: "Nothing shows that the rows of the dump are still those that were dumped", Seen: seen, Intact: restoredLive,
		Remedies: do("Compare with another copy of the dump, if there is one", typed("sha256sum", path),
			"Has the copy the same sum, keep sha256sum's line as "+path+".sha256, and prove again", typed("firmflow-recovery", "resume", string(run)),
			"From now on back up with pg_dump -Fc, and keep a checksum with it", ""),
	}
}
