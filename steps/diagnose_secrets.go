package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
)

// putOriginal is the remedy that step 1 can carry out itself.
func (s *Stack) putOriginal() recovery.Remedy {
	return recovery.Remedy{
		Do:      "Put the original's keys, quoted, into .env (kept as " + filepath.Base(s.keptEnv()) + ")",
		Command: "firmflow-recovery restore --fix",
		Action:  PutOriginalKeys,
	}
}

// secretDiffers says what is wrong with one key. It names keys, never values.
func (s *Stack) secretDiffers(c envfile.Comparison) recovery.Diagnosis {
	d := recovery.Diagnosis{Intact: nothingTouched}
	key := c.Key
	switch c.Result {
	case envfile.Missing:
		d.Code, d.Summary = CodeSecretMissing, key+" is missing in .env"
		d.Seen = s.envPath() + " has no value for it, the original has"
		d.Remedies = []recovery.Remedy{s.putOriginal()}
	case envfile.CutByCompose:
		d.Code, d.Summary = CodeSecretCut, key+" is written right, and Compose reads something else"
		d.Seen = "outside single quotes Compose takes a $ and what follows for a variable, so the app would get another secret; with it the restored documents cannot be decrypted"
		d.Remedies = []recovery.Remedy{s.putOriginal()}
	case envfile.OverriddenByShell:
		d.Code, d.Summary = CodeSecretShell, key+" is set in this shell, and a shell's variable wins over .env"
		d.Seen = "started from this shell, the app would get that value, even an empty one"
		d.Remedies = do("Remove it from the shell, and from the profile that sets it", "unset "+key, thenLookMore, again)
	case envfile.OverriddenByProject:
		d.Code, d.Summary = CodeSecretProject, "The compose file gives "+s.AppService+" another "+key+" than .env"
		d.Seen = "the file sets it itself, or from another variable"
		d.Remedies = do("Let the compose file take it from .env: "+key+": ${"+key+"}", "", thenLookMore, again)
	case envfile.ReadRaw:
		d.Code, d.Summary = CodeSecretRaw, s.AppService+" gets "+key+" as its line stands, quotes and all"
		d.Seen = "the compose file reads it from an env_file in the raw format; with the quotes it is another secret than the one that Compose reads in the original"
		d.Remedies = do("If the lost installation did not read it so, take the line format: raw out of the compose file", "",
			"If it did, its secret has the quotes in it: help tells how to write that", "firmflow-recovery help "+string(CodeSecretRaw))
	case envfile.NotGiven:
		d.Code, d.Summary = CodeSecretNotGiven, "The compose file does not give "+key+" to "+s.AppService
		d.Seen = "neither its environment nor an env_file names it"
		d.Remedies = do("Add it to the service, or name the right service", "firmflow-recovery preflight --app-service NAME")
	default:
		return s.originalDiffers(c)
	}

	return d
}

// originalDiffers is about keys whose original is odd, or plainly another.
func (s *Stack) originalDiffers(c envfile.Comparison) recovery.Diagnosis {
	d := recovery.Diagnosis{Intact: nothingTouched}
	switch c.Result {
	case envfile.OriginalMissing:
		d.Code, d.Summary = CodeOriginalKeyMissing, "The original .env has no "+c.Key
		d.Seen = s.OriginalEnv + " cannot be the .env of a running FirmFlow"
		d.Remedies = do("Name the right original", "firmflow-recovery preflight --original-env PATH")
	case envfile.OriginalPlaceholder:
		d.Code, d.Summary = CodeOriginalPlaceholder, c.Key+" in the original .env looks as if nobody had filled it in"
		d.Seen = s.OriginalEnv
		d.Remedies = do("Name the right original", "firmflow-recovery preflight --original-env PATH")
	case envfile.OnlyInTarget:
		d.Code, d.Summary = CodeSecretOnlyHere, c.Key+" is set here, and the original did not have it"
		d.Seen = "with it the app would encrypt and decrypt otherwise than before"
		d.Remedies = do("Remove it from "+s.envPath()+", if the original never had it", "", thenLookMore, again)
	default:
		d.Code, d.Summary = CodeSecretDifferent, c.Key+" differs from the original"
		d.Seen = "compared " + s.OriginalEnv + " with " + s.envPath() + ", as Compose reads them; with another key the restored documents and sessions cannot be decrypted"
		d.Remedies = []recovery.Remedy{s.putOriginal()}
	}

	return d
}

