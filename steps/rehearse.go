package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/stack/sandbox"
)

// Scratch is a database server to rehearse on.
type Scratch interface {
	Runner() command.Runner
	Dir() string
	Remove(ctx context.Context) error
}

// untoldLoaded is what also a rehearsal does not show.
const untoldLoaded = "whether a name, a default or a function's text in it is what it was, where it still loads: only a checksum made with the backup shows it"

// rehearse loads the dump into a scratch database of this host, counts it, and
// takes it all away again. Where there is none, that is said; the backup is not
// blamed for it.
func (l look) rehearse(ctx context.Context, p *recovery.VerifiedPart, c dump.Contents, r dump.Reading) {
	scratch, err := l.Scratch(ctx)
	if err != nil {
		l.failed(p, recovery.Unproven, notRehearsed(l.set, l.Dir, err))
		return
	}
	found, version, err := l.rehearsed(ctx, scratch, c, r)
	if removed := scratch.Remove(context.WithoutCancel(ctx)); removed != nil && err == nil {
		err = removed
	}
	switch problems := found.Problems(); {
	case ctx.Err() != nil:
		return // said by whoever stopped it
	case err != nil && ofTheDump(err):
		l.failed(p, recovery.Failed, rehearsalFailed(p.Path, version, err))
	case err != nil:
		l.failed(p, recovery.Unproven, notRehearsed(l.set, l.Dir, err))
	case len(problems) > 0:
		l.failed(p, recovery.Failed, rehearsalFailed(p.Path, version, errors.New(strings.Join(problems, "; "))))
	default:
		p.Find(recovery.OK(p.Name, fmt.Sprintf("rehearsed: loaded into a scratch database of PostgreSQL %s, where %s and %s are there as in the dump, every key, index and constraint was built over them, and nothing else was touched",
			version, tables(found.Tables), rows(found.Rows))))
		leavesOpen(p)
	}
}

// leavesOpen replaces what a full read leaves open by what a rehearsal does.
func leavesOpen(p *recovery.VerifiedPart) {
	for i, text := range p.Untold {
		if text == untoldContents {
			p.Untold[i] = untoldLoaded
		}
	}
}

func (l look) rehearsed(ctx context.Context, scratch Scratch, c dump.Contents, r dump.Reading) (dump.Comparison, string, error) {
	free, err := durable.Free(scratch.Dir())
	if err != nil {
		return dump.Comparison{}, "", err
	}
	if need := uint64(max(r.ScriptBytes, 0)) * 2; free.Bytes < need {
		return dump.Comparison{}, "", fmt.Errorf("%s has %s free, and about %s are needed", scratch.Dir(), recovery.Size(int64(free.Bytes)), recovery.Size(int64(need)))
	}
	server := dump.Server{Run: scratch.Runner(), User: sandbox.ScratchUser}
	major, version, err := server.Version(ctx)
	if err != nil {
		return dump.Comparison{}, "", err
	}
	if h := c.Header; h.ServerMajor > major || h.Format == dump.Plain && h.ClientMajor > major {
		return dump.Comparison{}, version, fmt.Errorf("this host has PostgreSQL %d, and the dump is of %d", major, max(h.ServerMajor, h.ClientMajor))
	}
	found, err := server.Rehearse(ctx, l.set.Dump.Path, l.Database, c, r, summed(l.moved("rehearsal", l.set.Dump.Size)))

	return found, version, err
}

// ofTheDump tells what PostgreSQL says of the dump from what it says of this
// host: of its disk, its versions, its extensions.
func ofTheDump(err error) bool {
	var tool *dump.ToolError
	var damage *dump.DamageError
	if errors.As(err, &damage) {
		return true
	}
	for _, host := range []error{dump.ErrNoSpace, dump.ErrServerGone, dump.ErrNoAnswer, dump.ErrVersion, dump.ErrExtensionMissing, dump.ErrLocale, dump.ErrLocks} {
		if errors.Is(err, host) {
			return false
		}
	}

	return errors.As(err, &tool)
}

func rehearsalFailed(path, version string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeRehearsalFailed, Summary: "The dump could be read and cannot be loaded", Seen: fmt.Sprintf("%s, into a scratch database of PostgreSQL %s: %s", path, version, reason(err)),
		Intact: onlyRead, Remedies: do("Its table of contents may be damaged, which only loading shows. Copy the dump again, or see whether the database it is of can be dumped and loaded at all", typed("sha256sum", path), otherBackup, listBackups),
	}
}

func notRehearsed(b backup.Set, dir string, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeNotRehearsed, Summary: "The load could not be rehearsed on this host", Seen: reason(err), Intact: onlyRead,
		Remedies: do("Install PostgreSQL's server of the dump's version with what is named here, then rehearse again", filled("firmflow-recovery verify BACKUP --rehearse --backups DIR", b, dir),
			"Or let a pre-flight compare it with the database service's own server", "firmflow-recovery preflight --backup "+typed(b.Name())+" --backups "+typed(dir)),
	}
}
