package steps

import (
	"fmt"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/evidence"
)

const restoredAsBackedUp = "The restored data is live and is what the backup held; what was live before is kept beside it."

func chainUnknown(run recovery.RunID, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeChainUnknown, Summary: "No audit log was recognised, so its chain is not proven",
		Seen: reason(err) + ": no table has two columns of SHA-256 of which one holds the other's values", Intact: restoredAsBackedUp,
		Remedies: do("Name the table, and let it be proven again; nothing is restored twice", "firmflow-recovery resume "+string(run)+" --audit-table NAME", "Or let FirmFlow's administrator look at its audit page", ""),
	}
}

func chainBegins(c evidence.Chain) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeChainBegins, Summary: "The audit chain links, and its first entry names a predecessor that is not there",
		Seen:     fmt.Sprintf("%s entries of %s; entry %s is the first. The application may begin its chain so, or the beginning was cut off", recovery.Count(c.Length), c.Table, c.FirstBad),
		Intact:   restoredAsBackedUp,
		Remedies: do("Let FirmFlow's administrator look at its audit page: it knows how the chain begins", ""),
	}
}

func chainBroken(c evidence.Chain) recovery.Diagnosis {
	var seen []string
	say := func(n int64, what string) {
		if n > 0 {
			seen = append(seen, recovery.Count(n)+" "+what)
		}
	}
	say(c.Missing, "whose predecessor is not there, such as entry "+c.FirstBad)
	say(c.Forks, "that share their predecessor with another")
	say(c.Twice, "whose hash is another's, too")
	say(c.Altered, "that are not what their own hashes say")
	if extra := c.Ends - c.Starts; extra != 0 {
		seen = append(seen, fmt.Sprintf("%d ends for %d beginnings", c.Ends, c.Starts))
	}

	return recovery.Diagnosis{
		Code: CodeChainBroken, Summary: "The audit chain is broken",
		Seen:   "of " + recovery.Count(c.Length) + " entries of " + c.Table + ": " + strings.Join(seen, "; "),
		Intact: restoredAsBackedUp + " Nothing was repaired: a chain that is mended proves nothing.",
		Remedies: do("Keep this database for the auditor, and see whether an older backup's chain is whole", "firmflow-recovery backups",
			"If the backup was taken like this, the chain was broken before it", ""),
	}
}

func documentsUnknown(run recovery.RunID, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDocumentsUnknown, Summary: "It was not recognised where the database names the documents, so vault and database are not compared",
		Seen: reason(err) + ": no text column holds the paths of the vault's files", Intact: restoredAsBackedUp,
		Remedies: do("Name the column, and let it be proven again; nothing is restored twice", "firmflow-recovery resume "+string(run)+" --vault-column TABLE.COLUMN",
			"See whether vault and dump are of the same installation and of about the same time", "firmflow-recovery backups"),
	}
}

func documentsMissing(run recovery.RunID, c evidence.References, list string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDocumentsMissing, Summary: recovery.Count(c.Missing) + " of " + recovery.Count(c.Referenced) + " documents that the database names are not in the vault",
		Seen:   "compared with " + c.Table + "." + c.Column + "; the app answers 404 for them" + listedIn(list),
		Intact: restoredAsBackedUp,
		Remedies: do("Look for them in vault_sync and in older archives, copy them in, and let it be proven again", "firmflow-recovery resume "+string(run),
			"Or recover again from a backup whose dump and archive are of the same time", "firmflow-recovery backups"),
	}
}

func documentsCut(c evidence.References, list string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDocumentsSize, Summary: recovery.Count(c.WrongSize) + " of " + recovery.Count(c.Referenced) + " documents have another size than the database says",
		Seen:     "compared with " + c.Table + "." + c.SizeColumn + "; they were cut short, as by an interrupted copy" + listedIn(list),
		Intact:   restoredAsBackedUp,
		Remedies: do("Look for whole ones in vault_sync and in older archives, and copy them in", ""),
	}
}

func listedIn(path string) string {
	if path == "" {
		return ""
	}

	return ". All are listed in " + path
}

func nothingToOpen() recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDecryptionUnknown, Summary: "There is no document to open, so the secret is not proven by one",
		Seen: "the vault holds no file that the database names", Intact: restoredAsBackedUp,
		Remedies: do("See whether this is the right backup", "firmflow-recovery backups"),
	}
}

func notOpened(n int) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDecryptionUnknown, Summary: "It is not proven that the documents open with this AUTH_SECRET",
		Seen:     fmt.Sprintf("of %d sampled documents none opened in the usual ways of AES-256-GCM. The app may do it in another way, or the original .env is not the right one", n),
		Intact:   restoredAsBackedUp,
		Remedies: do("Log in to FirmFlow and open a document: that proves it", ""),
	}
}

func someNotOpened(d evidence.Decryption) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDecryptionFailed, Summary: fmt.Sprintf("%d of %d sampled documents do not open", len(d.Failed), d.Tried),
		Seen:   "the others open with " + d.Key + "; not these: " + strings.Join(d.Failed[:min(len(d.Failed), 5)], ", "),
		Intact: restoredAsBackedUp,
		Remedies: do("They were changed after they were stored, or another secret wrote them: look for them in vault_sync and in older archives", "",
			"If AUTH_SECRET was changed once, its older value opens them", ""),
	}
}