// notes worth a warning, and what they mean.
var noteTexts = map[envfile.Note]string{
	envfile.OriginalDollar:    "Compose acted on a $ in the original too: the original app held the value as Compose read it, and that one is compared",
	envfile.OriginalRepeated:  "it is defined several times in the original; the last line counts",
	envfile.TargetRepeated:    "it is defined several times in .env; the last line counts",
	envfile.OriginalOdd:       "its original has characters that cannot be told by looking",
	envfile.TargetOdd:         "in .env it has characters that cannot be told by looking",
	envfile.DiffersInvisibly:  "the two differ only in spaces or characters that cannot be seen",
	envfile.TargetPlaceholder: "in .env it looks as if nobody had filled it in",
	envfile.FromElsewhere:     "the app gets the right value, but not from this .env",
}

func (s *Stack) secretNote(key string, note envfile.Note) (recovery.Diagnosis, bool) {
	text, worth := noteTexts[note]

	return recovery.Diagnosis{
		Code: CodeSecretNote, Summary: key + ": " + text, Seen: string(note), Intact: nothingTouched,
		Remedies: do("Nothing has to be done for this recovery; have a look at the line some day", ""),
	}, worth
}

func envCRLF(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeEnvCRLF, Summary: ".env has Windows line ends", Seen: path + "; Compose takes the CR off, a shell that sources the file keeps it", Intact: nothingTouched,
		Remedies: do("Compose reads the keys right; to be safe, normalise the file", typed("sed", "-i.before-crlf", `s/\r$//`, path)),
	}
}

func envLoose(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeSecretNote, Summary: ".env may be read or changed by others than its owner", Seen: path, Intact: nothingTouched,
		Remedies: do("Close it", typed("chmod", "600", path)),
	}
}

func originalMissing(backups string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeOriginalMissing, Summary: "The original .env was not named",
		Seen: "none beside the backup in " + backups + " either", Intact: nothingTouched,
		Remedies: do("Say where the .env of the lost installation is kept", "firmflow-recovery restore --original-env PATH",
			"Without its AUTH_SECRET the documents stay encrypted for good: look in the password safe and in older backups of the host", ""),
	}
}

func originalUnreadable(path string, err error) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeOriginalUnreadable, Summary: "The original .env cannot be read", Seen: path + ": " + reason(err), Intact: nothingTouched,
		Remedies: do("Name the right file, or mend what is named", "firmflow-recovery preflight --original-env PATH"),
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.Summary = "The original .env is not there"
	case LockedOut(err):
		return originalLocked(path, err)
	}

	return d
}

func envInvalid(path string, err error) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeEnvInvalid, Summary: ".env cannot be read, so no Compose command works", Seen: path + ": " + reason(err), Intact: nothingTouched,
		Remedies: do("Mend the file", typed("${EDITOR:-vi}", path), thenLookMore, again),
	}
	var syntax *envfile.SyntaxError
	if errors.As(err, &syntax) {
		d.Remedies = do(fmt.Sprintf("Mend line %d", syntax.Line), fmt.Sprintf("${EDITOR:-vi} +%d %s", syntax.Line, typed(path)), thenLookMore, again)
	}

	return d
}

func envInTheWay(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeEnvInTheWay, Summary: "The .env of before cannot be kept: a file of that name is there", Seen: path, Intact: nothingTouched,
		Remedies: do("Look at it and move it away", typed("mv", path, path+".old"), thenResume, resume),
	}
}

func containerDiffers(app string, keys []string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeSecretContainer, Summary: "The container of " + app + " holds another " + join(keys) + " than the original",
		Seen: "compared with what the container was created with", Intact: "The restored data is whole; the app must not serve it with these secrets.",
		Remedies: do("Mend .env, then continue: the container is made anew", resume),
	}
}
