package steps

import (
	"errors"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/envfile"
)

// weighed is what a manifest's fingerprints say of an original .env. To try one
// takes a good part of a second, so it is kept as long as the file is the same.
type weighed struct {
	of    *openedFile
	found []recovery.Finding
}

// byManifest compares the original's keys with the fingerprints that were taken
// with the backup: without decrypting a document that tells whether they are the
// backup's own. Keys that somebody typed must be confirmed so.
func (e *environment) byManifest(original envfile.File) []recovery.Finding {
	if !e.Backup.Manifest.Exists() {
		if e.typed() {
			return []recovery.Finding{recovery.Problem("secrets", recovery.Failed, typedUnconfirmed("backup "+e.Backup.Name()+" has no manifest"))}
		}
		return nil
	}
	if e.weighed == nil || e.weighed.of != e.opened {
		e.weighed = &weighed{of: e.opened, found: e.weigh(original)}
	}

	return e.weighed.found
}

func (e *environment) weigh(original envfile.File) []recovery.Finding {
	seen := e.readManifest()
	m, err := seen.sealed.Manifest, seen.err
	if err != nil {
		if e.typed() {
			return []recovery.Finding{recovery.Problem("secrets", recovery.Failed, typedUnconfirmed(reason(err)))}
		}
		return []recovery.Finding{recovery.Problem("secrets", recovery.Warned, manifestUnread(e.Backup, err))}
	}
	var found []recovery.Finding
	var confirmed []string
	for _, key := range envfile.Keys() {
		print, taken := m.Keys[key]
		if !taken {
			continue
		}
		is, err := print.Confirms(original.Value(key))
		switch {
		case errors.Is(err, backup.ErrCostly), errors.Is(err, backup.ErrNewer):
			found = append(found, recovery.Problem("secrets", recovery.Warned, manifestUnread(e.Backup, err)))
		case err != nil || !is:
			found = append(found, recovery.Problem("secrets", recovery.Failed, keyNotOfBackup(key, e.OriginalEnv, e.Backup)))
		default:
			confirmed = append(confirmed, key)
		}
	}
	if len(confirmed) > 0 {
		found = append(found, recovery.OK("secrets", join(confirmed)+" of the original are those of this backup, by its manifest"))
	}
	if len(confirmed) == 0 && len(found) == 0 && e.typed() {
		found = append(found, recovery.Problem("secrets", recovery.Failed, typedUnconfirmed("the manifest has no fingerprints")))
	}

	return append(found, e.licence(m.Host)...)
}

// licence warns before the recovery where it is another machine's that was
// backed up: then the vendor can be called while data is restored.
func (e *environment) licence(was backup.Host) []recovery.Finding {
	is := backup.HostNamed(e.Host)
	if was.Name == "" || was.Machine != "" && was.Machine == is.Machine || was.Machine == "" && was.Name == is.Name {
		return nil
	}

	return []recovery.Finding{recovery.Problem("licence", recovery.Warned, licenceElsewhere(was.Name))}
}

func keyNotOfBackup(key, original string, b backup.Set) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeOriginalOther, Summary: key + " is not the one that this backup was taken with",
		Seen: "compared " + original + " with the fingerprint in " + b.Manifest.Path, Intact: nothingTouched,
		Remedies: do("Name the .env of the day of the backup; look in the password safe, and in older backups of the host", again+" --original-env PATH", otherBackup, listBackups),
	}
}

func typedUnconfirmed(why string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeOriginalUnconfirmed, Summary: "Nothing can confirm the keys that were typed", Seen: why, Intact: nothingTouched,
		Remedies: do("Choose a backup that has a manifest", listBackups, "Or write the keys into a file of their own, and name it: then only a document that opens proves them", again+" --original-env PATH"),
	}
}

func typedIncomplete(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeOriginalUnconfirmed, Summary: "Typed keys only complete a .env, and there is none", Seen: path + " is not there", Intact: nothingTouched,
		Remedies: do("Write one with everything but the keys: a new installation's will do", typed("${EDITOR:-vi}", path), thenLookMore, again),
	}
}

func manifestUnread(b backup.Set, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeManifestUnread, Summary: "The backup's manifest cannot be used, so its fingerprints confirm nothing", Seen: b.Manifest.Path + ": " + reason(err), Intact: nothingTouched,
		Remedies: do(copyAgain, again, "Without it the recovery goes on: whether the keys are right, a document that opens proves", ""),
	}
}

func licenceElsewhere(host string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeLicenceElsewhere, Summary: "The backup is another machine's, so the licence may be refused although its key is right",
		Seen: "it was taken on " + host + "; a licence is bound to the hardware", Intact: nothingTouched,
		Remedies: do("Call the vendor now: a licence for this machine can be made while data is restored", ""),
	}
}
