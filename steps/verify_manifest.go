package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
)

// manifest holds the backup against what it says of itself. What was read in full
// for the other parts is not read again.
func (l look) manifest(ctx context.Context, parts []recovery.VerifiedPart) recovery.VerifiedPart {
	p := recovery.VerifiedPart{Name: string(backup.Proof), Path: l.set.Manifest.Path, Bytes: l.set.Manifest.Size}
	if !l.set.Manifest.Exists() {
		p.Find(recovery.OK(p.Name, "there is none: the guide's script writes none, firmflow-recovery backup does"))
		p.Untold = []string{"whether a byte was changed where nothing else contradicts it: nobody has written down what the files were"}

		return p
	}
	m, err := l.set.ReadManifest()
	if err != nil {
		l.unreadable(&p, err)
		return p
	}
	text := fmt.Sprintf("written by %s on %s, %s; its own checksum is right", m.Program, m.Host.Name, stamp(m.Ended))
	p.Find(recovery.OK(p.Name, text))
	l.sealed(&p, m)
	if !l.Full {
		l.mismatches(&p, m, l.set.Sizes(m.Manifest), "as long as it says")
		p.Untold = append(p.Untold, "whether their bytes are those of then: --full compares each SHA-256")

		return p
	}
	known := map[backup.Part]string{}
	for _, part := range parts {
		if l.inManifest(part) {
			known[backup.Part(part.Name)] = part.SHA256
		}
	}
	wrong, err := l.set.Digests(ctx, m.Manifest, known, l.moved(p.Name, m.Total()))
	if err != nil {
		return p // the context's; Run tells
	}
	l.mismatches(&p, m, wrong, "byte for byte what it says")
	if len(wrong) == 0 {
		l.proves(parts)
	}

	return p
}

// inManifest tells whether a part was read, and is the file that the manifest lists: a
// copy of the archive without a level too many is another one.
func (l look) inManifest(p recovery.VerifiedPart) bool {
	return p.SHA256 != "" && (!l.set.RepairedArchive || p.Name != string(backup.Archive))
}

// proves takes off the parts what only their digests could tell.
func (l look) proves(parts []recovery.VerifiedPart) {
	for i := range parts {
		if !l.inManifest(parts[i]) {
			continue
		}
		parts[i].Untold = slices.DeleteFunc(parts[i].Untold, func(text string) bool { return text == untoldContents || text == untoldPlain || text == untoldLoaded })
		parts[i].Find(recovery.OK(parts[i].Name, "its SHA-256 is the one in the manifest"))
	}
}

// mismatches names every file that is not as it was.
func (l look) mismatches(p *recovery.VerifiedPart, m backup.Sealed, wrong []backup.Mismatch, as string) {
	for _, w := range wrong {
		l.failed(p, recovery.Failed, fileDiffers(l.set, w))
	}
	if len(wrong) == 0 {
		p.Find(recovery.OK(p.Name, fmt.Sprintf("%s listed, each %s", recovery.Counted(int64(len(m.Files)), "file"), as)))
	}
}

// sealed tells whether the owner of the AUTH_SECRET beside the backup wrote the
// manifest, where that can be read.
func (l look) sealed(p *recovery.VerifiedPart, m backup.Sealed) {
	const untold = "whether somebody else wrote it: its seal needs the AUTH_SECRET of then, and a restore looks at it"
	if !l.set.Env.Exists() {
		p.Untold = append(p.Untold, untold)
		return
	}
	env, err := envfile.ReadWith(l.set.Env.Path, l.Key)
	if err != nil {
		p.Untold = append(p.Untold, untold) // why is told with .env
		return
	}
	switch err := m.Verify(env.Value(envfile.AuthSecret)); {
	case err == nil:
		p.Find(recovery.OK(p.Name, "sealed with the AUTH_SECRET of the .env beside it"))
	case errors.Is(err, backup.ErrChanged):
		l.failed(p, recovery.Failed, manifestForged(l.set))
	case errors.Is(err, backup.ErrOtherSecret):
		l.failed(p, recovery.Failed, fileDiffers(l.set, backup.Mismatch{Name: l.set.Env.Path, Part: backup.Env, Err: err}))
	default:
		l.unreadable(p, err)
	}
}

// unreadable is a manifest that cannot be believed, or was not read.
func (l look) unreadable(p *recovery.VerifiedPart, err error) {
	if errors.Is(err, backup.ErrChanged) || errors.Is(err, backup.ErrNotManifest) || errors.Is(err, backup.ErrForeign) || errors.Is(err, backup.ErrCostly) {
		l.failed(p, recovery.Failed, manifestChanged(l.set, err))
		return
	}
	l.failed(p, recovery.Unproven, notRead(p.Path, err))
}

func manifestChanged(b backup.Set, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeBackupProof, Summary: "The manifest is damaged, changed, or another backup's", Seen: reason(err), Intact: nothingTouched,
		Remedies: do("Copy it again from another copy of the backup, then look again", "firmflow-recovery verify "+b.Name(), "See whether the files are what the other list says", typed("sha256sum", "-c", b.Sums.Path)),
	}
}
