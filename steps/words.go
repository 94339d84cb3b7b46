package steps

import (
	"errors"
	"io/fs"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
)

// What stands, in the three situations a failure can happen in.
const (
	nothingTouched = "Nothing was changed: vault, database and .env are as they were."
	heldOnly       = "Vault, database and .env are as they were. The app is held, so that nobody is served until this is done or undone."
	previousLive   = "The vault and the database of before are live and untouched. What was restored so far lies beside them. The app is held, so that nobody sees half a system."
	restoredLive   = "The restored vault and database are live; what was live before is kept beside them, under the names in the journal."
)

// typed gives a command as it could be typed.
func typed(args ...string) string { return command.Quote(args...) }

func join(names []string) string { return strings.Join(names, ", ") }

func isNoDatabase(err error) bool { return errors.Is(err, dump.ErrNoDatabase) }

// do makes remedies: pairs of what to do and the command for it, which may be
// empty.
func do(pairs ...string) []recovery.Remedy {
	var remedies []recovery.Remedy
	for i := 0; i+1 < len(pairs); i += 2 {
		remedies = append(remedies, recovery.Remedy{Do: pairs[i], Command: pairs[i+1]})
	}

	return remedies
}

const (
	again        = "firmflow-recovery preflight"
	resume       = "firmflow-recovery resume"
	anew         = "firmflow-recovery restore --anew"
	listBackups  = "firmflow-recovery backups"
	otherBackup  = "Choose another backup"
	copyAgain    = "Copy the file again from where it was made, in binary, then look again"
	thenResume   = "Then continue"
	thenLookMore = "Then look again"
)

// reason is the part of an error that an operator can use: what the system or
// the program said, without the chain of what was being done.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Error()
	}
	var tool *dump.ToolError
	if errors.As(err, &tool) && tool.Text != "" {
		return strings.TrimSpace(tool.Text)
	}
	var failed *command.Error
	if errors.As(err, &failed) && failed.LastLine() != "" {
		return failed.LastLine()
	}

	return err.Error()
}
